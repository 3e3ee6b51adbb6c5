"""A user's table, cleaned and looked through: what reading hands to measuring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

__all__ = ["ColumnNote", "OwnTable", "TableWarning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnNote:
    """What was found in one column of the file.

    Attributes
    ----------
    name : str
    kind : {"number", "boolean", "category", "date", "text", "id", "constant", "empty"}
    n_missing, n_unique : int
    is_used : bool
        Whether models see it (or what was made of it).
    note : str
        What was done to it and why; may be empty.
    """

    name: str
    kind: str
    n_missing: int
    n_unique: int
    is_used: bool
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableWarning:
    """Something that the user should know of.

    Attributes
    ----------
    about : {"leak", "id", "imbalance", "groups", "time", "duplicates", "dropped", "small", "read"}
    text : str
        One or two plain sentences: what was seen, why it matters, what to do.
    columns : tuple of str
    is_grave : bool
        Whether it may make the scores wrong (a leak), rather than being good to know.
    """

    about: str
    text: str
    columns: tuple[str, ...] = ()
    is_grave: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTable:
    """A user's table, ready for models.

    Attributes
    ----------
    name : str
        Short, from the file's name.
    X : DataFrame of shape (n_samples, n_features)
        Numbers are int or float, two-valued columns bool, text `category`; a gap is NaN.
        For pictures one column a pixel (and channel), row by row, 0 to 255.
    y : Series of shape (n_samples,)
        Labels as text (classification) or numbers as float (regression).
    task : {"classification", "regression"}
    task_reason : str
        In words: why this task was taken.
    metric : str
        The headline metric, of `zoo.metrics`.
    metric_reason : str
    target : str
    groups : Series or None
        Rows of one value never stand on both sides of a split; shape (n_samples,).
    times : Series or None
        Datetimes or numbers; test rows are never earlier than training rows; shape (n_samples,).
    image_shape : tuple of int or None
        (height, width, channels) of pictures.
    columns : tuple of ColumnNote
    notices : tuple of TableWarning
        The gravest first.
    n_rows_read : int
        Rows of the file; those without a target are not in `X`.
    recipe : mapping
        Plain data (JSON) from which `zoo.ingest.cleaning.apply_recipe(frame, recipe)` makes of
        new rows, read from a file, the same columns as `X`.
    frame_mb : float
        Size of the frame as parsed, in MB.
    digest : str
        Of cleaned contents, target and options that change them.
    """

    name: str
    X: pd.DataFrame
    y: pd.Series[Any]
    task: Literal["classification", "regression"]
    task_reason: str
    metric: str
    metric_reason: str
    target: str
    groups: pd.Series[Any] | None = None
    times: pd.Series[Any] | None = None
    image_shape: tuple[int, int, int] | None = None
    columns: tuple[ColumnNote, ...] = ()
    notices: tuple[TableWarning, ...] = ()
    n_rows_read: int = 0
    recipe: Mapping[str, Any] = field(default_factory=dict)
    frame_mb: float = 0.0
    digest: str = ""
