"""Table to matrix: what every model of the zoo does with numbers, categories, dates and gaps."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.quantiles import NormalQuantiles

__all__ = ["Categories", "Scale", "TableEncoder", "as_frame", "smooth_clip"]

Categories = Literal["onehot", "ordinal", "mixed"]
Scale = Literal["none", "standard", "robust", "quantile"]

_N_NUMBERS = {"number": 1, "duration": 1, "date": 4, "category": 0}  # columns out, by kind
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


def smooth_clip(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values bent smoothly into (-3, 3): x / sqrt(1 + (x / 3)^2) (arXiv:2407.04491)."""
    return values / np.sqrt(1.0 + (values / 3.0) ** 2)


class _Scaling:
    """Learns a centre and a factor for each column (n_rows, n_columns); NaN does not count.

    Weights count in means, not in quantiles.
    """

    def __init__(
        self,
        kind: str,
        values: NDArray[np.float64],
        weight: NDArray[np.float64] | None = None,
    ) -> None:
        present = ~np.isnan(values)
        if kind == "standard":
            share = present * (1.0 if weight is None else weight[:, None])
            share = share / np.maximum(share.sum(axis=0), 1e-300)
            self.center = (np.where(present, values, 0.0) * share).sum(axis=0)
            deviation = np.where(present, values - self.center, 0.0)
            spread = np.sqrt((deviation**2 * share).sum(axis=0))
        else:
            known = np.where(present.any(axis=0), values, 0.0)
            shares = (0.0, 0.25, 0.5, 0.75, 1.0)
            found = np.nanquantile(known, shares, axis=0) if known.size else np.zeros((5, 0))
            low, quarter, self.center, upper, high = found
            spread = np.where(upper > quarter, upper - quarter, (high - low) / 2.0)
        tiny = spread <= 1e-9 * np.maximum(np.abs(self.center), 1e-12)
        self.factor = np.where(tiny, 0.0, 1.0 / np.where(tiny, 1.0, spread))

    @classmethod
    def from_data(cls, center: list[float], factor: list[float], *, n_columns: int) -> _Scaling:
        """Return the scaling that learnt these."""
        scaling = cls.__new__(cls)
        scaling.center, scaling.factor = np.array(center, float), np.array(factor, float)
        if scaling.center.shape != (n_columns,) or scaling.factor.shape != (n_columns,):
            raise ValueError(f"expected {n_columns} centres and factors, got {len(center)}")
        return scaling

    def to_data(self) -> list[list[float]]:
        """Return centres and factors as plain numbers."""
        return [self.center.tolist(), self.factor.tolist()]

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return centred, scaled and smoothly clipped values; NaN becomes 0."""
        known = np.where(np.isnan(values), self.center, values)
        return smooth_clip((known - self.center) * self.factor)


class TableEncoder:
    """Learns on training rows how to turn a frame into a matrix of floats.

    Numbers and booleans stay numbers, dates become days, month, weekday and hour, durations
    seconds, everything else a category. A level that training did not have counts as missing.

    Parameters
    ----------
    categories : {"onehot", "ordinal", "mixed"}
        onehot: one column a level (a missing value is all zeros). ordinal: one column of codes
        (a missing value is NaN). mixed: up to `max_onehot` levels as one-hot columns, two of them
        as one column of -1 and 1 (a missing value is 0); more as codes, from 0 for a missing
        value, no two columns with the same code, so that one table of embeddings serves all.
    scale : {"none", "standard", "robust", "quantile"}
        none: numbers as they are, missing values NaN. Otherwise a missing value becomes 0 beside
        an indicator column, and each number is centred, divided and bent smoothly into (-3, 3) by
        x / sqrt(1 + (x / 3)^2) (arXiv:2407.04491, appendix A). standard: by mean and standard
        deviation. robust: by median and quartile range, or half the range where that is 0; one-hot
        columns too. quantile: each number becomes the normal quantile of its rank, and is not bent.
        A column that is missing in every training row is constant.
    max_onehot : int
        For "mixed".

    Attributes
    ----------
    n_fixed_ : int
        How many of the output columns, the first ones, are numbers and codes. The others depend on
        which levels and gaps the training rows happened to have.
    n_numbers_, n_codes_ : int
        How many of those are numbers, and how many after them are codes ("mixed").
    n_levels_ : int
        One more than the largest code ("mixed").
    is_categorical_ : ndarray of shape (n_columns_out,)
        Which output columns hold codes of categories.
    """

    def __init__(
        self,
        *,
        categories: Categories,
        scale: Scale,
        max_onehot: int = 9,
    ) -> None:
        for value, known in ((categories, get_args(Categories)), (scale, get_args(Scale))):
            if value not in known:
                raise ValueError(f"expected one of {', '.join(known)}, got {value!r}")
        self.categories = categories
        self.scale = scale
        self._scale_numbers: _Scaling | NormalQuantiles
        self.max_onehot = max_onehot

    def fit(self, X: pd.DataFrame, weight: NDArray[np.float64] | None = None) -> TableEncoder:
        """Learn kinds, levels, means and spreads from the training rows (n_samples, n_features).

        A row's weight (n_samples,) counts as often as so many equal rows.
        """
        self.kinds_ = [_kind(X.iloc[:, i]) for i in range(X.shape[1])]
        self.levels_: list[dict[str, int]] = []
        for i, kind in enumerate(self.kinds_):
            if kind == "category":
                counts = _as_text(X.iloc[:, i]).value_counts()
                kept = sorted(counts.index[:_MAX_LEVELS])
                self.levels_.append({level: code for code, level in enumerate(kept)})
        numbers = self._numbers(X)
        present = ~np.isnan(numbers)
        self.is_empty_: NDArray[np.bool_] = np.asarray(~present.any(axis=0))
        self.has_gaps_ = ~present.all(axis=0) & present.any(axis=0)
        _, spread = self._categories(X)
        rest = np.concatenate([self._gaps(numbers), spread], axis=1)
        self._lay_out(rest.shape[1])
        if self.scale != "none":
            self._scale_numbers = (
                NormalQuantiles(numbers)
                if self.scale == "quantile"
                else _Scaling(self.scale, numbers, weight)
            )
        if self.scale == "robust":
            self._scale_rest = _Scaling("robust", rest)
        return self

    def _lay_out(self, n_rest: int) -> None:
        """Count the output columns of each sort; `n_rest` are gaps and one-hot columns."""
        self.n_numbers_ = len(self.is_empty_)
        is_coded = [self._is_coded(levels) for levels in self.levels_]
        self.n_codes_ = sum(is_coded)
        self.n_levels_ = sum(
            len(levels) + 1 for levels, coded in zip(self.levels_, is_coded, strict=True) if coded
        )
        self.n_fixed_ = self.n_numbers_ + self.n_codes_
        self.is_categorical_ = np.zeros(self.n_fixed_ + n_rest, bool)
        self.is_categorical_[self.n_numbers_ : self.n_fixed_] = True

    def to_data(self) -> dict[str, Any]:
        """Return all that was learnt as plain numbers, text and lists; see `from_data`."""
        return {
            "categories": self.categories,
            "scale": self.scale,
            "max_onehot": self.max_onehot,
            "kinds": list(self.kinds_),
            "levels": [list(levels) for levels in self.levels_],
            "is_empty": self.is_empty_.tolist(),
            "has_gaps": self.has_gaps_.tolist(),
            "numbers": self._scale_numbers.to_data() if self.scale != "none" else None,
            "rest": self._scale_rest.to_data() if self.scale == "robust" else None,
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> TableEncoder:
        """Return the fitted encoder whose `to_data` gave this.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the parts do not fit each other.
        """
        options = {name: data[name] for name in ("categories", "scale", "max_onehot")}
        encoder = cls(**options)
        encoder.kinds_ = list(data["kinds"])
        encoder.levels_ = [
            {str(level): code for code, level in enumerate(levels)} for levels in data["levels"]
        ]
        encoder.is_empty_ = np.array(data["is_empty"], bool)
        encoder.has_gaps_ = np.array(data["has_gaps"], bool)
        n_numbers = sum(_N_NUMBERS[kind] for kind in encoder.kinds_)
        n_categories = encoder.kinds_.count("category")
        if not (
            options["categories"] in get_args(Categories)
            and encoder.is_empty_.shape == encoder.has_gaps_.shape == (n_numbers,)
            and [*map(len, encoder.levels_)] == [*map(len, data["levels"])]
            and len(encoder.levels_) == n_categories
        ):
            raise ValueError("kinds, levels and gaps of an encoder are not of the same columns")
        rows = pd.DataFrame({i: pd.Series(dtype=object) for i in range(len(encoder.kinds_))})
        _, spread = encoder._categories(rows)
        gaps = encoder._gaps(np.empty((0, n_numbers)))
        n_rest = gaps.shape[1] + spread.shape[1]
        encoder._lay_out(n_rest)
        if encoder.scale != "none":
            sort = NormalQuantiles if encoder.scale == "quantile" else _Scaling
            encoder._scale_numbers = sort.from_data(*data["numbers"], n_columns=n_numbers)
        if encoder.scale == "robust":
            encoder._scale_rest = _Scaling.from_data(*data["rest"], n_columns=n_rest)
        return encoder

    def _is_coded(self, levels: dict[str, int]) -> bool:
        if self.categories == "mixed":
            return len(levels) > self.max_onehot
        return self.categories == "ordinal"

    def transform(self, X: pd.DataFrame) -> NDArray[np.float32]:
        """Return the matrix (n_samples, n_columns_out): numbers, codes, gaps, one-hot columns."""
        numbers = self._numbers(X)
        codes, spread = self._categories(X)
        rest = np.concatenate([self._gaps(numbers), spread], axis=1)
        if self.scale == "none":
            numbers[:, self.is_empty_] = 0.0  # nothing was learnt, and bins need a number
        else:
            numbers = self._scale_numbers(numbers)
        if self.scale == "robust":
            rest = self._scale_rest(rest)
        return np.concatenate([numbers, codes, rest], axis=1).astype(np.float32)

    def _gaps(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return an indicator of missing values for each number that had both in training."""
        if self.scale == "none" and self.categories == "ordinal":
            return np.empty((len(numbers), 0))
        return np.isnan(numbers)[:, self.has_gaps_].astype(np.float64)

    def _categories(self, X: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return columns of codes, and one-hot columns."""
        coded: list[NDArray[np.float64]] = [np.empty((len(X), 0))]
        spread: list[NDArray[np.float64]] = [np.empty((len(X), 0))]
        start = 0
        columns = (X.iloc[:, i] for i, kind in enumerate(self.kinds_) if kind == "category")
        for column, levels in zip(columns, self.levels_, strict=True):
            codes = _as_text(column).map(levels).to_numpy(np.float64, na_value=np.nan)[:, None]
            if self.categories == "mixed" and self._is_coded(levels):
                coded.append(np.nan_to_num(codes + 1.0, nan=0.0) + start)
                start += len(levels) + 1
            elif self.categories == "ordinal":
                coded.append(codes)
            elif self.categories == "mixed" and len(levels) == 2:
                spread.append(np.nan_to_num(2.0 * codes - 1.0, nan=0.0))
            else:
                spread.append((codes == np.arange(len(levels))).astype(np.float64))
        return np.concatenate(coded, axis=1), np.concatenate(spread, axis=1)

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
