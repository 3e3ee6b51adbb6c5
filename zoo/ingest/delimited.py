"""Text tables: encoding and delimiter are inferred from the first part, then the file is read."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
import warnings
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import pandas as pd

from zoo.data.unpacking import UNPACKING_ERRORS, open_unpacked
from zoo.encoding.written import MISSING_WORDS
from zoo.errors import DataError
from zoo.ingest.clean_table import Column, DecimalMark, RawTable

__all__ = ["TEXT_MEMORY", "name_columns", "read_delimited"]

_READING: dict[str, Any] = {"header": 0, "index_col": False, "keep_default_na": False}
TEXT_MEMORY = 3.0  # bytes of memory per byte of text while it is read and cleaned
_FIRST_PART = 1 << 18  # bytes from which the layout is inferred
_SAMPLE_ROWS = 2000
_MARKS = {
    b"PK\x03\x04": "a zip archive (as .xlsx is)",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
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
# For either decimal mark: numbers (007 is a code), and numbers whose mark may group thousands.
_PLAIN = {
    mark: rf"[+-]?(?:(?:0|[1-9]\d*)(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?"
    for mark in (r"\.", ",")
}
_GROUPED = {mark: rf"[+-]?[1-9]\d{{0,2}}(?:{mark}\d{{3}})+" for mark in (r"\.", ",")}
_MISSING = sorted({form for word in MISSING_WORDS for form in (word, word.upper(), word.title())})
_MISSING += ["NaN", "N/a", "NULL", "<NA>"]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a text file holds its table, with one unique name per field of a row."""

    encoding: str
    delimiter: str
    names: tuple[str, ...]
    n_lines_before: int  # before the header: a line that names the delimiter


def read_delimited(path: Path) -> RawTable:
    """Return the table of a text file: plain numbers as numbers, everything else as text.

    A number is plain if it is unambiguous: not 007, and not 1.234, which may be 1234.

    Raises
    ------
    DataError
        If the file is empty, has no row, is not text, or a row has more fields than the header.
    """
    with open_unpacked(path, bytes_per_byte=TEXT_MEMORY) as stream:
        try:
            layout = _find_layout(stream.read(_FIRST_PART), path)
            try:
                return _read(stream, layout, path)
            except UnicodeDecodeError:
                # the first part did not show it; every byte is valid in this encoding
                return _read(stream, replace(layout, encoding="latin-1"), path)
        except UNPACKING_ERRORS as error:
            said = f"cannot be decompressed ({error}); is it complete?"
            raise DataError(f"{path}: {said}") from error


def _find_layout(start: bytes, path: Path) -> _Layout:
    """Return the layout of the text table that begins like this."""
    if not start.strip():
        raise DataError(f"{path}: the file is empty; expected a header and rows")
    encoding = _encoding(start, path)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(start)
    if len(start) == _FIRST_PART:
        text = text[: max(text.rfind("\n"), text.rfind("\r"), 1)]
    if named := re.match(r"sep=(.)\r?\n", text):
        text = text[named.end() :]
    delimiter = named[1] if named else _delimiter(text)
    rows = _fields(text, delimiter)
    if not rows:
        raise DataError(f"{path}: the file is empty; expected a header and rows")
    header, lengths = rows[0], Counter(map(len, rows[1:]))
    if lengths and lengths.most_common(1)[0][0] == len(header) + 1:
        # row names without a header, or a delimiter at the end of each row
        is_last = all(row[-1] == "" for row in rows[1:] if len(row) > len(header))
        header = [*header, ""] if is_last else ["", *header]
    return _Layout(encoding, delimiter, tuple(name_columns(header)), 1 if named else 0)


