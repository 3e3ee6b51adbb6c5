"""Columns are matched by name whatever the library; what cannot be matched is said."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import zoo
from zoo.encoding.frames import as_frame
from zoo.errors import UnreadValuesWarning


def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"a": rng.normal(size=60), "b": rng.normal(size=60) + 5.0, "c": list("uvw") * 20}
    )
    return X, np.where(X["a"] > 0, "yes", "no")


def tree(X, y, task="classification"):
    return zoo.make("decision_tree", task=task).fit(X, y)


def polars_frame(X):
    return pytest.importorskip("polars").from_pandas(X)


LIBRARIES = {
    "pandas": lambda X: X,
    "table": pa.Table.from_pandas,
    "batch": pa.RecordBatch.from_pandas,
    "reader": lambda X: pa.Table.from_pandas(X).to_reader(),
    "with row labels": lambda X: pa.Table.from_pandas(X.set_axis(range(7, 67))),
    "polars": polars_frame,
    "lazy": lambda X: polars_frame(X).lazy(),
}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("fitted_on", LIBRARIES)
def test_columns_in_another_order_are_matched_by_name(fitted_on, library):
    X, y = rows()
    expected = tree(X, y).predict_proba(X)
    model = tree(LIBRARIES[fitted_on](X), y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    shuffled = X.assign(more=1.0)[["c", "more", "b", "a"]]
    np.testing.assert_array_equal(model.predict_proba(LIBRARIES[library](shuffled)), expected)


@pytest.mark.parametrize("library", LIBRARIES)
def test_other_names_are_refused_with_the_nearest(library):
    X, y = rows()
    model = tree(X.rename(columns={"a": "Weight [kg]"}), y)
    for name, hint in {
        "weight [kg]": r"did you mean 'weight \[kg\]'\?",
        "Weigth [kg]": r"did you mean 'Weigth \[kg\]'\?",
        "z": "it has 'z' instead; rename them",
    }.items():
        new = LIBRARIES[library](X.rename(columns={"a": name}))
        with pytest.raises(ValueError, match=rf"fitted on: \['Weight \[kg\]'\]; {hint}") as caught:
            model.predict(new)
        assert "\n" not in str(caught.value)


def test_an_array_is_taken_by_position_with_a_warning_as_scikit_learn_does():
    X, y = rows()
    numbers = X[["a", "b"]]
    model = tree(numbers, y)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        found = model.predict_proba(numbers.to_numpy())
    np.testing.assert_array_equal(found, model.predict_proba(numbers))
    model = tree(numbers.to_numpy(), y)
    with pytest.warns(UserWarning, match="but TreeClassifier was fitted without feature names"):
        np.testing.assert_array_equal(model.predict_proba(numbers), found)


def test_names_that_are_positions_need_no_warning():
    X, y = rows()
    array = X[["a", "b"]].to_numpy()
    expected = tree(array, y).predict_proba(array)
    for names in (None, ["x0", "x1"]):
        frame = pd.DataFrame(array, columns=names)
        np.testing.assert_array_equal(tree(array, y).predict_proba(frame), expected)
        np.testing.assert_array_equal(tree(frame, y).predict_proba(array), expected)


NAMES = {
    "booleans": [True, False],
    "booleans backwards": [False, True],
    "numbers": [1, 0],
    "tuples": [("a", "b"), ("a", "c")],
    "two levels": pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")]),
    "nothing": [None, "x"],
    "not a number": [np.nan, 0],
    "text and number": ["1", 1],
    "mixed": [1.5, "x"],
    "bytes": [b"x", "y"],
    "days": [pd.Timestamp("2026-01-01"), "2026-01-01"],
    "numpy's": [np.int64(3), np.str_("x")],
}


@pytest.mark.parametrize("what", NAMES)
def test_names_of_any_type_are_names(what):
    X, y = rows()
    numbers = X[["a", "b"]]
    expected = tree(numbers, y).predict_proba(numbers)
    named = numbers.set_axis(NAMES[what], axis=1)
    model = pickle.loads(pickle.dumps(tree(named, y)))
    assert len(model.feature_names_in_) == 2
    more = pd.concat([named.iloc[:, ::-1], pd.Series(7.0, named.index, name="more")], axis=1)
    for frame in (named, named.iloc[:, ::-1], more):
        np.testing.assert_array_equal(model.predict_proba(frame), expected)
    with pytest.raises(ValueError, match="lacks columns"):
        model.predict(named.iloc[:, :1])


def test_names_that_are_numbers_here_and_text_in_another_library_are_the_same():
    X, y = rows()
    numbers = X[["a", "b"]].set_axis([1, 0], axis=1)
    model = tree(numbers, y)
    table = pa.table({"0": X["b"], "1": X["a"]})
    np.testing.assert_array_equal(model.predict_proba(table), model.predict_proba(numbers))


def test_a_pipeline_may_hand_over_frames_of_another_library():
    X, y = rows()
    for output in ("pandas", "polars"):
        pytest.importorskip(output)
        model = make_pipeline(StandardScaler(), zoo.make("decision_tree"))
        model.set_output(transform=output).fit(X[["a", "b"]], y)
        assert model[-1].feature_names_in_.tolist() == ["a", "b"]
        assert model.score(X[["b", "a"]][["a", "b"]], y) == 1.0


@pytest.mark.parametrize(
    "values", [[1.5, 2.5, 3.5], [1, 2, 3], [True, False, True], ["a", "b", "c"]]
)
def test_masked_values_are_missing(values):
    mask = np.array([[False, True], [False, False], [True, False]])
    masked = np.ma.array(np.array([values, values]).T, mask=mask)
    known = pd.DataFrame({"x0": values, "x1": values}, dtype=object).mask(mask)
    y = [0, 1, 1]
    model, expected = tree(masked, y), tree(known, y)
    assert as_frame(masked).isna().to_numpy().tolist() == mask.tolist()
    np.testing.assert_array_equal(
        model.encoder_.transform(as_frame(masked)), expected.encoder_.transform(known)
    )
    np.testing.assert_array_equal(
        tree(list(masked), y).encoder_.transform(as_frame(list(masked))),
        expected.encoder_.transform(known),
    )


class Foreign:
    """A frame of a library without a protocol."""

    columns = ("a",)


REFUSED = {
    "a column": (lambda: pa.array([1, 2]), "Expected 2D array, got 1D"),
    "a chunked column": (lambda: pa.chunked_array([[1], [2]]), "Expected 2D array, got 1D"),
    "a series of Polars": (lambda: polars_series([1, 2]), "Expected 2D array, got 1D"),
    "no rows": (lambda: pa.table({"a": pa.array([], pa.int64())}), "0 sample"),
    "no columns": (lambda: pa.table({}), "0 sample"),
    "names twice": (lambda: pa.table([[1, 2], [1, 2]], names=["a", "a"]), r"twice: \['a'\]"),
    "another frame": (Foreign, "got a .*Foreign; convert it"),
    "objects of Python": (lambda: polars_series([object(), 2]).to_frame(), "Python objects"),
    "a union": (
        lambda: pa.table({"a": pa.UnionArray.from_sparse(
            pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["x", "y"])])}),
        "'a'.*cannot be read",
    ),
    "a zone that is not known": (
        lambda: pa.table({"a": pa.array([1, 2], pa.timestamp("s", tz="Nowhere/Else"))}),
        "the column 'a' of the Arrow type .* cannot be read",
    ),
    "complex objects": (lambda: pd.DataFrame({"a": [1j, 2]}, dtype=object), "Complex data"),
}  # fmt: skip


def polars_series(values):
    return pytest.importorskip("polars").Series("a", values)


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_table_is_refused_in_one_line(what):
    make, message = REFUSED[what]
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        tree(make(), ["a", "b"])
    assert "\n" not in str(caught.value)


# --- targets --------------------------------------------------------------------------------------

LONG = [2**53, 2**53 + 1, 2**53 + 2] * 20
TARGETS = {
    "list": lambda: LONG,
    "array": lambda: np.array(LONG),
    "unsigned": lambda: np.array(LONG, np.uint64),
    "nullable": lambda: pd.Series(LONG, dtype="Int64"),
    "objects": lambda: np.array(LONG, dtype=object),
    "categories": lambda: pd.Series(LONG, dtype="category"),
    "arrow": lambda: pa.array(LONG),
    "chunked": lambda: pa.chunked_array([LONG]),
    "arrow dtype": lambda: pd.Series(LONG, dtype=pd.ArrowDtype(pa.int64())),
    "polars": lambda: polars_series(LONG),
    "beside a float": lambda: [float(2**53), *LONG[1:]],
    "beyond 64 bits": lambda: [2**70 + label for label in LONG],
}


@pytest.mark.parametrize("what", TARGETS)
def test_classes_that_are_long_integers_stay_apart(what):
    X = pd.DataFrame({"a": np.arange(60.0) % 3})
    model = tree(X, TARGETS[what]())
    start = 2**70 if what == "beyond 64 bits" else 0
    assert [int(label) - start for label in model.classes_] == LONG[:3]
    assert [int(label) - start for label in model.predict(X)] == LONG


def test_numbers_to_predict_that_floats_would_round_are_said():
    X = pd.DataFrame({"a": np.arange(60.0) % 3})
    with pytest.warns(UnreadValuesWarning, match="y has integers beyond 2"):
        tree(X, LONG, "regression")


GAPS = {
    "list": lambda: [*LONG[1:], None],
    "nullable": lambda: pd.Series([*LONG[1:], None], dtype="Int64"),
    "arrow": lambda: pa.array([*LONG[1:], None]),
    "polars": lambda: polars_series([*LONG[1:], None]),
    "booleans": lambda: pd.Series([True, False, None] * 20, dtype="boolean"),
    "words": lambda: pa.array(["a", "b", None] * 20),
    "masked": lambda: np.ma.array(LONG, mask=np.arange(60) == 7),
    "masked column": lambda: np.ma.array(LONG, mask=np.arange(60) == 7)[:, None],
}


@pytest.mark.parametrize("what", GAPS)
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_target_with_gaps_is_refused(what, task):
    X = pd.DataFrame({"a": np.arange(60.0) % 3})
    with pytest.raises(ValueError, match="y must be one column") as caught:
        tree(X, GAPS[what](), task)
    assert "\n" not in str(caught.value)


def test_fractions_are_no_classes_whatever_holds_them():
    X, _ = rows()
    y = X["a"]
    for given in (y, y.astype(object), [*y], y.astype("Float64"), pa.array(y)):
        with pytest.raises(ValueError, match="continuous"):
            tree(X, given)


def test_a_target_of_one_column_of_a_frame_is_taken():
    X, y = rows()
    expected = tree(X, y).predict_proba(X)
    for given in (pa.table({"y": y}), pd.DataFrame({"y": y}), polars_frame(pd.DataFrame({"y": y}))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's, about the shape
            np.testing.assert_array_equal(tree(X, given).predict_proba(X), expected)


def test_a_saved_model_reads_text_and_long_integers_as_before(tmp_path):
    X, y = rows()
    X = X.assign(
        day=pd.date_range("2024-01-01", periods=60).strftime("%d.%m.%Y"),
        amount=[f"{i},5" for i in range(60)],
        at=[f"12:{i:02}" for i in range(60)],
        code=[2**60 + i for i in range(60)],
        long=[2**70 + i for i in range(60)],
    )
    model = zoo.make("logistic").fit(X, y)
    assert (
        model.encoder_.kinds_
        == ["number"] * 2 + ["category", "date", "number", "duration"] + ["number"] * 2
    )
    model.save(tmp_path / "m.zoo")
    loaded = zoo.load_model(tmp_path / "m.zoo")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.encoder_.state() == model.encoder_.state()
