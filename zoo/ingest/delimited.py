"""Text tables: the layout is inferred from the first part, then the file is read."""

from __future__ import annotations

import csv
import io
import itertools
import re
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from zoo.data.unpacking import UNPACKING_ERRORS, open_unpacked
from zoo.encoding.plain_columns import EXACT
from zoo.errors import DataError
from zoo.ingest.clean_table import Column, DecimalMark, RawTable, Severity, TableWarning, Topic
from zoo.ingest.layout import FIRST_PART, Layout, find_layout, late_escape
from zoo.ingest.outline import count_footer, footer_remark, footer_warning, is_note, name_columns
from zoo.ingest.plain_numbers import MISSING_FORMS, decimal_of_sample, is_plain

__all__ = ["TEXT_MEMORY", "read_delimited"]

_READING: dict[str, Any] = {"header": None, "index_col": False, "keep_default_na": False}
TEXT_MEMORY = 3.0  # bytes of memory per byte of text while it is read and cleaned
_SAMPLE_ROWS = 2000
_BLOCK = 1 << 20  # bytes
_MOST_NOTES = 20  # lines below the table


def read_delimited(
    path: Path, *, wanted: Collection[str] = (), roles: Collection[str] = ()
) -> RawTable:
    """Return the table of a text file: plain numbers as numbers, everything else as text.

    A number is plain if it is unambiguous: not 007, and not 1.234, which may be 1234.

    Parameters
    ----------
    path : Path
    wanted : collection of str
        Names that the header should hold.
    roles : collection of str
        Columns of which the words that were read as missing numbers are counted.

    Raises
    ------
    DataError
        If the file is empty, has no row, is not text, or a row has more fields than the header.
    """
    with open_unpacked(path, bytes_per_byte=TEXT_MEMORY) as stream:
        try:
            layout = find_layout(stream.read(FIRST_PART), path, wanted)
            try:
                if _needs_cleaning(stream, layout):
                    return _read(*_cleaned(stream, layout), path, roles)
                return _read(stream, layout, path, roles)
            except UnicodeDecodeError:
                # the first part did not show it
                return _read(stream, _as_latin(layout), path, roles)
        except UNPACKING_ERRORS as error:
            said = f"cannot be decompressed ({error}); is it complete?"
            raise DataError(f"{path}: {said}") from error


def _needs_cleaning(stream: IO[bytes], layout: Layout) -> bool:
    """Return whether a file holds NUL bytes, or backslashes that need a closer look."""
    escaped = [b"\\N"] if layout.escape else [b'\\"', b"\\" + layout.delimiter.encode()]
    marks = [b"\0", *escaped]
    if layout.encoding.startswith(("utf-16", "utf-32")):
        marks = [
            mark.decode().encode(f"{layout.encoding[:6]}-{end}e") for mark in marks for end in "lb"
        ]
    stream.seek(0)
    last = b""
    while block := stream.read(_BLOCK):
        if any(mark in last + block for mark in marks):
            return True
        last = block[-8:]
    return False


def _as_latin(layout: Layout) -> Layout:
    """Return the layout with an encoding in which every byte is valid."""
    remarks = (*layout.remarks, _remark("The text was read as latin-1."))
    return replace(layout, encoding="latin-1", remarks=remarks)


def _cleaned(stream: IO[bytes], layout: Layout) -> tuple[IO[bytes], Layout]:
    """Return the file without NUL bytes and escaped missing values, and its layout."""
    stream.seek(0)
    content = stream.read()
    try:
        text = content.decode(layout.encoding)
    except UnicodeDecodeError:
        layout = _as_latin(layout)
        text = content.decode("latin-1")
    del content
    remarks = list(layout.remarks)
    if n_zeros := text.count("\0"):
        line = text[: text.index("\0")].count("\n") + 1
        what = "A NUL byte" if n_zeros == 1 else f"{n_zeros} NUL bytes, the first"
        said = f"{what} in line {line} was left out; the file may be damaged there."
        remarks.append(_remark(said))
        text = text.replace("\0", "")
    escape = layout.escape or late_escape(text, layout.delimiter, len(layout.names))
    if escape is not None:
        ends = f"[{re.escape(layout.delimiter)}\\r\\n]"
        text = re.sub(rf"(?<={ends})\\N(?={ends}|$)", "", text)
    layout = replace(layout, encoding="utf-8", escape=escape, remarks=(*remarks,))
    return io.BytesIO(text.encode()), layout


class _LongRowError(DataError):
    """A row has more fields than there are names."""


