"""Titles, headers, units, totals and notes in files; damaged and escaped text."""

import numpy as np
import pandas as pd
import pytest

from zoo.errors import DataError
from zoo.ingest.clean_table import Severity
from zoo.ingest.preparing import read_own
from zoo.ingest.reading import read_frame, read_table
from zoo.ingest.transforms import apply_transform, columns_of

HEADER = "age,visits,churn\n"
ROWS = "".join(f"{i / 7:.3f},{i % 5},{'yes' if i % 3 else 'no'}\n" for i in range(60))


@pytest.fixture
def plain(tmp_path):
    return read_frame(written(tmp_path / "plain.csv", HEADER + ROWS))


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def texts(raw):
    return [one.text for one in raw.remarks]


TITLES = {
    "one line": "Sales report 2024\n",
    "with commas": "Sales, 2024\n",
    "with empty cells": "Sales report,,\n,,\n",
    "several lines": "Sales report\nMade: 2024-01-01, by me\n\n",
    "comments": "# made by a program\n# version 3\n",
}


@pytest.mark.parametrize("what", TITLES)
def test_a_header_below_titles_is_found_and_said(tmp_path, plain, what):
    raw = read_table(written(tmp_path / "a.csv", TITLES[what] + HEADER + ROWS))
    pd.testing.assert_frame_equal(raw.frame, plain)
    (said,) = texts(raw)
    assert f"names were found in line {TITLES[what].count(chr(10)) + 1}" in said


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_titles_hide_no_delimiter(tmp_path, plain, delimiter):
    text = "Sales, by month\n" + (HEADER + ROWS).replace(",", delimiter)
    pd.testing.assert_frame_equal(read_frame(written(tmp_path / "a.csv", text)), plain)


def test_a_title_above_two_columns_is_no_header(tmp_path):
    rows = "".join(f"{i * 37 % 11},{'ab'[i % 2]}\n" for i in range(30))
    frame = read_frame(written(tmp_path / "a.csv", "My sales\namount,y\n" + rows))
    assert frame.columns.tolist() == ["amount", "y"]
    assert len(frame) == 30


def test_the_row_that_holds_the_named_columns_is_the_header(tmp_path):
    text = "1,2,3\n" + "".join(f"{i % 3},{i % 4},{i % 5}\n" for i in range(40))
    path = written(tmp_path / "a.csv", text)
    assert read_table(path, wanted=["3"]).frame.columns.tolist() == ["1", "2", "3"]
    text = "a,b,c\nx,y,z\n" + "u,v,w\n" * 30
    path = written(tmp_path / "b.csv", text)
    assert read_table(path, wanted=["z", "x"]).frame.columns.tolist() == ["x", "y", "z"]


NO_HEADER = {
    "numbers and a class": ROWS,
    "numbers": "".join(f"{i / 7},{i % 5},{i * i % 13}\n" for i in range(60)),
    "categories": "".join(f"{'pqr'[i % 3]},{'xy'[i % 2]},{'uv'[i // 7 % 2]}\n" for i in range(60)),
    "dates": "".join(f"2024-01-{i % 28 + 1:02},{i},{i % 2}\n" for i in range(60)),
}


@pytest.mark.parametrize("what", NO_HEADER)
def test_a_first_line_of_data_is_a_row(tmp_path, what):
    raw = read_table(written(tmp_path / "a.csv", NO_HEADER[what]))
    assert raw.frame.columns.tolist() == ["column 1", "column 2", "column 3"]
    assert len(raw.frame) == 60
    assert not raw.has_header
    assert "Line 1 holds data, not names" in texts(raw)[0]
    assert raw.remarks[0].severity is Severity.SERIOUS


def test_a_wrong_target_of_a_file_without_names_is_answered_with_the_reason(tmp_path):
    path = written(tmp_path / "a.csv", ROWS)
    for target in (None, "churn"):
        with pytest.raises(DataError, match="column 3; the first line holds data, not names"):
            read_own(path, target=target)
    table = read_own(path, target="column 3")
    assert table.X.columns.tolist() == ["column 1", "column 2"]
    new = written(tmp_path / "new.csv", "5.5,2,no\n6.5,1,no\n")
    frame = read_frame(new, wanted=columns_of(table.transform))
    X = apply_transform(frame, table.transform)
    assert X.to_numpy().tolist() == [[5.5, 2.0], [6.5, 1.0]]


NAMES = {
    "words": HEADER,
    "numbers from 0": "0,1,2\n",
    "numbers and a word": "0,1,churn\n",
    "years": "2019,2020,2021\n",
}


@pytest.mark.parametrize("what", NAMES)
def test_names_that_are_numbers_are_names(tmp_path, what):
    frame = read_frame(written(tmp_path / "a.csv", NAMES[what] + ROWS))
    assert frame.columns.tolist() == NAMES[what].strip().split(",")
    assert len(frame) == 60


