"""The results folder: append-only JSON Lines, one file per writer, read as a union.

A cell is written as one line in one call, so a process killed at any moment leaves at most one
torn last line, which the reader drops. Of the records of a key, the one that was finished last
counts. Two runs may share a folder, and results of two machines are merged by copying files.

Nothing that was measured is lost. A writer holds a lock on its own file, and finds out if somebody
removes the file nevertheless. Packing takes a lock on the folder and removes only files that it
could lock too and whose records are in the new `cells.jsonl`. Where the file system has no locks
that can be trusted, nothing is packed: a folder with many files reads the same.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.bench.cell_files import (
    PACKED,
    Content,
    Defect,
    Results,
    content_of,
    is_at,
    n_links,
    open_file,
    packed_file,
    parse,
    parts_of,
    read_whole,
    refusals,
    union,
)
from zoo.bench.folder_lock import lock, lock_folder, try_lock, unlock
from zoo.bench.records import SCHEMA, Cell, Status, cell_key, check_record, one_line
from zoo.canonical import canonical_json
from zoo.errors import StoreError

__all__ = [
    "SCHEMA", "Cell", "CellWriter", "Defect", "Results", "Status", "cell_key", "check_folder",
    "has_results", "one_line", "pack", "read", "set_aside",
]  # fmt: skip

_LEFTOVER = re.compile(r"\.cells\.jsonl\.[0-9a-f]{8}")
_AT_ONCE = 200  # parts that one pass of packing keeps open
_MOST_TRIES = 20


_warned: set[tuple[Path, int]] = set()


def _warn(results: Results) -> None:
    """Log what is left out, once for each file and number of records."""
    counts = Counter(defect.path for defect in results.defects)
    for (path, count), line in zip(counts.items(), results.warnings(), strict=True):
        if (path, count) not in _warned:
            _warned.add((path, count))
            logging.getLogger("zoo").warning("warning: %s", line)


def read(folder: Path) -> Results:
    """Return every cell of a results folder; what holds no record is left out and logged.

    Raises
    ------
    StoreError
        If the folder does not exist, holds no results or cannot be read.
    """
    folder = Path(folder)
    with refusals(folder):
        if not folder.is_dir():
            raise StoreError(
                f"no results folder at {folder}; 'zoo bench SUITE --out {folder}' makes one"
            )
        # Parts first: one that is packed meanwhile is in the packed file, which is read later.
        parts = [content_of(path) for path in parts_of(folder)]
        packed = packed_file(folder)
        if not parts and not packed:
            raise StoreError(
                f"{folder} is not a results folder: it holds no {PACKED}; give the folder of a run"
            )
        results = union([*map(content_of, packed), *parts])
    _warn(results)
    for cell in results.cells:
        if cell.get("reason") is not None:  # what a model said is printed
            cell["reason"] = one_line(cell["reason"])
    return results


def has_results(folder: Path) -> bool:
    """Return whether the folder exists and holds records."""
    with refusals(folder):
        return folder.is_dir() and bool(packed_file(folder) or parts_of(folder))


def set_aside(folder: Path) -> Path | None:
    """Move the records into ``earlier-1``, ``earlier-2``, ... and return where; None if none."""
    if not has_results(folder):
        return None
    with refusals(folder), lock_folder(folder):
        numbers = [path.name.removeprefix("earlier-") for path in folder.glob("earlier-*")]
        number = 1 + max((int(text) for text in numbers if re.fullmatch("[0-9]+", text)), default=0)
        target = folder / f"earlier-{number}"
        target.mkdir()
        for path in [*packed_file(folder), *parts_of(folder)]:
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                path.rename(target / path.name)
    return target


def check_folder(folder: Path) -> None:
    """Refuse a folder with other files, so that no run scatters results among them.

    Raises
    ------
    StoreError
        If `folder` is a file, cannot be read, or is neither empty nor a results folder.
    """
    with refusals(folder):
        if not folder.exists():
            return
        if not folder.is_dir():
            raise StoreError(f"{folder} is a file; --out expects a folder")
        names = [path.name for path in folder.iterdir() if not _LEFTOVER.fullmatch(path.name)]
    is_ours = any(name.startswith("earlier-") for name in names) or has_results(folder)
    if names and not is_ours:
        raise StoreError(
            f"{folder} is not a results folder: it is not empty and holds no {PACKED}; "
            "give an empty or a new folder"
        )


class CellWriter:
    """Appends records to a file of its own in a results folder.

    Parameters
    ----------
    folder : Path
        Made if missing. The file is made with the first record.

    Raises
    ------
    StoreError
        If the folder is a file, or holds files that are no results.
    """

    def __init__(self, folder: Path) -> None:
        check_folder(folder)
        self._folder = folder
        self._path = folder
        self._descriptor: int | None = None
        self._environments: list[bytes] = []
        self._lines: list[bytes] = []  # all that the file holds, in case that it is removed

    def write(self, cell: Cell) -> None:
        """Append one cell, whole or not at all.

        Raises
        ------
        StoreError
            If it is no record, or cannot be written.
        """
        self._append({"schema": SCHEMA, **cell})

    def write_environment(self, environment: Mapping[str, Any]) -> None:
        """Append the environment that later cells name by its digest."""
        line = self._append({"schema": SCHEMA, "environment": dict(environment)})
        self._environments.append(line)

    def _append(self, record: Mapping[str, Any]) -> bytes:
        check_record(record, f"a record for {self._folder}")
        line = canonical_json(record).encode() + b"\n"
        with refusals(self._folder):
            if self._descriptor is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._start_part()
            self._put(line)
            self._lines.append(line)
            self._recover()
        return line

    def _start_part(self) -> None:
        """Open a new file and lock it."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        for _ in range(_MOST_TRIES):
            if not self._folder.is_dir():
                raise StoreError(f"{self._folder} was removed or moved while a run wrote to it")
            self._path = self._folder / f"cells-{secrets.token_hex(8)}.jsonl"
            self._descriptor = os.open(self._path, flags, 0o666)
            lock(self._descriptor)
            if n_links(self._descriptor):  # else it was packed before it was locked
                return
            self._leave()
        raise StoreError(f"{self._folder}: another process removes what this run writes")

    def _put(self, line: bytes) -> None:
        assert self._descriptor is not None  # noqa: S101 (for the type checker)
        before = os.fstat(self._descriptor).st_size
        written = os.write(self._descriptor, line)
        if written != len(line):  # the rest would follow a later record
            os.ftruncate(self._descriptor, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _recover(self) -> None:
        """Write again what went with a file that somebody removed, or go on after one moved."""
        for _ in range(_MOST_TRIES):
            assert self._descriptor is not None  # noqa: S101 (for the type checker)
            links = n_links(self._descriptor)
            if links and is_at(self._path, self._descriptor):
                return
            self._leave()
            if links:  # moved, with all that it holds
                self._lines = [*self._environments, self._lines[-1]]
            self._start_part()
            self._put(b"".join(self._lines))
        raise StoreError(f"{self._folder}: another process removes what this run writes")

    def _leave(self) -> None:
        if self._descriptor is not None:
            unlock(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def close(self) -> None:
        """Close the file; the writer cannot be used afterwards."""
        with refusals(self._folder):
            try:
                is_lost = self._descriptor is not None and not n_links(self._descriptor)
                if is_lost and self._folder.is_dir():
                    self._recover()
            finally:
                self._leave()


def pack(folder: Path) -> None:
    """Join the files of a results folder into one sorted `cells.jsonl`.

    Files of processes that still write stay as they are, and so do all of them where the folder
    cannot be locked, or the packed file cannot be read. Lines that hold no record are kept too, at
    the end: they may be of a later version.
    """
    folder = Path(folder)
    with refusals(folder), lock_folder(folder) as is_locked:
        if not is_locked:
            return
        for path in folder.iterdir():
            if _LEFTOVER.fullmatch(path.name):  # of a process killed while it packed
                path.unlink(missing_ok=True)
        parts = parts_of(folder)
        for start in range(0, len(parts), _AT_ONCE):
            _pack_some(folder, parts[start : start + _AT_ONCE])


def _pack_some(folder: Path, parts: Sequence[Path]) -> None:
    """Join parts that nobody writes to with the packed file, then remove them."""
    packed = folder / PACKED
    idle: list[tuple[Path, int]] = []
    try:
        for path in parts:
            opened = open_file(path)
            if isinstance(opened, int):
                if try_lock(opened):
                    idle.append((path, opened))
                else:
                    os.close(opened)
        if not idle:
            return
        whole = {path: read_whole(opened) for path, opened in idle}
        before = [content_of(path) for path in packed_file(folder)]
        if any(one.defects and not one.broken for one in before) or packed.is_symlink():
            return  # what cannot be read, or is elsewhere, must not be replaced
        _replace(folder, [*before, *(parse(path, data) for path, data in whole.items())])
        for path, opened in idle:
            if os.fstat(opened).st_size == len(whole[path]) and is_at(path, opened):
                path.unlink(missing_ok=True)
    finally:
        for _, opened in idle:
            unlock(opened)
            os.close(opened)


def _replace(folder: Path, contents: Sequence[Content]) -> None:
    """Write the packed file anew, beside the old one, and put it in its place in one step."""
    results = union(contents)
    used = {cell.get("run", {}).get("environment") for cell in results.cells}
    records: list[Mapping[str, Any]] = [
        {"schema": SCHEMA, "environment": environment}
        for digest, environment in sorted(results.environments.items())
        if digest in used
    ]
    lines = [canonical_json(record).encode() for record in (*records, *results.cells)]
    lines += dict.fromkeys(line for content in contents for line in content.broken)
    temporary = folder / f".{PACKED}.{secrets.token_hex(4)}"
    try:
        with temporary.open("xb") as file:
            file.writelines(line + b"\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / PACKED)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