@dataclass(frozen=True, slots=True)
class _Source:
    """An open text file and its layout."""

    stream: IO[bytes]
    layout: Layout
    path: Path

    def part(self, **options: object) -> pd.DataFrame:
        """Return some rows or columns, parsed as the options of `pandas.read_csv` say.

        Raises
        ------
        DataError
            If that fails; a _LongRowError if a row is too long.
        """
        layout, path = self.layout, self.path
        self.stream.seek(0)
        settings = {**_READING, "na_values": [""], "skiprows": [*layout.skipped], **options}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", pd.errors.DtypeWarning)
                warnings.simplefilter("error", pd.errors.ParserWarning)
                return pd.read_csv(
                    self.stream,
                    sep=layout.delimiter,
                    encoding=layout.encoding,
                    escapechar=layout.escape,
                    names=[*layout.names],
                    **settings,
                )
        except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
            said = f"{path}: {_parser_error(str(error))}"
            if "saw" in str(error):
                raise _LongRowError(said) from error
            raise DataError(said) from error
        except pd.errors.EmptyDataError:
            return pd.DataFrame(columns=[*layout.names])

    def rows(self) -> Iterator[tuple[int, int, list[str]]]:
        """Yield the position of each row, as in `Layout.skipped`, its last line and fields."""
        self.stream.seek(0)
        text = io.TextIOWrapper(self.stream, self.layout.encoding, errors="replace", newline="")
        skipped = {*self.layout.skipped}
        try:
            mark, escape = self.layout.delimiter, self.layout.escape
            reader = csv.reader(text, delimiter=mark, escapechar=escape)
            for i, row in enumerate(reader):
                if i not in skipped:
                    yield i, reader.line_num, row
        except csv.Error:  # a field of more than 131,072 characters
            return
        finally:
            text.detach()


def _read(stream: IO[bytes], layout: Layout, path: Path, roles: Collection[str]) -> RawTable:
    """Return the table, without notes of more fields than the header that stand below it."""
    source = _Source(stream, layout, path)
    try:
        raw = _read_rows(source, None, roles)
        if repeated := _repeated_names(source, raw.frame):
            lines = f"{len(repeated)} lines" if len(repeated) > 1 else "one line"
            text = f"The column names stand in the file again; left out: {lines}."
            skipped, remarks = (*layout.skipped, *repeated), (*layout.remarks, _remark(text))
            layout = replace(layout, skipped=skipped, remarks=remarks)
            raw = _read_rows(_Source(stream, layout, path), None, roles)
        return raw
    except _LongRowError:
        n_rows, shown = _notes_below(source)
        if not shown:
            raise
        raw = _read_rows(source, n_rows, roles)
        return replace(raw, remarks=(*raw.remarks, footer_warning(shown)))


def _repeated_names(source: _Source, frame: pd.DataFrame) -> list[int]:
    """Return the positions of rows that repeat the names, as where files were joined."""
    texts = [name for name in frame.columns if isinstance(frame[name].dtype, pd.StringDtype)]
    if len(texts) < frame.shape[1] or not all((frame[name] == name).any() for name in texts):
        return []
    names = [*source.layout.names]
    return [i for i, _, row in source.rows() if name_columns(row) == names]


def _notes_below(source: _Source) -> tuple[int, list[str]]:
    """Return the number of rows above the notes that end the file, and the notes."""
    n_rows, is_after_blank = 0, False
    notes: list[str] = []
    for _, _, row in source.rows():
        if not row:
            is_after_blank = True
            continue
        is_long = len(row) > len(source.layout.names)
        if notes or (is_long and (is_after_blank or is_note(row[0]))):
            notes.append(repr(source.layout.delimiter.join(row)[:80]))
        else:
            n_rows += 1
        is_after_blank = False
        if len(notes) > _MOST_NOTES:
            return 0, []
    return n_rows, notes


