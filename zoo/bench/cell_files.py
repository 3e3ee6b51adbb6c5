"""The files of a results folder: what each holds, and what all of them hold together."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.bench.records import Cell, cell_key, one_line, parse_record
from zoo.errors import StoreError
from zoo.prose import count

__all__ = [
    "PACKED", "Content", "Defect", "Results", "content_of", "is_at", "n_links", "open_file",
    "packed_file", "parse", "parts_of", "read_whole", "refusals", "union",
]  # fmt: skip

PACKED = "cells.jsonl"
_PARTS = "cells-*.jsonl"


@dataclass(frozen=True, slots=True)
class Defect:
    """A line, or a whole file, that holds no record.

    Parameters
    ----------
    path : Path
    text : str
        File, line and what is wrong, in one line.
    """

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Results:
    """What a results folder holds.

    Parameters
    ----------
    cells : list of dict
        One record per key, sorted by key.
    environments : dict
        Digest to the environment that cells name in ``run.environment``.
    defects : tuple of Defect
        What could not be read and is left out.
    """

    cells: list[Cell]
    environments: dict[str, dict[str, Any]]
    defects: tuple[Defect, ...] = ()

    def warnings(self) -> list[str]:
        """Return a line for each file with defects: the first one, and how many more there are."""
        lines = []
        for path in dict.fromkeys(defect.path for defect in self.defects):
            texts = [defect.text for defect in self.defects if defect.path == path]
            more = len(texts) - 1
            others = f" and {count(more, 'more record')} of this file are" if more else " is"
            lines.append(f"{one_line(texts[0])}; this{others} left out")
        return lines


@dataclass(slots=True)
class Content:
    """What was read of one file."""

    records: list[dict[str, Any]]
    broken: list[bytes]  # lines that hold no record
    defects: list[Defect]


_REASONS = {
    errno.ENOSPC: "the disk is full; free some space and run again",
    errno.EDQUOT: "the disk quota is used up; free some space and run again",
    errno.ENAMETOOLONG: "the name is too long; give a shorter one",
    errno.EROFS: "the file system is read-only; give a folder that can be written",
    errno.EACCES: "permission denied; give a folder that can be read and written",
    errno.EPERM: "permission denied; give a folder that can be read and written",
}


@contextlib.contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Turn what the system refuses into an error for the user."""
    try:
        yield
    except OSError as error:
        why = _REASONS.get(error.errno or 0) or error.strerror or type(error).__name__
        raise StoreError(f"{path}: {why}") from error


def parts_of(folder: Path) -> list[Path]:
    """Return the files of writers, the oldest first."""
    found = []
    for path in folder.glob(_PARTS):
        with contextlib.suppress(FileNotFoundError):  # packed in this moment
            found.append((path.lstat().st_mtime_ns, path.name, path))
    return [path for *_, path in sorted(found)]


def packed_file(folder: Path) -> list[Path]:
    """Return the packed file, if there is one."""
    path = folder / PACKED
    return [path] if os.path.lexists(path) else []


def _sort_key(cell: Cell) -> tuple[Any, ...]:
    order = ("dataset", "model", "n_train", "replicate")
    return (*(cell["key"][field] for field in order), cell_key(cell))


def parse(path: Path, data: bytes) -> Content:
    """Return the records of a file; a torn last line of a part is a write that was cut off."""
    content = Content([], [], [])
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            content.records.append(parse_record(line, f"{path}, line {number}"))
        except StoreError as error:
            if number == len(lines) and path.name != PACKED:
                break
            content.broken.append(line)
            content.defects.append(Defect(path, str(error)))
    return content


def open_file(path: Path) -> int | Defect | None:
    """Return a descriptor of a regular file, what is wrong with it, or None if it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe does not block
    except FileNotFoundError:
        return Defect(path, f"{path}: a link to nothing") if path.is_symlink() else None
    except OSError as error:
        return Defect(path, f"{path}: cannot be read ({error.strerror})")
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return Defect(path, f"{path}: expected a file, found {'a folder' if path.is_dir() else 'none'}")


def read_whole(descriptor: int) -> bytes:
    """Return all bytes of an open file."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read()


def content_of(path: Path) -> Content:
    """Return what a file holds."""
    opened = open_file(path)
    if isinstance(opened, Defect):
        return Content([], [], [opened])
    if opened is None:
        return Content([], [], [])
    try:
        return parse(path, read_whole(opened))
    except OSError as error:
        return Content([], [], [Defect(path, f"{path}: cannot be read ({error.strerror})")])
    finally:
        os.close(opened)


def union(contents: Iterable[Content]) -> Results:
    """Return the union of files: of the records of a cell, the last in time, then in order."""
    cells: dict[str, Cell] = {}
    environments: dict[str, dict[str, Any]] = {}
    defects: list[Defect] = []
    for content in contents:
        defects += content.defects
        for record in content.records:
            if "environment" in record:
                environments[record["environment"]["digest"]] = record["environment"]
                continue
            key = cell_key(record)
            if key not in cells or _finished(record) >= _finished(cells[key]):
                cells[key] = record
    return Results(sorted(cells.values(), key=_sort_key), environments, tuple(defects))


def _finished(cell: Cell) -> str:
    return str(cell.get("run", {}).get("finished", ""))


def n_links(descriptor: int) -> int:
    """Return how many names an open file has; 0 if it was removed."""
    try:
        return os.fstat(descriptor).st_nlink
    except OSError:  # of a network file system, which forgot the file
        return 0


def is_at(path: Path, descriptor: int) -> bool:
    """Return whether a path leads to an open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False
