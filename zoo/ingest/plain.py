"""Columns of any dtype as one of a few: numbers, bool, times, text or declared categories."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd

from zoo.encoding.plain_columns import EXACT, plain_column, value_text
from zoo.encoding.written_columns import decimal_of_columns
from zoo.errors import DataError
from zoo.ingest.clean_table import Column, DecimalMark, TableWarning, Topic
from zoo.prose import plural, quoted

__all__ = ["as_plain", "decimal_of_file", "plain_frame", "plain_series", "value_text", "with_index"]


def plain_frame(X: object) -> pd.DataFrame:
    """Return a frame of any library, or an array, as a pandas frame.

    Raises
    ------
    DataError
        If it is none of them, is not a table, or has no row or column.
    """
    from zoo.encoding.frames import as_frame

    if isinstance(X, pd.Series):
        X = X.to_frame()
    try:
        if isinstance(X, pd.DataFrame) and not X.columns.is_unique:
            X = X.set_axis(range(X.shape[1]), axis=1)  # names are made unique elsewhere
        return as_frame(X)
    except (TypeError, ValueError) as error:
        raise DataError(" ".join(str(error).split())) from error


def plain_series(values: object, role: str) -> Column:
    """Return one value per row of a column of any library, a frame of one column or an array.

    Raises
    ------
    DataError
        If there is not one value per row.
    """
    from zoo.encoding.frames import as_column

    try:
        return as_column(values, role).reset_index(drop=True)
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
    columns = f"{plural(len(found), 'column')} {quoted(found)}"
    text = f"The index of the frame became the {columns}."
    return frame, (TableWarning(about=Topic.READ, text=text, columns=(*map(str, found),)),)


def as_plain(column: Column) -> Column:
    """Return a column as float64, int64, bool, datetime64 without a zone, str, or category.

    Categories are text. Whole numbers with missing values become floats, or text if floats would
    round them.
    """
    if pd.api.types.is_complex_dtype(column.dtype):
        raise DataError(f"the column '{column.name}' holds complex numbers; give two real columns")
    try:
        column = plain_column(column)
    except ValueError as error:
        raise DataError(str(error)) from error
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        # readers make categories of text only; categories that are numbers were declared
        texts = [*map(value_text, dtype.categories)]
        is_unique = len({*texts}) == len(texts)
        return column.cat.rename_categories(texts if is_unique else [*map(repr, dtype.categories)])
    if isinstance(dtype, pd.StringDtype):
        return column
    if dtype.kind in "iuf":
        return _numbers(column)
    if dtype.kind == "m":
        return column.dt.total_seconds()
    if dtype.kind == "M":
        return column.astype("datetime64[us]")
    return column if dtype == np.bool_ else _texts(column)


def decimal_of_file(
    columns: Iterable[Column], known: DecimalMark | None = None
) -> DecimalMark | None:
    """Return the decimal mark that most text columns use unambiguously, or None.

    `known` is the mark of the columns that were parsed while the file was read.
    """
    texts = (one for one in columns if isinstance(one.dtype, pd.StringDtype))
    return decimal_of_columns(texts, known)


def _numbers(column: Column) -> Column:
    """Return numbers as int64 or float64; uint8, as of pixels, stays."""
    dtype = column.dtype
    if dtype == np.uint8:
        return column
    is_numpy = isinstance(dtype, np.dtype)
    if dtype.kind in "iu":
        known = column.dropna()
        if len(known) and (known.max() > EXACT or known.min() < -EXACT):
            fits = is_numpy and known.max() < 2**63
            return column.astype(np.int64) if fits else _texts(column)
    if is_numpy and dtype.kind == "i":
        return column.astype(np.int64)
    values = column.to_numpy(np.float64, na_value=np.nan)
    return pd.Series(values, index=column.index, name=column.name)


def _texts(column: Column) -> Column:
    return column.astype(object).map(value_text, na_action="ignore").astype("str")
