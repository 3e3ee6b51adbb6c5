"""Forecasts a learning curve to larger sizes, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.curves.posterior import Posterior, weigh_shapes
from zoo.curves.prior import ErrorModel, shipped_error_model
from zoo.curves.signs import describe_shape
from zoo.metrics import Metric
from zoo.metrics import metric as metric_of

__all__ = ["Forecast", "LossForecast", "fit_losses", "forecast"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LossForecast:
    """A fitted curve on the scale of losses, ready to be asked for any larger size.

    Parameters
    ----------
    sizes, losses : array of shape (n_anchors,)
        What it was fitted to.
    posterior : Posterior
    errors : ErrorModel
    highest : float
        No loss is above this.
    """

    sizes: Array
    losses: Array
    posterior: Posterior
    errors: ErrorModel
    highest: float

    def quantiles(self, targets: Any, levels: Any) -> Array:
        """Return quantiles of the loss, shape (n_targets, n_levels)."""
        octaves = np.log2(np.asarray(targets, dtype=np.float64) / self.sizes[-1])
        spread = self.posterior.spread(octaves)
        scale = self.errors.scale(self.posterior.noise, spread, octaves)
        steps = self.errors.quantile(np.asarray(levels, dtype=np.float64))
        values: Array = np.exp(spread.median[:, None] + scale[:, None] * steps[None])
        return np.clip(values, 0.0, self.highest)

    def median(self, targets: Any) -> Array:
        """Return the forecast itself, shape (n_targets,)."""
        octaves = np.log2(np.asarray(targets, dtype=np.float64) / self.sizes[-1])
        values: Array = np.clip(np.exp(self.posterior.spread(octaves).median), 0.0, self.highest)
        return values


@dataclass(frozen=True, slots=True)
class Forecast:
    """Scores expected at larger sizes, or the reason why there are none.

    Parameters
    ----------
    frame : DataFrame
        One row a target: n_train, mean, and ``low_50``, ``high_50``, ... for each level.
    shape : str
        What the seen part looks like, by `zoo.curves.signs.describe_shape`.
    forms : dict of str to float
        Weight of each form of curve.
    reason : str or None
        Why there is no forecast, in words; None if there is one.
    notes : tuple of str
        What to keep in mind with this one.
    fit : LossForecast or None
    """

    frame: pd.DataFrame
    shape: str = "unknown"
    forms: dict[str, float] = field(default_factory=dict)
    reason: str | None = None
    notes: tuple[str, ...] = ()
    fit: LossForecast | None = None


def fit_losses(
    sizes: Any,
    losses: Any,
    *,
    standard_errors: Any = None,
    highest: float = float("inf"),
    errors: ErrorModel | None = None,
) -> LossForecast:
    """Fit a curve of losses, none below 0.

    Parameters
    ----------
    sizes : array-like of shape (n_anchors,)
        Different from each other.
    losses : array-like of shape (n_anchors,)
    standard_errors : array-like of shape (n_anchors,) or None
        Of the losses; those that are not finite are left out.
    highest : float
    errors : ErrorModel or None
        None takes the one that is shipped.

    Raises
    ------
    ValueError
        If there are fewer than two anchors, a loss is negative or none is above 0.
    """
    x = np.asarray(sizes, dtype=np.float64)
    y = np.asarray(losses, dtype=np.float64)
    order = np.argsort(x)
    x, y = x[order], y[order]
    if len(x) < 2:
        raise ValueError(f"expected two sizes with a score or more, got {len(x)}")
    if (y < 0).any():
        raise ValueError(f"expected losses of 0 or more, got {y.min():g}")
    positive = y[y > 0]
    if positive.size == 0:
        raise ValueError("every score is the best there can be, so there is nothing to forecast")
    # A loss of 0 has no logarithm: it is taken as half of the smallest that was seen.
    log_loss = np.log(np.maximum(y, positive.min() / 2))
    relative = 0.0
    if standard_errors is not None:
        parts = np.asarray(standard_errors, dtype=np.float64)[order] / np.exp(log_loss)
        known = parts[np.isfinite(parts)]
        relative = float(np.median(known)) if known.size else 0.0
    posterior = weigh_shapes(x, log_loss, relative)
    return LossForecast(x, y, posterior, errors or shipped_error_model(), highest)


def forecast(
    sizes: Any,
    means: Any,
    targets: Sequence[float],
    *,
    metric: str | Metric,
    standard_errors: Any = None,
    levels: Sequence[float] = (0.5, 0.9),
    errors: ErrorModel | None = None,
) -> Forecast:
    """Forecast the mean score at sizes larger than all that were measured.

    Parameters
    ----------
    sizes : array-like of shape (n_anchors,)
        Training rows of each anchor.
    means : array-like of shape (n_anchors,)
        Mean score of each; anchors without a finite one are left out.
    targets : sequence of numbers
        Training rows to forecast.
    metric : str or Metric
        Tells the direction and the bounds of the scores; a name must be one of
        `zoo.metrics.METRICS`.
    standard_errors : array-like of shape (n_anchors,) or None
        Of the means, from replicates.
    levels : sequence of float
        Of the intervals.
    errors : ErrorModel or None
        None takes the one that is shipped.

    Returns
    -------
    Forecast
        With a reason in place of rows if the curve allows none.

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
    x, y, error = _finite(sizes, means, standard_errors)
    wanted = [float(target) for target in targets]
    if len(x) and any(target <= x.max() for target in wanted):
        raise ValueError(f"expected targets above {x.max():g} rows, got {min(wanted):g}")
    if not all(0 < level < 1 for level in levels):
        raise ValueError(f"expected levels between 0 and 1, got {list(levels)}")
    losses = known.loss(y)
    try:
        fit = fit_losses(
            x, losses, standard_errors=error, highest=known.highest_loss, errors=errors
        )
    except ValueError as problem:
        return Forecast(_frame(known, wanted, levels, None), reason=str(problem))
    shape = describe_shape(fit.sizes, fit.losses, fit.posterior.noise)
    frame = _frame(known, wanted, levels, fit)
    return Forecast(frame, shape, fit.posterior.forms(), None, _notes(fit, shape, wanted), fit)


