"""Kinds of input and use that broke other projects of this sort, one test or more for each.

Some kinds are tested where their machinery is: the best epoch by another metric, and a last batch
of one row with batch normalisation, in training/test_training_run.py; growing memory in
training/test_memory.py; files that move in models/test_saving.py; what a fit refuses, and that a
refused one changes nothing, in models/test_estimator_contract.py.
"""

import functools
import json
import zipfile
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import zoo
from tests.matrix import MODELS, REPRESENTATIVES, SLOW, marks, models_and_tasks, names
from zoo.bench.cell import predict_classes
from zoo.bench.plan import make_plan
from zoo.bench.run import run_suite
from zoo.bench.store import read
from zoo.bench.suite import load_suite
from zoo.data.splits import split

ENCODED = ("deep_mlp", "realmlp", "ft_transformer", "tabm")
# Encoders do all the work on these kinds of columns: one network for each way of encoding will do
FEW = [name for name in MODELS if name not in SLOW or name in ENCODED]
# What an architecture may do wrong is tried on each, what its estimator may on the representatives
ARCHITECTURES = models_and_tasks(MODELS, regression=REPRESENTATIVES)
every_model = pytest.mark.parametrize(("name", "task"), ARCHITECTURES)
every_estimator = pytest.mark.parametrize(("name", "task"), models_and_tasks(REPRESENTATIVES))
every_encoding = pytest.mark.parametrize(("name", "task"), models_and_tasks(FEW))
every_classifier = pytest.mark.parametrize("name", names(REPRESENTATIVES))


def make(name, task="classification", **params):
    known = zoo.make(name, task=task).get_params()
    given = {"random_state": 0, "max_epochs": 2}
    small = {**zoo.spec(name).smoke, **{key: given[key] for key in given if key in known}}
    model = zoo.make(name, task=task, **{**small, **params})
    model._jit_compile = False  # the same networks, sooner
    return model


def target(task, number):
    return 100.0 + number if task == "regression" else np.where(number > 0, "yes", "no")


def table(n_rows=60):
    """A table with one column of each trouble, and what its target follows."""
    rng = np.random.default_rng(0)
    number = rng.normal(size=n_rows)
    frame = pd.DataFrame(
        {
            "number [kg], <1>": number,
            'it\'s "quoted"\\': rng.integers(0, 5, n_rows).astype(object),
            "größe 重さ 🦓": rng.choice(["a", "b", "c"], n_rows),
            " {spaces}\t: ": rng.random(n_rows) < 0.5,
            "nearly constant": [np.nan, *[0.5] * (n_rows - 1)],
            "constant": 3.0,
            "constant category": "same",
            "empty": np.full(n_rows, np.nan),
            "empty category": pd.Series([None] * n_rows, dtype="category"),
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n_rows), unit="D"),
            "wait": pd.to_timedelta(rng.integers(0, 9000, n_rows), unit="s"),
        }
    )
    return frame, number


NUMBER, CODE, CATEGORY, FLAG = table()[0].columns[:4]


@functools.cache
def fitted(name, task):
    X, number = table()
    return make(name, task).fit(X, target(task, number))


def answers(model, X):
    """Return all predictions for rows, as numbers where there are; they must be finite."""
    methods = ("predict_proba", "decision_function")
    values = [getattr(model, method)(X) for method in methods if hasattr(model, method)]
    values = values or [model.predict(X)]
    assert all(np.isfinite(array).all() for array in values)
    assert all(len(array) == len(X) for array in values)
    return np.concatenate([np.reshape(array, (len(X), -1)) for array in values], axis=1)


# --- columns without information, nearly constant columns ---------------------------------------


@every_model
def test_columns_without_information_are_ignored(name, task):
    X, _ = table()
    model = fitted(name, task)
    answers(model, X)
    assert np.isfinite(getattr(model, "validation_losses_", [0.0])).all()


TABLES = {
    "categories alone": lambda X: X[[CATEGORY, "constant category"]],
    "no information": lambda X: X[["constant", "empty", "constant category", "empty category"]],
    "nothing at all": lambda X: X[["empty category"]],
    "one nearly constant column": lambda X: X[["nearly constant"]],
}


@every_model
@pytest.mark.parametrize("which", TABLES)
def test_a_table_with_little_information_is_fitted(name, task, which):
    X, number = table()
    X = TABLES[which](X)
    model = make(name, task).fit(X, target(task, number))
    answers(model, X)
    assert np.isfinite(getattr(model, "validation_losses_", [0.0])).all()


