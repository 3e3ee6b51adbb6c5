"""Table to matrix: what every model of the zoo does with numbers, categories, dates and gaps."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["TableEncoder", "as_frame"]

_MAX_LEVELS = 254  # HistGradientBoosting takes 255 levels, one of which is kept for the rest


def as_frame(X: Any) -> pd.DataFrame:
    """Return `X` as a data frame with unique column names.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_samples, n_features)

    Raises
    ------
    ValueError
        If `X` is not two-dimensional, has no column, or repeats a column name.
    """
    if isinstance(X, pd.DataFrame):
        if not X.columns.is_unique:
            twice = X.columns[X.columns.duplicated()].unique().tolist()
            raise ValueError(f"column names must be unique; these come twice: {twice}")
        frame = X
    else:
        values = np.asarray(X)
        if values.ndim != 2:
            raise ValueError(
                f"Expected 2D array, got {values.ndim}D array instead; "
                "Reshape your data to (n_samples, n_features)"
            )
        frame = pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])
        if values.dtype.kind == "O":
            frame = frame.infer_objects()
    if frame.shape[1] == 0:
        raise ValueError("X has 0 feature(s); at least one column is needed")
    return frame


def _dates(column: pd.Series[Any], name: object) -> dict[str, NDArray[np.float64]]:
    """Return a date column as days since 1970, month, weekday and hour."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    days = (column - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
    parts = {"days": days, "month": column.dt.month, "weekday": column.dt.day_of_week}
    parts["hour"] = column.dt.hour
    return {f"{name} {part}": values.to_numpy(np.float64) for part, values in parts.items()}


def _kind(column: pd.Series[Any]) -> str:
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


def _as_float(column: pd.Series[Any]) -> NDArray[np.float64]:
    if not pd.api.types.is_numeric_dtype(column.dtype):
        column = pd.to_numeric(column, errors="coerce")
    values = np.array(column.to_numpy(np.float64, na_value=np.nan))
    values[np.isinf(values)] = np.nan
    return values


def _as_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return levels as text, so that 1, 1.0 and "1" are the same level whatever the dtype."""

    def text(value: object) -> str:
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return str(value)

    return column.astype(object).map(text, na_action="ignore")


class TableEncoder:
    """Learns on training rows how to turn a frame into a matrix of floats.

    Numbers and booleans stay numbers, dates become days, month, weekday and hour, durations
    seconds, everything else a category. A level that training did not have counts as missing.

    Parameters
    ----------
    categories : {"onehot", "ordinal"}
        One column a level (a missing value is all zeros), or one column of codes
        (a missing value is NaN).
    scale : bool
        True: each number has its mean subtracted and is divided by its standard deviation, then
        bent smoothly into (-3, 3) by x / sqrt(1 + (x / 3)^2) (arXiv:2407.04491, appendix A);
        a missing value becomes 0 beside an indicator column. False: numbers as they are,
        missing values NaN. A column that is missing in every training row is constant.

    Attributes
    ----------
    n_numbers_ : int
        How many of the output columns, the first ones, are numbers. The others depend on which
        levels and gaps the training rows happened to have.
    is_categorical_ : ndarray of shape (n_columns_out,)
        Which output columns hold codes of categories.
    """

    def __init__(self, *, categories: Literal["onehot", "ordinal"], scale: bool) -> None:
        self.categories = categories
        self.scale = scale

    def fit(self, X: pd.DataFrame) -> TableEncoder:
        """Learn kinds, levels, means and spreads from the training rows (n_samples, n_features)."""
        self.kinds_ = [_kind(X.iloc[:, i]) for i in range(X.shape[1])]
        self.levels_: list[dict[str, int]] = []
        for i, kind in enumerate(self.kinds_):
            if kind == "category":
                counts = _as_text(X.iloc[:, i]).value_counts()
                kept = sorted(counts.index[:_MAX_LEVELS])
                self.levels_.append({level: code for code, level in enumerate(kept)})
        numbers = self._numbers(X)
        present = ~np.isnan(numbers)
        count = np.maximum(present.sum(axis=0), 1)
        filled = np.where(present, numbers, 0.0)
        self.mean_ = filled.sum(axis=0) / count
        deviation = np.where(present, numbers - self.mean_, 0.0)
        spread = np.sqrt((deviation**2).sum(axis=0) / count)
        tiny = spread <= 1e-9 * np.maximum(np.abs(self.mean_), 1e-12)
        self.factor_ = np.where(tiny, 0.0, 1.0 / np.where(tiny, 1.0, spread))
        self.is_empty_ = ~present.any(axis=0)
        self.has_gaps_ = ~present.all(axis=0) & present.any(axis=0)
        n_codes = len(self.levels_)
        self.n_numbers_ = n_numbers = numbers.shape[1]
        if self.categories == "ordinal":
            self.is_categorical_ = np.r_[np.zeros(n_numbers, bool), np.ones(n_codes, bool)]
        else:
            width = n_numbers + int(self.has_gaps_.sum()) + sum(map(len, self.levels_))
            self.is_categorical_ = np.zeros(width, bool)
        return self

    def transform(self, X: pd.DataFrame) -> NDArray[np.float32]:
        """Return the matrix (n_samples, n_columns_out) of the frame's rows."""
        numbers = self._numbers(X)
        blocks: list[NDArray[Any]] = []
        if self.scale:
            gaps = np.isnan(numbers)
            scaled = (np.where(gaps, self.mean_, numbers) - self.mean_) * self.factor_
            blocks.append(scaled / np.sqrt(1.0 + (scaled / 3.0) ** 2))
            blocks.append(gaps[:, self.has_gaps_])
        else:
            numbers[:, self.is_empty_] = 0.0  # nothing was learnt about it, and bins need a number
            blocks.append(numbers)
            if self.categories == "onehot":
                blocks.append(np.isnan(numbers)[:, self.has_gaps_])
        columns = (X.iloc[:, i] for i, kind in enumerate(self.kinds_) if kind == "category")
        for column, levels in zip(columns, self.levels_, strict=True):
            codes = _as_text(column).map(levels).to_numpy(np.float64, na_value=np.nan)
            if self.categories == "ordinal":
                blocks.append(codes[:, None])
            else:
                blocks.append(codes[:, None] == np.arange(len(levels)))
        return np.concatenate([block.astype(np.float32) for block in blocks], axis=1)

    def _numbers(self, X: pd.DataFrame) -> NDArray[np.float64]:
        if all(kind == "number" for kind in self.kinds_):
            dtypes = set(X.dtypes)
            if len(dtypes) == 1 and isinstance(next(iter(dtypes)), np.dtype):
                (dtype,) = dtypes
                if dtype.kind in "fiub":
                    values = X.to_numpy(np.float64)
                    return np.where(np.isinf(values), np.nan, values)
        columns: list[NDArray[np.float64]] = []
        for i, kind in enumerate(self.kinds_):
            column = X.iloc[:, i]
            if kind == "number":
                columns.append(np.asarray(_as_float(column), np.float64))
            elif kind == "duration":
                seconds = pd.to_timedelta(column).dt.total_seconds()
                columns.append(np.asarray(seconds, np.float64))
            elif kind == "date":
                columns.extend(_dates(pd.to_datetime(column, errors="coerce"), i).values())
        if not columns:
            return np.empty((len(X), 0))
        return np.column_stack(columns)
