"""What an Excel workbook would unpack to, found without building it."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from zoo.data.unpacking import UNPACKING_ERRORS, available_bytes, ratio_limit
from zoo.errors import DataError

__all__ = ["check_workbook"]

_BYTES_PER_CELL = 60  # of a table that is being read
_BYTES_PER_BYTE = 4  # memory for each unpacked byte
_CHUNK = 1 << 20
_OVERLAP = 400  # longer than a cell's opening tag
_ENTITIES = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_CELL = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"[^>]{0,300}>\s*<(?:v|is|f)\b')


def check_workbook(path: Path) -> None:
    """Refuse a workbook that would not fit into memory, or whose XML declares entities.

    Cells are stored one by one, but read as a rectangle: one stray cell in the last row and column
    makes it 17 billion cells.

    Raises
    ------
    DataError
        One line that says which limit is exceeded.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_size(path, sum(member.file_size for member in members))
            for member in members:
                if member.filename.endswith((".xml", ".rels")):
                    _check_sheet(path, member.filename, _chunks(archive, member))
    # RuntimeError: it is encrypted; NotImplementedError: an unknown compression
    except (*UNPACKING_ERRORS, RuntimeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise DataError(
            f"{path}: is not a valid .xlsx workbook ({said}); open it and save it again"
        ) from error


def _check_size(path: Path, n_bytes: int) -> None:
    limit = min(ratio_limit(path), available_bytes() // _BYTES_PER_BYTE)
    if n_bytes > limit:
        raise DataError(
            f"{path}: unpacks to {n_bytes / 1e6:,.0f} MB, the limit here is {limit / 1e6:,.0f} MB; "
            "save the sheet as CSV"
        )


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a member in parts that overlap, so that no tag is cut in all of them."""
    with archive.open(member) as stream:
        before = b""
        while part := stream.read(_CHUNK):
            yield before + part
            before = part[-_OVERLAP:]


def _check_sheet(path: Path, name: str, chunks: Iterator[bytes]) -> None:
    n_rows = n_columns = 0
    for chunk in chunks:
        # as UTF-16 it could hide the declaration
        if _ENTITIES.search(chunk.replace(b"\0", b"")):
            raise DataError(f"{path}: {name} declares entities, which no workbook needs; refused")
        for letters, number in _CELL.findall(chunk):
            n_rows, n_columns = max(n_rows, int(number)), max(n_columns, _column(letters))
    if n_rows * n_columns * _BYTES_PER_CELL > available_bytes():
        raise DataError(
            f"{path}: {name} holds a cell in row {n_rows:,} and one in column {n_columns:,}, which "
            "makes a table that does not fit into memory; delete stray cells, or save it as CSV"
        )


def _column(letters: bytes) -> int:
    """Return the number of a column from its letters: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number