@every_model
def test_a_column_that_was_constant_in_training_may_have_other_values_later(name, task):
    X, number = table()
    few = X.iloc[:12].assign(**{NUMBER: 1.5})
    model = make(name, task).fit(few, target(task, number[:12] - number[:12].mean()))
    answers(model, X.assign(**{NUMBER: 100.0 * number}))


# --- lists and weights --------------------------------------------------------------------------


@every_estimator
def test_lists_of_lists_are_rows(name, task):
    X = table()[1].reshape(-1, 4)
    y = target(task, X[:, 0])
    expected = answers(make(name, task).fit(X, y), X)
    np.testing.assert_array_equal(
        answers(make(name, task).fit(X.tolist(), y.tolist()), X), expected
    )
    np.testing.assert_array_equal(answers(make(name, task).fit(X, y), X.tolist()), expected)


@pytest.mark.parametrize("rows", [list, tuple])
def test_lists_with_words_keep_their_numbers(rows):
    number = table()[1]
    words = np.where(number > 0.5, "many", "few").tolist()
    flag = np.arange(len(number)) % 3 == 0
    cells = zip(number.tolist(), words, flag.tolist(), strict=True)
    lists = rows([n, word, None, is_set] for n, word, is_set in cells)
    frame = pd.DataFrame({"n": number, "word": words, "missing": None, "flag": flag})
    y = target("classification", number)
    model, expected = make("decision_tree").fit(lists, y), make("decision_tree").fit(frame, y)
    assert model.encoder_.kinds_ == ["number", "category", "number", "number"]
    np.testing.assert_array_equal(answers(model, lists), answers(expected, frame))


@every_estimator
def test_weights_that_are_all_zero_are_refused_before_training(name, task, monkeypatch):
    X, number = table()
    model = make(name, task)

    def never(*_):
        raise AssertionError("it was trained")

    monkeypatch.setattr(type(model), "_fit_matrix", never)
    with pytest.raises(ValueError, match="at least one non-zero"):
        model.fit(X, target(task, number), sample_weight=np.zeros(len(X)))


# --- the table at predict -----------------------------------------------------------------------


@every_encoding
def test_column_names_are_kept(name, task):
    X, _ = table()
    assert fitted(name, task).feature_names_in_.tolist() == X.columns.tolist()


@every_encoding
def test_columns_in_another_order_are_matched_by_name(name, task):
    X, _ = table()
    expected = answers(fitted(name, task), X)
    for frame in (X[X.columns[::-1]], X.assign(more=1.0)[["more", *X.columns]]):
        np.testing.assert_array_equal(answers(fitted(name, task), frame), expected)


@every_encoding
@pytest.mark.parametrize("dtype", ["int64", "float64", "category", "str", "Int64"])
def test_categories_of_another_dtype_are_the_same(name, task, dtype):
    X, _ = table()
    new = X.astype({CODE: dtype, CATEGORY: "category"})
    np.testing.assert_array_equal(answers(fitted(name, task), new), answers(fitted(name, task), X))


@every_encoding
@pytest.mark.parametrize("dtype", ["object", "boolean", "float64", "int8"])
def test_booleans_of_another_dtype_are_the_same(name, task, dtype):
    X, _ = table()
    new = X.astype({FLAG: dtype})
    np.testing.assert_array_equal(answers(fitted(name, task), new), answers(fitted(name, task), X))


@every_encoding
def test_an_unseen_category_is_treated_as_missing(name, task):
    X, _ = table()
    unknown = answers(fitted(name, task), X.assign(**{CATEGORY: None}))
    with pytest.warns(UserWarning, match="categories that training did not have"):
        unseen = answers(fitted(name, task), X.assign(**{CATEGORY: "never seen"}))
    np.testing.assert_array_equal(unseen, unknown)


@every_encoding
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT], ids=str)
def test_a_missing_value_is_the_same_however_it_is_written(name, task, missing):
    X, _ = table()
    expected = answers(fitted(name, task), X.iloc[:0].reindex(range(3)))
    blank = pd.DataFrame({column: pd.Series([missing] * 3, dtype=object) for column in X})
    np.testing.assert_array_equal(answers(fitted(name, task), blank), expected)


@every_encoding
def test_a_column_that_was_all_missing_may_hold_anything(name, task):
    X, _ = table()
    expected = answers(fitted(name, task), X)
    for values in (1e300, -np.inf, "word", pd.Timestamp("2026-05-05"), True):
        new = X.assign(**{"empty": values, "empty category": values})
        np.testing.assert_array_equal(answers(fitted(name, task), new), expected)


