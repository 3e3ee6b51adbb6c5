"""Scaling of columns by a center and a factor, with a smooth clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["CenterFactor", "Floats", "Scaling", "smooth_clip"]

Floats = NDArray[np.float64]


def smooth_clip(values: Floats) -> Floats:
    """Return values clipped smoothly to (-3, 3): x / sqrt(1 + (x / 3)^2) (arXiv:2407.04491)."""
    return values / np.sqrt(1.0 + (values / 3.0) ** 2)


def _mean_and_deviation(values: Floats, weight: Floats | None) -> tuple[Floats, Floats]:
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
class CenterFactor:
    """What the scaling (x - center) * factor learnt, one entry per column."""

    center: list[float]
    factor: list[float]


class Scaling:
    """Learns a center and a factor for each column, ignoring NaN.

    `take` returns the columns of a slice, (n_rows, n). Weights affect means, not quantiles.
    """

    def __init__(
        self,
        kind: str,
        n_columns: int,
        take: Callable[[slice], Floats],
        weight: Floats | None = None,
    ) -> None:
        learn = _mean_and_deviation if kind == "standard" else _median_and_range
        # a few columns at a time, to bound memory; a single one would be summed in another order
        starts = [*range(0, n_columns - 1, 4)] or [0]
        parts = [
            learn(take(slice(start, end)), weight)
            for start, end in zip(starts, [*starts[1:], n_columns], strict=True)
        ]
        self.center, spread = (np.concatenate(part) for part in zip(*parts, strict=True))
        tiny = spread <= 1e-9 * np.maximum(np.abs(self.center), 1e-12)
        self.factor = np.where(tiny, 0.0, 1.0 / np.where(tiny, 1.0, spread))

    @classmethod
    def from_state(cls, state: CenterFactor | None, *, n_columns: int) -> Scaling:
        """Return the scaling whose `state` this is."""
        scaling = cls.__new__(cls)
        center, factor = ([], []) if state is None else (state.center, state.factor)
        scaling.center, scaling.factor = np.array(center, float), np.array(factor, float)
        if scaling.center.shape != (n_columns,) or scaling.factor.shape != (n_columns,):
            raise ValueError(f"expected {n_columns} centers and factors, got {len(center)}")
        return scaling

    def state(self) -> CenterFactor:
        """Return centers and factors as plain numbers."""
        return CenterFactor(self.center.tolist(), self.factor.tolist())

    def __call__(self, values: Floats) -> Floats:
        """Return centered, scaled and smoothly clipped values; NaN becomes 0."""
        known = np.where(np.isnan(values), self.center, values)
        return smooth_clip((known - self.center) * self.factor)
