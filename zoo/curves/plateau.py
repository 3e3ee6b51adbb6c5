"""Whether there is enough data: rows for a score, the gain from more, and plateaus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.curves.forecast import LossForecast
from zoo.metrics import Metric

__all__ = ["Estimate", "Plateau", "gain_from", "marginal_value", "plateau", "rows_needed"]

Array = NDArray[np.float64]
_FURTHEST = 32.0
_N_TARGETS = 161
# Part of its loss that a model has to lose by a doubling of its rows for this to be of interest.
SMALLEST_GAIN = 0.05


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; infinity stands for "not within 32 times the data"."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Plateau:
    """Whether more rows still bring a gain of interest.

    Parameters
    ----------
    verdict : str
        ``reached``, ``not reached`` or ``cannot tell``.
    gain : Estimate
        Part of the loss that a doubling of the rows takes away.
    smallest_gain : float
        The gain that it was tested against.
    """

    verdict: str
    gain: Estimate
    smallest_gain: float


def gain_from(fit: LossForecast, factor: float = 2.0, *, level: float = 0.9) -> Estimate:
    """Return the part of the loss that `factor` times the rows take away; negative if it grows."""
    if factor <= 1:
        raise ValueError(f"expected a factor above 1, got {factor:g}")
    now = float(np.exp(fit.posterior.spread(np.ones(1)).now))
    target = factor * fit.sizes[-1]
    later = fit.quantiles([target], ((1 - level) / 2, (1 + level) / 2))[0]
    middle = float(fit.median([target])[0])
    return Estimate(1 - middle / now, float(1 - later[1] / now), float(1 - later[0] / now))


def plateau(
    fit: LossForecast, *, smallest_gain: float = SMALLEST_GAIN, level: float = 0.9
) -> Plateau:
    """Test whether a doubling of the rows takes less than `smallest_gain` of the loss away.

    Notes
    -----
    The plateau is reached if the whole interval of the gain is below the smallest gain of interest,
    and not reached if it is above: two one-sided tests at (1 - level) / 2 each (Schuirmann 1987,
    doi:10.1007/BF01068419). A gain that merely is not significant proves no plateau.
    """
    gain = gain_from(fit, 2.0, level=level)
    verdict = "cannot tell"
    if gain.high < smallest_gain:
        verdict = "reached"
    elif gain.low > smallest_gain:
        verdict = "not reached"
    return Plateau(verdict, gain, smallest_gain)


def marginal_value(
    fit: LossForecast, metric: Metric, rows: int = 1000, *, level: float = 0.9
) -> Estimate:
    """Return by how much `rows` more rows change the score for the better.

    In units of the score; positive is better for every metric, be higher or lower better.
    """
    target = fit.sizes[-1] + rows
    now = min(float(np.exp(fit.posterior.spread(np.ones(1)).now)), metric.highest_loss)
    ends = fit.quantiles([target], ((1 + level) / 2, (1 - level) / 2))[0]
    middle = float(fit.median([target])[0])
    return Estimate(now - middle, float(now - ends[0]), float(now - ends[1]))


def rows_needed(fit: LossForecast, metric: Metric, score: float, *, level: float = 0.9) -> Estimate:
    """Return the rows at which the curve reaches a score.

    Parameters
    ----------
    fit : LossForecast
    metric : Metric
        Of the score.
    score : float
        The one that is wanted.
    level : float
        Of the interval.

    Returns
    -------
    Estimate
        A size that was measured if the score was reached there and kept; else by the forecast:
        where its median, and the ends of its interval, reach the score. Infinity means not within
        32 times the data.
    """
    wanted = float(metric.loss(score))
    if not 0 <= wanted <= metric.highest_loss:
        raise ValueError(f"expected a score that {metric.name} can have, got {score:g}")
    above = np.flatnonzero(fit.losses > wanted)
    if len(above) < len(fit.losses) and (len(above) == 0 or above[-1] < len(fit.losses) - 1):
        first = fit.sizes[0] if len(above) == 0 else _interpolate(fit, int(above[-1]), wanted)
        return Estimate(float(first), float("nan"), float("nan"))
    targets = fit.sizes[-1] * np.geomspace(1.0001, _FURTHEST, _N_TARGETS)
    ends = fit.quantiles(targets, ((1 - level) / 2, (1 + level) / 2))
    lines = (fit.median(targets), ends[:, 0], ends[:, 1])
    value, low, high = (_first_reach(targets, line, wanted) for line in lines)
    return Estimate(value, low, high)


def _interpolate(fit: LossForecast, at: int, wanted: float) -> float:
    """Return the size between anchors `at` and `at` + 1, straight against log size."""
    before, after = fit.losses[at], fit.losses[at + 1]
    logs = np.log(fit.sizes[at : at + 2])
    part = (before - wanted) / (before - after)
    return float(np.exp(logs[0] + part * (logs[1] - logs[0])))


def _first_reach(targets: Array, losses: Any, wanted: float) -> float:
    reached = np.flatnonzero(np.asarray(losses) <= wanted)
    return float(targets[reached[0]]) if len(reached) else float("inf")
