"""Text tables: how a file is encoded and delimited is found on its first part, then it is read."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
import warnings
import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

import pandas as pd

from zoo.errors import DataError
from zoo.ingest.written import GAP_WORDS

__all__ = ["Layout", "find_layout", "name_columns", "open_packed", "read_delimited"]

_FIRST_PART = 1 << 18  # bytes that are looked at
_SAMPLE_ROWS = 2000
_MARKS = {
    b"PK\x03\x04": "a zip archive (as .xlsx is)",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
    b"PAR1": "a Parquet file",
    b"ARROW1": "a Feather file",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"SQLite": "an SQLite database",
    b"\x7fELF": "a program",
    b"\x80\x04\x95": "a pickle",
    b"\x80\x05\x95": "a pickle",
}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# For either decimal mark: what is a number (007 is a code), and what may be one of thousands.
_PLAIN = {
    mark: rf"[+-]?(?:(?:0|[1-9]\d*)(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?"
    for mark in (r"\.", ",")
}
_GROUPED = {mark: rf"[+-]?[1-9]\d{{0,2}}(?:{mark}\d{{3}})+" for mark in (r"\.", ",")}
_GAPS = sorted({form for word in GAP_WORDS for form in (word, word.upper(), word.title())})
_GAPS += ["NaN", "N/a", "NULL", "<NA>"]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text table is written.

    Attributes
    ----------
    encoding : str
    delimiter : str
    names : tuple of str
        Unique, without blanks at the ends, one for each field of a row.
    n_lines_before : int
        Lines before the header that say how the file is delimited.
    """

    encoding: str
    delimiter: str
    names: tuple[str, ...]
    n_lines_before: int


def open_packed(path: Path) -> IO[bytes]:
    """Open a file, unpacked if its first bytes are those of gzip, bzip2, xz or zip.

    Raises
    ------
    DataError
        If a zip archive does not hold one file.
    """
    with path.open("rb") as stream:
        start = stream.read(6)
    if start[:2] == b"\x1f\x8b":
        return cast("IO[bytes]", gzip.open(path))
    if start[:3] == b"BZh":
        return cast("IO[bytes]", bz2.open(path))
    if start == b"\xfd7zXZ\x00":
        return cast("IO[bytes]", lzma.open(path))
    if start[:4] == b"PK\x03\x04" and path.suffix.lower() == ".zip":
        archive = zipfile.ZipFile(path)
        inside = [name for name in archive.namelist() if not name.startswith("__MACOSX")]
        if len(inside) != 1:
            raise DataError(f"{path}: expected one file in the archive, found {len(inside)}")
        return archive.open(inside[0])
    return path.open("rb")


def read_delimited(path: Path) -> pd.DataFrame:
    """Return the table of a text file: plain numbers as numbers, everything else as its text.

    A number is plain if it can be read in one way only: not 007, and not 1.234, which may be 1234.

    Raises
    ------
    DataError
        If the file is empty, has no row, is no text, or a row has more fields than the header.
    """
    with open_packed(path) as stream:
        try:
            start = stream.read(_FIRST_PART)
            layout = find_layout(start, path)
            stream.seek(0)
            return _read(stream, layout, path)
        except UnicodeDecodeError:
            # what the first part did not show; each byte means something in this encoding
            stream.seek(0)
            return _read(stream, replace(layout, encoding="latin-1"), path)
        except (EOFError, OSError, lzma.LZMAError) as error:
            raise DataError(f"{path}: cannot be unpacked ({error}); is it complete?") from error


def find_layout(start: bytes, path: Path) -> Layout:
    """Return how the text table that begins like this is written.

    Raises
    ------
    DataError
        If it is empty or no text.
    """
    if not start.strip():
        raise DataError(f"{path}: the file is empty; expected a header and rows")
    encoding = _encoding(start, path)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(start)
    if len(start) == _FIRST_PART:
        text = text[: max(text.rfind("\n"), text.rfind("\r"), 1)]
    n_before, delimiter = 0, None
    if told := re.match(r"sep=(.)\r?\n", text):
        n_before, delimiter, text = 1, told.group(1), text[told.end() :]
    delimiter = delimiter or _delimiter(text)
    rows = _fields(text, delimiter)
    if not rows:
        raise DataError(f"{path}: the file is empty; expected a header and rows")
    header, lengths = rows[0], Counter(map(len, rows[1:]))
    if lengths and lengths.most_common(1)[0][0] == len(header) + 1:
        # row names without a name of their own, or a delimiter at the end of each row
        is_last = all(row[-1] == "" for row in rows[1:] if len(row) > len(header))
        header = [*header, ""] if is_last else ["", *header]
    return Layout(encoding, delimiter, tuple(name_columns(header)), n_before)


def name_columns(names: list[Any]) -> list[str]:
    """Return names as text, each one once: "a", "a (2)"; a column without one gets its number."""
    texts = [" ".join(str(name).split()) or f"column {i}" for i, name in enumerate(names, 1)]
    taken, unique = set(texts), []
    seen: Counter[str] = Counter()
    for text in texts:
        seen[text] += 1
        name, count = text, seen[text]
        while count > 1 and name in taken:
            name, count = f"{text} ({count})", count + 1
        taken.add(name)
        unique.append(name)
    return unique


