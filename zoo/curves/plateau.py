"""The value of more data: rows needed for a score, gain from more rows, and plateaus."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from zoo.curves.forecast import ENDS, FURTHEST, LossForecast
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
    """A number with its 90% interval; infinity means "not within 32 times the data"."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Plateau:
    """A verdict, and the relative reduction of the loss by doubling the rows."""

    verdict: PlateauVerdict
    gain: Estimate


def _loss_now(fit: LossForecast) -> float:
    """Return the fitted loss at the largest measured size."""
    return float(np.exp(fit.posterior.spread(np.ones(1)).now))


def gain_from(fit: LossForecast, factor: float = 2.0) -> Estimate:
    """Return the relative reduction of the loss with `factor` times the rows; it can be negative.

    Raises
    ------
    ValueError
        If the factor is not above 1.
    """
    if factor <= 1:
        raise ValueError(f"expected a factor above 1, got {factor:g}")
    now = _loss_now(fit)
    target = factor * fit.sizes[-1]
    low, high = fit.quantiles([target], ENDS)[0]
    middle = float(fit.median([target])[0])
    return Estimate(1 - middle / now, float(1 - high / now), float(1 - low / now))


def plateau(fit: LossForecast, *, smallest_gain: float = SMALLEST_GAIN) -> Plateau:
    """Test whether doubling the rows reduces the loss by less than `smallest_gain`.

    Notes
    -----
    The plateau is reached if the whole interval of the gain is below the smallest gain of interest,
    and not reached if it is above: two one-sided tests at 5% each (Schuirmann 1987,
    doi:10.1007/BF01068419). A gain that is not significant is no evidence of a plateau.
    """
    gain = gain_from(fit)
    verdict = PlateauVerdict.CANNOT_TELL
    if gain.high < smallest_gain:
        verdict = PlateauVerdict.REACHED
    elif gain.low > smallest_gain:
        verdict = PlateauVerdict.NOT_REACHED
    return Plateau(verdict, gain)


def marginal_value(fit: LossForecast, metric: Metric, rows: int = 1000) -> Estimate:
    """Return by how much `rows` more rows improve the score; for every metric more is better."""
    target = fit.sizes[-1] + rows
    now = min(_loss_now(fit), metric.highest_loss)
    low, high = fit.quantiles([target], ENDS)[0]
    middle = float(fit.median([target])[0])
    return Estimate(now - middle, float(now - high), float(now - low))


def rows_needed(fit: LossForecast, metric: Metric, score: float) -> Estimate:
    """Return the rows at which the curve reaches a score.

    Returns
    -------
    Estimate
        Interpolated against log size, without an interval, if the score was reached within the data
        and kept. Otherwise the sizes at which the forecast's median and the ends of its interval
        reach the score.

    Raises
    ------
    ValueError
        If the metric cannot have the score.
    """
    wanted = float(metric.loss(score))
    if not 0 <= wanted <= metric.highest_loss:
        raise ValueError(f"expected a score that {metric.name} can have, got {score:g}")
    above = np.flatnonzero(fit.losses > wanted)
    if len(above) == 0:
        return Estimate(float(fit.sizes[0]), float("nan"), float("nan"))
    if above[-1] < len(fit.losses) - 1:
        before, after = fit.losses[above[-1] : above[-1] + 2]
        logs = np.log(fit.sizes[above[-1] : above[-1] + 2])
        weight = (before - wanted) / (before - after)
        reached = float(np.exp(logs[0] + weight * (logs[1] - logs[0])))
        return Estimate(reached, float("nan"), float("nan"))
    targets = fit.sizes[-1] * np.geomspace(1.0001, FURTHEST, _N_TARGETS)
    lines = (fit.median(targets), *fit.quantiles(targets, ENDS).T)
    return Estimate(*(float(min(targets[line <= wanted], default=np.inf)) for line in lines))
