import bz2
import gzip
import json
import lzma
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from zoo.data.unpacking import available_bytes
from zoo.errors import DataError, MissingExtraError
from zoo.ingest import reading
from zoo.ingest.images import CLASS, IMAGE, plan_pixels, read_pixels
from zoo.ingest.reading import did_you_mean, read_frame


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "name": ["Zo\u00eb", "Bj\u00f6rn", "Ann, the 2nd", 'say "hi"', "two\nlines"],
            "age": [31, 42, 53, 64, 75],
            "height": [1.5, 1.75, 1.625, 1.875, 2.0],
            "churn": ["yes", "no", "no", "yes", "no"],
        }
    )


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_common_delimiter_is_found(tmp_path, table, delimiter):
    table.to_csv(tmp_path / "a.csv", sep=delimiter, index=False)
    pd.testing.assert_frame_equal(read_frame(tmp_path / "a.csv"), table)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
def test_any_common_encoding_is_found(tmp_path, table, encoding):
    table.to_csv(tmp_path / "a.csv", encoding=encoding, index=False)
    pd.testing.assert_frame_equal(read_frame(tmp_path / "a.csv"), table)


def test_utf16_without_a_byte_order_mark_is_found(tmp_path, table):
    path = written(tmp_path / "a.csv", table.to_csv(index=False), "utf-16-le")
    pd.testing.assert_frame_equal(read_frame(path), table)


def test_cyrillic_text_in_a_legacy_encoding_is_read(tmp_path):
    word = "\u0413\u043e\u0440\u043e\u0434 \u041c\u043e\u0441\u043a\u0432\u0430"
    text = "id,city\n" + "".join(f"{i},{word} {i}\n" for i in range(50))
    frame = read_frame(written(tmp_path / "a.csv", text, "cp1251"))
    assert frame["city"][0] == f"{word} 0"


def test_a_byte_far_down_that_is_not_utf8_is_read(tmp_path):
    lines = [b"a,b"] + [b"1,plain"] * 60_000 + ["2,Zo\u00eb".encode("latin-1")]
    (tmp_path / "a.csv").write_bytes(b"\n".join(lines))
    assert read_frame(tmp_path / "a.csv")["b"].iloc[-1] == "Zo\u00eb"


