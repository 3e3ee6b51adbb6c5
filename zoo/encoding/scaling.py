"""Scaling of columns of numbers: by center and factor, or to a normal distribution by rank.

All of it is in float64; models get float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = [
    "LARGEST",
    "Floats",
    "NormalQuantiles",
    "Scaling",
    "knots_of",
    "normal_scores",
    "smooth_clip",
]

Floats = NDArray[np.float64]

_MIN_PROBABILITY = 1e-7  # so the lowest and highest value are 5.2 deviations from the mean
_ROWS_PER_QUANTILE, _MAX_QUANTILES, _MIN_QUANTILES = 30, 1000, 10
LARGEST = 1e38  # models add and halve float32 numbers, which end at 3.4e38
_SMALLEST = 1e-35  # LightGBM takes smaller numbers for 0
_ENDS = 1e100  # of scaled values, whose squares must be finite
_SAMPLE, _ENOUGH = 1 << 17, 1 << 16  # rows looked at; distinct values that are enough for any model
_KEPT = 0.95  # fraction of the distinct values that float32 must keep


def smooth_clip(values: Floats) -> Floats:
    """Return values clipped smoothly to (-3, 3): x / sqrt(1 + (x / 3)^2) (arXiv:2407.04491)."""
    values = np.clip(values, -_ENDS, _ENDS)
    clipped: Floats = values / np.sqrt(1.0 + (values / 3.0) ** 2)
    return clipped


def _is_constant(known: Floats) -> bool:
    """Return whether numbers are equal but for the rounding of what computed them."""
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    if low == high:
        return True
    rounding = 4.0 * float(np.spacing(max(abs(low), abs(high))))
    return high - low <= rounding and bool((known != np.floor(known)).any())


def _mean_and_deviation(values: Floats, weight: Floats | None) -> tuple[Floats, Floats]:
    """Return means and standard deviations, ignoring NaN."""
    present = ~np.isnan(values)
    fraction = present * (1.0 if weight is None else weight[:, None])
    fraction = fraction / np.maximum(fraction.sum(axis=0), 1e-300)
    center = (np.where(present, values, 0.0) * fraction).sum(axis=0)
    deviation = np.where(present, values - center, 0.0)
    return center, np.sqrt((deviation**2 * fraction).sum(axis=0))


def _median_and_range(values: Floats, _: Floats | None) -> tuple[Floats, Floats]:
    """Return medians and interquartile ranges, or half the range where that is 0."""
    known = np.where((~np.isnan(values)).any(axis=0), values, 0.0)
    probabilities = (0.0, 0.25, 0.5, 0.75, 1.0)
    found = np.nanquantile(known, probabilities, axis=0) if known.size else np.zeros((5, 0))
    low, quarter, median, upper, high = found
    return median, np.where(upper > quarter, upper - quarter, (high - low) / 2.0)


def _precisely(
    learn: Callable[[Floats, Floats | None], tuple[Floats, Floats]],
    column: Floats,
    weight: Floats | None,
    center: float,
) -> tuple[float, float]:
    """Return center and factor of a column (n_rows, 1) of nearly equal, huge or minute numbers.

    A constant column keeps its center, with the factor 0.
    """
    known = column[~np.isnan(column)]
    if _is_constant(known):
        return center, 0.0
    low, width = float(known.min()), float(known.max() - known.min())
    (inner,), (spread,) = learn((column - low) / width, weight)
    if not spread > 0.0:
        return low + inner * width, 0.0
    return low + inner * width, min(1.0 / spread / width, float(np.finfo(float).max))


@dataclass(frozen=True, slots=True)
class Scaling:
    """The scaling smooth_clip((x - center) * factor), one entry per column."""

    center: list[float]
    factor: list[float]

    @classmethod
    def learn(
        cls, kind: str, n_columns: int, take: Callable[[slice], Floats], weight: Floats | None
    ) -> Scaling:
        """Learn a "standard" or "robust" scaling, ignoring NaN.

        `take` returns the columns of a slice, (n_rows, n). Weights affect means, not quantiles.
        """
        learn = _mean_and_deviation if kind == "standard" else _median_and_range
        # a few columns at a time, to bound memory; a single one would be summed in another order
        starts = [*range(0, n_columns - 1, 4)] or [0]
        with np.errstate(over="ignore"):  # numbers whose squares are infinite follow below
            parts = [
                learn(take(slice(start, end)), weight)
                for start, end in zip(starts, [*starts[1:], n_columns], strict=True)
            ]
        center, spread = (np.concatenate(part) for part in zip(*parts, strict=True))
        tiny = ~(spread > 1e-9 * np.maximum(np.abs(center), 1e-12)) | ~np.isfinite(spread)
        factor = np.where(tiny, 0.0, 1.0 / np.where(tiny, 1.0, spread))
        for j in np.flatnonzero(tiny):
            center[j], factor[j] = _precisely(learn, take(slice(j, j + 1)), weight, center[j])
        return cls(center.tolist(), factor.tolist())

    def __call__(self, values: Floats) -> Floats:
        """Return centered, scaled and smoothly clipped values; NaN becomes 0."""
        center = np.array(self.center, float)
        known = np.where(np.isnan(values), center, values)
        with np.errstate(over="ignore"):  # of a number far beyond those of training
            return smooth_clip((known - center) * np.array(self.factor, float))


@dataclass(frozen=True, slots=True)
class NormalQuantiles:
    """The quantiles (n_columns, n_quantiles) of training rows, from which normal scores follow.

    As in `sklearn.preprocessing.QuantileTransformer`, values between two quantiles are
    interpolated, and the fraction of training rows below a value becomes a quantile of the normal
    distribution. A value that many rows have gets the middle of its ranks, also at the ends of the
    range; published preprocessing adds a little noise for this (arXiv:2410.24210, appendix D).
    """

    quantiles: Floats

    @classmethod
    def learn(cls, n_columns: int, take: Callable[[slice], Floats]) -> NormalQuantiles:
        """Learn the quantiles of each column, ignoring NaN; `take` is as for `Scaling.learn`."""
        n_rows = len(take(slice(0, 1)))
        n_quantiles = max(min(n_rows // _ROWS_PER_QUANTILE, _MAX_QUANTILES), _MIN_QUANTILES)
        learnt = np.zeros((n_columns, n_quantiles))
        for j in range(n_columns):
            column = take(slice(j, j + 1))[:, 0]
            known = column[~np.isnan(column)]
            if len(known):
                found = np.quantile(known, np.linspace(0.0, 1.0, n_quantiles))
                # interpolation may break the order by a last bit
                learnt[j] = np.maximum.accumulate(found)
        return cls(learnt)

    def __call__(self, values: Floats) -> Floats:
        """Return normal scores; NaN and constant columns become 0."""
        made = np.zeros(values.shape)
        for j, quantiles in enumerate(self.quantiles):
            if quantiles[0] != quantiles[-1]:
                made[:, j] = np.nan_to_num(normal_scores(values[:, j], quantiles))
        return made


def normal_scores(column: Floats, quantiles: Floats) -> Floats:
    """Return the normal scores of numbers (n_rows,) by rising quantiles; NaN stays NaN."""
    probabilities = np.linspace(0.0, 1.0, len(quantiles))
    below = np.interp(column, quantiles, probabilities)
    above = np.interp(-column, -quantiles[::-1], -probabilities[::-1])
    rank = np.clip((below - above) / 2.0, _MIN_PROBABILITY, 1.0 - _MIN_PROBABILITY)
    scores: Floats = ndtri(rank)
    return scores


def knots_of(column: Floats) -> Floats:
    """Return values that rank the numbers of a column (n_rows,) which float32 would merge.

    Seconds since 1970 within a minute are one float32, 1e-40 and 2e-40 both are 0 to LightGBM. The
    normal scores by these knots keep such numbers apart, in their order. There are no knots where
    float32 keeps nearly all distinct values, or more than any model can use.
    """
    known = column[~np.isnan(column)]
    known = known[:: max(1, len(known) // _SAMPLE)]
    short = np.clip(known, -LARGEST, LARGEST).astype(np.float32)
    short[np.abs(short) < _SMALLEST] = 0.0
    if np.array_equal(short, known) or _is_constant(known):
        return np.empty(0)
    distinct = np.unique(known)
    n_kept = len(np.unique(short))
    if n_kept > _ENOUGH or n_kept >= _KEPT * len(distinct):
        return np.empty(0)
    positions = np.linspace(0, len(distinct) - 1, min(len(distinct), _MAX_QUANTILES))
    return distinct[positions.astype(np.intp)]