@every_encoding
def test_words_in_a_column_of_numbers_are_refused_with_the_column(name, task):
    X, _ = table()
    words = X.assign(**{NUMBER: X[NUMBER].astype(str).replace(str(X[NUMBER][4]), "n.k.")})
    with pytest.raises(ValueError, match=r"number \[kg\], <1>.* numbers in training, got 'n\.k\.'"):
        fitted(name, task).predict(words)
    written = X.assign(**{NUMBER: X[NUMBER].astype(str)})
    np.testing.assert_array_equal(
        answers(fitted(name, task), written), answers(fitted(name, task), X)
    )


@every_encoding
def test_numbers_beyond_32_bits_are_taken_in_training_and_after(name, task):
    X, number = table()
    wild = X.copy()
    wild.loc[::7, NUMBER] = 1e300
    wild.loc[1::7, NUMBER] = -1e300
    wild.loc[2, NUMBER] = 3.4e38
    answers(fitted(name, task), wild)
    answers(make(name, task).fit(wild, target(task, number)), wild)


@every_model
def test_one_row_has_the_prediction_that_it_has_among_others(name, task):
    X, _ = table()
    for row in (0, 5):
        alone = answers(fitted(name, task), X.iloc[[row]])
        np.testing.assert_allclose(
            alone[0], answers(fitted(name, task), X)[row], rtol=1e-4, atol=1e-6
        )


@every_encoding
def test_missing_and_duplicate_columns_are_named(name, task):
    X, number = table()
    with pytest.raises(ValueError, match=r"lacks columns.*'constant', 'empty'"):
        fitted(name, task).predict(X.drop(columns=["constant", "empty"]))
    twice = pd.concat([X, X[["day", "wait"]]], axis=1)
    for call in (
        lambda: fitted(name, task).predict(twice),
        lambda: make(name, task).fit(twice, target(task, number)),
    ):
        with pytest.raises(ValueError, match=r"unique; these come twice: \['day', 'wait'\]"):
            call()
    with pytest.raises(ValueError, match=r"X has 2 features, but .* is expecting 11"):
        fitted(name, task).predict(X.to_numpy()[:, :2])


# --- labels, sorted rows, rare classes ----------------------------------------------------------

LABELS = {
    "words": ["x", "yy", "z z"],
    "negative": [-5, -1, 3],
    "apart": [2, 40, 10**9],
    "booleans": [False, True],
}


@every_classifier
@pytest.mark.parametrize("kind", LABELS)
def test_probabilities_have_a_column_for_each_class_of_the_task(name, kind):
    X, number = table()
    labels = np.array(LABELS[kind])
    y = labels[np.digitize(number, [0.0])]  # the last of three classes is not in this part
    model = make(name).fit(X, y)
    found = predict_classes(model, X, labels)
    np.testing.assert_array_equal(labels[found.codes], model.predict(X))
    if hasattr(model, "predict_proba"):
        assert found.scores.shape == (len(X), len(labels))
        np.testing.assert_allclose(found.scores.sum(axis=1), 1.0)
        assert (found.scores[:, 2:] == 0).all()


@every_model
def test_rows_sorted_by_the_target_with_a_rare_class_are_fitted(name, task):
    X, number = table()
    order = np.argsort(number)
    y = target(task, number[order])
    if task == "classification":
        y = np.array(["rare"] * 2 + ["usual"] * (len(X) - 2))
    for n_rows in (10, len(X)):
        model = make(name, task).fit(X.iloc[order[:n_rows]], y[:n_rows])
        answers(model, X)
        if task == "classification":
            assert model.classes_.tolist() == ["rare", "usual"]


@pytest.mark.parametrize("n_rows", [3, 10, 30])
def test_sorted_labels_with_a_class_of_two_rows_give_nested_stratified_parts(n_rows):
    y = np.repeat(["a", "b", "rare"], [40, 20, 2])
    made = split(y, task="classification", dataset="d", replicate=0)
    part = y[made.subset(n_rows)]
    assert set(part) == {"a", "b", "rare"}
    assert abs((part == "a").sum() - 2 * (part == "b").sum()) <= 2
    np.testing.assert_array_equal(made.subset(n_rows)[:3], made.subset(3))
    assert made.why_not(2) == "2 training rows cannot hold each of the 3 classes"


# --- parameters ---------------------------------------------------------------------------------