@pytest.mark.parametrize(
    ("suffix", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_compressed_text_is_decompressed(tmp_path, table, suffix, compress):
    path = tmp_path / f"a.csv{suffix}"
    path.write_bytes(compress(table.to_csv(index=False).encode()))
    pd.testing.assert_frame_equal(read_frame(path), table)


def test_a_zip_of_one_csv_is_read_and_one_of_two_is_refused(tmp_path, table):
    with zipfile.ZipFile(tmp_path / "a.csv.zip", "w") as archive:
        archive.writestr("a.csv", table.to_csv(index=False))
    pd.testing.assert_frame_equal(read_frame(tmp_path / "a.csv.zip"), table)
    with zipfile.ZipFile(tmp_path / "a.csv.zip", "a") as archive:
        archive.writestr("b.csv", "a\n1\n")
    with pytest.raises(DataError, match="expected one file in the archive, found 2"):
        read_frame(tmp_path / "a.csv.zip")


@pytest.mark.parametrize("form", ["parquet", "feather", "jsonl", "json", "xlsx"])
def test_other_formats_give_the_same_table(tmp_path, table, form):
    path = tmp_path / f"a.{form}"
    if form == "parquet":
        table.to_parquet(path)
    elif form == "feather":
        table.to_feather(path)
    elif form == "xlsx":
        table.to_excel(path, index=False)
    else:
        table.to_json(path, orient="records", lines=form == "jsonl")
    pd.testing.assert_frame_equal(read_frame(path), table, check_dtype=False)


def test_json_keeps_codes_dates_and_records_unchanged(tmp_path):
    rows = [{"code": "007", "date": "2024-01-05", "more": {"a": 1}}, {"code": "010"}]
    path = written(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))
    frame = read_frame(path)
    assert frame["code"].tolist() == ["007", "010"]
    assert frame["date"][0] == "2024-01-05"
    assert frame["more"][0] == {"a": 1}


def test_ambiguous_numbers_stay_text(tmp_path):
    text = "zip,grouped,plain,part\n01234,1.234,1.5,1.234\n04321,2.345,2.25,0.5\n"
    frame = read_frame(written(tmp_path / "a.csv", text))
    assert frame["zip"].tolist() == ["01234", "04321"]
    assert frame["grouped"].tolist() == ["1.234", "2.345"]
    assert frame["plain"].tolist() == [1.5, 2.25]
    assert frame["part"].tolist() == [1.234, 0.5]


def test_a_column_that_turns_into_text_far_down_is_text_throughout(tmp_path):
    lines = ["a,b", *(f"{i},0{i % 10}" for i in range(1, 200_000)), "lost,1"]
    frame = read_frame(written(tmp_path / "a.csv", "\n".join(lines)))
    assert isinstance(frame["a"].dtype, pd.StringDtype)
    assert frame["a"].iloc[[0, -1]].tolist() == ["1", "lost"]


def test_column_names_are_cleaned_and_made_unique(tmp_path):
    text = 'a , a,"<b>x</b>",,\U0001f600 mood,"two\nlines"\n1,2,3,4,5,6\n'
    names = read_frame(written(tmp_path / "a.csv", text)).columns.tolist()
    assert names == ["a", "a (2)", "<b>x</b>", "column 4", "\U0001f600 mood", "two lines"]


def test_blank_lines_and_row_names_and_delimiters_at_the_end_are_accepted(tmp_path):
    frame = read_frame(written(tmp_path / "a.csv", "\n\na,b\n\n1,2\n\n3,4\n\n"))
    assert frame.to_numpy().tolist() == [[1, 2], [3, 4]]
    frame = read_frame(written(tmp_path / "b.csv", "a,b\nr1,1,2\nr2,3,4\n"))
    assert frame.columns.tolist() == ["column 1", "a", "b"]
    frame = read_frame(written(tmp_path / "c.csv", "a;b\n1;2;\n3;4;\n"))
    assert frame[["a", "b"]].to_numpy().tolist() == [[1, 2], [3, 4]]
    frame = read_frame(written(tmp_path / "d.csv", "sep=;\na;b\n1;2\n"))
    assert frame.to_numpy().tolist() == [[1, 2]]


def test_a_decimal_comma_or_one_in_text_is_not_the_delimiter(tmp_path):
    text = "price, EUR;say;b\n" + "1,5;x, y, z;3\n" * 20
    frame = read_frame(written(tmp_path / "a.csv", text))
    assert frame.columns.tolist() == ["price, EUR", "say", "b"]
    assert frame["say"][0] == "x, y, z"


def test_rows_that_are_all_longer_than_the_header_are_refused(tmp_path):
    path = written(tmp_path / "a.csv", "a;b\n" + "1;2;3;4\n" * 9)
    with pytest.raises(DataError, match="rows have more fields than the header"):
        read_frame(path)


def test_short_rows_are_filled_and_long_ones_refused(tmp_path):
    frame = read_frame(written(tmp_path / "a.csv", "a,b,c\n1,2,3\n4,5\n"))
    assert np.isnan(frame["c"][1])
    path = written(tmp_path / "b.csv", "a,b\n1,2\n3,4,5\n6,7\n8,9\n")
    with pytest.raises(DataError, match=r"line 3 has 3 fields, the header 2; quote a field"):
        read_frame(path)


def test_a_sheet_is_chosen_by_name(tmp_path, table):
    path = tmp_path / "a.xlsx"
    with pd.ExcelWriter(path) as book:
        table.to_excel(book, sheet_name="Customers", index=False, startrow=2)
        table[["age"]].to_excel(book, sheet_name="Other", index=False)
        pd.DataFrame().to_excel(book, sheet_name="Empty")
    frame = read_frame(path, sheet="Customers")  # with two blank rows above
    assert frame.columns.tolist() == ["name", "age", "height", "churn"]
    with pytest.raises(DataError, match=r"several sheets: Customers, Other; choose one with --sh"):
        read_frame(path)
    with pytest.raises(DataError, match=r"no sheet 'customers'; .* did you mean 'Customers'\?"):
        read_frame(path, sheet="customers")


def test_a_folder_of_images_is_listed_by_subfolder(tmp_path):
    for name in ("cat/1.png", "cat/2.JPG", "dog/sub/3.jpeg", "dog/notes.txt", ".cache/4.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    frame = read_frame(tmp_path)
    assert frame[CLASS].tolist() == ["cat", "cat", "dog"]
    assert [path.split("/")[-1] for path in frame[IMAGE]] == ["1.png", "2.JPG", "3.jpeg"]


def test_wrong_column_names_are_answered_with_the_right_one():
    error = did_you_mean("column", "churn", ["Name", "Churn", "Age"], "a.csv")
    assert str(error) == (
        "a.csv: there is no column 'churn'; columns are: Name, Churn, Age; did you mean 'Churn'?"
    )
    error = did_you_mean("column", "xyzzy", [f"c{i}" for i in range(40)], "a.csv")
    assert str(error).endswith("c29 and 10 more")


BAD = {
    "empty.csv": (b"", "the file is empty"),
    "blank.csv": (b"\n \n\n", "the file is empty"),
    "header.csv": (b"a,b,c\n", "no row below the header; columns are: a, b, c"),
    "image.csv": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "found a PNG image"),
    "book.csv": (b"PK\x03\x04" + bytes(100), "found a zip archive"),
    "table.csv": (b"PAR1" + bytes(100), "found a Parquet file"),
    "noise.csv": (bytes(range(256)) * 20, "found a binary file"),
    "torn.csv.gz": (gzip.compress(b"a,b\n1,2\n" * 999)[:40], "cannot be decompressed"),
    "quote.csv": (b'a,b\n1,"2\n3,4\n', "quoted field is never closed"),
    "no.xlsx": (b"a,b\n1,2\n", "not a valid .xlsx workbook"),
    "empty.xlsx": (b"", "the file is empty"),
    "old.xls": (b"\xd0\xcf\x11\xe0", r"end in '.xls'; save it as .xlsx"),
    "a.docx": (b"PK", r"cannot read files that end in '.docx'; known are: .csv"),
    "noend": (b"a,b\n1,2\n", "cannot read files that end in ''"),
    "no.parquet": (b"a,b\n1,2\n", "not a valid Parquet file"),
    "no.feather": (b"a,b\n1,2\n", "not a valid Feather file"),
    "no.jsonl": (b'{"a": 1}\n{"a":', "expected one JSON record a line"),
    "no.json": (b"[1, 2", "expected a JSON array of records"),
    "empty.json": (b"", "the file is empty"),
    "none.json": (b"[]", "there is no column"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path, name):
    content, said = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        read_frame(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / name))


def test_a_missing_file_and_a_folder_without_images_are_named(tmp_path):
    (tmp_path / "orders.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"no such file; did you mean 'orders.csv'\?"):
        read_frame(tmp_path / "order.csv")
    with pytest.raises(DataError, match="nor a folder"):
        read_frame(tmp_path / "nowhere" / "a.csv")
    with pytest.raises(DataError, match="expected subfolders, one per class"):
        read_frame(tmp_path)
    with pytest.raises(DataError, match="only Excel workbooks have sheets"):
        read_frame(tmp_path / "orders.csv", sheet="1")


def test_a_file_too_big_for_memory_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "big.csv"
    with path.open("wb") as stream:
        stream.write(b"a,b\n1,2\n")
        stream.truncate(1 << 43)  # 8 TB of which the disk holds a line
    with pytest.raises(DataError, match=r"needs about 26\d+\.\d GB of memory, .* as Parquet"):
        read_frame(path)


def test_memory_of_a_compressed_or_parquet_file_is_estimated_from_its_content(tmp_path):
    frame = pd.DataFrame({"a": np.zeros(100_000), "b": np.arange(100_000)})
    frame.to_parquet(tmp_path / "a.parquet")
    assert reading.bytes_needed(tmp_path / "a.parquet", "parquet") >= 2 * 16 * 100_000
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"1,2\n" * 1_000_000))
    assert reading.bytes_needed(tmp_path / "a.csv.gz", "text") == 3 * 4_000_000
    (tmp_path / "a.csv.xz").write_bytes(bytes(1000))
    assert reading.bytes_needed(tmp_path / "a.csv.xz", "text") == 15 * 1000
    assert available_bytes() > 1e8


