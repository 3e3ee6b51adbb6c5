"""Columns of any dtype as one of a few: numbers, bool, times, text or declared categories."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import date, datetime, time
from decimal import Decimal
from types import UnionType

import numpy as np
import pandas as pd

from zoo.encoding.written import decimal_mark, is_missing, is_number
from zoo.errors import DataError
from zoo.ingest.clean_table import Column, DecimalMark, TableWarning, Topic

__all__ = ["as_plain", "decimal_of_file", "plain_frame", "value_text", "with_index"]

_SAMPLE = 5000  # rows of a column whose decimal mark is looked for


def plain_frame(X: object) -> pd.DataFrame:
    """Return a pandas or Polars frame, or an array, as a pandas frame.

    Raises
    ------
    DataError
        If it is none of them, is not a table, or has no row or column.
    """
    from zoo.encoding.frames import as_frame

    if not isinstance(X, pd.DataFrame) and hasattr(X, "to_pandas"):
        X = X.to_pandas()
    if isinstance(X, pd.Series):
        X = X.to_frame()
    try:
        if isinstance(X, pd.DataFrame) and not X.columns.is_unique:
            X = X.set_axis(range(X.shape[1]), axis=1)  # names are made unique elsewhere
        return as_frame(X)
    except (TypeError, ValueError) as error:
        raise DataError(" ".join(str(error).split())) from error


def with_index(
    frame: pd.DataFrame, wanted: Collection[str] = ()
) -> tuple[pd.DataFrame, tuple[TableWarning, ...]]:
    """Return a frame with its index levels as columns, and a remark on them.

    An index that only numbers the rows and has no name is dropped, unless "index" is wanted.
    """
    index = frame.index
    names = [*index.names]
    is_numbers = index.nlevels == 1 and (
        isinstance(index, pd.RangeIndex) or pd.api.types.is_integer_dtype(index.dtype)
    )
    if is_numbers and names == [None] and ("index" not in wanted or "index" in frame.columns):
        return frame.reset_index(drop=True), ()
    level = "level {}" if index.nlevels > 1 else "index"
    found = [level.format(i) if name is None else name for i, name in enumerate(names, 1)]
    found = [f"{name} (index)" if name in frame.columns else name for name in found]
    frame = frame.reset_index(allow_duplicates=True, names=found)
    what = ", ".join(f"'{name}'" for name in found)
    text = f"The index of the frame became the column{'s' * (len(found) > 1)} {what}."
    return frame, (TableWarning(about=Topic.READ, text=text, columns=(*map(str, found),)),)


def value_text(value: object) -> str:
    """Return a value as text: 1.0 as "1", lists and records as JSON, times as ISO 8601."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    if isinstance(value, datetime | pd.Timestamp):
        return value.isoformat(sep=" ")
    return str(value).strip()


def as_plain(column: Column) -> Column:
    """Return a column as float64, int64, bool, datetime64 without a zone, str, or category.

    Categories are text. Whole numbers with missing values become floats.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        # readers make categories of text only; categories that are numbers were declared
        texts = [*map(value_text, dtype.categories)]
        is_unique = len({*texts}) == len(texts)
        return column.cat.rename_categories(texts if is_unique else [*map(repr, dtype.categories)])
    if pd.api.types.is_bool_dtype(dtype):
        is_whole = isinstance(dtype, np.dtype) or not column.isna().any()
        return column.astype(bool) if is_whole else _texts(column)
    if pd.api.types.is_complex_dtype(dtype):
        raise DataError(f"the column '{column.name}' holds complex numbers; give two real columns")
    if pd.api.types.is_numeric_dtype(dtype):
        return _numbers(column)
    if dtype.kind == "m":
        return column.dt.total_seconds()
    if dtype.kind == "M":
        has_zone = getattr(dtype, "tz", None) is not None
        column = column.dt.tz_convert("UTC").dt.tz_localize(None) if has_zone else column
        return column.astype("datetime64[us]")
    return column.astype("str") if isinstance(dtype, pd.StringDtype) else _mixed(column)


def decimal_of_file(
    columns: Iterable[Column], known: DecimalMark | None = None
) -> DecimalMark | None:
    """Return the decimal mark that most text columns use unambiguously, or None.

    `known` is the mark of the columns that were parsed while the file was read.
    """
    if known == ",":
        return known
    votes = {".": 0, ",": 0}
    for column in columns:
        if isinstance(column.dtype, pd.StringDtype):
            texts = pd.Series(column.iloc[:_SAMPLE].dropna().unique(), dtype="str")
            texts = texts[~is_missing(texts)]
            if len(texts):
                mark, is_read, is_certain = decimal_mark(texts)
                is_shown = known is None or not is_number(texts, known).all()
                votes[mark] += is_certain and is_shown and is_read.mean() >= 0.9
    if votes["."] == votes[","]:
        return None if votes["."] else known
    return "," if votes[","] > votes["."] else "."


def _numbers(column: Column) -> Column:
    """Return numbers as int64 or float64; uint8, as of pixels, stays."""
    dtype = column.dtype
    if dtype == np.uint8:
        return column
    if isinstance(dtype, np.dtype) and dtype.kind in "iu":
        return column.astype(np.int64 if dtype.kind == "i" else np.float64)
    values = column.to_numpy(np.float64, na_value=np.nan)
    return pd.Series(values, index=column.index, name=column.name)


def _mixed(column: Column) -> Column:
    """Return a column of Python objects by their type; as text where types differ."""
    column = column.astype(object)
    known = column.dropna()
    kinds = {type(value) for value in known}
    if not kinds:
        return pd.Series(np.nan, index=column.index, name=column.name)
    are_bools = [issubclass(kind, bool | np.bool_) for kind in kinds]
    if all(are_bools) and len(known) == len(column):
        return column.astype(bool)
    if not any(are_bools) and _are(kinds, int | float | np.number | Decimal):
        return column.astype(np.float64)
    if _are(kinds, date):
        return as_plain(pd.to_datetime(column, utc=True, errors="coerce"))
    if _are(kinds, time):
        seconds = known.map(lambda at: at.hour * 3600.0 + at.minute * 60 + at.second)
        return seconds.reindex(column.index).astype(np.float64)
    return _texts(column)


def _are(kinds: Iterable[type], wanted: type | UnionType) -> bool:
    return all(issubclass(kind, wanted) for kind in kinds)


def _texts(column: Column) -> Column:
    return column.astype(object).map(value_text, na_action="ignore").astype("str")
