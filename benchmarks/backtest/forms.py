"""Least-squares fits of single forms of learning curves: the baselines of the back-test.

Each form is ``floor + height * g(n)`` with a falling g of one or two parameters. For given
parameters of g the best floor and height, neither below 0, are known in closed form (variable
projection, Golub & Pereyra 1973, doi:10.1137/0710036). The parameters of g are searched on a grid,
and from its best point by least squares. There are no random starts, so results are reproducible.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

__all__ = ["BASELINES", "extrapolate"]

Array = NDArray[np.float64]
_GRID = (60, 24)


def _pow3(p: Array, n: Array) -> Array:
    values: Array = n ** -p[:, :1]
    return values


def _pow4(p: Array, n: Array) -> Array:
    values: Array = (n + np.expm1(p[:, 1:2])) ** -p[:, :1]
    return values


def _mmf4(p: Array, n: Array) -> Array:
    values: Array = 1 / (1 + np.exp(np.minimum(p[:, :1] * (np.log(n) - p[:, 1:2]), 700.0)))
    return values


def _wbl4(p: Array, n: Array) -> Array:
    power = np.exp(np.minimum(p[:, :1] * (np.log(n) - p[:, 1:2]), 700.0))
    values: Array = np.exp(-np.minimum(power, 700.0))
    return values


Form = Callable[[Array, Array], Array]


def _bounds(name: str, n: Array) -> tuple[Form, list[tuple[float, float]]]:
    first, last = float(np.log(n[0])), float(np.log(n[-1]))
    if name == "pow3":
        return _pow3, [(0.01, 3.0)]
    if name == "pow4":
        return _pow4, [(0.01, 3.0), (0.0, last + float(np.log(100.0)))]
    if name == "mmf4":
        return _mmf4, [(0.05, 4.0), (first - 5, last + 6)]
    return _wbl4, [(0.02, 3.0), (first - 5, last + 6)]


def _floor_and_height(g: Array, y: Array) -> tuple[Array, Array, Array]:
    """Return least-squares floors and heights of 0 or more, and the squared errors."""
    centred = g - g.mean(axis=1, keepdims=True)
    square = np.maximum((centred**2).sum(axis=1), 1e-300)
    height = np.maximum(centred @ (y - y.mean()) / square, 0.0)
    floor = y.mean() - height * g.mean(axis=1)
    through_0 = np.maximum(g @ y / np.maximum((g**2).sum(axis=1), 1e-300), 0.0)
    is_below = floor < 0
    floor, height = np.where(is_below, 0.0, floor), np.where(is_below, through_0, height)
    error = ((y - floor[:, None] - height[:, None] * g) ** 2).sum(axis=1)
    return floor, height, error


def _fit(name: str, n: Array, y: Array, targets: Array) -> Array:
    form, bounds = _bounds(name, n)
    count = _GRID[len(bounds) - 1]
    axes = [np.linspace(low, high, count) for low, high in bounds]
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
    start = grid[int(np.argmin(_floor_and_height(form(grid, n), y)[2]))]

    def residual(p: Array) -> Array:
        g = form(p[None], n)
        floor, height, _ = _floor_and_height(g, y)
        values: Array = y - floor - height * g[0]
        return values

    low, high = np.array(bounds).T
    inside = np.clip(start, low + 1e-9, high - 1e-9)
    tight = {"ftol": 1e-12, "xtol": 1e-10, "gtol": 1e-14}
    best = least_squares(residual, inside, bounds=(low, high), x_scale=high - low, **tight).x[None]
    floor, height, _ = _floor_and_height(form(best, n), y)
    values: Array = floor + height * form(best, targets)[0]
    return values


def _last(n: Array, y: Array, targets: Array) -> Array:
    return np.full(len(targets), y[-1])


def _log_log(n: Array, y: Array, targets: Array) -> Array:
    """Return a straight line of log(loss) against log(n): a power law without a floor."""
    smallest = y[y > 0].min() / 2
    line = np.polyfit(np.log(n), np.log(np.maximum(y, smallest)), 1)
    values: Array = np.exp(np.polyval(line, np.log(targets)))
    return values


BASELINES = ("last", "loglog", "pow3", "pow4", "mmf4", "wbl4")


def extrapolate(name: str, sizes: Any, losses: Any, targets: Any) -> Array:
    """Return the losses at other sizes, by one form fitted by least squares.

    Parameters
    ----------
    name : str
        One of `BASELINES`.
    sizes, losses, targets : array-like
        Sizes increasing, losses 0 or more and not all 0.

    References
    ----------
    Viering & Loog, "The shape of learning curves: a review" (2022, arXiv:2103.10948), table 1.
    """
    if name not in BASELINES:
        raise ValueError(f"expected one of {', '.join(BASELINES)}, got {name!r}")
    arrays = [np.asarray(values, dtype=np.float64) for values in (sizes, losses, targets)]
    if name == "last":
        return _last(*arrays)
    if name == "loglog":
        return _log_log(*arrays)
    return _fit(name, *arrays)
