"""How a text file holds its table: encoding, delimiter, escaped quotes, names and titles."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import DataError
from zoo.ingest.clean_table import TableWarning, Topic
from zoo.ingest.outline import find_names, find_outline, name_columns

__all__ = ["FIRST_PART", "Layout", "find_layout", "late_escape"]

FIRST_PART = 1 << 18  # bytes from which the layout is inferred
_DELIMITERS = (",", ";", "\t", "|")
_MOST_LINES = 2000
_MOST_TITLES = 40  # lines in which the names are looked for
_MAX_ZEROS = 0.005  # of the bytes of a text
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


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text file holds its table.

    Attributes
    ----------
    names : tuple of str
        One for each field of a row, unique.
    skipped : tuple of int
        Lines from 0 that are not rows: the header and what stands above it, units. A quoted field
        with line breaks is in one line.
    has_header : bool
        Whether the names stood in the file.
    escape : str or None
        The mark, a backslash, before a quotation mark or delimiter that is part of a field.
    remarks : tuple of TableWarning
    """

    encoding: str
    delimiter: str
    names: tuple[str, ...]
    skipped: tuple[int, ...]
    has_header: bool
    escape: str | None
    remarks: tuple[TableWarning, ...]


def find_layout(start: bytes, path: Path, wanted: Collection[str] = ()) -> Layout:
    """Return the layout of the text table that begins like this.

    Raises
    ------
    DataError
        If it is empty or not text, or most rows do not fit the header.
    """
    if not start.strip():
        raise DataError(f"{path}: the file is empty; expected a header and rows")
    encoding = _encoding(start, path)
    text = _text_of(start, encoding)
    if len(start) == FIRST_PART:
        text = text[: max(text.rfind("\n"), text.rfind("\r"), 1)]
    text = text.replace("\0", "")
    named = re.match(r"sep=(.)\r?\n", text)
    delimiter = named[1] if named else _delimiter(text, wanted)
    escape = _escape(text, delimiter)
    numbered = [
        (line, row)
        for line, row in enumerate(_fields(text, delimiter, escape))
        if row and not (named and line == 0)
    ]
    if len(start) == FIRST_PART and len(numbered) > 2:
        numbered.pop()  # perhaps cut within a quoted field
    if not numbered:
        raise DataError(f"{path}: the file is empty; expected a header and rows")
    lines, rows = [line for line, _ in numbered], [row for _, row in numbered]
    outline = find_outline(rows, [line + 1 for line in lines], wanted)
    body = rows[max((-1, *outline.skipped)) + 1 :]
    header = [""] * len(body[0]) if outline.header is None else rows[outline.header]
    names, remarks = _names(header, body, lines[outline.header or 0] + 1, path)
    if encoding not in {"utf-8", "utf-8-sig"}:
        remarks.append(TableWarning(about=Topic.READ, text=f"The text was read as {encoding}."))
    skipped = (*((0,) if named else ()), *(lines[i] for i in outline.skipped))
    return Layout(
        encoding,
        delimiter,
        tuple(name_columns(names)),
        skipped,
        outline.header is not None,
        escape,
        (*outline.remarks, *remarks),
    )


def _names(
    header: list[str], body: list[list[str]], line: int, path: Path
) -> tuple[list[str], list[TableWarning]]:
    """Return a name for each field; most rows may be one longer or shorter than the header.

    They are one longer with row names or a delimiter at the end.
    """
    width = Counter(map(len, body)).most_common(1)[0][0] if body else len(header)
    if width == len(header) - 1 and not header[-1].strip():
        return header[:-1], []
    if width != len(header) + 1:
        return header, []
    longer = [row for row in body if len(row) == width]
    if all(not row[-1].strip() for row in longer):
        return [*header, ""], []
    labels = [row[0] for row in longer]
    if len({*labels}) < len(labels) or len(longer) < len(body):
        raise DataError(
            f"{path}: most rows have {width} fields, the header in line {line} {len(header)}; name "
            "each column there, or quote the fields that hold the delimiter"
        )
    text = (
        f"The rows have {width} fields and line {line} {len(header)} names; the first field was "
        "taken as a name of the row."
    )
    return ["", *header], [TableWarning(about=Topic.READ, text=text)]


def _text_of(content: bytes, encoding: str) -> str:
    """Return content as text; what cannot be decoded is replaced."""
    return codecs.getincrementaldecoder(encoding)("replace").decode(content)


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
    if start.count(0) > max(3, _MAX_ZEROS * len(start)) or n_control > 0.01 * len(start):
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


def _fields(text: str, delimiter: str, escape: str | None = None) -> list[list[str]]:
    """Return the fields of each line."""
    try:
        lines = io.StringIO(text, newline="")
        return [*csv.reader(lines, delimiter=delimiter, escapechar=escape)]
    except csv.Error:
        return [line.split(delimiter) if line.strip() else [] for line in text.splitlines()]


def _delimiter(text: str, wanted: Collection[str]) -> str:
    """Return the delimiter with which most rows have as many fields as the header, at least 2.

    If there is none, a title may stand above the header: that with which most rows are equally
    long. With one delimiter only a row may hold the wanted names.
    """
    head = "\n".join(text.splitlines()[:_MOST_TITLES])
    found = [one for one in _DELIMITERS if find_names(_fields(head, one), wanted) is not None]
    if len(found) == 1:
        return found[0]
    best = usual = (0.0, 0, ",")
    for delimiter in _DELIMITERS:
        rows = [len(row) for row in _fields(text, delimiter) if row][:500] or [1]
        header, *others = rows
        width, count = Counter(others or rows).most_common(1)[0]
        if header > 1:
            # rows are one longer with row names or a delimiter at the end
            fraction = sum(length in {header, header + 1} for length in others)
            score = (round(fraction / max(1, len(others)), 1), header, delimiter)
            best = max(best, score, key=lambda one: one[:2])
        if width > 1:
            usual = max(usual, (round(count / len(rows), 1), width, delimiter), key=lambda a: a[:2])
    return best[2] if best[0] >= 0.5 or usual[0] <= best[0] else usual[2]


def late_escape(text: str, delimiter: str, width: int) -> str | None:
    """Return the backslash if it is an escape in the lines that have one before such a mark."""
    marks = ('\\"', f"\\{delimiter}")
    lines = [line for line in text.splitlines() if any(mark in line for mark in marks)]
    return _escape("\n".join(lines[:_MOST_LINES]), delimiter, width)


def _escape(text: str, delimiter: str, width: int = 0) -> str | None:
    """Return the backslash if it stands before quotation marks or delimiters within fields.

    With it more rows have the width; 0: that of most rows.
    """
    mark = re.escape(delimiter)
    if not re.search(rf'\\["{mark}]', text):
        return None
    scores = []
    for escape in (None, "\\"):
        rows = [len(row) for row in _fields(text, delimiter, escape) if row]
        usual, count = Counter(rows).most_common(1)[0]
        count, usual = (rows.count(width), width) if width else (count, usual)
        scores.append((count / len(rows), count * usual))
    is_within = re.search(rf'(?<!\\)(?:\\\\)*\\"(?!["\r\n{mark}]|$)', text)
    if scores[1] > scores[0] or (scores[1] == scores[0] and is_within):
        return "\\"
    return None