def test_without_openpyxl_the_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    monkeypatch.setitem(sys.modules, "openpyxl", None)  # as if it were not installed
    with pytest.raises(MissingExtraError, match=r"pip install 'model-zoo-curves\[files\]'"):
        read_frame(tmp_path / "a.xlsx")


@pytest.fixture
def low_limit(monkeypatch):
    """Files may unpack to 1 MB, or to ten times their size."""
    monkeypatch.setattr("zoo.data.unpacking._LARGEST_RATIO", 10)
    monkeypatch.setattr("zoo.data.unpacking._ALWAYS_ALLOWED", 1_000_000)


def test_a_small_file_that_unpacks_to_very_much_is_refused_before_it_fills_the_memory(
    tmp_path, low_limit
):
    (tmp_path / "a.csv.bz2").write_bytes(bz2.compress(b"a,b\n" + b"1,2\n" * 500_000))
    with pytest.raises(DataError, match="unpacks to more than 1 MB"):
        read_frame(tmp_path / "a.csv.bz2")
    (tmp_path / "a.json.xz").write_bytes(lzma.compress(b"[" + b" " * 2_000_000))
    with pytest.raises(DataError, match="unpacks to more than 1 MB"):
        read_frame(tmp_path / "a.json.xz")
    frame = pd.DataFrame({"a": np.zeros(1_000_000)})
    frame.to_feather(tmp_path / "a.feather", compression="zstd")
    with pytest.raises(DataError, match="unpacks to more than"):
        read_frame(tmp_path / "a.feather")


