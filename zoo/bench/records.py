"""The records of a results folder: what each must hold, and what is wrong with one that does not.

What is read comes from files that may be cut off, edited or written by another version; what is
written comes from models that anybody may have made. Both pass the same check.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from zoo.canonical import canonical_json
from zoo.definitions import convert, shown, unknown
from zoo.errors import StoreError
from zoo.metrics import METRICS, Task

__all__ = ["SCHEMA", "Cell", "Status", "cell_key", "check_record", "one_line", "parse_record"]

SCHEMA = 1
_LONGEST_REASON = 500
_SLACK = 1e-9  # by which rounding may take a score over its bounds
_ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b\[[0-?]*[ -/]*[@-~]?|\x1b[@-_]?")

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


_Name = Annotated[
    str,
    Meta(
        pattern=r"^(?!\.{1,2}\Z)[^/\x00-\x1f\x7f]{1,200}\Z",
        description="a name of at most 200 characters without '/' and control characters",
    ),
]
_Count = Annotated[int, Meta(ge=0, le=10**12, description="a whole number from 0 to 10^12")]
_Rows = Annotated[int, Meta(ge=1, le=10**12, description="a whole number from 1 to 10^12")]
_Amount = Annotated[float, Meta(ge=0, le=1e15, description="a number from 0 to 10^15")]


class _Key(Struct, frozen=True, kw_only=True):
    dataset: _Name
    dataset_revision: _Count
    model: _Name
    model_version: _Count
    params: dict[str, Any]
    n_train: _Rows
    replicate: _Count
    protocol: str


class _Facts(Struct, frozen=True, kw_only=True):
    task: Task | None = None
    metric: str | None = None
    family: str | None = None
    title: str | None = None
    n_rows: _Count | None = None
    n_features: _Count | None = None
    n_classes: _Count | None = None
    bayes_error: float | None = None

    def __post_init__(self) -> None:
        if self.metric is not None and self.metric not in METRICS:
            raise ValueError(str(unknown("metric", self.metric, METRICS)))


class _Run(Struct, frozen=True, kw_only=True):
    suite: str = ""
    finished: str = ""
    environment: str = ""
    commit: str = ""
    machine: str = ""
    threads: _Count | None = None
    job_s: _Amount = 0.0
    job_cells: _Rows = 1


class _CellForm(Struct, frozen=True, kw_only=True):
    """What a record of a cell must hold; a record may hold more."""

    key: _Key
    status: Status
    reason: str | None = None
    scores: dict[str, dict[str, float]] = {}
    score_errors: dict[str, float] = {}
    timings_s: dict[str, _Amount] = {}
    memory_mb: dict[str, _Amount] = {}
    model_facts: dict[str, _Amount] = {}
    facts: _Facts = _Facts()
    run: _Run = _Run()

    def __post_init__(self) -> None:
        for part, scores in self.scores.items():
            if part not in ("test", "train"):
                raise ValueError(str(unknown("key in 'scores'", part, ["test", "train"])))
            for name, score in scores.items():
                if name not in METRICS:
                    raise ValueError(str(unknown("metric", name, METRICS)))
                low, high = METRICS[name].bounds
                if not low - _SLACK <= score <= high + _SLACK:
                    found = f"the key 'scores.{part}.{name}' is {score:g}"
                    raise ValueError(f"{found}; expected a number from {low:g} to {high:g}")
        if self.status is Status.OK:
            for field in ("metric", "family"):
                if getattr(self.facts, field) is None:
                    raise ValueError(f"the key 'facts.{field}' is missing")
            if self.facts.metric not in self.scores.get("test", {}):
                raise ValueError(f"the key 'scores.test.{self.facts.metric}' is missing")


class _Environment(Struct, frozen=True, kw_only=True):
    digest: str
    packages: dict[str, str | None] = {}
    machine: str | None = None
    system: str | None = None
    python: str | None = None


class _EnvironmentForm(Struct, frozen=True):
    environment: _Environment


def cell_key(cell: Mapping[str, Any]) -> str:
    """Return the canonical key of a cell: the same for the same measurement on any machine."""
    return canonical_json([cell["key"][field] for field in _Key.__struct_fields__])


def parse_record(line: bytes, where: str) -> dict[str, Any]:
    """Return the record of a line.

    Raises
    ------
    StoreError
        If it holds none; the message begins with `where`.
    """
    try:
        record = json.loads(line.decode("utf-8"), object_pairs_hook=_table)
    except UnicodeDecodeError as error:
        raise StoreError(f"{where}: not a record (not UTF-8)") from error
    except (ValueError, RecursionError) as error:  # also numbers of more than 4300 digits
        raise StoreError(f"{where}: not a record (not JSON)") from error
    check_record(record, where)
    return dict(record)


class _Twice:
    """Takes the place of the value of a key that occurs twice."""

    def __repr__(self) -> str:
        return "two values"


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        table |= {name: _Twice() for name in table if names.count(name) > 1}
    return table


def check_record(record: object, where: str) -> None:
    """Refuse anything that is not a record of a cell or an environment.

    Raises
    ------
    StoreError
        In one line, with the key, what was expected and what was found.
    """
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        found = record.get("schema") if isinstance(record, dict) else type(record).__name__
        raise StoreError(f"{where}: expected a record of schema {SCHEMA}, found {shown(found)}")
    try:
        canonical_json(record).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise StoreError(f"{where}: {_what_is_wrong(record)}") from error
    form = _EnvironmentForm if "environment" in record else _CellForm
    convert(record, form, where, error=StoreError)


def _what_is_wrong(record: dict[str, Any]) -> str:
    try:
        return _wrong_value(record, "") or "it holds what is no JSON"
    except RecursionError:
        return "it is nested too deeply"


def _wrong_value(value: object, key: str) -> str | None:
    """Describe the first value within a record that JSON in UTF-8 cannot hold, or holds twice."""
    named = f"the key '{key}'"
    if isinstance(value, _Twice):
        return f"{named} occurs twice"
    if isinstance(value, str) and not _is_unicode(value):
        return f"{named} is {shown(value)}, which is no text"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{named} is {value}; expected a finite number"
    parts: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else ()
    if isinstance(value, (list, tuple)):
        parts = ((f"[{number}]", item) for number, item in enumerate(value))
    for name, item in parts:
        if not isinstance(name, str) or not _is_unicode(name):
            return f"{named} has a key {shown(name)}, which is no text"
        if wrong := _wrong_value(item, f"{key}.{name}" if key else name):
            return wrong
    return None


def _is_unicode(text: str) -> bool:
    """Return whether a text has no lone surrogates, which no file in UTF-8 can hold."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def one_line(text: str, *, most: int = _LONGEST_REASON) -> str:
    r"""Return a text that others wrote as one line that is safe to store and to print.

    Terminal escapes are left out; other characters that do not print are shown as ``\x00``.
    """
    line = " ".join(_ESCAPES.sub("", text[: 4 * most]).split())
    safe = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
    return safe if len(safe) <= most else f"{safe[: most - 3]}..."
