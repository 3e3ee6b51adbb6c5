"""Input tables as frames with unique column names; columns as numbers or category codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["Kind", "as_array", "as_frame", "categories_of", "kind_of", "read_codes", "read_numbers"]

_NOT_TIMES = (int, float, np.number, np.bool_)  # pandas would take them for nanoseconds

Kind = Literal["number", "duration", "date", "category"]


def as_array(values: Any, name: str) -> NDArray[Any]:
    """Return an array; raise TypeError for sparse input, ValueError if it is ragged or complex."""
    if sparse.issparse(values):
        raise TypeError(f"{name} must be dense, got a sparse matrix; pass {name}.toarray()")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{name} must have rows of equal length, got a ragged {type(values).__name__}; "
            "pad or drop the short rows"
        ) from error
    _refuse_complex([array.dtype], name)
    return array


def _refuse_complex(dtypes: Iterable[Any], name: str) -> None:
    for dtype in dtypes:
        if dtype.kind == "c":
            raise ValueError(
                f"Complex data not supported: {name} must hold real numbers, got {dtype}; "
                "pass real and imaginary parts as separate columns"
            )


def as_frame(X: Any) -> pd.DataFrame:
    """Return `X` as a data frame with unique column names; a frame is returned unchanged.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_samples, n_features)

    Raises
    ------
    ValueError
        If `X` is not two-dimensional, has no row or column, repeats a column name, or is ragged
        or complex.
    TypeError
        If it is sparse.
    """
    values = X if isinstance(X, pd.DataFrame) else as_array(X, "X")
    if isinstance(X, list | tuple) and values.dtype.kind in "US":
        values = np.asarray(X, dtype=object)  # numpy turns numbers beside text into text
    if values.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {values.ndim}D array instead; "
            "Reshape your data to (n_samples, n_features)"
        )
    names = (("sample", "row"), ("feature", "column"))
    for count, (what, part) in zip(values.shape, names, strict=True):
        if count == 0:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={values.shape}) while a minimum of 1 is "
                f"required. Pass at least one {part}"
            )
    if isinstance(values, pd.DataFrame):
        _refuse_complex(values.dtypes, "X")
        if not values.columns.is_unique:
            twice = values.columns[values.columns.duplicated()].unique().tolist()
            raise ValueError(
                f"column names must be unique; these come twice: {twice}; rename or drop them"
            )
        return values
    frame = pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])
    return frame.infer_objects() if values.dtype.kind == "O" else frame


def kind_of(column: pd.Series[Any]) -> Kind:
    """Return the kind of a column of training rows, from its dtype."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date"
    if pd.api.types.is_timedelta64_dtype(dtype):
        return "duration"
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
        return "number"
    return "number" if column.isna().all() else "category"


def read_numbers(column: pd.Series[Any], kind: Kind) -> list[NDArray[Any]]:
    """Return the numbers of a column, (n_rows,) each: one, or four for a date; NaN is missing.

    Numbers and times may be given as text.

    Raises
    ------
    ValueError
        If a value is not of the column's kind; the message names both.
    """
    if kind == "number":
        return [_floats(column)]
    if kind == "duration":
        if not pd.api.types.is_timedelta64_dtype(column.dtype):
            column = _parsed(column, "durations", pd.to_timedelta, date)
        return [column.dt.total_seconds().to_numpy(np.float64)]
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        column = _parsed(column, "dates", _to_dates, timedelta)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    days = (column - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
    parts = (days, column.dt.month, column.dt.day_of_week, column.dt.hour)
    return [part.to_numpy(np.float64) for part in parts]


def _floats(column: pd.Series[Any]) -> NDArray[Any]:
    """Return the numbers of a column, (n_rows,), in their own dtype if that is one of numpy's."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiub":
        return np.asarray(column)
    if not pd.api.types.is_numeric_dtype(column.dtype):
        if kind_of(column) in {"date", "duration"} and not column.isna().all():
            raise _not_a(column, "numbers", column.dropna().iloc[0])
        raw = column.astype(object)
        column = pd.to_numeric(raw, errors="coerce")
        for value in raw[column.isna() & raw.notna()]:
            if not (isinstance(value, str) and value.strip().lower() in {"", "nan"}):
                raise _not_a(raw, "numbers", value)
    return np.asarray(column.to_numpy(np.float64, na_value=np.nan))


def _to_dates(raw: pd.Series[Any], errors: Literal["coerce"]) -> pd.Series[Any]:
    """Return dates in UTC: all in ISO 8601, or all in the format of the first."""
    dates = pd.to_datetime(raw, format="ISO8601", utc=True, errors=errors)
    if dates.isna().equals(raw.isna()):
        return dates
    return pd.to_datetime(raw, utc=True, errors=errors)


def _parsed(
    column: pd.Series[Any], what: str, parse: Callable[..., pd.Series[Any]], other: type
) -> pd.Series[Any]:
    """Return a column as dates or durations; values of type `other` are invalid."""
    raw = column.astype(object)
    raw = raw.where(raw.notna(), None)
    invalid = raw[raw.map(lambda value: isinstance(value, (*_NOT_TIMES, other)))]
    if not len(invalid):
        times = parse(raw, errors="coerce")
        invalid = raw[times.isna() & raw.notna()]
    if len(invalid):
        raise _not_a(column, what, invalid.iloc[0])
    return times


def _not_a(column: pd.Series[Any], what: str, value: object) -> ValueError:
    return ValueError(
        f"the column {column.name!r} held {what} in training, got {value!r}; "
        "correct it, or pass None for a missing value"
    )


def _text(value: object) -> str:
    """Return a category as text, the integer 1 and the float 1.0 alike."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _as_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return categories as text, so that 1, 1.0 and "1" are one category whatever the dtype."""
    return column.astype(object).map(_text, na_action="ignore")


def categories_of(column: pd.Series[Any], at_most: int) -> list[str]:
    """Return the `at_most` most frequent categories of a column, sorted."""
    return sorted(_as_text(column).value_counts().index[:at_most])


def read_codes(column: pd.Series[Any], known: dict[str, int]) -> NDArray[np.float32]:
    """Return the code of each row's category (n_rows,); NaN where it is missing or unknown."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        found = [known.get(_text(category), np.nan) for category in column.cat.categories]
        # pandas codes a missing value as -1
        codes = np.array([*found, np.nan], np.float32)[column.cat.codes]
    else:
        codes = _as_text(column).map(known).to_numpy(np.float32, na_value=np.nan)
    return np.asarray(codes, np.float32)