def _encoding(start: bytes, path: Path) -> str:
    for bom, name in _BOMS:
        if start.startswith(bom):
            return name
    for mark, what in _MARKS.items():
        if start.startswith(mark):
            raise DataError(f"{path}: expected text with delimiters, found {what}")
    zeros = [start[i::2].count(0) / max(1, len(start) // 2) for i in (0, 1)]
    if max(zeros) > 0.4 and min(zeros) < 0.1:
        return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    n_control = sum(start.count(code) for code in (*range(9), *range(14, 27), 28, 29, 30, 31))
    if start.count(0) or n_control > 0.01 * len(start):
        raise DataError(f"{path}: expected text with delimiters, found a binary file")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return _older_encoding(start)
    return "utf-8"


def _older_encoding(start: bytes) -> str:
    """Return cp1252 for Western text, otherwise what charset-normalizer takes it for."""
    from charset_normalizer import from_bytes

    best = from_bytes(start[: 1 << 16]).best()
    foreign = ("Cyrillic", "Greek", "Hebrew", "Arabic", "CJK", "Hiragana", "Katakana", "Hangul")
    if best is not None and any(word in name for name in best.alphabets for word in foreign):
        return str(best.encoding)
    try:
        start.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def _fields(text: str, delimiter: str) -> list[list[str]]:
    """Return the rows of a text that are not blank."""
    try:
        lines = io.StringIO(text, newline="")
        rows = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return [line.split(delimiter) for line in text.splitlines() if line.strip()]
    return [row for row in rows if row]


def _delimiter(text: str) -> str:
    """Return the delimiter that gives most rows the header's length, which is greater than 1."""
    best = (0.0, 0, ",")
    for delimiter in (",", ";", "\t", "|"):
        header, *rows = [len(row) for row in _fields(text, delimiter)[:500]] or [1]
        if header > 1:
            # with row names, or a delimiter at the end, rows are one longer
            share = sum(length in {header, header + 1} for length in rows) / max(1, len(rows))
            best = max(best, (round(share, 1), header, delimiter), key=lambda found: found[:2])
    return best[2]


def _read(stream: IO[bytes], layout: Layout, path: Path) -> pd.DataFrame:
    sample = _read_part(stream, layout, path, dtype="str", nrows=_SAMPLE_ROWS)
    if sample.empty:
        names = ", ".join(layout.names[:20])
        raise DataError(f"{path}: there is no row below the header; columns are: {names}")
    decimal = _decimal_of(sample, layout)
    is_plain = {name: _is_plain(sample[name], decimal) for name in sample.columns}
    texts = {name: "str" for name, plain in is_plain.items() if not plain}
    gaps = {name: _GAPS for name, plain in is_plain.items() if plain}
    frame = _read_part(stream, layout, path, dtype=texts, na_values=gaps, decimal=decimal)
    mixed = [
        name for name, plain in is_plain.items() if plain and frame[name].dtype.kind not in "iuf"
    ]
    frame.attrs["read"] = _told(layout, decimal)
    frame.attrs["decimal"] = decimal if decimal == "," else None
    if mixed:  # what the sample did not show
        again = _read_part(stream, layout, path, dtype="str", usecols=mixed)
        for name in mixed:
            frame[name] = again.pop(name)
    return frame


def _told(layout: Layout, decimal: str) -> list[str]:
    """Return what a user may want to know of how the file was read."""
    told = []
    if layout.encoding not in {"utf-8", "utf-8-sig"}:
        told.append(f"The text was taken to be encoded as {layout.encoding}.")
    if layout.delimiter != ",":
        mark = "a tab" if layout.delimiter == "\t" else f"'{layout.delimiter}'"
        told.append(f"The fields were taken to be delimited by {mark}.")
    if decimal == ",":
        told.append("The comma was taken for the decimal mark.")
    return told


def _read_part(stream: IO[bytes], layout: Layout, path: Path, **options: Any) -> pd.DataFrame:
    stream.seek(0)
    options = {"na_values": [""], **options}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.DtypeWarning)
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                stream,
                sep=layout.delimiter,
                encoding=layout.encoding,
                names=list(layout.names),
                header=0,
                skiprows=layout.n_lines_before,
                index_col=False,
                keep_default_na=False,
                **options,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(f"{path}: {_what_is_wrong(str(error))}") from error


def _what_is_wrong(said: str) -> str:
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", said):
        expected, line, saw = found.groups()
        return (
            f"line {line} has {saw} fields, the header {expected}; quote a field that holds the "
            "delimiter, or remove the line"
        )
    if "does not match length of data" in said:
        return "rows have more fields than the header; name each column in the first line"
    if "EOF inside string" in said:
        return "a quoted field is never closed; look for a lone quotation mark"
    return f"cannot be read as text with delimiters ({' '.join(said.split())})"


def _decimal_of(sample: pd.DataFrame, layout: Layout) -> str:
    """Return the comma if numbers of the sample have decimal commas, and none has a point."""
    if layout.delimiter == ",":
        return "."
    parted = {",": 0, ".": 0}
    for name in sample.columns:
        for mark in parted:
            has_it = bool(sample[name].str.contains(mark, regex=False).any())
            parted[mark] += has_it and _is_plain(sample[name], mark)
    return "," if parted[","] and not parted["."] else "."


def _is_plain(column: pd.Series[Any], decimal: str) -> bool:
    """Return whether a sample of texts is of numbers that can be read in one way only."""
    texts = column.dropna().str.strip()
    texts = texts[~texts.isin(_GAPS)]
    mark = re.escape(decimal)
    if not len(texts) or not texts.str.fullmatch(_PLAIN[mark]).all():
        return False
    parted = texts[texts.str.contains(decimal, regex=False)]
    return not len(parted) or not bool(parted.str.fullmatch(_GROUPED[mark]).all())
