"""Numbers whose point or comma may be a decimal mark or stand between thousands."""

import numpy as np
import pandas as pd
import pytest

from zoo.ingest.clean_table import Severity
from zoo.ingest.preparing import prepare, read_own
from zoo.ingest.reading import read_frame
from zoo.ingest.transforms import apply_transform

N = 120
SIZES = np.random.default_rng(0).integers(1, 5000, N)


def german(values):
    return [f"{value:,}".replace(",", ".") for value in values]


def read(path, sep=";", **columns):
    frame = pd.DataFrame({"y": ["u", "v"] * (N // 2), **columns})
    frame.to_csv(path, index=False, sep=sep)
    return read_own(path, target="y")


def doubts(table):
    return [one for one in table.warnings if one.about == "read" and one.columns]


@pytest.mark.parametrize(
    ("sep", "form"), [(";", "{}"), (",", "{} \u20ac"), ("\t", "CHF {}"), ("|", "-{}")]
)
def test_points_before_three_digits_beside_small_whole_numbers_group_thousands(tmp_path, sep, form):
    table = read(tmp_path / "a.csv", sep, people=[form.format(one) for one in german(SIZES)])
    np.testing.assert_array_equal(np.abs(table.X["people"]), SIZES)
    assert not doubts(table)


@pytest.mark.parametrize(
    ("write", "values"),
    [
        (lambda i: f"{i:,}", SIZES),
        (lambda i: f"{i:,}".replace(",", "'"), SIZES),
        (lambda i: f"{i:,}".replace(",", " "), SIZES),
        (lambda i: f"{i:,}".replace(",", "\u202f"), SIZES),
        (lambda i: f"{i:,}".replace(",", "."), SIZES * 1000 + 7),
        (lambda i: f"{i // 100_000},{i // 1000 % 100:02},{i % 1000:03}", SIZES * 999 + 100_000),
        (lambda i: f"\u20b9 {i // 100_000},{i // 1000 % 100:02},{i % 1000:03}.5", SIZES + 100_000),
    ],
)
def test_thousands_are_read_however_they_are_grouped(tmp_path, write, values):
    table = read(tmp_path / "a.csv", ",", people=[write(int(value)) for value in values])
    np.testing.assert_array_equal(np.floor(table.X["people"]), values)
    assert not doubts(table)


def test_a_few_points_beside_small_numbers_are_read_as_thousands_with_a_warning(tmp_path):
    table = read(tmp_path / "a.csv", people=["1.658", "846", "1.658"] * (N // 3))
    assert table.X["people"][:2].tolist() == [1658, 846]
    (doubt,) = doubts(table)
    assert doubt.severity is Severity.SERIOUS
    assert doubt.columns == ("people",)
    assert "'1.658' was read as 1658" in doubt.text


def test_numbers_that_fit_both_marks_are_read_like_the_other_columns(tmp_path):
    amounts = [f"{i},5" for i in range(N)]
    table = read(tmp_path / "a.csv", amount=amounts, people=["1.658", "2.344", "9.111"] * (N // 3))
    assert table.X["people"][:2].tolist() == [1658, 2344]
    table = read(
        tmp_path / "a.csv", amount=[i + 0.5 for i in range(N)], size=["1.658", "2.344"] * 60
    )
    assert table.X.get("size", pd.Series([1.658]))[0] == 1.658
    assert not doubts(table)


def test_numbers_that_fit_both_marks_everywhere_are_named(tmp_path):
    for text, value in (("1.658", 1.658), ("1,658", 1658)):
        table = read(tmp_path / "a.csv", "\t", size=[text, text[:-1] + "7", text[:-1] + "6"] * 40)
        assert table.X["size"][0] == value
        (doubt,) = doubts(table)
        assert f"'{text}' was read as {value}" in doubt.text
        assert "with one more decimal" in doubt.text


def test_zeros_beside_three_decimals_leave_the_decimals_and_a_warning(tmp_path):
    table = read(tmp_path / "a.csv", dose=["1.658", "2.345", "0"] * (N // 3))
    assert table.X["dose"][:3].tolist() == [1.658, 2.345, 0]
    assert doubts(table)[0].severity is Severity.SERIOUS


def test_points_that_group_thousands_beside_columns_with_decimal_points_are_named(tmp_path):
    table = read(tmp_path / "a.csv", ",", lat=[i / 8 for i in range(N)], people=german(SIZES))
    np.testing.assert_array_equal(table.X["people"], SIZES)
    (doubt,) = doubts(table)
    assert "unlike the other columns: the point groups thousands" in doubt.text


def test_marks_that_differ_within_a_column_are_each_read_and_named(tmp_path):
    table = read(tmp_path / "a.csv", size=["1.5", "2,5", "7"] * (N // 3))
    assert table.X["size"][:3].tolist() == [1.5, 2.5, 7]
    (doubt,) = doubts(table)
    assert "such as '1.5' and '2,5'; each was read by its own mark" in doubt.text
    table = read(tmp_path / "a.csv", size=["1.5", "2,5", "1,234"] * (N // 3))
    assert doubts(table)[0].severity is Severity.SERIOUS


def test_thousands_that_begin_below_the_sample_are_found(tmp_path):
    values = [*range(1, 999, 2)] * 6 + [1658, 2344, 1230]
    people = german(values)
    frame = pd.DataFrame({"y": ["u", "v", "w"] * (len(people) // 3), "people": people})
    frame.to_csv(tmp_path / "a.csv", index=False, sep=";")
    table = read_own(tmp_path / "a.csv", target="y")
    assert table.X["people"].tolist() == values


def test_new_rows_are_read_with_the_marks_of_the_table(tmp_path):
    table = read(tmp_path / "a.csv", people=german(SIZES))
    (tmp_path / "new.csv").write_text("people\n1.234\n12\n3.000\n")
    X = apply_transform(read_frame(tmp_path / "new.csv"), table.transform)
    assert X["people"].tolist() == [1234, 12, 3000]
    (tmp_path / "new.csv").write_text("people\n1.234\n")
    X = apply_transform(read_frame(tmp_path / "new.csv"), table.transform)
    assert X["people"].tolist() == [1234]


def test_texts_in_memory_and_targets_are_read_by_the_same_rule():
    X = pd.DataFrame({"people": german(SIZES), "x": np.random.default_rng(1).normal(size=N)})
    table = prepare(X, german(SIZES[::-1]))
    assert table.task == "regression"
    np.testing.assert_array_equal(table.X["people"], SIZES)
    np.testing.assert_array_equal(table.y, SIZES[::-1])


def test_units_and_signs_behind_numbers_are_understood():
    values = ["1.234,50-", "Rs. 12,34,567.50", "R$ 5", "7 z\u0142", r"\N", "8"]
    X = pd.DataFrame({"a": values * 20, "b": np.random.default_rng(1).normal(size=N)})
    table = prepare(X, ["u", "v"] * 60)
    expected = [-1234.5, 1234567.5, 5, 7, np.nan, 8]
    np.testing.assert_array_equal(table.X["a"][:6], expected)
