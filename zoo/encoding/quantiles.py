"""Numbers to a normal distribution by their ranks among the training rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["NormalQuantiles"]

_LEAST_SHARE = 1e-7  # the lowest and highest value are 5.2 deviations from the middle
_ROWS_A_QUANTILE, _MOST_QUANTILES, _LEAST_QUANTILES = 30, 1000, 10


class NormalQuantiles:
    """Learns the quantiles of each column; NaN does not count.

    `take` gives the columns of a slice, (n_rows, n).

    As in `sklearn.preprocessing.QuantileTransformer`, values between two quantiles are
    interpolated, and the share of rows below becomes a quantile of the normal distribution. A
    value that many rows have becomes the middle of its ranks, also at the ends of the range, which
    published recipes reach by adding a little noise (arXiv:2410.24210, appendix D).
    """

    def __init__(self, n_columns: int, take: Callable[[slice], NDArray[np.float64]]) -> None:
        n_rows = len(take(slice(0, 1)))
        n_quantiles = max(min(n_rows // _ROWS_A_QUANTILE, _MOST_QUANTILES), _LEAST_QUANTILES)
        self.shares = np.linspace(0.0, 1.0, n_quantiles)
        self.quantiles = np.zeros((n_quantiles, n_columns))
        for j in range(n_columns):
            column = take(slice(j, j + 1))[:, 0]
            known = column[~np.isnan(column)]
            if len(known):
                found = np.quantile(known, self.shares)
                # interpolation may leave rising values out of order by a last bit
                self.quantiles[:, j] = np.maximum.accumulate(found)

    @classmethod
    def from_data(cls, quantiles: list[list[float]], *, n_columns: int) -> NormalQuantiles:
        """Return the scaling that learnt these, one list a column."""
        scaling = cls.__new__(cls)
        scaling.quantiles = np.array(quantiles, float).reshape(n_columns, -1).T
        n_quantiles = len(scaling.quantiles)
        if n_columns and (
            n_quantiles < 2
            or not np.isfinite(scaling.quantiles).all()
            or (np.diff(scaling.quantiles, axis=0) < 0).any()
        ):
            raise ValueError("expected finite quantiles in rising order for each column")
        scaling.shares = np.linspace(0.0, 1.0, n_quantiles)
        return scaling

    def to_data(self) -> list[list[list[float]]]:
        """Return the quantiles of each column as plain numbers."""
        return [self.quantiles.T.tolist()]

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return normal scores; NaN and constant columns become 0."""
        made = np.zeros(values.shape)
        for j, quantiles in enumerate(self.quantiles.T):
            if quantiles[0] == quantiles[-1]:
                continue
            column = values[:, j]
            below = np.interp(column, quantiles, self.shares)
            above = np.interp(-column, -quantiles[::-1], -self.shares[::-1])
            share = np.clip((below - above) / 2.0, _LEAST_SHARE, 1.0 - _LEAST_SHARE)
            made[:, j] = np.where(np.isnan(column), 0.0, ndtri(share))
        return made
