"""Classifies a measured learning curve and forecasts it to larger sizes, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from zoo.curves.arrays import Array
from zoo.curves.error_model import ErrorModel, shipped_error_model
from zoo.curves.posterior import Posterior, weigh_shapes
from zoo.metrics import Metric
from zoo.metrics import metric as metric_of

__all__ = [
    "ENDS", "FURTHEST", "Forecast", "LossForecast", "ObservedShape", "classify_shape", "fit_losses",
    "forecast",
]  # fmt: skip

# Forecasts were validated up to this multiple of the measured rows.
FURTHEST = 32.0
# The quantiles at the ends of a 90% interval.
ENDS = ((1 - 0.9) / 2, (1 + 0.9) / 2)

_MIN_STANDARD_ERRORS = 3.0
_MIN_RISE = 0.03
_FLAT_SLOPE = 0.01


class ObservedShape(StrEnum):
    """What the measured part of a learning curve looks like.

    `PEAK`: the loss rises, then falls below the value that it rose from (sample-wise double
    descent, Nakkiran 2019, arXiv:1912.07242). `DIP`: it falls, then rises and stays above its
    minimum. `WORSENING`: it rises from the first size on. `PLATEAU`: over the last two doublings it
    falls by less than 1% per doubling. `SHORT`: fewer than three sizes.
    """

    FALLING = "falling"
    PLATEAU = "plateau"
    PEAK = "peak"
    DIP = "dip"
    WORSENING = "worsening"
    SHORT = "short"
    UNKNOWN = "unknown"

    @property
    def is_ill_behaved(self) -> bool:
        """Return whether more data made the loss worse somewhere."""
        return self in (ObservedShape.PEAK, ObservedShape.DIP, ObservedShape.WORSENING)


def classify_shape(sizes: Array, losses: Array, noise: float) -> ObservedShape:
    """Return the shape of a measured curve.

    Parameters
    ----------
    sizes, losses : array of shape (n_anchors,)
        Sorted by size.
    noise : float
        Relative standard error of one loss.

    Notes
    -----
    A rise counts if it exceeds 3% of the loss and three standard errors of a difference. LCDB 1.1
    (arXiv:2505.15657) finds peaks and dips in a seventh of the curves.
    """
    if len(sizes) < 3:
        return ObservedShape.SHORT
    logs = np.log(np.maximum(losses, max(float(losses.max()), 1e-300) * 1e-6))
    rise = max(_MIN_RISE, _MIN_STANDARD_ERRORS * noise * np.sqrt(2))
    lowest = int(np.argmin(logs))
    if logs[-1] - logs[lowest] > rise:
        is_low_at_first = logs[0] - logs[lowest] <= rise
        return ObservedShape.WORSENING if is_low_at_first else ObservedShape.DIP
    before = np.minimum.accumulate(logs)
    after = np.minimum.accumulate(logs[::-1])[::-1]
    if (np.minimum(logs - before, logs - after) > rise).any():
        return ObservedShape.PEAK
    late = np.log2(sizes / sizes[-1]) >= -2.0
    if late.sum() < 2:
        late[-2:] = True
    slope = np.polyfit(np.log2(sizes[late]), logs[late], 1)[0]
    return ObservedShape.PLATEAU if slope > -_FLAT_SLOPE else ObservedShape.FALLING


@dataclass(frozen=True, slots=True)
class LossForecast:
    """A fitted curve of losses, which predicts the loss at any larger size.

    Parameters
    ----------
    sizes, losses : array of shape (n_anchors,)
        The anchors that it was fitted to.
    posterior : Posterior
    errors : ErrorModel
    highest : float
        Upper bound of the loss.
    """

    sizes: Array
    losses: Array
    posterior: Posterior
    errors: ErrorModel
    highest: float

    def quantiles(self, targets: ArrayLike, levels: ArrayLike) -> Array:
        """Return quantiles of the loss, shape (n_targets, n_levels)."""
        octaves = self._octaves(targets)
        spread = self.posterior.spread(octaves)
        scale = self.errors.scale(self.posterior.noise, spread, octaves)
        steps = self.errors.quantile(np.asarray(levels, dtype=np.float64))
        values: Array = np.exp(spread.median[:, None] + scale[:, None] * steps[None])
        return np.clip(values, 0.0, self.highest)

    def median(self, targets: ArrayLike) -> Array:
        """Return the forecast itself, shape (n_targets,)."""
        median = self.posterior.spread(self._octaves(targets)).median
        return np.asarray(np.clip(np.exp(median), 0.0, self.highest))

    @property
    def shape(self) -> ObservedShape:
        """The shape of the measured part."""
        return classify_shape(self.sizes, self.losses, self.posterior.noise)

    def _octaves(self, targets: ArrayLike) -> Array:
        return np.asarray(np.log2(np.asarray(targets, dtype=np.float64) / self.sizes[-1]))


@dataclass(frozen=True, slots=True)
class Forecast:
    """Scores expected at larger sizes, or the reason why there are none.

    Parameters
    ----------
    frame : DataFrame
        One row per target: n_train, mean, and ``low_50``, ``high_50``, ... for each level.
    shape : ObservedShape
    forms : dict of str to float
        Weight of each form of curve.
    reason : str or None
        Why there is no forecast; None if there is one.
    notes : tuple of str
        Reasons to trust the forecast less.
    fit : LossForecast or None
    """

    frame: pd.DataFrame
    shape: ObservedShape = ObservedShape.UNKNOWN
    forms: dict[str, float] = field(default_factory=dict)
    reason: str | None = None
    notes: tuple[str, ...] = ()
    fit: LossForecast | None = None


def fit_losses(
    sizes: ArrayLike,
    losses: ArrayLike,
    *,
    standard_errors: ArrayLike | None = None,
    highest: float = float("inf"),
    errors: ErrorModel | None = None,
) -> LossForecast:
    """Fit a curve to losses of 0 or more.

    Parameters
    ----------
    sizes, losses, standard_errors : array-like of shape (n_anchors,)
        Sizes are all different; standard errors that are not finite are ignored.
    highest : float
        Upper bound of the loss.
    errors : ErrorModel or None
        By default the shipped model.

    Raises
    ------
    ValueError
        If there are fewer than two anchors, a loss is negative or none is above 0.
    """
    order = np.argsort(sizes)
    x, y = (np.asarray(values, dtype=np.float64)[order] for values in (sizes, losses))
    if len(x) < 2:
        raise ValueError(f"expected at least two sizes with a score, got {len(x)}")
    if (y < 0).any():
        raise ValueError(f"expected losses of 0 or more, got {y.min():g}")
    positive = y[y > 0]
    if positive.size == 0:
        raise ValueError("every score is perfect, so there is nothing to forecast")
    # A loss of 0 has no logarithm; half of the smallest positive loss replaces it.
    log_loss = np.log(np.maximum(y, positive.min() / 2))
    relative = 0.0
    if standard_errors is not None:
        ratios = np.asarray(standard_errors, dtype=np.float64)[order] / np.exp(log_loss)
        known = ratios[np.isfinite(ratios)]
        relative = float(np.median(known)) if known.size else 0.0
    posterior = weigh_shapes(x, log_loss, relative)
    return LossForecast(x, y, posterior, errors or shipped_error_model(), highest)


def forecast(
    sizes: ArrayLike,
    means: ArrayLike,
    targets: Sequence[float],
    *,
    metric: str | Metric,
    standard_errors: ArrayLike | None = None,
    levels: Sequence[float] = (0.5, 0.9),
) -> Forecast:
    """Forecast the mean score at sizes larger than any measured one.

    Parameters
    ----------
    sizes, means, standard_errors : array-like of shape (n_anchors,)
        Training rows, mean scores and their standard errors; anchors without a finite score are
        ignored.
    targets : sequence of numbers
        Training rows to forecast.
    metric : str or Metric
        A name of `zoo.metrics.METRICS`, or any metric.
    levels : sequence of float
        Of the intervals.

    Returns
    -------
    Forecast
        With a reason and NaN scores if there is no forecast.

    Raises
    ------
    ValueError
        If a target is not above the largest size, or a level is not between 0 and 1.

    Examples
    --------
    >>> ahead = forecast([100, 200, 400, 800], [0.4, 0.3, 0.23, 0.18], [1600], metric="error_rate")
    >>> bool(ahead.frame["mean"].between(0.12, 0.17).all())
    True
    """
    known = metric_of(metric) if isinstance(metric, str) else metric
    kept = np.isfinite(np.asarray(means, dtype=float))
    x, y = (np.asarray(values, dtype=np.float64)[kept] for values in (sizes, means))
    error = None if standard_errors is None else np.asarray(standard_errors, dtype=float)[kept]
    wanted = [float(target) for target in targets]
    if len(x) and any(target <= x.max() for target in wanted):
        raise ValueError(f"expected targets above {x.max():g} rows, got {min(wanted):g}")
    if not all(0 < level < 1 for level in levels):
        raise ValueError(f"expected levels between 0 and 1, got {list(levels)}")
    try:
        fit = fit_losses(x, known.loss(y), standard_errors=error, highest=known.highest_loss)
    except ValueError as problem:
        return Forecast(_frame(known, wanted, levels, None), reason=str(problem))
    frame = _frame(known, wanted, levels, fit)
    return Forecast(frame, fit.shape, fit.posterior.forms(), None, _notes(fit, wanted), fit)


def _frame(
    metric: Metric, targets: Sequence[float], levels: Sequence[float], fit: LossForecast | None
) -> pd.DataFrame:
    """Return scores and intervals at the targets, NaN without a fit."""
    names = [f"{side}_{100 * level:g}" for level in levels for side in ("low", "high")]
    columns = {"n_train": np.asarray(targets, dtype=np.float64)}
    frame = pd.DataFrame(columns | dict.fromkeys(("mean", *names), np.nan))
    if fit is not None and len(targets):
        ends = [end for level in levels for end in ((1 - level) / 2, (1 + level) / 2)]
        frame["mean"] = metric.score(fit.median(targets))
        found = metric.score(fit.quantiles(targets, ends))
        # the low end of a loss is the high end of a score that is better when higher
        frame[names] = np.sort(found.reshape(len(targets), -1, 2)).reshape(found.shape)
    return frame


def _notes(fit: LossForecast, targets: Sequence[float]) -> tuple[str, ...]:
    """Return reasons to trust a forecast less."""
    notes = []
    if len(fit.sizes) == 2:
        notes.append("only two sizes were measured, so the form of the curve is unknown")
    if fit.shape.is_ill_behaved:
        notes.append(f"the curve is ill-behaved ({fit.shape}), so forecasts are less certain")
    if targets and max(targets) > FURTHEST * fit.sizes[-1]:
        notes.append(f"forecasts were not validated beyond {FURTHEST:g} times the data")
    return tuple(notes)