# For each parameter a value that must make a difference to the model in `acting`, and what else
# has to be set for it to have work to do.
OTHER = {
    "C": {"C": 0.01},
    "alpha": {"alpha": 50.0},
    "attention_dropout": {"attention_dropout": 0.7},
    "batch_size": {"batch_size": 16},
    "class_weight": {"class_weight": {"no": 9.0}},
    "dropout": {"dropout": 0.6},
    "early_stopping": {"early_stopping": False},
    "embedding_units": {"embedding_units": 7},
    "epsilon": {"epsilon": 1.0},
    "filters": {"filters": 3},
    "frequency_scale": {"frequency_scale": 0.4},
    "hidden_dropout": {"hidden_dropout": 0.7},
    "hidden_factor": {"hidden_factor": 3.0},
    "image_shape": {"image_shape": (5, 4, 1)},
    "is_lite": {"is_lite": True},
    "is_mini": {"is_mini": True},
    "k": {"k": 3},
    "label_smoothing": {"label_smoothing": 0.7},
    "learning_rate": {"learning_rate": 0.5},
    "max_candidates": {"max_candidates": 8},
    "max_crossings": {"max_crossings": 0},
    "max_depth": {"max_depth": 1},
    "max_epochs": {"max_epochs": 1},
    "max_iter": {"max_iter": 1},
    "min_samples_leaf": {"min_samples_leaf": 25},
    "min_weight_fraction_leaf": {"min_weight_fraction_leaf": 0.4},
    "n_bins": {"n_bins": 9},
    "n_blocks": {"n_blocks": 1},
    "n_crosses": {"n_crosses": 1},
    "n_estimators": {"n_estimators": 2},
    "n_frequencies": {"n_frequencies": 5},
    "n_heads": {"n_heads": 4},
    "n_hidden": {"n_hidden": 1},
    "n_neighbors": {"n_neighbors": 1},
    "patience": {"patience": 1},
    "random_state": {"random_state": 1},
    "residual_dropout": {"residual_dropout": 0.7},
    "sample_rate": {"sample_rate": 0.1},
    "survival": {"survival": 0.3},
    "temperature": {"temperature": 5.0},
    "units": {"units": 12},
    "validation_fraction": {"validation_fraction": 0.5},
    "var_smoothing": {"var_smoothing": 5.0},
    "weight_decay": {"weight_decay": 5.0},
}
OTHER_OF = {("mlp_plr", "units"): {"units": (9,)}}  # where a parameter is of another kind
SETTING = {
    "early_stopping": {"max_epochs": 200},
    "patience": {"max_epochs": 20, "learning_rate": 0.3, "n_estimators": 60},
}
# What only acts on columns of categories, or on embedded numbers.
NEEDS_CATEGORIES = {"max_crossings", "embedding_units"}
SETTING_OF = {("tabm", "embedding_units"): {"n_bins": 6}}
# Labels of numbers are not smoothed.
NO_WORK = {(name, "regression", "label_smoothing") for name in ("realmlp", "realmlp_s")}
# where 60 rows are too few for a parameter to act: these stop only if 200 rows can tell a gain
N_ROWS = {(name, "early_stopping"): 1_000 for name in ("realmlp", "realmlp_s")}
OPTIONS = [
    pytest.param(name, task, param, marks=marks(name))
    for name in MODELS
    for task in zoo.spec(name).tasks
    if task == "classification" or name in REPRESENTATIVES
    for param in zoo.make(name, task=task).get_params()
    if param != "n_jobs" and (name, task, param) not in NO_WORK
]


def other_value(name, param):
    return OTHER_OF.get((name, param), OTHER.get(param, {}))


def rows_of_numbers(task, n_rows=60, seed=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 20))
    return X, target(task, X[:, 0] + rng.normal(size=n_rows))


def epochs(model):
    """Return how long a model trained, if it says so: later epochs may not be the best ones."""
    inner = getattr(model, "model_", None)
    if hasattr(inner, "get_booster"):
        return inner.get_booster().num_boosted_rounds()
    if hasattr(inner, "booster_"):
        (scores,) = inner.evals_result_["valid_0"].values()  # trees past the best are dropped
        return len(scores)
    return getattr(model, "n_epochs_", None)


def rows_for(param, task, n_rows=60, seed=3):
    """Return a table on which a parameter can act."""
    X, y = rows_of_numbers(task, n_rows, seed)
    if param == "random_state":
        X[:, 1:] = X[:, :1]  # all a tree draws is which of equal columns it asks
    if param not in NEEDS_CATEGORIES:
        return X, y
    frame = pd.DataFrame(X, columns=[f"number {i}" for i in range(20)])
    for i in range(2):
        letters = np.array(list("abcdefghijklmno"))  # digits would be numbers
        frame[f"category {i}"] = letters[np.digitize(X[:, i], np.linspace(-1.5, 1.5, 14))]
    return frame, y


