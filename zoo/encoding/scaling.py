"""Scaling of columns of numbers: by center and factor, or to a normal distribution by rank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["Floats", "NormalQuantiles", "Scaling", "smooth_clip"]

Floats = NDArray[np.float64]

_MIN_PROBABILITY = 1e-7  # so the lowest and highest value are 5.2 deviations from the mean
_ROWS_PER_QUANTILE, _MAX_QUANTILES, _MIN_QUANTILES = 30, 1000, 10


def smooth_clip(values: Floats) -> Floats:
    """Return values clipped smoothly to (-3, 3): x / sqrt(1 + (x / 3)^2) (arXiv:2407.04491)."""
    return values / np.sqrt(1.0 + (values / 3.0) ** 2)


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
        parts = [
            learn(take(slice(start, end)), weight)
            for start, end in zip(starts, [*starts[1:], n_columns], strict=True)
        ]
        center, spread = (np.concatenate(part) for part in zip(*parts, strict=True))
        tiny = spread <= 1e-9 * np.maximum(np.abs(center), 1e-12)
        factor = np.where(tiny, 0.0, 1.0 / np.where(tiny, 1.0, spread))
        return cls(center.tolist(), factor.tolist())

    def __call__(self, values: Floats) -> Floats:
        """Return centered, scaled and smoothly clipped values; NaN becomes 0."""
        center = np.array(self.center, float)
        known = np.where(np.isnan(values), center, values)
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
        probabilities = np.linspace(0.0, 1.0, self.quantiles.shape[1])
        for j, quantiles in enumerate(self.quantiles):
            if quantiles[0] == quantiles[-1]:
                continue
            column = values[:, j]
            below = np.interp(column, quantiles, probabilities)
            above = np.interp(-column, -quantiles[::-1], -probabilities[::-1])
            rank = np.clip((below - above) / 2.0, _MIN_PROBABILITY, 1.0 - _MIN_PROBABILITY)
            made[:, j] = np.where(np.isnan(column), 0.0, ndtri(rank))
        return made
