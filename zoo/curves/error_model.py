"""The error distribution of forecasts, learned on public curves; it gives the intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from zoo.curves.arrays import Array
from zoo.curves.posterior import Spread

__all__ = ["ErrorModel", "error_features", "shipped_datasets", "shipped_error_model"]

_FIELDS = ("coefficients", "levels", "quantiles")


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """The distribution of the log error of a forecast.

    Parameters
    ----------
    coefficients : array of shape (4,)
        Of the logarithm of the scale of the extrapolation error, on `error_features`.
    levels, quantiles : array of shape (n_levels,)
        Quantiles of the log errors divided by their scale.

    Notes
    -----
    The quantiles are those of errors on held-out data sets, divided by a learned scale: normalised
    split conformal prediction (Papadopoulos et al., ECML 2002, doi:10.1007/3-540-36755-1_29), here
    with separate lower and upper tails.
    """

    coefficients: Array
    levels: Array
    quantiles: Array

    def scale(self, noise: float, spread: Spread, octaves: Array) -> Array:
        """Return the scale of the log error at octaves ahead: extrapolation and anchor noise."""
        extrapolation = np.exp(error_features(spread, octaves) @ self.coefficients)
        return np.asarray(np.hypot(extrapolation, noise))

    def quantile(self, level: ArrayLike) -> Array:
        """Return quantiles of the scaled error; levels outside the known range are clipped."""
        return np.interp(np.asarray(level, dtype=np.float64), self.levels, self.quantiles)

    def to_dict(self) -> dict[str, list[float]]:
        """Return the numbers as plain lists, rounded to four decimals."""
        return {name: np.round(getattr(self, name), 4).tolist() for name in _FIELDS}

    @classmethod
    def from_dict(cls, values: Mapping[str, Sequence[float]]) -> ErrorModel:
        """Return the model of the lists that `to_dict` gives."""
        return cls(*(np.asarray(values[name], dtype=np.float64) for name in _FIELDS))


def error_features(spread: Spread, octaves: Array) -> Array:
    """Return the features that predict the error of a forecast, shape (n_targets, 4).

    A constant, the disagreement of the shapes, the distance of the forecast from the last loss, and
    the distance of the target in octaves. None depends on the unit of the loss.
    """
    columns = (
        np.ones(len(octaves)),
        np.log(spread.width + 0.01),
        np.log(np.abs(spread.median - spread.now) + 0.02),
        np.log(np.maximum(octaves, 0.1)),
    )
    return np.stack(columns, axis=1)


@cache
def _shipped() -> Mapping[str, Any]:
    text = files("zoo.curves").joinpath("error_model.json").read_text(encoding="utf-8")
    record: dict[str, Any] = json.loads(text)
    return record


@cache
def shipped_error_model() -> ErrorModel:
    """Return the model learned on curves of LCDB 1.1."""
    return ErrorModel.from_dict(_shipped()["error_model"])


def shipped_datasets() -> tuple[str, ...]:
    """Return the names of the data sets that the shipped model was learned on."""
    return tuple(_shipped()["datasets"])