@functools.lru_cache(maxsize=4)
def usual_fit(name, task, setting, kind, n_rows):
    """Return a fit that the tests of several parameters compare theirs with."""
    return make(name, task, **dict(setting)).fit(*rows_for(kind, task, n_rows))


@pytest.mark.parametrize(("name", "task", "param"), OPTIONS)
def test_every_parameter_acts(name, task, param):
    n_rows = N_ROWS.get((name, param), 60)
    known = zoo.make(name, task=task).get_params()
    # two epochs do not move the last layer of this one
    setting = {"max_epochs": 8} if name == "realmlp_s" else {}
    setting |= {key: value for key, value in SETTING.get(param, {}).items() if key in known}
    setting |= SETTING_OF.get((name, param), {})
    kind = param if param in {"random_state", *NEEDS_CATEGORIES} else "others"
    one = usual_fit(name, task, tuple(setting.items()), kind, n_rows)
    stops_early = pytest.warns(ConvergenceWarning) if param == "max_iter" else nullcontext()
    with stops_early:
        other = make(name, task, **{**setting, **other_value(name, param)})
        other.fit(*rows_for(kind, task, n_rows))
    fresh = rows_for("others" if kind == "random_state" else kind, task, seed=4)[0]
    is_longer = epochs(one) != epochs(other)
    assert (answers(one, fresh) != answers(other, fresh)).any() or is_longer


@every_model
def test_a_clone_keeps_every_parameter_and_learns_the_same(name, task):
    known = zoo.make(name, task=task).get_params()
    params = {key: value for param in known for key, value in other_value(name, param).items()}
    params.pop("max_iter", None)  # too few steps
    model = make(name, task, **{**params, **({"n_jobs": 2} if "n_jobs" in known else {})})
    assert not [key for key in params if model.get_params()[key] == known[key]]
    assert clone(model).get_params() == model.get_params()
    X, y = rows_of_numbers(task)
    longer = make(name, task, **({"max_epochs": 3} if "max_epochs" in known else {}))
    first, second = longer.fit(X, y), clone(longer)
    second._jit_compile = False
    np.testing.assert_array_equal(answers(second.fit(X, y), X), answers(first, X))
    assert getattr(first, "n_epochs_", None) == getattr(second, "n_epochs_", None)


# --- batches ----------------------------------------------------------------------


@every_model
def test_a_last_batch_of_one_row_is_trained_on(name, task):
    known = zoo.make(name, task=task).get_params()
    given = {"batch_size": 32, "validation_fraction": 0.0}
    X, y = rows_of_numbers(task, n_rows=65)  # the batches of the others are of 64
    answers(
        make(name, task, **{key: value for key, value in given.items() if key in known}).fit(X, y),
        X,
    )


# --- files and runs -----------------------------------------------------------------------------


@every_estimator
def test_a_saved_model_names_no_folder(name, task, tmp_path):
    fitted(name, task).save(tmp_path / "m.zoo")
    with zipfile.ZipFile(tmp_path / "m.zoo") as archive:
        for member in archive.namelist():
            data = archive.read(member)
            assert str(tmp_path).encode() not in data
            assert b"/tmp/" not in data


SUITE = """
title = "Small"
protocol = "nested-holdout/1"
datasets = ["breast_cancer"]
models = ["dummy", "decision_tree"]
sizes = [20, 100]
replicates = 2
[budget]
seconds = 60
"""


def test_a_second_run_measures_missing_cells_and_failed_ones_only_when_asked(tmp_path):
    (tmp_path / "small.toml").write_text(SUITE)
    suite = load_suite("small", [tmp_path])
    plan = make_plan(suite, folders=[tmp_path])
    out = tmp_path / "out"

    def run(**options):
        done = run_suite(suite, plan, out, folders=[tmp_path], n_workers=1, **options)
        keys = [json.dumps(cell["key"], sort_keys=True) for cell in read(out).cells]
        assert len(keys) == len({*keys}) == 8
        return done.n_run, done.n_kept, len(done.failed)

    assert run() == (8, 0, 0)
    records = [json.loads(line) for line in (out / "cells.jsonl").read_text().splitlines()]
    cells = [record for record in records if "status" in record]
    cells[1].update(status="failed", reason="RuntimeError: no way")
    records.remove(cells[0])
    (out / "cells.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    assert run() == (1, 7, 1)
    assert run() == (0, 8, 1)
    assert run(retry_failed=True) == (1, 7, 0)
    assert run(retry_failed=True) == (0, 8, 0)
