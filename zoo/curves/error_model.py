"""How wrong forecasts are: learned on public curves, used for the intervals of all others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.curves.posterior import Spread

__all__ = ["ErrorModel", "error_features", "shipped_datasets", "shipped_error_model"]

Array = NDArray[np.float64]
_FIELDS = ("coefficients", "levels", "quantiles")


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """The distribution of the log error of a forecast.

    Parameters
    ----------
    coefficients : array of shape (4,)
        Of the logarithm of the scale of the form's error on what `error_features` returns.
    levels, quantiles : array of shape (n_levels,)
        Quantiles of the log errors divided by their scale.

    Notes
    -----
    Errors of curves that the forms were not chosen on, divided by a learned scale, give the
    quantiles: normalised split conformal prediction (Papadopoulos et al., ECML 2002,
    doi:10.1007/3-540-36755-1_29), here with both sides apart.
    """

    coefficients: Array
    levels: Array
    quantiles: Array

    def scale(self, noise: float, spread: Spread, octaves: Array) -> Array:
        """Return the scale of the log error at octaves ahead: of the form, and of the anchors."""
        of_form = np.exp(error_features(spread, octaves) @ self.coefficients)
        values: Array = np.hypot(of_form, noise)
        return values

    def quantile(self, level: Any) -> Array:
        """Return quantiles of the scaled error; levels beyond those known are held at the ends."""
        values: Array = np.interp(level, self.levels, self.quantiles)
        return values

    def to_dict(self) -> dict[str, list[float]]:
        """Return the numbers as plain lists, to four places."""
        return {name: np.round(getattr(self, name), 4).tolist() for name in _FIELDS}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ErrorModel:
        """Return the model of the lists that `to_dict` gives."""
        return cls(*(np.asarray(values[name], dtype=np.float64) for name in _FIELDS))


def error_features(spread: Spread, octaves: Array) -> Array:
    """Return what the size of a forecast's error depends on, shape (n_targets, 4).

    One, how far the shapes disagree, how far the forecast is from the last score and how far ahead
    the target is: nothing that depends on the unit of the loss.
    """
    columns = (
        np.ones(len(octaves)),
        np.log(spread.width + 0.01),
        np.log(np.abs(spread.median - spread.now) + 0.02),
        np.log(np.maximum(octaves, 0.1)),
    )
    return np.stack(columns, axis=1)


@cache
def _shipped() -> dict[str, Any]:
    text = files("zoo.curves").joinpath("error_model.json").read_text(encoding="utf-8")
    record: dict[str, Any] = json.loads(text)
    return record


@cache
def shipped_error_model() -> ErrorModel:
    """Return the model learned on curves of LCDB 1.1."""
    return ErrorModel.from_dict(_shipped()["error_model"])


def shipped_datasets() -> tuple[str, ...]:
    """Return the data sets on whose curves the shipped model was learned."""
    return tuple(_shipped()["datasets"])
