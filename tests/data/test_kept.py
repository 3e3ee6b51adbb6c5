import numpy as np
import pandas as pd
import pytest

from zoo.bench.rows import rows_of
from zoo.data.kept import facts_of, keep, read_rows, read_split
from zoo.data.splits import Split, split
from zoo.data.topics import count_words, fit_topics, topic_features, topic_names
from zoo.errors import DataError
from zoo.ingest.preparing import prepare

N_ROWS = 40_000  # more than two groups of rows


def mixed_table():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "whole": rng.integers(-5, 5, N_ROWS),
            "real": rng.normal(size=N_ROWS).astype(np.float32),
            "holes": np.where(rng.random(N_ROWS) < 0.3, np.nan, 1.5),
            "truth": rng.random(N_ROWS) < 0.5,
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(N_ROWS), unit="h"),
            "<b>&\n": pd.Categorical(rng.choice(["x", "y", None], N_ROWS), ["y", "x", "never"]),
        }
    )
    X.loc[3, "when"] = pd.NaT
    y = pd.Series(rng.choice(["no", "yes"], N_ROWS), name="target", dtype="str")
    return X, y


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    X, y = mixed_table()
    splits = [split(y, task="classification", dataset="t", replicate=r) for r in range(2)]
    keep(folder, X, y, splits, name="t", task="classification", digest="d")
    return folder, X, y, splits


def test_a_kept_table_comes_back_with_its_values_names_and_dtypes(kept):
    folder, X, y, _ = kept
    again, target = read_rows(folder)
    pd.testing.assert_frame_equal(again, X)
    pd.testing.assert_series_equal(target, y)


def test_rows_come_in_the_order_asked_for_with_all_categories_of_the_table(kept):
    folder, X, y, splits = kept
    wanted = splits[1].subset(501)
    part, target = read_rows(folder, wanted)
    pd.testing.assert_frame_equal(part, X.iloc[wanted].reset_index(drop=True))
    assert list(target) == list(y.iloc[wanted])
    assert list(part["<b>&\n"].cat.categories) == ["y", "x", "never"]


def test_splits_and_facts_come_back(kept):
    folder, _, _, splits = kept
    facts = facts_of(folder)
    assert (facts.n_rows, facts.n_features, facts.classes) == (N_ROWS, 6, ("no", "yes"))
    assert facts.n_train == min(len(one.train) for one in splits)
    np.testing.assert_array_equal(read_split(folder, 1).train, splits[1].train)
    with pytest.raises(DataError, match="keeps no replicate 2"):
        read_split(folder, 2)


def test_a_cell_finds_the_kept_table_by_its_name_and_reads_the_first_training_rows(kept):
    folder, X, _, splits = kept
    rows = rows_of("t", (folder,))
    first, _ = rows.train(0, 1000, at_most=10)
    pd.testing.assert_frame_equal(first, X.iloc[splits[0].train[:10]].reset_index(drop=True))


def test_images_are_memory_mapped_and_come_back(tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.integers(0, 255, (30, 12), dtype=np.uint8)).rename(columns=str)
    y = pd.Series(["cat", "dog"] * 15, name="class", dtype="str")
    splits = [split(y, task="classification", dataset="p", replicate=0)]
    options = {"name": "p", "task": "classification", "digest": "d", "image_shape": (2, 2, 3)}
    keep(tmp_path, X, y, splits, **options)
    part, _ = read_rows(tmp_path, np.array([5, 2]))
    pd.testing.assert_frame_equal(part, X.iloc[[5, 2]].reset_index(drop=True))
    assert facts_of(tmp_path).image_shape == (2, 2, 3)


def test_a_folder_without_a_complete_table_says_what_to_do(tmp_path):
    assert facts_of(tmp_path) is None
    with pytest.raises(DataError, match="run the same 'zoo curve' command again"):
        read_rows(tmp_path)


N_TEXTS = 200


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(60)])
    return pd.Series([" ".join(rng.choice(words, 8)) for _ in range(N_TEXTS)])


def keep_texts(folder, texts, n_train=120):
    """Keep a table of texts, of which the first are for training, as `zoo curve` does."""
    table = prepare(pd.DataFrame({"note": texts}), ["a", "b"] * (N_TEXTS // 2))
    rows = np.arange(N_TEXTS)
    parts = [Split(rows[n_train:], rows[:n_train], 2)]
    facts = {"name": "t", "task": "classification", "digest": table.digest}
    keep(folder, table.X, table.y, parts, words=table.words, **facts)
    return table


def test_the_topics_of_a_cell_are_learnt_on_its_training_rows_only(texts, tmp_path):
    other = texts.where(texts.index < 120, "a sentence that occurs in test rows only " + texts)
    for name, column in (("one", texts), ("two", other)):
        keep_texts(tmp_path / name, column)
    one, two = (rows_of("t", (tmp_path / name,)) for name in ("one", "two"))
    for n_train in (30, 120):
        pd.testing.assert_frame_equal(one.train(0, n_train)[0], two.train(0, n_train)[0])
    assert not one.test(0, 120)[0].equals(two.test(0, 120)[0])


def test_the_topics_of_a_cell_are_those_of_the_saved_model_for_the_same_rows(texts, tmp_path):
    table = keep_texts(tmp_path, texts, n_train=N_TEXTS - 1)
    weights = fit_topics(count_words(texts[: N_TEXTS - 1]))
    rows = rows_of("t", (tmp_path,))
    expected = topic_features(count_words(texts[N_TEXTS - 1 :]), weights)
    X, _ = rows.test(0, N_TEXTS - 1)
    np.testing.assert_array_equal(X.to_numpy(), expected)
    assert list(X) == list(table.X) == topic_names("note", 20)
    assert set(X.dtypes) == set(table.X.dtypes)


def test_few_training_rows_have_fewer_topics_in_the_same_columns(texts, tmp_path):
    table = keep_texts(tmp_path, texts)
    train, _ = rows_of("t", (tmp_path,)).train(0, 5)
    assert list(train) == list(table.X)
    is_constant = (train == 0).all()
    assert (is_constant.sum(), is_constant["note: topic 4"]) == (16, False)


def test_texts_without_a_word_have_no_topics():
    counts = count_words(pd.Series(["", "...", ""]))
    assert topic_features(counts, fit_topics(counts)).tolist() == [[0, 0]] * 3
