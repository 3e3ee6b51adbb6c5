"""Columns of any dtype as one of a few, without loss: what every reader of columns begins with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from types import UnionType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from zoo.encoding.arrow_tables import read_arrow

__all__ = ["EXACT", "has_one_dtype", "plain_column", "plain_columns", "value_text"]

EXACT = 2**53  # float64 holds all integers up to this

_BOOLS = bool | np.bool_
_INTEGERS = int | np.integer
_NUMBERS = int | float | np.number | Decimal | Fraction
_DATES = date | np.datetime64
_SPANS = timedelta | np.timedelta64


def value_text(value: object) -> str:
    """Return a value as text: 1.0 as "1", lists and records as JSON, times as ISO 8601."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace").strip()
    if isinstance(value, float | np.floating | Decimal | Fraction) and value == value // 1:
        return str(int(value))
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return str(value).strip()


def has_one_dtype(X: pd.DataFrame) -> bool:
    """Return whether all columns of a frame are numbers of one dtype of numpy."""
    dtypes = set(X.dtypes)
    return len(dtypes) == 1 and all(
        isinstance(one, np.dtype) and one.kind in "fiub" for one in dtypes
    )


def plain_columns(X: pd.DataFrame) -> list[pd.Series[Any]]:
    """Return the columns of a frame as `plain_column` does."""
    return [plain_column(X.iloc[:, i]) for i in range(X.shape[1])]


def plain_column(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column (n_rows,) in one of a few dtypes; its values are the same.

    They are numbers of numpy, integers and booleans of pandas where some are missing, times
    without a zone (UTC), durations, text (str), declared categories, and Python's numbers where
    none of these holds them exactly. Periods are their first moment, times of day the duration
    since midnight; bytes and mixed values are text.

    Raises
    ------
    ValueError
        If it holds complex numbers, or an Arrow type that cannot be read.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.ArrowDtype):
        values = pa.chunked_array(pa.array(column.array))
        return plain_column(read_arrow(values, column.name).set_axis(column.index))
    if isinstance(dtype, pd.CategoricalDtype | pd.BooleanDtype) or dtype.kind in "biufm":
        return _plain_numbers(column)
    if isinstance(dtype, pd.StringDtype):
        return column.astype("str")
    if isinstance(dtype, pd.PeriodDtype):
        return column.dt.to_timestamp()
    if dtype.kind == "M":
        has_zone = isinstance(dtype, pd.DatetimeTZDtype)
        return column.dt.tz_convert("UTC").dt.tz_localize(None) if has_zone else column
    if dtype.kind == "c":
        raise _complex(column)
    return _of_objects(column.astype(object))


def _complex(column: pd.Series[Any]) -> ValueError:
    return ValueError(
        f"Complex data not supported: the column {column.name!r} must hold real numbers; "
        "pass real and imaginary parts as separate columns"
    )


def _plain_numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return numbers and durations in a dtype of numpy, if none is missing or they are floats."""
    dtype = column.dtype
    if isinstance(dtype, pd.SparseDtype):
        return plain_column(column.sparse.to_dense())
    if isinstance(dtype, np.dtype | pd.CategoricalDtype | pd.StringDtype):
        return column
    if dtype.kind == "f":
        return column.astype(pd.Series(column.to_numpy(np.float64, na_value=np.nan)).dtype)
    return column if column.isna().any() else column.astype(dtype.numpy_dtype)


def _are(kinds: Iterable[type], wanted: type | UnionType) -> bool:
    return all(issubclass(kind, wanted) for kind in kinds)


def _of_objects(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of Python objects by the types of its values; as text where they differ."""
    is_known = column.notna()
    known = column[is_known]
    kinds = {type(value) for value in known}
    makers: tuple[tuple[type | UnionType, Callable[[pd.Series[Any]], pd.Series[Any]]], ...] = (
        (_BOOLS, lambda values: values.astype("boolean")),
        (pd.Period, lambda values: values.map(lambda value: value.start_time)),
        (_DATES, lambda values: pd.to_datetime(values, utc=True).dt.tz_localize(None)),
        (_SPANS, pd.to_timedelta),
        (time, lambda values: pd.to_timedelta(values.map(_since_midnight), unit="us")),
        (_NUMBERS, _numbers),
        (str, lambda values: values.astype("str")),
    )
    if not kinds:
        return pd.Series(np.nan, index=column.index, name=column.name)
    if any(issubclass(kind, complex | np.complexfloating) for kind in kinds):
        raise _complex(column)
    # to Python and numpy, booleans are integers, and so are durations
    are_mixed = any(issubclass(kind, _BOOLS | np.timedelta64) for kind in kinds)
    for wanted, make in makers:
        if _are(kinds, wanted) and not (wanted is _NUMBERS and are_mixed):
            made = make(known).array
            if not is_known.all():
                made = made.take(np.where(is_known, np.cumsum(is_known) - 1, -1), allow_fill=True)
            return _plain_numbers(pd.Series(made, index=column.index, name=column.name))
    return column.map(value_text, na_action="ignore").astype("str")


def _since_midnight(value: time) -> int:
    """Return a time of day in microseconds."""
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 10**6 + value.microsecond


def _numbers(known: pd.Series[Any]) -> pd.Series[Any]:
    """Return Python's numbers, none missing, as integers or float64; as they are if that loses."""
    if not _are({type(value) for value in known}, _INTEGERS):
        floats = known.map(float).astype(np.float64)
        is_long = (floats.abs() >= EXACT) & np.isfinite(floats)
        pairs = [*zip(known[is_long], floats[is_long], strict=True)]
        if all(value == number for value, number in pairs):
            return floats
        if not all(np.isfinite(floats)) or not all(value == value // 1 for value in known):
            return known
        known = known.map(int)
    for dtype in ("Int64", "UInt64"):
        with suppress(OverflowError, TypeError, ValueError):
            return known.astype(dtype)
    return known.map(int)