@pytest.mark.parametrize("units", ["years,n,\n", "[a],,-\n", "(years),count,\n"])
def test_units_below_the_names_are_left_out_and_said(tmp_path, plain, units):
    raw = read_table(written(tmp_path / "a.csv", HEADER + units + ROWS))
    pd.testing.assert_frame_equal(raw.frame, plain)
    assert "Line 2 holds units or texts above numbers and was left out" in texts(raw)[0]


def test_a_second_line_of_names_is_left_out_and_one_below_groups_of_columns_is_the_header(tmp_path):
    text = HEADER + "Age in years,Visits this year,Has left\n" + ROWS
    raw = read_table(written(tmp_path / "a.csv", text))
    assert raw.frame.columns.tolist() == ["age", "visits", "churn"]
    assert len(raw.frame) == 60
    raw = read_table(written(tmp_path / "b.csv", "person,,outcome\n" + HEADER + ROWS))
    assert raw.frame.columns.tolist() == ["age", "visits", "churn"]
    assert "names were found in line 2" in texts(raw)[0]


def test_names_that_stand_again_between_rows_are_left_out(tmp_path, plain):
    raw = read_table(written(tmp_path / "a.csv", (HEADER + ROWS) * 3))
    pd.testing.assert_frame_equal(raw.frame, pd.concat([plain] * 3, ignore_index=True))
    assert "stand in the file again; left out: 2 lines." in texts(raw)[0]


FOOTERS = {
    "total": "Total,300,\n",
    "total in the target": "Total,,300\n",
    "short": "Summe,300\n",
    "average": "Average,2.1,\n",
    "two": "Mean,2.1,\nSum,300,\n",
    "source": "\nSource: Statistics Office\n",
    "notes": "\n* provisional\n** estimated\n",
    "with commas": "\nSource: Office, Bonn, Adenauerallee, 2024\n",
    "count": "(60 rows affected)\n",
    "blank": ",,\nTotal,300,\n",
    "another kind": "altogether,,300\n",
}


@pytest.mark.parametrize("what", FOOTERS)
def test_totals_and_notes_below_the_rows_are_left_out_and_named(tmp_path, plain, what):
    raw = read_table(written(tmp_path / "a.csv", HEADER + ROWS + FOOTERS[what]))
    pd.testing.assert_frame_equal(raw.frame, plain)
    (said,) = texts(raw)
    assert "left out as no row of the table" in said
    assert FOOTERS[what].strip(",\n").split(",")[0][:9] in said


def test_a_total_is_no_third_class(tmp_path):
    rows = "".join(f"{i * 7 % 23},{'ab'[i % 2]}\n" for i in range(60))
    table = read_own(written(tmp_path / "a.csv", "amount,y\n" + rows + "Total,300\n"), target="y")
    assert {*table.y} == {"a", "b"}
    assert table.X["amount"].tolist() == [i * 7 % 23 for i in range(60)]
    assert any("'Total', '300'" in one.text for one in table.warnings)


def test_a_total_far_below_the_sample_is_left_out(tmp_path):
    text = HEADER + ROWS * 50 + "Total,300,\n"
    raw = read_table(written(tmp_path / "a.csv", text))
    assert len(raw.frame) == 3000
    assert raw.frame.dtypes.astype(str).tolist() == ["float64", "int64", "str"]


LAST_ROWS = {
    "a stray word": "see above,3,yes\n",
    "a missing target": "4.5,3,\n",
    "an empty row but one cell": "4.5,,\n",
    "a new class": "4.5,3,maybe\n",
    "a name that may be a total": "4.5,3,max\n",
}


@pytest.mark.parametrize("what", LAST_ROWS)
def test_an_odd_last_row_is_still_a_row(tmp_path, what):
    raw = read_table(written(tmp_path / "a.csv", HEADER + ROWS + LAST_ROWS[what]))
    assert len(raw.frame) == 61
    assert not raw.remarks


def test_rows_without_content_at_the_end_are_left_out(tmp_path, plain):
    raw = read_table(written(tmp_path / "a.csv", HEADER + ROWS + ",,\n" * 3))
    pd.testing.assert_frame_equal(raw.frame, plain)
    assert texts(raw) == ["Rows without content at the end were left out."]


def test_a_person_called_max_is_no_maximum(tmp_path):
    rows = "".join(f"{'TEAB'[i % 4]}om,{i * 7 % 41},{i % 2}\n" for i in range(40))
    raw = read_table(written(tmp_path / "a.csv", "name,age,y\n" + rows + "Max,30,1\n"))
    assert len(raw.frame) == 41


def test_a_label_such_as_total_stays_where_other_rows_have_it(tmp_path):
    rows = "".join(f"{'Total' if i % 2 else 'Part'},{i % 7}\n" for i in range(40))
    raw = read_table(written(tmp_path / "a.csv", "kind,n\n" + rows))
    assert len(raw.frame) == 40


def test_short_rows_are_named_by_their_lines(tmp_path):
    raw = read_table(written(tmp_path / "a.csv", HEADER + "1,2\n" + ROWS + "3\n4,5,yes\n"))
    (said,) = raw.remarks
    assert said.severity is Severity.SERIOUS
    assert said.text.startswith("Lines 2, 63 have fewer fields than the header (2 in line 2")