def _finite(sizes: Any, means: Any, standard_errors: Any) -> tuple[Array, Array, Array | None]:
    x = np.asarray(sizes, dtype=np.float64)
    y = np.asarray(means, dtype=np.float64)
    kept = np.isfinite(y)
    if standard_errors is None:
        return x[kept], y[kept], None
    return x[kept], y[kept], np.asarray(standard_errors, dtype=np.float64)[kept]


def _frame(
    metric: Metric, targets: Sequence[float], levels: Sequence[float], fit: LossForecast | None
) -> pd.DataFrame:
    columns: dict[str, Any] = {"n_train": np.asarray(targets, dtype=np.float64)}
    ends = [end for level in levels for end in ((1 - level) / 2, (1 + level) / 2)]
    names = [f"{side}_{100 * level:g}" for level in levels for side in ("low", "high")]
    if fit is None or not len(targets):
        return pd.DataFrame(columns | dict.fromkeys(("mean", *names), np.nan))
    columns["mean"] = metric.score(fit.median(targets))
    found = metric.score(fit.quantiles(targets, ends))
    for place in range(0, len(names), 2):
        pair = np.sort(found[:, place : place + 2], axis=1)
        columns[names[place]], columns[names[place + 1]] = pair[:, 0], pair[:, 1]
    return pd.DataFrame(columns)


def _notes(fit: LossForecast, shape: str, targets: Sequence[float]) -> tuple[str, ...]:
    notes = []
    if len(fit.sizes) == 2:
        notes.append("only two sizes were measured, so the form of the curve is unknown")
    if shape in ("peak", "dip", "worsening"):
        notes.append(f"the curve is ill-behaved ({shape}), so forecasts are less certain")
    if targets and max(targets) > 32 * fit.sizes[-1]:
        notes.append("beyond 32 times the data no forecast was ever checked")
    return tuple(notes)
