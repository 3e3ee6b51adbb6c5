"""Numbers to a normal distribution by their ranks among the training rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["NormalQuantiles"]

_MIN_PROBABILITY = 1e-7  # so the lowest and highest value are 5.2 deviations from the mean
_ROWS_PER_QUANTILE, _MAX_QUANTILES, _MIN_QUANTILES = 30, 1000, 10


class NormalQuantiles:
    """Learns the quantiles of each column, ignoring NaN.

    `take` returns the columns of a slice, (n_rows, n).

    As in `sklearn.preprocessing.QuantileTransformer`, values between two quantiles are
    interpolated, and the fraction of training rows below a value becomes a quantile of the normal
    distribution. A value that many rows have gets the middle of its ranks, also at the ends of the
    range; published preprocessing adds a little noise for this (arXiv:2410.24210, appendix D).
    """

    def __init__(self, n_columns: int, take: Callable[[slice], NDArray[np.float64]]) -> None:
        n_rows = len(take(slice(0, 1)))
        n_quantiles = max(min(n_rows // _ROWS_PER_QUANTILE, _MAX_QUANTILES), _MIN_QUANTILES)
        self.probabilities = np.linspace(0.0, 1.0, n_quantiles)
        self.quantiles = np.zeros((n_quantiles, n_columns))
        for j in range(n_columns):
            column = take(slice(j, j + 1))[:, 0]
            known = column[~np.isnan(column)]
            if len(known):
                found = np.quantile(known, self.probabilities)
                # interpolation may break the order by a last bit
                self.quantiles[:, j] = np.maximum.accumulate(found)

    @classmethod
    def from_quantiles(cls, quantiles: list[list[float]], *, n_columns: int) -> NormalQuantiles:
        """Return the scaling with these quantiles, one list per column.

        Raises
        ------
        ValueError
            If they are not finite or not in rising order.
        """
        scaling = cls.__new__(cls)
        shape = (n_columns, -1 if n_columns else 0)
        scaling.quantiles = np.array(quantiles, float).reshape(shape).T
        n_quantiles = len(scaling.quantiles)
        if n_columns and (
            n_quantiles < 2
            or not np.isfinite(scaling.quantiles).all()
            or (np.diff(scaling.quantiles, axis=0) < 0).any()
        ):
            raise ValueError("expected finite quantiles in rising order for each column")
        scaling.probabilities = np.linspace(0.0, 1.0, n_quantiles)
        return scaling

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return normal scores; NaN and constant columns become 0."""
        made = np.zeros(values.shape)
        for j, quantiles in enumerate(self.quantiles.T):
            if quantiles[0] == quantiles[-1]:
                continue
            column = values[:, j]
            below = np.interp(column, quantiles, self.probabilities)
            above = np.interp(-column, -quantiles[::-1], -self.probabilities[::-1])
            rank = np.clip((below - above) / 2.0, _MIN_PROBABILITY, 1.0 - _MIN_PROBABILITY)
            made[:, j] = np.where(np.isnan(column), 0.0, ndtri(rank))
        return made