BROKEN_STARTS = {"gz": b"\x1f\x8b", "bz2": b"BZh9", "xz": b"\xfd7zXZ\x00", "zip": b"PK\x03\x04"}


@pytest.mark.parametrize("start", BROKEN_STARTS.values(), ids=BROKEN_STARTS)
@pytest.mark.parametrize("suffix", [".json", ".csv", ".jsonl", ".csv.zip", ".csv.gz", ".xlsx"])
def test_a_file_that_only_begins_as_a_compressed_one_is_one_line(start, suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(start + b"not compressed at all" * 20)
    with pytest.raises(DataError) as caught:
        read_frame(path)
    assert "\n" not in str(caught.value)


def workbook(path, change):
    """Write a workbook whose sheet was changed by a function of its XML."""
    pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}).to_excel(path, index=False)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/worksheets/sheet1.xml"] = change(parts["xl/worksheets/sheet1.xml"])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


ENTITIES = b'<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
CELL = b'<row r="1048576"><c r="XFD1048576"%s</row></sheetData>'


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda xml: ENTITIES + xml, "declares entities"),
        (lambda xml: (ENTITIES + xml).decode().encode("utf-16"), "declares entities"),
        (lambda xml: xml[:-30], "not a valid .xlsx"),
        (lambda _: b"", "not a valid .xlsx"),
        (lambda xml: xml.replace(b"</sheetData>", CELL % b"><v>1</v></c>"), "stray cells"),
        (lambda xml: xml + b" " * 2_000_000, "unpacks to 2 MB"),
    ],
    ids=["entities", "entities in UTF-16", "cut", "empty", "stray cell", "unpacks to much"],
)
def test_a_workbook_that_would_do_harm_is_one_line(change, said, tmp_path, low_limit):
    with pytest.raises(DataError, match=said) as caught:
        read_frame(workbook(tmp_path / "a.xlsx", change))
    assert "\n" not in str(caught.value)


def test_a_stray_cell_without_content_does_no_harm(tmp_path):
    empty = CELL % b' s="0"/>'
    path = workbook(tmp_path / "a.xlsx", lambda xml: xml.replace(b"</sheetData>", empty))
    assert read_frame(path).shape == (2, 2)


def test_a_parquet_or_feather_file_with_a_changed_byte_is_read_or_one_line(tmp_path):
    frame = pd.DataFrame({"a": range(50), "b": ["x"] * 50})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_feather(tmp_path / "a.feather")
    rng = np.random.default_rng(0)
    n_refused = 0
    for suffix in ("parquet", "feather"):
        content = (tmp_path / f"a.{suffix}").read_bytes()
        for _ in range(40):
            changed = bytearray(content)
            changed[rng.integers(8, len(changed) - 8)] = rng.integers(256)
            (tmp_path / f"b.{suffix}").write_bytes(changed)
            try:
                read_frame(tmp_path / f"b.{suffix}")
            except DataError as error:
                n_refused += 1
                assert "\n" not in str(error)
    assert n_refused > 5


def test_an_image_of_over_50_megapixels_is_left_out(tmp_path):
    for name, side in (("a/small", 20), ("a/large", 7100), ("b/small", 20)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (side, side)).save(tmp_path / f"{name}.png", compress_level=1)
    plan = plan_pixels([*read_frame(tmp_path)[IMAGE]])
    assert plan.broken == (str(tmp_path / "a" / "large.png"),)
    with pytest.raises(DataError, match="over 50 megapixels"):
        read_pixels(plan.broken, plan.image_shape)