def _read_rows(source: _Source, n_rows: int | None, roles: Collection[str]) -> RawTable:
    """Return the first rows; columns that are plain numbers in a sample are parsed as numbers."""
    layout, path = source.layout, source.path
    most = _SAMPLE_ROWS if n_rows is None else min(n_rows, _SAMPLE_ROWS)
    sample = source.part(dtype="str", nrows=most)
    if sample.empty:
        names = ", ".join(layout.names[:20])
        raise DataError(f"{path}: there is no row below the header; columns are: {names}")
    remarks = list(layout.remarks)
    if len(sample) < _SAMPLE_ROWS and (n_last := count_footer(sample)):
        remarks.append(footer_remark(sample, n_last))
        sample = sample.iloc[:-n_last]
        n_rows = len(sample)
    decimal = decimal_of_sample(sample, layout.delimiter)
    plain = {name: is_plain(sample[name], decimal) for name in sample.columns}
    texts = {name: "str" for name, is_one in plain.items() if not is_one}
    missing = {name: MISSING_FORMS for name, is_one in plain.items() if is_one}
    options = {"dtype": texts, "na_values": missing, "decimal": decimal}
    frame = source.part(**options, nrows=n_rows)
    if len(sample) == _SAMPLE_ROWS and (n_last := count_footer(frame)):
        remarks.append(footer_remark(frame, n_last))
        n_rows = len(frame) - n_last
        frame = source.part(**options, nrows=n_rows)
    remarks += _short_rows(source, frame)
    shown = sample if len(sample) == _SAMPLE_ROWS else frame.iloc[:0]  # all rows of a short file
    mixed = [
        name
        for name in missing
        if _is_long(frame[name]) or _is_mixed(frame[name], shown[name], decimal)
    ]
    lost = [name for name in roles if name in missing and name not in mixed]
    lost = [name for name in lost if frame[name].hasnans]
    words = {}
    if mixed or lost:  # the sample did not show it
        again = source.part(dtype="str", usecols=[*mixed, *lost], nrows=n_rows)
        for name in mixed:
            is_number = frame[name].dtype.kind in "iuf" and not _is_long(frame[name])
            if not (is_number and is_plain(again[name], decimal)):
                frame[name] = again.pop(name)
        words = {name: again[name][frame[name].isna()].value_counts().to_dict() for name in lost}
    remarks += [*_how_read(source, decimal), *_swallowed(frame, layout.delimiter)]
    has_points = decimal == "." and any(
        frame[name].dtype.kind == "f" and bool(sample[name].str.contains(".", regex=False).any())
        for name in missing
    )
    return RawTable(
        frame,
        "." if has_points else "," if decimal == "," else None,
        (*remarks,),
        has_header=layout.has_header,
        missing_words=words,
    )


def _is_mixed(column: Column, sample: Column, decimal: DecimalMark) -> bool:
    """Return whether a column is of text, or has decimals that its sample did not have."""
    if column.dtype.kind != "f":
        return column.dtype.kind not in "iu"
    if not len(sample) or sample.str.contains(decimal, regex=False).any():
        return False
    values = column.to_numpy()
    return bool((np.isfinite(values) & (values != np.floor(values))).any())


def _is_long(column: Column) -> bool:
    """Return whether floats may have rounded the integers of a column."""
    return column.dtype.kind == "f" and bool((np.abs(column.to_numpy()) >= EXACT).any())


def _how_read(source: _Source, decimal: DecimalMark) -> Iterator[TableWarning]:
    """Say what is unusual about the file."""
    layout = source.layout
    if layout.delimiter != ",":
        mark = "a tab" if layout.delimiter == "\t" else f"'{layout.delimiter}'"
        yield _remark(f"The fields were read as delimited by {mark}.")
    if decimal == ",":
        yield _remark("The comma was taken as the decimal mark.")
    if layout.escape:
        yield _remark("A backslash before a quotation mark or delimiter was taken as an escape.")


def _remark(text: str, severity: Severity = Severity.MINOR) -> TableWarning:
    return TableWarning(about=Topic.READ, text=text, severity=severity)


def _short_rows(source: _Source, frame: pd.DataFrame) -> Iterator[TableWarning]:
    """Warn of rows with fewer fields than the header; the last column is empty there."""
    last = frame.iloc[:, -1]
    is_empty = last.isna() | (last == "")
    if not is_empty.any():
        return
    width = frame.shape[1] - bool(is_empty.all())
    rows = itertools.islice(((line, row) for _, line, row in source.rows() if row), len(frame))
    lines = [(line, len(row)) for line, row in rows if len(row) < width]
    if lines:
        shown = ", ".join(str(line) for line, _ in lines[:5])
        more = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
        what = f"Line {shown} has" if len(lines) == 1 else f"Lines {shown}{more} have"
        yield _remark(
            f"{what} fewer fields than the header ({lines[0][1]} in line {lines[0][0]} instead of "
            f"{frame.shape[1]}); the last columns were read as empty there. If a field is missing "
            "or broken by a line end, correct it.",
            Severity.SERIOUS,
        )


def _swallowed(frame: pd.DataFrame, delimiter: str) -> Iterator[TableWarning]:
    """Warn of fields that hold what looks like rows of the table, after a lone quotation mark."""
    n_marks = frame.shape[1] - 1
    if not n_marks:
        return
    for name in frame.columns:
        column = frame[name]
        if not isinstance(column.dtype, pd.StringDtype):
            continue
        several = column[column.str.contains("\n", regex=False, na=False)]
        is_row = [
            any(line.count(delimiter) >= n_marks for line in text.split("\n")) for text in several
        ]
        if any(is_row):
            i = several.index[is_row.index(True)]
            yield _remark(
                f"In '{name}' of row {i + 1} a quoted field holds several lines like rows of the "
                "table; look for a lone quotation mark there.",
                Severity.SERIOUS,
            )


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
