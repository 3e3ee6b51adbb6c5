"""Integers beyond what floats hold: classes, groups and features stay apart."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from zoo.encoding.frames import as_column
from zoo.ingest.clean_table import Severity
from zoo.ingest.preparing import prepare, read_own
from zoo.ingest.transforms import apply_transform

N = 60
CLASSES = [2**53 + i % 3 for i in range(N)]
GROUPS = [2**62 + i % 5 for i in range(N)]
NOISE = np.random.default_rng(0).normal(size=N)


def polars_series(values):
    return pytest.importorskip("polars").Series(values)


FORMS = {
    "list": list,
    "nullable": lambda values: pd.Series(values, dtype="Int64"),
    "unsigned": lambda values: pd.Series(values, dtype="UInt64"),
    "arrow": pa.array,
    "arrow dtype": lambda values: pd.Series(values, dtype=pd.ArrowDtype(pa.int64())),
    "polars": polars_series,
    "text": lambda values: [None if value is None else str(value) for value in values],
    "beyond 64 bits": lambda values: [None if v is None else v + 2**70 for v in values],
}


@pytest.mark.parametrize("form", FORMS)
def test_classes_groups_and_features_stay_apart(form):
    for first in ([], [None]):
        y, groups = ([*first, *values[len(first) :]] for values in (CLASSES, GROUPS))
        X = pd.DataFrame({"noise": NOISE})
        table = prepare(X, FORMS[form](y), groups=FORMS[form](groups), task="classification")
        assert table.y.nunique() == 3
        assert table.groups.nunique() == 5
        X["code"] = as_column(FORMS[form](groups), "code").array
        table = prepare(X, NOISE)
        offsets = table.X["code"] - table.X["code"].min()
        np.testing.assert_array_equal(
            offsets, [np.nan] * len(first) + [i % 5 for i in range(N)][len(first) :]
        )
        np.testing.assert_array_equal(apply_transform(X, table.transform)["code"], table.X["code"])
        note = next(note for note in table.columns if note.name == "code")
        assert "floats do not hold integers that long" in note.note


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.feather", "t.json", "t.jsonl"])
def test_files_keep_long_integers_where_some_miss(name, tmp_path):
    frame = pd.DataFrame({"noise": NOISE})
    for column, values in {"y": CLASSES, "group": GROUPS}.items():
        frame[column] = pd.Series([*values[:-1], None], dtype="Int64")
    write = {
        "csv": lambda path: frame.to_csv(path, index=False),
        "parquet": frame.to_parquet,
        "feather": frame.to_feather,
        "json": lambda path: frame.to_json(path, orient="records"),
        "jsonl": lambda path: frame.to_json(path, orient="records", lines=True),
    }
    write[name.partition(".")[2]](tmp_path / name)
    table = read_own(tmp_path / name, target="y", group="group", task="classification")
    assert (table.y.nunique(), table.groups.nunique()) == (3, 5)


def test_a_target_that_floats_round_is_said():
    table = prepare(
        pd.DataFrame({"noise": NOISE}), [2**60 + 100 * i for i in range(N)], task="regression"
    )
    (warning,) = [one for one in table.warnings if "Floats do not hold" in one.text]
    assert warning.severity is Severity.SERIOUS
