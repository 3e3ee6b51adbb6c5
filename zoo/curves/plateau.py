"""The value of more data: rows needed for a score, gain from more rows, and plateaus."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from zoo.curves.arrays import Array
from zoo.curves.forecast import FURTHEST, LossForecast
from zoo.metrics import Metric

__all__ = [
    "SMALLEST_GAIN", "Estimate", "Plateau", "PlateauVerdict", "gain_from", "marginal_value",
    "plateau", "rows_needed",
]  # fmt: skip

_N_TARGETS = 161
# Smallest relative reduction of the loss by doubling the rows that is of interest.
SMALLEST_GAIN = 0.05


class PlateauVerdict(StrEnum):
    """Whether a curve has reached its plateau."""

    REACHED = "reached"
    NOT_REACHED = "not reached"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; infinity means "not within 32 times the data"."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Plateau:
    """Whether more rows still bring a gain of interest.

    Parameters
    ----------
    verdict : PlateauVerdict
    gain : Estimate
        Relative reduction of the loss by doubling the rows.
    smallest_gain : float
        The gain that it was tested against.
    """

    verdict: PlateauVerdict
    gain: Estimate
    smallest_gain: float


def _loss_now(fit: LossForecast) -> float:
    """Return the fitted loss at the largest measured size."""
    return float(np.exp(fit.posterior.spread(np.ones(1)).now))


def gain_from(fit: LossForecast, factor: float = 2.0, *, level: float = 0.9) -> Estimate:
    """Return the relative reduction of the loss with `factor` times the rows.

    It is negative if the loss grows.
    """
    if factor <= 1:
        raise ValueError(f"expected a factor above 1, got {factor:g}")
    now = _loss_now(fit)
    target = factor * fit.sizes[-1]
    low, high = fit.quantiles([target], ((1 - level) / 2, (1 + level) / 2))[0]
    middle = float(fit.median([target])[0])
    return Estimate(1 - middle / now, float(1 - high / now), float(1 - low / now))


def plateau(
    fit: LossForecast, *, smallest_gain: float = SMALLEST_GAIN, level: float = 0.9
) -> Plateau:
    """Test whether doubling the rows reduces the loss by less than `smallest_gain`.

    Notes
    -----
    The plateau is reached if the whole interval of the gain is below the smallest gain of interest,
    and not reached if it is above: two one-sided tests at (1 - level) / 2 each (Schuirmann 1987,
    doi:10.1007/BF01068419). A gain that is not significant is no evidence of a plateau.
    """
    gain = gain_from(fit, 2.0, level=level)
    verdict = PlateauVerdict.CANNOT_TELL
    if gain.high < smallest_gain:
        verdict = PlateauVerdict.REACHED
    elif gain.low > smallest_gain:
        verdict = PlateauVerdict.NOT_REACHED
    return Plateau(verdict, gain, smallest_gain)


def marginal_value(
    fit: LossForecast, metric: Metric, rows: int = 1000, *, level: float = 0.9
) -> Estimate:
    """Return by how much `rows` more rows improve the score.

    In units of the score; positive is better for every metric, whether higher or lower is better.
    """
    target = fit.sizes[-1] + rows
    now = min(_loss_now(fit), metric.highest_loss)
    high, low = fit.quantiles([target], ((1 + level) / 2, (1 - level) / 2))[0]
    middle = float(fit.median([target])[0])
    return Estimate(now - middle, float(now - high), float(now - low))


def rows_needed(fit: LossForecast, metric: Metric, score: float, *, level: float = 0.9) -> Estimate:
    """Return the rows at which the curve reaches a score.

    Parameters
    ----------
    fit : LossForecast
    metric : Metric
        Of the score.
    score : float
        The target score.
    level : float
        Of the interval.

    Returns
    -------
    Estimate
        Interpolated between measured sizes if the score was reached there and kept. Otherwise the
        sizes at which the forecast's median and the ends of its interval reach the score. Infinity
        means not within 32 times the data.
    """
    wanted = float(metric.loss(score))
    if not 0 <= wanted <= metric.highest_loss:
        raise ValueError(f"expected a score that {metric.name} can have, got {score:g}")
    above = np.flatnonzero(fit.losses > wanted)
    if len(above) == 0:
        return Estimate(float(fit.sizes[0]), float("nan"), float("nan"))
    if above[-1] < len(fit.losses) - 1:
        return Estimate(_interpolate(fit, int(above[-1]), wanted), float("nan"), float("nan"))
    targets = fit.sizes[-1] * np.geomspace(1.0001, FURTHEST, _N_TARGETS)
    ends = fit.quantiles(targets, ((1 - level) / 2, (1 + level) / 2))
    lines = (fit.median(targets), ends[:, 0], ends[:, 1])
    return Estimate(*(_first_reach(targets, line, wanted) for line in lines))


def _interpolate(fit: LossForecast, at: int, wanted: float) -> float:
    """Return the size between anchors `at` and `at` + 1, interpolated against log size."""
    before, after = fit.losses[at], fit.losses[at + 1]
    logs = np.log(fit.sizes[at : at + 2])
    weight = (before - wanted) / (before - after)
    return float(np.exp(logs[0] + weight * (logs[1] - logs[0])))


def _first_reach(targets: Array, losses: Array, wanted: float) -> float:
    reached = np.flatnonzero(losses <= wanted)
    return float(targets[reached[0]]) if len(reached) else float("inf")
