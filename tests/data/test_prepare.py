import numpy as np
import pandas as pd
import pytest

from zoo.data.cards import read_card
from zoo.data.generated import BAYES_ERROR, _teacher, generate
from zoo.data.prepare import prepare
from zoo.errors import DataError

CARD = """
name = "small"
title = "t"
task = "{task}"
target = "y"
{options}
revision = 1
license = "l"
reference = "r"
citation = "c"
[[source]]
type = "file"
files = ["d.csv"]
reader = "csv"
{tables}
[facts]
rows = 3
features = 1
"""


def prepared(tmp_path, frame, *, tables="", options="", task="classification"):
    path = tmp_path / "small.toml"
    path.write_text(CARD.format(task=task, options=options, tables=tables))
    return prepare(pd.DataFrame(frame), read_card(path))


def test_columns_become_what_the_card_says(tmp_path):
    tables = """
[columns]
drop = ["id"]
missing = ["?"]
boolean = ["flag"]
categorical = ["code"]
dates = ["day"]
[columns.bounds]
age = [0, 120]
[columns.codes.kind]
A = "first"
B = "second"
"""
    frame = {
        "id": [1, 2, 3],
        "age": [30, 455, 60],
        "flag": ["t", "f", "t"],
        "code": [1, 2, 1],
        "kind": ["A", "B", "A"],
        "word": ["u", "?", "v"],
        "day": ["2026-01-01", "2026-01-02", "2026-01-03"],
        "y": ["p", "q", "p"],
    }
    X = prepared(tmp_path, frame, tables=tables).X
    assert list(X.columns) == ["age", "flag", "code", "kind", "word", "day"]
    np.testing.assert_array_equal(X["age"], [30, np.nan, 60])
    assert X["flag"].tolist() == [True, False, True]
    assert X["code"].tolist() == ["1", "2", "1"]
    assert X["code"].dtype == "category"
    assert X["kind"].tolist() == ["first", "second", "first"]
    assert X["word"].isna().tolist() == [False, True, False]
    assert X["day"].iloc[2] == pd.Timestamp("2026-01-03")


def test_labels_get_words_and_numbers_logarithms(tmp_path):
    frame = {"a": [1, 2, 3], "y": ["-", "K", "M"]}
    tables = '[labels]\n"-" = "healthy"\n"*" = "sick"'
    assert prepared(tmp_path, frame, tables=tables).y.tolist() == ["healthy", "sick", "sick"]
    frame = {"a": [1, 2, 3], "y": [1.0, np.e, np.e**2]}
    table = prepared(tmp_path, frame, options="log_target = true", task="regression")
    assert table.y.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("frame", "tables", "message"),
    [
        ({"a": [1], "y": [None]}, "", "the target y has 1 missing values"),
        ({"a": [1], "z": ["p"]}, "", "expected the columns y, which the source does not hold"),
        ({"a": ["maybe"], "y": ["p"]}, '[columns]\nboolean = ["a"]', "found ['maybe']"),
        ({"a": [1], "y": ["p"]}, "[labels]\nq = 'q'", "a label has no word"),
    ],
)
def test_data_that_do_not_fit_the_card_are_refused(tmp_path, frame, tables, message):
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, frame, tables=tables)
    assert message in str(caught.value)


def test_a_longer_generated_table_begins_with_a_shorter():
    pd.testing.assert_frame_equal(generate(100, 3), generate(1000, 3).iloc[:100])


def test_the_teacher_itself_errs_as_often_as_the_card_says():
    frame = generate(20_000, 0)
    truth = np.where(_teacher(frame.drop(columns="label").to_numpy()) > 0, "a", "b")
    n_wrong = (truth != frame["label"]).sum()
    spread = (20_000 * BAYES_ERROR * (1 - BAYES_ERROR)) ** 0.5
    assert abs(n_wrong - 20_000 * BAYES_ERROR) < 4 * spread
    assert abs((frame["label"] == "a").mean() - 0.5) < 0.02


@pytest.mark.parametrize(
    ("frame", "tables"),
    [
        ({"a": ["yesterday-ish"], "y": [1.0]}, '[columns]\ndates = ["a"]'),
        ({"a": ["word"], "y": [1.0]}, "[columns.bounds]\na = [0, 1]"),
        ({"a": [1], "y": ["many"]}, ""),
        ({"a": [1], "y": [-1.0]}, ""),
    ],
)
def test_columns_that_cannot_be_what_the_card_says_are_refused(tmp_path, frame, tables):
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, frame, tables=tables, options="log_target = true", task="regression")
    assert "\n" not in str(caught.value)
