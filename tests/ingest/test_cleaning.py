import json
from datetime import date, time
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image

import zoo
from zoo.errors import DataError
from zoo.ingest.preparing import prepare, read_own
from zoo.ingest.reading import read_frame
from zoo.ingest.transforms import apply_transform

N = 60


def labels(n=N):
    return ["yes", "no", "no"] * (n // 3)


def cleaned(values, **options):
    """Return the one column that is made of these values, and its note."""
    table = prepare(pd.DataFrame({"a": values, "rest": [0.5, 1.5, 0.25] * (N // 3)}), labels())
    note = next(note for note in table.columns if note.name == "a")
    return table.X.get("a"), note


def cycle(*values):
    return [values[i % len(values)] for i in range(N)]


NUMBERS = {
    "thousands": (cycle("1,234.5", "12", "2,000,000"), [1234.5, 12, 2e6]),
    "decimal comma": (cycle("1.234,5", "12", "0,5"), [1234.5, 12, 0.5]),
    "percent": (cycle("12 %", "5%", "7.5 %"), [12, 5, 7.5]),
    "currency": (cycle("$5", "-$1,200.50", "\u20ac 7"), [5, -1200.5, 7]),
    "euro behind": (cycle("5,50 \u20ac", "1.200,00 EUR", "3 \u20ac"), [5.5, 1200, 3]),
    "units": (cycle("5 kg", "6.5kg", "7 kg"), [5, 6.5, 7]),
    "spaces": (cycle("1 234,5", "12\u202f000,5", "1\u00a0000"), [1234.5, 12000.5, 1000]),
    "apostrophes": (cycle("1'234", "12\u2019000", "5"), [1234, 12000, 5]),
    "brackets": (cycle("(5)", "\u22123", "+4"), [-5, -3, 4]),
    "exponents": (cycle("1e3", "2.5E-1", "3 "), [1000, 0.25, 3]),
    "missing": (cycle("1.5", "2.5", "N/A", "?", "-", "", "3.5"), [1.5, 2.5, *[np.nan] * 4, 3.5]),
    "a stray word": (["4.5", "5.5", *["6.5"] * 57, "see above"], [4.5, 5.5, 6.5]),
    "decimals": (cycle(Decimal("1.5"), Decimal("2.5"), Decimal("3")), [1.5, 2.5, 3]),
    "durations": (cycle(*pd.to_timedelta([1, 2, 3], unit="h")), [3600, 7200, 10800]),
    "times of day": (cycle(time(1, 0), time(2, 30), time(3)), [3600, 9000, 10800]),
    "clock": (cycle("01:00", "12:30", "100:00:01.5"), [3600, 45000, 360001.5]),
    "infinity": (cycle(1.5, np.inf, 2.5), [1.5, np.nan, 2.5]),
}


@pytest.mark.parametrize("what", NUMBERS)
def test_numbers_are_read_however_they_are_written(what):
    values, expected = NUMBERS[what]
    column, note = cleaned(values)
    assert note.kind == "number"
    assert column.dtype == np.float64
    np.testing.assert_array_equal(column[: len(expected)], expected)


def test_words_among_numbers_are_named():
    _, note = cleaned([*[str(i / 2) for i in range(58)], "see above", "?"])
    assert "not read: 'see above'" in note.note
    assert "missing: '?'" in note.note
    assert note.n_missing == 2


def test_a_word_for_a_missing_value_in_many_rows_leaves_a_column_of_numbers():
    column, note = cleaned([value for i in range(N // 2) for value in (i / 7, "never")])
    assert note.kind == "number"
    assert column.isna().sum() == N // 2


def test_words_in_half_of_the_rows_make_a_categorical_column():
    _, note = cleaned([value for i in range(N // 2) for value in (i, f"w{i % 4}")])
    assert note.kind == "category"


def test_dates_with_an_ambiguous_day_are_noted():
    _, note = cleaned(cycle("03/05/2024", "04/06/2024"))
    assert note.note.startswith("written as %m/%d/%Y")
    assert "the values do not show whether the day or the month comes first" in note.note


def test_texts_that_only_look_like_numbers_stay_categories():
    for values in (cycle("A1", "B2", "C3"), cycle("007", "010", "011"), cycle("1-2", "3-4", "5-6")):
        column, note = cleaned(values)
        assert note.kind == "category"
        assert column[0] == values[0]


@pytest.mark.parametrize(
    "pair", [("yes", "no"), ("Y", "N"), ("TRUE", "FALSE"), (True, False), (1, 0), ("ja", "nein")]
)
def test_booleans_are_read_however_they_are_written(pair):
    column, note = cleaned(cycle(pair[0], pair[0], pair[1]))
    assert note.kind == "boolean"
    assert column.dtype == bool
    assert column[:3].tolist() == [True, True, False]


def test_a_boolean_column_with_a_missing_value_is_categorical():
    column, note = cleaned(cycle("yes", "no", "n/a"))
    assert note.kind == "category"
    assert column[:2].tolist() == ["yes", "no"]
    assert column.isna()[2]


DATES = {
    "iso": (cycle("2024-01-31", "2024-02-05"), "2024-01-31", "2024-02-05"),
    "dots": (cycle("31.01.2024", "05.02.2024"), "2024-01-31", "2024-02-05"),
    "american": (cycle("01/31/2024", "02/05/2024"), "2024-01-31", "2024-02-05"),
    "british": (cycle("31/01/2024", "05/02/2024"), "2024-01-31", "2024-02-05"),
    "mixed": (cycle("2024-01-31", "05.02.2024", "12/31/2024"), "2024-01-31", "2024-02-05"),
    "time": (cycle("2024-01-31 12:30", "2024-02-05 00:00"), "2024-01-31 12:30", "2024-02-05"),
    "zone": (cycle("2024-01-31T12:00:00+02:00", "2024-02-05T00:00:00Z"), "2024-01-31 10:00",
             "2024-02-05"),
    "words": (cycle("Jan 31, 2024", "Feb 5, 2024"), "2024-01-31", "2024-02-05"),
    "number": (cycle(20240131, 20240205), "2024-01-31", "2024-02-05"),
    "number with missing values": (cycle(20240131, 20240205, None), "2024-01-31", "2024-02-05"),
    "objects": (cycle(date(2024, 1, 31), date(2024, 2, 5)), "2024-01-31", "2024-02-05"),
    "short years": (cycle("01/31/24", "02/05/24"), "2024-01-31", "2024-02-05"),
    "fractions": (cycle("2024-01-31T01:00:00.5", "2024-02-05T00:00:00.0"), "2024-01-31 01:00:00.5",
                  "2024-02-05"),
    "a rare form": ([*["2024-01-31"] * 1, "05.02.2024", *["2024-01-03"] * 58], "2024-01-31",
                    "2024-02-05"),
    "months": (cycle("2024-01", "2024-12"), "2024-01-01", "2024-12-01"),
    "missing": (cycle("31.01.2024", "05.02.2024", "?"), "2024-01-31", "2024-02-05"),
}  # fmt: skip


@pytest.mark.parametrize("what", DATES)
def test_dates_are_read_however_they_are_written(what):
    values, first, second = DATES[what]
    column, note = cleaned(values)
    assert note.kind == "date"
    assert column[:2].tolist() == [pd.Timestamp(first), pd.Timestamp(second)]


def test_columns_without_information_are_not_used():
    for values, kind in (
        (cycle(""), "empty"),
        (cycle("?"), "empty"),
        (cycle(None), "empty"),
        (cycle("x"), "constant"),
        (cycle(7), "constant"),
        (range(1, N + 1), "id"),
        ([f"K-{i * 37 % 1000}" for i in range(N)], "id"),
        ([f"+49 30 {i * 7919:06}" for i in range(N)], "id"),
    ):
        column, note = cleaned(values)
        assert (column, note.kind, note.is_used) == (None, kind, False)


def test_a_nearly_constant_column_keeps_its_missing_value():
    column, note = cleaned([None, *[0.5] * (N - 1)])
    assert note.kind == "number"
    assert column.isna().sum() == 1


def test_free_text_becomes_topics_that_separate_texts():
    good, bad = "the room was clean and the staff kind", "dirty bath and a very rude man"
    texts = [f"{good if i % 2 else bad}, stay number {i}" for i in range(N)]
    table = prepare(pd.DataFrame({"review": texts}), cycle("bad", "good"))
    assert table.columns[0].kind == "text"
    assert table.X.columns[0] == "review: topic 1"
    assert table.X["review: words"].iloc[0] == 10
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=1000).fit(table.X.iloc[:40, :-1], table.y[:40])
    assert model.score(table.X.iloc[40:, :-1], table.y[40:]) == 1.0


def test_many_categories_are_one_column(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"city": [f"town {i}" for i in rng.integers(0, 200, 3000)]})
    frame["y"] = rng.integers(0, 2, 3000)
    frame.to_csv(tmp_path / "a.csv", index=False)
    table = read_own(tmp_path / "a.csv", target="y")
    assert table.columns[0].note == "200 categories"
    assert len(table.X["city"].cat.categories) == 200


def messy_frame(n=90):
    rng = np.random.default_rng(3)
    amounts = [f"{v:,.2f}".translate(str.maketrans(",.", ".,")) for v in rng.normal(5e3, 1e3, n)]
    words = np.array(["good", "bad", "late", "early", "again", "never", "item", "clerk"])
    return pd.DataFrame(
        {
            "id": [f"C{i * 7919 % 100003}" for i in range(n)],
            "amount": amounts,
            "when": pd.date_range("2023-05-01", periods=n).strftime("%d.%m.%Y"),
            "flag": rng.choice(["yes", "no"], n),
            "city": rng.choice(["Bonn", "Ulm", "Jena"], n),
            "note": [" ".join(rng.choice(words, 6)) for _ in range(n)],
            "gone": rng.choice(["yes", "no"], n),
        }
    )


@pytest.fixture
def messy(tmp_path):
    messy_frame().to_csv(tmp_path / "train.csv", sep=";", index=False)
    return read_own(tmp_path / "train.csv", target="gone")


def test_a_transform_spec_survives_json_and_gives_the_same_columns(messy, tmp_path):
    spec = json.loads(json.dumps(messy.transform, allow_nan=False))
    again = apply_transform(read_frame(tmp_path / "train.csv"), spec)
    pd.testing.assert_frame_equal(again, messy.X)


def test_new_rows_get_the_same_columns_whatever_they_hold(messy, tmp_path):
    new = messy_frame(4).drop(columns=["gone", "id"]).iloc[:, ::-1].assign(more=1)
    new.loc[0, ["amount", "when", "city", "note"]] = ["much", "soon", "Rome", ""]
    new.to_csv(tmp_path / "new.csv", index=False)  # with commas, in another order
    X = apply_transform(read_frame(tmp_path / "new.csv"), messy.transform)
    assert X.columns.tolist() == messy.X.columns.tolist()
    assert X.dtypes.tolist() == messy.X.dtypes.tolist()
    assert X.loc[0, ["amount", "when", "city"]].isna().all()
    np.testing.assert_array_equal(X["amount"][1:], messy.X["amount"][1:4])


def test_a_decimal_comma_that_the_reader_parsed_is_in_the_transform_spec(tmp_path):
    lines = [f"{i},5;{i % 7};{'ja' if i % 3 else 'nein'}" for i in range(60)]
    (tmp_path / "a.csv").write_text("price;count;y\n" + "\n".join(lines))
    table = read_own(tmp_path / "a.csv", target="y", task="classification")
    assert table.X["price"][:2].tolist() == [0.5, 1.5]
    new = pd.DataFrame({"price": ["1.234,5", "?"], "count": ["2.000", "3"]})
    X = apply_transform(new, table.transform)
    assert X["price"][0] == 1234.5
    assert X["count"].tolist() == [2000, 3]


def test_a_missing_value_in_a_boolean_column_of_new_rows_stays_missing(messy):
    new = messy_frame(4).assign(flag=["yes", None, "no", "perhaps"])
    X = apply_transform(new, messy.transform)
    np.testing.assert_array_equal(X["flag"], [1, np.nan, 0, np.nan])


def test_models_fit_and_predict_what_was_cleaned(messy):
    new = messy_frame(6).assign(city="Rome", flag=None)
    for name in ("logistic", "lightgbm"):
        model = zoo.make(name).fit(messy.X, messy.y)
        assert np.isfinite(model.predict_proba(apply_transform(new, messy.transform))).all()


def test_missing_columns_of_new_rows_are_named(messy):
    with pytest.raises(DataError, match=r"lack the columns 'amount', 'city', which the model was"):
        apply_transform(messy_frame(4).drop(columns=["amount", "city"]), messy.transform)


def test_an_invalid_transform_spec_is_refused(messy):
    frame, spec = messy_frame(4), json.loads(json.dumps(messy.transform))
    for wrong in (
        {},
        {**spec, "version": 99},
        {**spec, "columns": [{"name": "amount", "kind": "eval", "code": "1"}]},
        {**spec, "columns": [{"name": "note", "kind": "text", "topics": {"idf": [1]}}]},
        {**spec, "columns": 5},
    ):
        with pytest.raises(DataError, match="transform spec"):
            apply_transform(frame, wrong)


def test_pandas_polars_and_numpy_give_the_same_table():
    rng = np.random.default_rng(0)
    values, y = rng.normal(size=(N, 3)), np.array(labels())
    frame = pd.DataFrame(values, columns=["x0", "x1", "x2"])
    tables = [
        prepare(values, y),
        prepare(frame, pd.Series(y, index=range(5, N + 5))),
        prepare(pl.from_pandas(frame), pl.Series(y)),
    ]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table.X, tables[0].X)
        pd.testing.assert_series_equal(table.y, tables[0].y, check_names=False)
    assert tables[0].digest == prepare(values, y).digest


def test_groups_and_times_in_memory_are_not_features():
    X, times = np.random.default_rng(0).normal(size=(N, 2)), pd.date_range("2024", periods=N)
    table = prepare(X, labels(), groups=np.arange(N) % 7, times=times)
    assert table.X.columns.tolist() == ["x0", "x1"]
    assert table.groups.nunique() == 7
    assert table.times.tolist() == times.tolist()
    assert apply_transform(pd.DataFrame(X, columns=["x0", "x1"]), table.transform).shape == (N, 2)


def test_polars_dtypes_are_understood():
    frame = pl.DataFrame(
        {
            "c": pl.Series(cycle("a", "b", None), dtype=pl.Categorical),
            "d": cycle(date(2024, 1, 31), date(2023, 1, 1)),
            "i": cycle(1, 2, None, 4),
            "b": cycle(True, False),
        }
    )
    table = prepare(frame, labels())
    assert [note.kind for note in table.columns] == ["category", "date", "number", "boolean"]


def test_input_that_is_no_table_is_refused_in_one_line():
    for X, y, said in (
        (np.zeros((N, 0)), labels(), "0 feature"),
        (np.zeros(N), labels(), "Expected 2D array"),
        (np.zeros((N, 2)), labels()[:-1], "X has 60 rows and target 59"),
        (np.zeros((N, 2)), np.zeros((N, 2)), "one value per row"),
        (np.zeros((N, 2)), labels(), "no column is left"),
        (np.ones((5, 2)), list("ababa"), "5 rows can be used; at least 10"),
    ):
        with pytest.raises(DataError, match=said):
            prepare(X, y)


def paint(path, size=(20, 16), colour=(200, 30, 30), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).convert(mode).save(path)


def test_images_are_made_one_size_and_all_pixels_kept(tmp_path):
    for i in range(6):
        paint(tmp_path / "red" / f"{i}.png", (20 + i, 16), (200, 30, 30))
        paint(tmp_path / "blue" / f"{i}.jpg", (24, 16 + i), (20, 30, 220))
    (tmp_path / "red" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    table = read_own(tmp_path)
    assert table.image_shape == (16, 24, 3)
    assert table.X.shape == (12, 16 * 24 * 3)
    assert table.X.iloc[-1, :3].tolist() == [200, 30, 30]
    assert table.y.tolist() == ["blue"] * 6 + ["red"] * 6
    dropped = [one.text for one in table.warnings if one.about == "dropped"]
    assert dropped == [
        "Images that cannot be read, or have over 50 megapixels, were left out: red/torn.png."
    ]
    spec = json.loads(json.dumps(table.transform))
    new = apply_transform(read_frame(tmp_path / "red" / "0.png"), spec)
    pd.testing.assert_frame_equal(new, table.X.iloc[[6]].reset_index(drop=True))
    with pytest.raises(DataError, match=r"red/torn.png: is not a valid image"):
        apply_transform(read_frame(tmp_path), spec)


def test_grey_images_have_one_channel_and_large_ones_are_reduced(tmp_path):
    for i in range(6):
        paint(tmp_path / "dark" / f"{i}.png", (64, 128), (i, i, i), "RGB")
        paint(tmp_path / "light" / f"{i}.png", (64, 128), (250, 250, 250), "L")
    table = read_own(tmp_path)
    assert table.image_shape == (32, 16, 1)
    assert table.X.iloc[[0, -1], 0].tolist() == [0, 250]


@pytest.mark.slow
def test_a_network_for_images_takes_the_shape(tmp_path):
    rng = np.random.default_rng(0)
    for label in ("a", "b"):
        for i in range(10):
            pixels = rng.integers(0, 100, (9, 8), np.uint8) + np.uint8(100 * (label == "b"))
            (tmp_path / label).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / label / f"{i}.png")
    table = read_own(tmp_path)
    assert table.image_shape == (9, 8, 1)
    model = zoo.make("cnn", image_shape=table.image_shape, max_epochs=2)
    assert len(model.fit(table.X, table.y).predict(table.X)) == 20