def name_columns(names: list[Any]) -> list[str]:
    """Return unique names as text: "a", "a (2)"; a column without a name gets its number."""
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
    """Return the encoding by byte order mark or content; refuse what is not text."""
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
    """Return cp1252 for Western text, otherwise the guess of charset-normalizer."""
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
    """Return the fields of each row that is not blank."""
    try:
        lines = io.StringIO(text, newline="")
        return [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return [line.split(delimiter) for line in text.splitlines() if line.strip()]


def _delimiter(text: str) -> str:
    """Return the delimiter with which most rows have as many fields as the header, at least 2."""
    best = (0.0, 0, ",")
    for delimiter in (",", ";", "\t", "|"):
        header, *rows = [len(row) for row in _fields(text, delimiter)[:500]] or [1]
        if header > 1:
            # rows are one longer with row names or a delimiter at the end
            fraction = sum(length in {header, header + 1} for length in rows) / max(1, len(rows))
            best = max(best, (round(fraction, 1), header, delimiter), key=lambda found: found[:2])
    return best[2]


def _read(stream: IO[bytes], layout: _Layout, path: Path) -> RawTable:
    """Return the table; columns that are plain numbers in a sample are parsed as numbers."""
    sample = _read_part(stream, layout, path, dtype="str", nrows=_SAMPLE_ROWS)
    if sample.empty:
        names = ", ".join(layout.names[:20])
        raise DataError(f"{path}: there is no row below the header; columns are: {names}")
    decimal = _decimal_of(sample, layout)
    is_plain = {name: _is_plain(sample[name], decimal) for name in sample.columns}
    texts = {name: "str" for name, plain in is_plain.items() if not plain}
    missing = {name: _MISSING for name, plain in is_plain.items() if plain}
    frame = _read_part(stream, layout, path, dtype=texts, na_values=missing, decimal=decimal)
    mixed = [name for name in missing if frame[name].dtype.kind not in "iuf"]
    if mixed:  # the sample did not show it
        again = _read_part(stream, layout, path, dtype="str", usecols=mixed)
        for name in mixed:
            frame[name] = again.pop(name)
    remarks = []
    if layout.encoding not in {"utf-8", "utf-8-sig"}:
        remarks.append(f"The text was read as {layout.encoding}.")
    if layout.delimiter != ",":
        mark = "a tab" if layout.delimiter == "\t" else f"'{layout.delimiter}'"
        remarks.append(f"The fields were read as delimited by {mark}.")
    if decimal == ",":
        remarks.append("The comma was taken as the decimal mark.")
    return RawTable(frame, "," if decimal == "," else None, tuple(remarks))


def _read_part(stream: IO[bytes], layout: _Layout, path: Path, **options: object) -> pd.DataFrame:
    stream.seek(0)
    settings = {**_READING, "na_values": [""], "skiprows": layout.n_lines_before, **options}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.DtypeWarning)
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                stream,
                sep=layout.delimiter,
                encoding=layout.encoding,
                names=[*layout.names],
                **settings,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(f"{path}: {_parser_error(str(error))}") from error


def _parser_error(said: str) -> str:
    """Return what is wrong with a file; pandas says it in text only."""
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


def _decimal_of(sample: pd.DataFrame, layout: _Layout) -> DecimalMark:
    """Return the comma if numbers of the sample have decimal commas and none has a point."""
    if layout.delimiter == ",":
        return "."
    with_mark = {",": 0, ".": 0}
    for name, mark in itertools.product(sample.columns, with_mark):
        has_it = bool(sample[name].str.contains(mark, regex=False).any())
        with_mark[mark] += has_it and _is_plain(sample[name], mark)
    return "," if with_mark[","] and not with_mark["."] else "."


def _is_plain(column: Column, decimal: str) -> bool:
    """Return whether a sample of texts consists of unambiguous numbers."""
    texts = column.dropna().str.strip()
    texts = texts[~texts.isin(_MISSING)]
    mark = re.escape(decimal)
    if not len(texts) or not texts.str.fullmatch(_PLAIN[mark]).all():
        return False
    with_mark = texts[texts.str.contains(decimal, regex=False)]
    return not len(with_mark) or not bool(with_mark.str.fullmatch(_GROUPED[mark]).all())
