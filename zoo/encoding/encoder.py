"""Table to matrix: what every model of the zoo does with numbers, categories, dates and gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.encoding.frames import Kind, categories_of, kind_of, read_codes, read_numbers
from zoo.encoding.quantiles import NormalQuantiles

__all__ = ["Categories", "Flags", "Scale", "TableEncoder", "smooth_clip"]

Categories = Literal["onehot", "ordinal", "mixed"]
Flags = Literal["numbers", "onehot"]
Scale = Literal["none", "standard", "robust", "quantile"]

_N_NUMBERS = {"number": 1, "duration": 1, "date": 4, "category": 0}  # columns out, by kind
_MAX_LEVELS = 254  # HistGradientBoosting takes 255 levels, one of which is kept for the rest
_LARGEST = 1e38  # models add and halve numbers in 32 bits, which end at 3.4e38
_BLOCK = 1 << 18  # numbers that are worked on at a time


def smooth_clip(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values bent smoothly into (-3, 3): x / sqrt(1 + (x / 3)^2) (arXiv:2407.04491)."""
    return values / np.sqrt(1.0 + (values / 3.0) ** 2)


def _mean_and_deviation(
    values: NDArray[np.float64], weight: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    present = ~np.isnan(values)
    share = present * (1.0 if weight is None else weight[:, None])
    share = share / np.maximum(share.sum(axis=0), 1e-300)
    center = (np.where(present, values, 0.0) * share).sum(axis=0)
    deviation = np.where(present, values - center, 0.0)
    return center, np.sqrt((deviation**2 * share).sum(axis=0))


def _median_and_range(
    values: NDArray[np.float64], _: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return medians and quartile ranges, or half the range where that is 0."""
    known = np.where((~np.isnan(values)).any(axis=0), values, 0.0)
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    found = np.nanquantile(known, shares, axis=0) if known.size else np.zeros((5, 0))
    low, quarter, median, upper, high = found
    return median, np.where(upper > quarter, upper - quarter, (high - low) / 2.0)


class _Columns:
    """A table's columns, read, but not yet one matrix of floats.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows, n_numbers) or list of ndarray of shape (n_rows,)
    codes : list of ndarray of shape (n_rows,)
        Of the categories; NaN where the level is missing or not known.
    n_rows : int
    """

    def __init__(
        self, numbers: NDArray[Any] | list[NDArray[Any]], codes: list[NDArray[Any]], n_rows: int
    ) -> None:
        self._numbers, self._codes, self.n_rows = numbers, codes, n_rows

    def blocks(self, n_columns: int) -> Iterator[slice]:
        """Yield the rows that are worked on at a time, for the sake of memory."""
        step = max(1, _BLOCK // max(1, n_columns))
        for start in range(0, self.n_rows, step):
            yield slice(start, start + step)

    def numbers(self, rows: slice, columns: slice = slice(None)) -> NDArray[np.float64]:
        """Return finite numbers (n_rows, n_columns); infinite ones are missing."""
        if isinstance(self._numbers, np.ndarray):
            values = self._numbers[rows, columns].astype(np.float64)
        elif taken := [column[rows].astype(np.float64) for column in self._numbers[columns]]:
            values = np.column_stack(taken)
        else:
            values = np.empty((len(range(*rows.indices(self.n_rows))), 0))
        values[np.isinf(values)] = np.nan
        return np.clip(values, -_LARGEST, _LARGEST, out=values)

    def codes(self, rows: slice) -> list[NDArray[np.float64]]:
        """Return the codes of each category, (n_rows, 1)."""
        return [codes[rows, None].astype(np.float64) for codes in self._codes]


class _Scaling:
    """Learns a centre and a factor for each column; NaN does not count.

    `take` gives the columns of a slice, (n_rows, n). Weights count in means, not in quantiles.
    """

    def __init__(
        self,
        kind: str,
        n_columns: int,
        take: Callable[[slice], NDArray[np.float64]],
        weight: NDArray[np.float64] | None = None,
    ) -> None:
        learn = _mean_and_deviation if kind == "standard" else _median_and_range
        # a few columns at a time, for the sake of memory; of one alone numpy would add up the
        # rows in another order
        starts = [*range(0, n_columns - 1, 4)] or [0]
        parts = [
            learn(take(slice(start, end)), weight)
            for start, end in zip(starts, [*starts[1:], n_columns], strict=True)
        ]
        self.center, spread = (np.concatenate(part) for part in zip(*parts, strict=True))
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
    seconds, everything else a category. A level that training did not have counts as missing, and
    so does an infinite number; numbers beyond 1e38 count as 1e38.

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
    flags : {"numbers", "onehot"}
        Whether booleans stand among the numbers, or among the one-hot columns, where networks do
        not embed them.

    Attributes
    ----------
    n_fixed_ : int
        How many of the output columns, the first ones, are numbers and codes. The others depend on
        which levels and gaps the training rows happened to have.
    n_numbers_, n_codes_ : int
        How many of those are numbers, and how many after them are codes ("mixed").
    n_categories_ : int
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
        flags: Flags = "numbers",
    ) -> None:
        options = ((categories, Categories), (scale, Scale), (flags, Flags))
        for value, known in ((value, get_args(kind)) for value, kind in options):
            if value not in known:
                raise ValueError(f"expected one of {', '.join(known)}, got {value!r}")
        self.categories = categories
        self.scale = scale
        self._scale_numbers: _Scaling | NormalQuantiles
        self.max_onehot = max_onehot
        self.flags = flags

    def fit(self, X: pd.DataFrame, weight: NDArray[np.float64] | None = None) -> TableEncoder:
        """Learn kinds, levels, means and spreads from the training rows (n_samples, n_features).

        A row's weight (n_samples,) counts as often as so many equal rows.
        """
        self.kinds_: list[Kind] = [kind_of(X.iloc[:, i]) for i in range(X.shape[1])]
        self.categories_: list[dict[str, int]] = []
        for i, kind in enumerate(self.kinds_):
            if kind == "category":
                kept = categories_of(X.iloc[:, i], _MAX_LEVELS)
                self.categories_.append({level: code for code, level in enumerate(kept)})
        if {*self.kinds_} == {"category"} and not any(self.categories_):
            # nothing at all in the table: a matrix needs a column still
            self.kinds_, self.categories_ = ["number"] * len(self.kinds_), []
        is_flag: list[bool] = []
        for kind, dtype in zip(self.kinds_, X.dtypes, strict=True):
            is_one = self.flags == "onehot" and pd.api.types.is_bool_dtype(dtype)
            is_flag += [is_one and kind == "number"] * _N_NUMBERS[kind]
        self.is_flag_ = np.array(is_flag, bool)
        n_numbers = len(self.is_flag_)
        self.is_empty_: NDArray[np.bool_] = np.zeros(n_numbers, bool)  # so all are read
        columns = self._read(X)
        n_missing = np.zeros(n_numbers, int)
        for rows in columns.blocks(n_numbers):
            n_missing += np.isnan(columns.numbers(rows)).sum(axis=0)
        self.is_empty_ = np.asarray(n_missing == len(X))
        self.has_missing_ = (n_missing > 0) & ~self.is_empty_
        self._lay_out()
        if self.scale != "none":
            take = partial(columns.numbers, slice(None))
            self._scale_numbers = (
                NormalQuantiles(n_numbers, take)
                if self.scale == "quantile"
                else _Scaling(self.scale, n_numbers, take, weight)
            )
        if self.scale == "robust":
            rest = np.empty((len(X), self._n_rest), np.int8)
            for rows in columns.blocks(rest.shape[1]):
                rest[rows] = self._rest(columns.numbers(rows), columns.codes(rows))
            self._scale_rest = _Scaling(
                "robust", rest.shape[1], lambda taken: rest[:, taken].astype(np.float64)
            )
        return self

    def _lay_out(self) -> None:
        """Count the output columns of each sort."""
        n_flags = int(self.is_flag_.sum())
        self.n_numbers_ = len(self.is_flag_) - n_flags
        is_coded = [self._is_coded(levels) for levels in self.categories_]
        self.n_codes_ = sum(is_coded)
        self.n_categories_ = sum(
            len(levels) + 1
            for levels, coded in zip(self.categories_, is_coded, strict=True)
            if coded
        )
        self.n_fixed_ = self.n_numbers_ + self.n_codes_
        no_numbers = np.empty((0, len(self.is_flag_)))
        self._n_rest = self._rest(no_numbers, [np.empty((0, 1))] * len(self.categories_)).shape[1]
        self.is_categorical_ = np.zeros(self.n_fixed_ + n_flags + self._n_rest, bool)
        self.is_categorical_[self.n_numbers_ : self.n_fixed_] = True

    def to_data(self) -> dict[str, Any]:
        """Return all that was learnt as plain numbers, text and lists; see `from_data`."""
        return {
            "categories": self.categories,
            "scale": self.scale,
            "max_onehot": self.max_onehot,
            "flags": self.flags,
            "is_flag": self.is_flag_.tolist(),
            "kinds": list(self.kinds_),
            "levels": [list(levels) for levels in self.categories_],
            "is_empty": self.is_empty_.tolist(),
            "has_gaps": self.has_missing_.tolist(),
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
        options = {name: data[name] for name in ("categories", "scale", "max_onehot", "flags")}
        encoder = cls(**options)
        encoder.kinds_ = list(data["kinds"])
        encoder.categories_ = [
            {str(level): code for code, level in enumerate(levels)} for levels in data["levels"]
        ]
        encoder.is_empty_ = np.array(data["is_empty"], bool)
        encoder.has_missing_ = np.array(data["has_gaps"], bool)
        encoder.is_flag_ = np.array(data["is_flag"], bool)
        n_numbers = sum(_N_NUMBERS[kind] for kind in encoder.kinds_)
        n_categories = encoder.kinds_.count("category")
        if not (
            encoder.is_empty_.shape == encoder.has_missing_.shape == (n_numbers,)
            and encoder.is_flag_.shape == (n_numbers,)
            and [*map(len, encoder.categories_)] == [*map(len, data["levels"])]
            and len(encoder.categories_) == n_categories
        ):
            raise ValueError("kinds, levels and gaps of an encoder are not of the same columns")
        encoder._lay_out()
        if encoder.scale != "none":
            sort = NormalQuantiles if encoder.scale == "quantile" else _Scaling
            encoder._scale_numbers = sort.from_data(*data["numbers"], n_columns=n_numbers)
        if encoder.scale == "robust":
            encoder._scale_rest = _Scaling.from_data(*data["rest"], n_columns=encoder._n_rest)
        return encoder

    def _is_coded(self, levels: dict[str, int]) -> bool:
        if self.categories == "mixed":
            return len(levels) > self.max_onehot
        return self.categories == "ordinal"

    def transform(self, X: pd.DataFrame) -> NDArray[np.float32]:
        """Return the matrix (n_samples, n_columns_out): numbers, codes, gaps, one-hot columns.

        Raises
        ------
        ValueError
            If a column that held numbers, dates or durations in training holds something else.
        """
        columns = self._read(X)
        matrix = np.empty((len(X), len(self.is_categorical_)), np.float32)
        is_number, is_flag = ~self.is_flag_, self.is_flag_
        for rows in columns.blocks(max(matrix.shape[1], len(is_flag))):
            numbers, codes = columns.numbers(rows), columns.codes(rows)
            rest = self._rest(numbers, codes)
            if self.scale == "none":
                numbers[:, self.is_empty_] = 0.0  # nothing was learnt, and bins need a number
            else:
                numbers = self._scale_numbers(numbers)
            if self.scale == "robust":
                rest = self._scale_rest(rest)
            parts = [numbers[:, is_number], *self._coded(codes), numbers[:, is_flag], rest]
            np.concatenate(parts, axis=1, out=matrix[rows], casting="same_kind")
        return matrix

    def _read(self, X: pd.DataFrame) -> _Columns:
        """Return the table's columns; those that were empty in training are not looked at."""
        dtypes = set(X.dtypes)
        if {*self.kinds_} == {"number"} and len(dtypes) == 1:
            dtype = dtypes.pop()
            if isinstance(dtype, np.dtype) and dtype.kind in "fiub":
                return _Columns(X.to_numpy(), [], len(X))
        numbers: list[NDArray[Any]] = []
        codes: list[NDArray[Any]] = []
        for i, kind in enumerate(self.kinds_):
            column, n = X.iloc[:, i], _N_NUMBERS[kind]
            if kind == "category":
                codes.append(read_codes(column, self.categories_[len(codes)]))
            elif self.is_empty_[len(numbers) : len(numbers) + n].all():
                numbers.extend([np.full(len(X), np.nan, np.float32)] * n)
            else:
                numbers.extend(read_numbers(column, kind))
        return _Columns(numbers, codes, len(X))

    def _rest(
        self, numbers: NDArray[np.float64], codes: list[NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Return signs of missing values, where training had both, and one-hot columns."""
        parts = [np.isnan(numbers)[:, self.has_missing_].astype(np.float64)]
        if self.scale == "none" and self.categories == "ordinal":
            parts = [np.empty((len(numbers), 0))]
        for column, levels in zip(codes, self.categories_, strict=True):
            if self._is_coded(levels):
                continue
            if self.categories == "mixed" and len(levels) == 2:
                parts.append(np.nan_to_num(2.0 * column - 1.0, nan=0.0))
            else:
                parts.append((column == np.arange(len(levels))).astype(np.float64))
        return np.concatenate(parts, axis=1)

    def _coded(self, codes: list[NDArray[np.float64]]) -> Iterator[NDArray[np.float64]]:
        """Yield columns of codes, (n_rows, 1) each."""
        start = 0
        for column, levels in zip(codes, self.categories_, strict=True):
            if self.categories == "ordinal":
                yield column
            elif self._is_coded(levels):
                yield np.nan_to_num(column + 1.0, nan=0.0) + start
                start += len(levels) + 1