def test_names_of_rows_are_said_and_a_comma_that_shifts_all_rows_is_refused(tmp_path):
    rows = "".join(f"r{i},{line}\n" for i, line in enumerate(ROWS.split()))
    raw = read_table(written(tmp_path / "a.csv", HEADER + rows))
    assert raw.frame.columns.tolist() == ["column 1", "age", "visits", "churn"]
    assert "the first field was taken as a name of the row" in texts(raw)[0]
    shifted = "".join(f"{i % 9},Smith, John,{'ab'[i % 2]}\n" for i in range(60))
    path = written(tmp_path / "b.csv", "age,name,y\n" + shifted)
    with pytest.raises(DataError, match="most rows have 4 fields, the header in line 1 3"):
        read_frame(path)


def test_a_lone_quotation_mark_that_swallows_rows_is_named(tmp_path):
    lines = [f"{chr(34) * (i in (20, 30))}t{i % 4},{i % 7},yes\n" for i in range(60)]
    raw = read_table(written(tmp_path / "a.csv", HEADER + "".join(lines)))
    (said,) = raw.remarks
    assert said.severity is Severity.SERIOUS
    assert "In 'age' of row 21 a quoted field holds several lines" in said.text


ESCAPED = {
    "with a delimiter": (r'"said \"hi, you\", ok",1,yes', 'said "hi, you", ok'),
    "without": (r'"the \"best\" of all",1,yes', 'the "best" of all'),
    "at the end": (r'"he said \"hi, you\"",1,yes', 'he said "hi, you"'),
    "a delimiter": (r"Smith\, John,1,yes", "Smith, John"),
}


@pytest.mark.parametrize("what", ESCAPED)
@pytest.mark.parametrize("place", ["early", "late"])
def test_a_backslash_before_a_quotation_mark_is_an_escape(tmp_path, what, place):
    line, value = ESCAPED[what]
    plain = f"{'x' * 90},2,no\n"
    text = plain * (60 if place == "early" else 2800) + line + "\n" + plain * 9
    raw = read_table(written(tmp_path / "a.csv", HEADER + text))
    assert raw.frame["age"].iloc[-10] == value
    assert raw.frame["visits"].iloc[-10] == 1
    assert any("A backslash before a quotation mark" in one for one in texts(raw))


def test_a_backslash_at_the_end_of_a_path_is_no_escape(tmp_path):
    rows = "".join(f'"C:\\data{i % 4}\\",{i},yes\n' for i in range(60))
    frame = read_frame(written(tmp_path / "a.csv", HEADER + rows))
    assert frame["age"][:2].tolist() == ["C:\\data0\\", "C:\\data1\\"]


@pytest.mark.parametrize("n_before", [1, 700])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_nul_byte_is_left_out_and_said(tmp_path, n_before, encoding):
    text = HEADER + ROWS * n_before + "3\0.5,2,yes\n" + ROWS
    raw = read_table(written(tmp_path / "a.csv", text, encoding))
    assert raw.frame["age"][60 * n_before] == 3.5
    assert raw.frame["age"].dtype == np.float64
    assert f"A NUL byte in line {60 * n_before + 2} was left out" in " ".join(texts(raw))
    assert ("The text was read as utf-16." in texts(raw)) == (encoding == "utf-16")


def test_line_ends_may_be_mixed_and_quoted_fields_hold_them(tmp_path, plain):
    lines = (HEADER + ROWS).splitlines()
    ends = ["\r\n", "\n", "\r"]
    text = "".join(line + ends[i % 3] for i, line in enumerate(lines))
    pd.testing.assert_frame_equal(read_frame(written(tmp_path / "a.csv", text)), plain)
    text = HEADER + '"two\r\nlines",1,yes\n' + '5" pipe,2,no\n' * 20
    assert read_frame(written(tmp_path / "b.csv", text))["age"].nunique() == 2


def test_a_sheet_with_a_title_units_and_a_total_is_read(tmp_path):
    frame = pd.DataFrame({"age": np.arange(30) / 4, "n": np.arange(30) % 7, "y": ["a", "b"] * 15})
    path = tmp_path / "a.xlsx"
    cells = [["Report", None, None], [None] * 3, [*frame.columns], ["years", "n", None]]
    cells += [*frame.to_numpy().tolist(), ["Total", 300, None], ["Source: us", None, None]]
    pd.DataFrame(cells).to_excel(path, index=False, header=False)
    raw = read_table(path)
    pd.testing.assert_frame_equal(raw.frame.reset_index(drop=True), frame, check_dtype=False)
    assert raw.frame.dtypes.map(lambda dtype: dtype.kind).tolist()[:2] == ["f", "i"]
    said = " ".join(texts(raw))
    assert "names were found in line 3" in said
    assert "Line 4 holds units" in said
    assert "'Total', '300'; 'Source: us'" in said
