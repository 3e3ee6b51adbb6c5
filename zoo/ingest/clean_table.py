"""A user's table as it was read, what was found in it, and the table that models get."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from zoo.canonical import canonical_json
from zoo.encoding.written import Column, DecimalMark
from zoo.metrics import Task

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = [
    "Column",
    "ColumnKind",
    "ColumnNote",
    "DecimalMark",
    "OwnTable",
    "RawTable",
    "Severity",
    "TableWarning",
    "Task",
    "Topic",
    "TransformSpec",
    "digest_of",
]

ColumnKind = Literal[
    "number", "boolean", "category", "date", "text", "id", "group", "copy", "constant", "empty"
]
TransformSpec = Mapping[str, Any]
"""How a table, or one column of it, is read: plain data (JSON) without code."""


@dataclass(frozen=True, slots=True)
class RawTable:
    """The content of a file before anything was inferred.

    Attributes
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Numbers, times, and text as it stands in the file; column names are unique text.
    decimal : {".", ","} or None
        The decimal mark, where reading showed it.
    remarks : tuple of TableWarning
        What the user should know about how the file was read.
    has_header : bool
        Whether the column names stood in the file.
    is_typed : bool
        Whether the format marks missing values itself, so that "NA" may be a label.
    missing_words : mapping
        By column with a role: the words that were read as missing numbers, and their rows.
    """

    frame: pd.DataFrame
    decimal: DecimalMark | None = None
    remarks: tuple[TableWarning, ...] = ()
    has_header: bool = True
    is_typed: bool = False
    missing_words: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnNote:
    """What was found in one column of the file.

    Attributes
    ----------
    kind : ColumnKind
        A "copy" is equivalent to the target.
    is_used : bool
        Whether models see it, or features made from it.
    note : str
        How it is read and why; may be empty.
    """

    name: str
    kind: ColumnKind
    n_unique: int
    n_missing: int = 0
    is_used: bool = False
    note: str = ""


class Topic(StrEnum):
    """What a warning is about, the most important first."""

    TASK = "task"
    LEAK = "leak"
    GROUPS = "groups"
    TIME = "time"
    DUPLICATES = "duplicates"
    IMBALANCE = "imbalance"
    SMALL = "small"
    ID = "id"
    DROPPED = "dropped"
    READ = "read"


class Severity(StrEnum):
    """How bad it is: serious warnings may make the scores wrong, minor ones are good to know."""

    SERIOUS = "serious"
    MINOR = "minor"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableWarning:
    """What was found in the table, why it matters and what to do, in one or two sentences."""

    about: Topic
    text: str
    columns: tuple[str, ...] = ()
    severity: Severity = Severity.MINOR


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTable:
    """A user's table, ready for models.

    Attributes
    ----------
    X : DataFrame of shape (n_samples, n_features)
        Numbers are int or float, two-valued columns bool, text `category`; missing values NaN.
        Images have one column per pixel and channel, row by row, 0 to 255.
    y : Series of shape (n_samples,)
        Labels as text (classification) or numbers as float (regression).
    task_reason, metric_reason : str
        Why this task and headline metric were chosen.
    groups : Series of shape (n_samples,) or None
        Rows of one group are never split between training and test.
    times : Series of shape (n_samples,) or None
        Datetimes or numbers; test rows are never earlier than training rows.
    image_shape : tuple of int or None
        (height, width, channels) of images.
    warnings : tuple of TableWarning
        The most serious first.
    n_rows_read : int
        Rows of the file; those without a target are not in `X`.
    transform : TransformSpec
        `apply_transform(frame, transform)` makes the columns of `X` from new rows.
    words : mapping of str to csr_matrix
        For each text column its `count_words`, from which cells learn topics on their training
        rows; the topics in `X` are learnt on all rows.
    frame_mb : float
        Size of the frame as parsed, in MB.
    digest : str
        `digest_of` the table.
    """

    name: str
    X: pd.DataFrame
    y: Column
    task: Task
    task_reason: str
    metric: str
    metric_reason: str
    target: str
    groups: Column | None = None
    times: Column | None = None
    image_shape: tuple[int, int, int] | None = None
    columns: tuple[ColumnNote, ...] = ()
    warnings: tuple[TableWarning, ...] = ()
    n_rows_read: int = 0
    transform: TransformSpec = field(default_factory=dict)
    words: Mapping[str, csr_matrix] = field(default_factory=dict)
    frame_mb: float = 0.0
    digest: str = ""


def digest_of(table: OwnTable) -> str:
    """Return 16 hexadecimal digits that change with any cell, name, option or transform spec."""
    total = hashlib.sha256(canonical_json(table.transform).encode())
    total.update(canonical_json(sorted(table.words)).encode() if table.words else b"")
    sides = [one for one in (table.y, table.groups, table.times) if one is not None]
    for column in [*(table.X[name] for name in table.X.columns), *sides]:
        total.update(f"{column.name}:{column.dtype}".encode())
        if column.dtype.kind in "iufb":
            total.update(column.to_numpy().tobytes())
            continue
        # as categories each text is hashed once
        cells = column.astype("category") if column.dtype.kind == "O" else column
        total.update(pd.util.hash_pandas_object(cells, index=False).to_numpy().tobytes())
    return total.hexdigest()[:16]
