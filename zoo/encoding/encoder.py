"""Table to matrix: how every model encodes numbers, categories, dates and missing values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress
from typing import Any, Literal, Protocol, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.encoding.categories import categories_of, read_codes, warn_of_unknown
from zoo.encoding.column_reading import Kind, Reading, find_readings, read_numbers
from zoo.encoding.plain_columns import has_one_dtype, plain_columns
from zoo.encoding.scaling import (
    LARGEST,
    Floats,
    NormalQuantiles,
    Scaling,
    knots_of,
    normal_scores,
)

__all__ = [
    "Categories", "EncoderState", "FittedEstimator", "Flags", "Layout", "Scale", "TableEncoder",
]  # fmt: skip

Categories = Literal["onehot", "ordinal", "mixed"]
Flags = Literal["numbers", "onehot"]
Layout = Literal["code", "sign", "onehot"]
Scale = Literal["none", "standard", "robust", "quantile"]

_N_NUMBERS = {"number": 1, "duration": 1, "date": 4, "category": 0}  # per column, by kind
_PARAMETERS = ("categories", "scale", "max_onehot", "flags")
_END = 5e307  # of numbers, whose differences must be finite
_BLOCK = 1 << 18  # numbers converted at a time


@dataclass(frozen=True, slots=True)
class _ReadColumns:
    """Columns of a table as numbers and codes, converted to float64 block by block."""

    _numbers: NDArray[Any] | list[NDArray[Any]]  # (n_rows, n_numbers), or (n_rows,) each
    _codes: list[NDArray[Any]]  # (n_rows,) each; NaN where the category is missing or unknown
    n_rows: int

    def blocks(self, n_columns: int) -> Iterator[slice]:
        """Yield slices of rows, small enough to bound memory."""
        step = max(1, _BLOCK // max(1, n_columns))
        for start in range(0, self.n_rows, step):
            yield slice(start, start + step)

    def numbers(self, rows: slice, columns: slice = slice(None)) -> Floats:
        """Return finite numbers (n_rows, n_columns); infinite ones are missing."""
        if isinstance(self._numbers, np.ndarray):
            values = self._numbers[rows, columns].astype(np.float64)
        elif taken := [column[rows].astype(np.float64) for column in self._numbers[columns]]:
            values = np.column_stack(taken)
        else:
            values = np.empty((len(range(*rows.indices(self.n_rows))), 0))
        values[np.isinf(values)] = np.nan
        return np.clip(values, -_END, _END, out=values)

    def codes(self, rows: slice) -> list[Floats]:
        """Return the codes of each category column, (n_rows, 1)."""
        return [codes[rows, None].astype(np.float64) for codes in self._codes]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderState:
    """All that a fitted `TableEncoder` holds, as plain values for a file."""

    categories: Categories
    scale: Scale
    max_onehot: int
    flags: Flags
    kinds: list[Kind]  # per column of the table
    formats: list[list[str]]  # per column of the table: how text was written, see `Reading`
    centers: list[int]  # per column of the table: subtracted from long integers, else 0
    category_names: list[list[str]]  # per category column, in the order of their codes
    is_flag: list[bool]  # per number (a date has four): is a boolean among the one-hot columns
    is_empty: list[bool]  # per number: missing in all training rows
    has_indicator: list[bool]  # per number: a column indicates its missing values
    number_scaling: Scaling | None  # per number, if scaled by center and factor
    quantiles: list[list[float]] | None  # per number, if scaled by quantiles
    knots: list[list[float]]  # per number: what ranks it where float32 would merge it, else none
    indicator_scaling: Scaling | None  # per indicator of a missing value and one-hot column


class TableEncoder:
    """Learns on training rows how to turn a frame into a matrix of floats.

    Numbers and booleans stay numbers, dates become days, month, weekday and hour, durations
    seconds, everything else a category. Categories unknown in training and infinite numbers count
    as missing. What was learnt is applied in float64, before the numbers become float32.

    Parameters
    ----------
    categories : {"onehot", "ordinal", "mixed"}
        How categories become numbers. onehot: one column per category (all zeros if missing).
        ordinal: one column of codes (NaN if missing). mixed: two categories as one column of -1
        and 1 (0 if missing); up to `max_onehot` as one-hot columns; more as codes that are unique
        across columns (each column's first code is for missing values), so that one embedding
        table serves all.
    scale : {"none", "standard", "robust", "quantile"}
        none: numbers as they are, missing values NaN; but where float32 would merge more than one
        in twenty of a column's distinct values, normal scores by their ranks, which split in the
        same ways; beyond 1e38 they count as 1e38. Otherwise a missing value becomes 0 beside
        an indicator column, and each number is centered, scaled and clipped smoothly to (-3, 3) by
        x / sqrt(1 + (x / 3)^2) (arXiv:2407.04491, appendix A). standard: by mean and standard
        deviation. robust: by median and interquartile range, or half the range where that is 0;
        one-hot columns too. quantile: each number becomes the normal quantile of its rank, without
        clipping. A column that is missing in every training row is constant.
    max_onehot : int
        For "mixed".
    flags : {"numbers", "onehot"}
        Whether booleans are placed among the numbers, or among the one-hot columns, which networks
        do not embed.

    Attributes
    ----------
    readings_ : list of Reading
        Per column of the table: its kind, and how it is read.
    kinds_ : list of {"number", "duration", "date", "category"}
        Per column of the table.
    category_codes_ : list of dict
        The code of each known category, per category column.
    layouts_ : list of {"code", "sign", "onehot"}
        What each category column becomes: codes, -1 and 1, or one-hot columns.
    n_fixed_ : int
        Number of leading output columns that are numbers or codes. The number of those after them
        depends on which categories and missing values the training rows happened to have.
    n_numbers_, n_codes_ : int
        How many of those are numbers, and how many after them are codes ("mixed").
    n_categories_ : int
        One more than the largest code ("mixed").
    is_categorical_ : ndarray of shape (n_columns_out,)
        Which output columns hold codes of categories.
    """

    def __init__(
        self, *, categories: Categories, scale: Scale, max_onehot: int = 9, flags: Flags = "numbers"
    ) -> None:
        for value, kind in ((categories, Categories), (scale, Scale), (flags, Flags)):
            if value not in (known := get_args(kind)):
                raise ValueError(f"expected one of {', '.join(known)}, got {value!r}")
        self.categories, self.scale = categories, scale
        self.max_onehot, self.flags = max_onehot, flags
        self._scale_numbers: Scaling | NormalQuantiles | None = None
        self._scale_indicators: Scaling | None = None
        self._knots: dict[int, Floats] = {}  # by number

    def fit(self, X: pd.DataFrame, weight: Floats | None = None) -> TableEncoder:
        """Learn kinds, categories, centers and spreads from training rows (n_samples, n_features).

        A row of weight w (n_samples,) counts as w equal rows.
        """
        table = plain_columns(X)
        self.readings_ = find_readings(table)
        self.category_codes_: list[dict[str, int]] = []
        for column, kind in zip(table, self.kinds_, strict=True):
            if kind == "category":
                names = categories_of(column)
                self.category_codes_.append({name: code for code, name in enumerate(names)})
        if {*self.kinds_} == {"category"} and not any(self.category_codes_):
            # the table has no value at all, but a matrix needs a column
            self.readings_, self.category_codes_ = [Reading("number")] * len(table), []
        is_flag = [
            self.flags == "onehot" and kind == "number" and pd.api.types.is_bool_dtype(column.dtype)
            for kind, column in zip(self.kinds_, table, strict=True)
        ]
        self.is_flag_ = np.repeat(is_flag, [_N_NUMBERS[kind] for kind in self.kinds_])
        n_numbers = len(self.is_flag_)
        self.is_empty_: NDArray[np.bool_] = np.zeros(n_numbers, bool)  # so all are read
        columns = self._read(X, table)
        n_missing = np.zeros(n_numbers, int)
        for rows in columns.blocks(n_numbers):
            n_missing += np.isnan(columns.numbers(rows)).sum(axis=0)
        self.is_empty_ = np.asarray(n_missing == len(X))
        keeps_nan = self.scale == "none" and self.categories == "ordinal"
        self.has_indicator_ = (n_missing > 0) & ~self.is_empty_ & (not keeps_nan)
        self._count_columns()
        take = partial(columns.numbers, slice(None))
        if self.scale == "none":
            of_number = (knots_of(take(slice(j, j + 1))[:, 0]) for j in range(n_numbers))
            self._knots = {j: knots for j, knots in enumerate(of_number) if len(knots)}
        else:
            self._scale_numbers = (
                NormalQuantiles.learn(n_numbers, take)
                if self.scale == "quantile"
                else Scaling.learn(self.scale, n_numbers, take, weight)
            )
        if self.scale == "robust":
            indicators = np.empty((len(X), self._n_indicators), np.int8)
            for rows in columns.blocks(indicators.shape[1]):
                indicators[rows] = self._indicators(columns.numbers(rows), columns.codes(rows))
            self._scale_indicators = Scaling.learn(
                "robust",
                indicators.shape[1],
                lambda taken: indicators[:, taken].astype(float),
                None,
            )
        return self

    @property
    def kinds_(self) -> list[Kind]:
        """The kind of each column of the table."""
        return [reading.kind for reading in self.readings_]

    def _count_columns(self) -> None:
        """Count the output columns of each sort."""
        n_flags = int(self.is_flag_.sum())
        self.n_numbers_ = len(self.is_flag_) - n_flags
        self.layouts_ = [self._layout(len(codes)) for codes in self.category_codes_]
        self.n_codes_ = self.layouts_.count("code")
        self.n_categories_ = sum(
            len(codes) + 1
            for codes, layout in zip(self.category_codes_, self.layouts_, strict=True)
            if layout == "code"
        )
        self.n_fixed_ = self.n_numbers_ + self.n_codes_
        no_rows = [np.empty((0, 1))] * len(self.category_codes_)
        self._n_indicators = self._indicators(np.empty((0, len(self.is_flag_))), no_rows).shape[1]
        self.is_categorical_ = np.zeros(self.n_fixed_ + n_flags + self._n_indicators, bool)
        self.is_categorical_[self.n_numbers_ : self.n_fixed_] = True

    def _layout(self, n_categories: int) -> Layout:
        """Return what a column of so many categories becomes."""
        is_mixed = self.categories == "mixed"
        if self.categories == "ordinal" or (is_mixed and n_categories > self.max_onehot):
            return "code"
        return "sign" if is_mixed and n_categories == 2 else "onehot"

    def state(self) -> EncoderState:
        """Return all that was learnt; `from_state` makes an equal encoder of it."""
        numbers = self._scale_numbers
        return EncoderState(
            **{name: getattr(self, name) for name in _PARAMETERS},
            kinds=self.kinds_,
            formats=[[*reading.formats] for reading in self.readings_],
            centers=[reading.center for reading in self.readings_],
            category_names=[list(codes) for codes in self.category_codes_],
            is_flag=self.is_flag_.tolist(),
            is_empty=self.is_empty_.tolist(),
            has_indicator=self.has_indicator_.tolist(),
            number_scaling=numbers if isinstance(numbers, Scaling) else None,
            quantiles=numbers.quantiles.tolist() if isinstance(numbers, NormalQuantiles) else None,
            knots=[[*map(float, self._knots.get(j, ()))] for j in range(len(self.is_flag_))],
            indicator_scaling=self._scale_indicators,
        )

    @classmethod
    def from_state(cls, state: EncoderState) -> TableEncoder:
        """Return the fitted encoder whose `state` this is.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the parts do not fit each other.
        """
        encoder = cls(**{name: getattr(state, name) for name in _PARAMETERS})
        encoder.readings_ = [
            Reading(kind, tuple(formats), center)
            for kind, formats, center in zip(state.kinds, state.formats, state.centers, strict=True)
        ]
        encoder.category_codes_ = [
            {str(name): code for code, name in enumerate(names)} for names in state.category_names
        ]
        encoder.is_empty_ = np.array(state.is_empty, bool)
        encoder.has_indicator_ = np.array(state.has_indicator, bool)
        encoder.is_flag_ = np.array(state.is_flag, bool)
        n_numbers = sum(_N_NUMBERS[kind] for kind in encoder.kinds_)
        parts = (state.is_empty, state.has_indicator, state.is_flag, state.knots)
        if not (
            all(len(part) == n_numbers for part in parts)
            and [*map(len, encoder.category_codes_)] == [*map(len, state.category_names)]
            and len(encoder.category_codes_) == encoder.kinds_.count("category")
        ):
            raise ValueError("kinds, categories and missing values are not of the same columns")
        encoder._count_columns()
        for j, knots in enumerate(state.knots):
            if knots:
                encoder._knots[j] = _quantiles([knots], 1).quantiles[0]
        if encoder.scale == "quantile":
            encoder._scale_numbers = _quantiles(state.quantiles or [], n_numbers)
        elif encoder.scale != "none":
            encoder._scale_numbers = _checked(state.number_scaling, n_numbers)
        if encoder.scale == "robust":
            encoder._scale_indicators = _checked(state.indicator_scaling, encoder._n_indicators)
        return encoder

    def transform(self, X: pd.DataFrame) -> NDArray[np.float32]:
        """Return the matrix (n_samples, n_columns_out).

        Its columns are numbers, codes, flags, indicators of missing values, one-hot columns.

        Raises
        ------
        ValueError
            If a column that held numbers, dates or durations in training holds something else.
        """
        columns = self._read(X)
        matrix = np.empty((len(X), len(self.is_categorical_)), np.float32)
        is_flag = self.is_flag_
        for rows in columns.blocks(max(matrix.shape[1], len(is_flag))):
            numbers, codes = columns.numbers(rows), columns.codes(rows)
            rest = self._indicators(numbers, codes)
            if self._scale_numbers is None:
                numbers[:, self.is_empty_] = 0.0  # nothing was learnt, and bins need a number
                for j, knots in self._knots.items():
                    numbers[:, j] = normal_scores(numbers[:, j], knots)
                np.clip(numbers, -LARGEST, LARGEST, out=numbers)
            else:
                numbers = self._scale_numbers(numbers)
            if self._scale_indicators is not None:
                rest = self._scale_indicators(rest)
            parts = [numbers[:, ~is_flag], *self._coded(codes), numbers[:, is_flag], rest]
            np.concatenate(parts, axis=1, out=matrix[rows], casting="same_kind")
        return matrix

    def _read(self, X: pd.DataFrame, table: Sequence[pd.Series[Any]] | None = None) -> _ReadColumns:
        """Return the columns of X read; those that were empty in training are not parsed.

        `table` are its plain columns, if they are known.
        """
        has_numbers_only = all(one.kind == "number" and not one.center for one in self.readings_)
        if has_numbers_only and has_one_dtype(X):
            return _ReadColumns(X.to_numpy(), [], len(X))
        table = plain_columns(X) if table is None else table
        numbers: list[NDArray[Any]] = []
        codes: list[NDArray[Any]] = []
        for column, reading in zip(table, self.readings_, strict=True):
            n = _N_NUMBERS[reading.kind]
            if reading.kind == "category":
                codes.append(read_codes(column, self.category_codes_[len(codes)]))
            elif self.is_empty_[len(numbers) : len(numbers) + n].all():
                numbers.extend([np.full(len(X), np.nan, np.float32)] * n)
            else:
                numbers.extend(read_numbers(column, reading))
        is_category = [kind == "category" for kind in self.kinds_]
        warn_of_unknown([*compress(table, is_category)], codes, self.category_codes_)
        return _ReadColumns(numbers, codes, len(X))

    def _indicators(self, numbers: Floats, codes: list[Floats]) -> Floats:
        """Return indicators of missing values, signs and one-hot columns."""
        parts = [np.isnan(numbers[:, self.has_indicator_]).astype(np.float64)]
        for column, known, layout in zip(codes, self.category_codes_, self.layouts_, strict=True):
            if layout == "sign":
                parts.append(np.nan_to_num(2.0 * column - 1.0, nan=0.0))
            elif layout == "onehot":
                parts.append((column == np.arange(len(known))).astype(np.float64))
        return np.concatenate(parts, axis=1)

    def _coded(self, codes: list[Floats]) -> Iterator[Floats]:
        """Yield columns of codes, (n_rows, 1) each."""
        start = 0
        for column, known, layout in zip(codes, self.category_codes_, self.layouts_, strict=True):
            if self.categories == "ordinal":
                yield column
            elif layout == "code":
                yield np.nan_to_num(column + 1.0, nan=0.0) + start
                start += len(known) + 1


def _checked(scaling: Scaling | None, n_columns: int) -> Scaling:
    """Return a scaling read from a file, or raise ValueError if it is not of so many columns."""
    if scaling is None or not len(scaling.center) == len(scaling.factor) == n_columns:
        n_found = 0 if scaling is None else len(scaling.center)
        raise ValueError(f"expected {n_columns} centers and factors, got {n_found}")
    return scaling


def _quantiles(rows: list[list[float]], n_columns: int) -> NormalQuantiles:
    """Return quantiles read from a file, or raise ValueError if they are not sound."""
    quantiles = np.array(rows, float).reshape(n_columns, -1 if n_columns else 2)
    is_rising = bool(np.isfinite(quantiles).all() and (np.diff(quantiles) >= 0).all())
    if quantiles.shape[1] < 2 or not is_rising:
        raise ValueError("expected finite quantiles in rising order for each column")
    return NormalQuantiles(quantiles)


class FittedEstimator(Protocol):
    """A fitted estimator, as saving and exports see it; other attributes depend on the model."""

    encoder_: TableEncoder
    n_features_in_: int

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, as scikit-learn does."""

    def __getattr__(self, name: str) -> Any: ...
