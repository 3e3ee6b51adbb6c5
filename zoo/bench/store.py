"""The results folder: append-only JSON Lines, one file per writing process, read as a union.

A cell is written as one line in one call, so a process killed at any moment leaves at most one
torn last line, which the reader drops. The last record of a key wins. There are no locks: two
runs may share a folder, and results of two machines are merged by copying files.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil
from msgspec import Struct

from zoo.canonical import canonical_json
from zoo.definitions import convert, unknown
from zoo.errors import StoreError
from zoo.metrics import METRICS

__all__ = [
    "SCHEMA", "Cell", "CellWriter", "Results", "Status", "cell_key", "check_folder",
    "has_results", "pack", "read", "set_aside",
]  # fmt: skip

SCHEMA = 1
_PACKED = "cells.jsonl"
_PARTS = "cells-*.jsonl"

Cell = dict[str, Any]
"""One record, as written: schema, key, status, reason, scores, timings_s, memory_mb, ..."""


class Status(StrEnum):
    """What became of a cell."""

    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    SKIPPED = "skipped"

    @property
    def is_failure(self) -> bool:
        """Whether the cell was tried and has no score."""
        return self not in (Status.OK, Status.SKIPPED)


class _Key(Struct, frozen=True, kw_only=True):
    dataset: str
    dataset_revision: int
    model: str
    model_version: int
    params: dict[str, Any]
    n_train: int
    replicate: int
    protocol: str


class _Facts(Struct, frozen=True, kw_only=True):
    task: str | None = None
    metric: str | None = None
    family: str | None = None
    title: str | None = None
    n_classes: int | None = None
    bayes_error: float | None = None

    def __post_init__(self) -> None:
        if self.metric is not None and self.metric not in METRICS:
            raise ValueError(str(unknown("metric", self.metric, METRICS)))


class _Run(Struct, frozen=True, kw_only=True):
    suite: str = ""
    finished: str = ""
    environment: str = ""


class _CellForm(Struct, frozen=True, kw_only=True):
    """What a record of a cell must hold; a record may hold more."""

    key: _Key
    status: Status
    reason: str | None = None
    scores: dict[str, dict[str, float]] = {}
    timings_s: dict[str, float] = {}
    memory_mb: dict[str, float] = {}
    model_facts: dict[str, float] = {}
    facts: _Facts = _Facts()
    run: _Run = _Run()


class _Environment(Struct, frozen=True, kw_only=True):
    digest: str
    packages: dict[str, str | None] = {}


class _EnvironmentForm(Struct, frozen=True):
    environment: _Environment


@dataclass(frozen=True, slots=True)
class Results:
    """What a results folder holds.

    Parameters
    ----------
    cells : list of dict
        One record per key, sorted by key.
    environments : dict
        Digest to the environment that cells name in ``run.environment``.
    """

    cells: list[Cell]
    environments: dict[str, dict[str, Any]]


def cell_key(cell: Mapping[str, Any]) -> str:
    """Return the canonical key of a cell: the same for the same measurement on any machine."""
    return canonical_json([cell["key"][field] for field in _Key.__struct_fields__])


def _sort_key(cell: Cell) -> tuple[Any, ...]:
    order = ("dataset", "model", "n_train", "replicate")
    return (*(cell["key"][field] for field in order), cell_key(cell))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of one file; a torn last line is dropped, any other is an error."""
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                return  # no newline after it: the write was cut off
            raise StoreError(
                f"{path}, line {number}: not a record (not JSON); remove the line to go on"
            ) from error
        if not isinstance(record, dict) or record.get("schema") != SCHEMA:
            found = record.get("schema") if isinstance(record, dict) else type(record).__name__
            raise StoreError(
                f"{path}, line {number}: expected a record of schema {SCHEMA}, found {found!r}"
            )
        form = _EnvironmentForm if "environment" in record else _CellForm
        convert(record, form, f"{path}, line {number}", error=StoreError)
        yield record


