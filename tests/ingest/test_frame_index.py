"""The index of a frame, in a file and in memory, is a column."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather

from zoo.ingest.preparing import prepare, read_own
from zoo.ingest.reading import read_frame
from zoo.ingest.transforms import apply_transform

N = 60
WHEN = pd.date_range("2024-01-01", periods=N, name="when")
PATIENTS = pd.Index([f"p{i % 9}" for i in range(N)], name="patient")


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.normal(size=N), "b": rng.normal(size=N), "y": ["u", "v"] * 30})


def stored(frame, path):
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        feather.write_feather(pa.Table.from_pandas(frame), path)
    return path


@pytest.mark.parametrize("form", ["parquet", "feather"])
def test_a_named_index_is_a_column_for_times_and_groups(tmp_path, frame, form):
    path = stored(frame.set_index(WHEN), tmp_path / f"a.{form}")
    table = read_own(path, target="y", time="when")
    assert table.times.tolist() == WHEN.tolist()
    assert table.X.columns.tolist() == ["when", "a", "b"]
    path = stored(frame.set_index(PATIENTS), tmp_path / f"b.{form}")
    table = read_own(path, target="y", group="patient")
    assert table.groups.tolist() == PATIENTS.tolist()
    assert any("became the column 'patient'" in one.text for one in table.warnings)


def test_the_levels_of_an_index_are_columns_each(tmp_path, frame):
    path = stored(frame.set_index([PATIENTS, WHEN]), tmp_path / "a.parquet")
    table = read_own(path, target="y", group="patient", time="when")
    assert table.groups.nunique() == 9
    assert table.times.is_monotonic_increasing
    unnamed = frame.set_index([PATIENTS.rename(None), WHEN.rename(None)])
    table = read_own(stored(unnamed, tmp_path / "b.parquet"), target="y", group="level 1")
    assert table.X.columns.tolist() == ["level 2", "a", "b"]


@pytest.mark.parametrize(
    "index",
    [
        pd.CategoricalIndex(PATIENTS),
        pd.Index(np.arange(N) % 9, name="patient"),
        pd.Index(np.arange(N) % 9 / 2, name="patient"),
    ],
)
def test_an_index_of_any_dtype_may_group_rows(tmp_path, frame, index):
    path = stored(frame.set_index(index), tmp_path / "a.parquet")
    assert read_own(path, target="y", group="patient").groups.nunique() == 9


def test_the_target_may_be_in_the_index(tmp_path, frame):
    path = stored(frame.set_index("y"), tmp_path / "a.parquet")
    assert read_own(path, target="y").y.tolist() == frame["y"].tolist()


def test_an_index_that_only_numbers_rows_is_dropped_unless_it_is_asked_for(tmp_path, frame):
    for some in (
        frame,
        frame.iloc[::-1],
        frame.sample(N, random_state=0),
        frame.set_axis(range(5, N + 5)),
    ):
        path = stored(some, tmp_path / "a.parquet")
        assert read_frame(path).columns.tolist() == ["a", "b", "y"]
    path = stored(pd.concat([frame.iloc[:30]] * 2), tmp_path / "b.parquet")
    assert read_own(path, target="y", group="index").groups.nunique() == 30


def test_an_index_named_like_a_column_leaves_the_column_its_name(tmp_path, frame):
    path = stored(frame.set_index(WHEN.rename("y")), tmp_path / "a.parquet")
    table = read_own(path, target="y")
    assert table.y.tolist() == frame["y"].tolist()
    assert "y (index)" in table.X


def test_new_rows_have_the_index_in_either_place(tmp_path, frame):
    indexed = frame.set_index(WHEN)
    table = read_own(stored(indexed, tmp_path / "a.parquet"), target="y")
    spec = json.loads(json.dumps(table.transform))
    new = indexed.drop(columns="y").iloc[:5]
    new.to_csv(tmp_path / "new.csv")
    for rows in (new, new.reset_index(), read_frame(tmp_path / "new.csv")):
        pd.testing.assert_frame_equal(apply_transform(rows, spec), table.X.iloc[:5])


def test_in_memory_a_named_index_is_a_column_and_a_plain_one_is_not(frame):
    X, y = frame[["a", "b"]], frame["y"]
    assert prepare(X.sample(N), y).X.columns.tolist() == ["a", "b"]
    table = prepare(X.set_index(WHEN), y, times=WHEN)
    assert table.X.columns.tolist() == ["when", "a", "b"]
    pd.testing.assert_frame_equal(apply_transform(X.set_index(WHEN), table.transform), table.X)