def _files(folder: Path) -> list[Path]:
    parts = sorted(folder.glob(_PARTS), key=lambda path: (path.stat().st_mtime_ns, path.name))
    return [*folder.glob(_PACKED), *parts]


def read(folder: Path) -> Results:
    """Return every cell of a results folder.

    Raises
    ------
    StoreError
        If the folder does not exist or holds no results.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise StoreError(
            f"no results folder at {folder}; 'zoo bench SUITE --out {folder}' makes one"
        )
    files = _files(folder)
    if not files:
        raise StoreError(
            f"{folder} is not a results folder: it holds no {_PACKED}; give the folder of a run"
        )
    cells: dict[str, Cell] = {}
    environments: dict[str, dict[str, Any]] = {}
    for path in files:
        for record in _lines(path):
            if "environment" in record:
                environments[record["environment"]["digest"]] = record["environment"]
            else:
                cells[cell_key(record)] = record
    return Results(sorted(cells.values(), key=_sort_key), environments)


def has_results(folder: Path) -> bool:
    """Return whether the folder exists and holds records."""
    return folder.is_dir() and bool(_files(folder))


def set_aside(folder: Path) -> Path | None:
    """Move the records into ``earlier-1``, ``earlier-2``, ... and return where; None if none."""
    if not has_results(folder):
        return None
    target = folder / f"earlier-{1 + len(list(folder.glob('earlier-*')))}"
    target.mkdir()
    for path in _files(folder):
        path.rename(target / path.name)
    return target


def _writer_lives(path: Path) -> bool:
    """Return whether another process may still append to this part."""
    pid = path.name.split("-")[1]
    return pid.isdigit() and int(pid) != os.getpid() and psutil.pid_exists(int(pid))


def check_folder(folder: Path) -> None:
    """Refuse a folder with other files, so that no run scatters results among them.

    Raises
    ------
    StoreError
        If `folder` is a file, or a folder that is neither empty nor a results folder.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise StoreError(f"{folder} is a file; --out expects a folder")
    if any(folder.iterdir()) and not (_files(folder) or any(folder.glob("earlier-*"))):
        raise StoreError(
            f"{folder} is not a results folder: it is not empty and holds no {_PACKED}; "
            "give an empty or a new folder"
        )


class CellWriter:
    """Appends records to this process's own file in a results folder.

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
        self._descriptor: int | None = None

    def write(self, cell: Cell) -> None:
        """Append one cell, whole or not at all."""
        Status(cell["status"])  # a ValueError for any other
        self._append({"schema": SCHEMA, **cell})

    def write_environment(self, environment: Mapping[str, Any]) -> None:
        """Append the environment that later cells name by its digest."""
        self._append({"schema": SCHEMA, "environment": dict(environment)})

    def _append(self, record: Mapping[str, Any]) -> None:
        if self._descriptor is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"cells-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL)
        line = canonical_json(record).encode() + b"\n"
        written = os.write(self._descriptor, line)
        if written != len(line):
            raise StoreError(f"{self._folder}: the disk is full; free some space and run again")

    def close(self) -> None:
        """Close the file; the writer cannot be used afterwards."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def pack(folder: Path) -> Path:
    """Join all files of a results folder into one sorted `cells.jsonl` and return its path.

    The new file replaces the old one in one step. Only then are the parts removed, except those
    of a process that still runs.
    """
    files, results = _files(folder), read(folder)
    used = {cell.get("run", {}).get("environment") for cell in results.cells}
    records: list[Mapping[str, Any]] = [
        {"schema": SCHEMA, "environment": environment}
        for digest, environment in sorted(results.environments.items())
        if digest in used
    ]
    records += results.cells
    packed = folder / _PACKED
    temporary = folder / f".{_PACKED}.{secrets.token_hex(4)}"
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(canonical_json(record) + "\n" for record in records)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(packed)
    for path in files:
        if path != packed and not _writer_lives(path):
            path.unlink(missing_ok=True)
    return packed
