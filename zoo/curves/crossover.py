"""The size from which one model is better than another for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.curves.forecast import LossForecast, fit_losses

__all__ = ["Crossover", "crossover", "crossover_of_means", "last_crossing"]

Array = NDArray[np.float64]

# Forecasts are asked for at most this many times the data, where they were checked.
_FURTHEST = 32.0
_N_TARGETS = 41


@dataclass(frozen=True, slots=True)
class Crossover:
    """Where a challenger overtakes an incumbent.

    Parameters
    ----------
    kind : str
        ``within``: between two sizes that were measured, and it stays ahead. ``always``: ahead at
        every measured size. ``forecast``: behind at the largest size, but forecast to overtake
        within 32 times the data. ``none``: behind, and not forecast to.
    n_train : float
        The size; NaN for ``always`` and ``none``.
    low, high : float
        Interval for the size. 0: ahead from the first size on; infinity: not within reach.
    share : float
        Part of the resamples in which the challenger is ahead in the end: at the largest measured
        size, or for ``forecast`` and ``none`` at 32 times that.
    reason : str or None
        Why nothing can be said, where `kind` is ``unknown``.
    """

    kind: str
    n_train: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    share: float = float("nan")
    reason: str | None = None


def last_crossing(sizes: Array, lead: Array) -> Array:
    """Return for each row of `lead` the size from which it stays above 0.

    Parameters
    ----------
    sizes : array of shape (n_sizes,)
        Increasing.
    lead : array of shape (n_rows, n_sizes)
        Positive where the challenger is ahead.

    Returns
    -------
    array of shape (n_rows,)
        Interpolated against log size; 0 if above 0 at every size, infinity if not at the last.
    """
    behind = lead <= 0
    n_sizes = lead.shape[1]
    last = np.where(behind.any(axis=1), n_sizes - 1 - np.argmax(behind[:, ::-1], axis=1), -1)
    crossing = np.zeros(len(lead))
    crossing[last == n_sizes - 1] = np.inf
    inside = np.flatnonzero((last >= 0) & (last < n_sizes - 1))
    at = last[inside]
    before, after = lead[inside, at], lead[inside, at + 1]
    logs = np.log(sizes)
    part = before / (before - after)
    crossing[inside] = np.exp(logs[at] + part * (logs[at + 1] - logs[at]))
    return crossing


def crossover(
    sizes: Any,
    incumbent: Any,
    challenger: Any,
    *,
    highest: float = float("inf"),
    level: float = 0.9,
    resamples: int = 500,
    seed: int = 0,
) -> Crossover:
    """Return where the challenger's loss falls below the incumbent's for good.

    Parameters
    ----------
    sizes : array-like of shape (n_sizes,)
        Increasing, the same for both.
    incumbent, challenger : array-like of shape (n_sizes, n_replicates)
        Losses; column r of both is the same draw of rows. NaN where a cell is missing.
    highest : float
        No loss is above this.
    level : float
        Of the interval.
    resamples, seed : int

    Notes
    -----
    Replicates are drawn with replacement, the same for both models and all sizes, since sizes are
    nested within a replicate (the paired bootstrap; Efron & Tibshirani 1993, chapter 8). With fewer
    than three replicates there is no interval.
    """
    x = np.asarray(sizes, dtype=np.float64)
    pair = np.stack([np.asarray(incumbent, float), np.asarray(challenger, float)])
    whole = np.isfinite(pair).all(axis=0)
    kept = whole.any(axis=1)
    if kept.sum() < 2:
        return Crossover("unknown", reason="fewer than two sizes were measured with both models")
    x, pair, whole = x[kept], pair[:, kept], whole[kept]
    pair = np.where(whole, pair, np.nan)
    means = np.nanmean(pair, axis=2)
    n_replicates = pair.shape[2]
    rng = np.random.default_rng(seed)
    draws = np.empty((0, 2, len(x)))
    if n_replicates >= 3:
        places = rng.integers(0, n_replicates, (resamples, n_replicates))
        weight = np.stack([(places == r).sum(axis=1) for r in range(n_replicates)], axis=1)
        total = np.einsum("br,nr->bn", weight, whole)
        value = np.einsum("br,mnr->bmn", weight, np.nan_to_num(pair))
        # a size none of whose replicates was drawn keeps its mean
        drawn = np.where(total[:, None] > 0, value / np.maximum(total, 1)[:, None], means[None])
        # of n values the bootstrap sees (n - 1) / n of the variance
        wider = np.sqrt(n_replicates / (n_replicates - 1))
        draws = np.maximum(means + wider * (drawn - means), 0.0)
    errors = _standard_errors(pair)
    return _answer(x, means, draws, errors, highest=highest, level=level, rng=rng)


def crossover_of_means(
    sizes: Any,
    incumbent: Any,
    challenger: Any,
    *,
    standard_errors: tuple[Any, Any],
    highest: float = float("inf"),
    level: float = 0.9,
    resamples: int = 500,
    seed: int = 0,
) -> Crossover:
    """Return the same from means and their standard errors, where replicates are not at hand.

    Means are drawn anew from normal distributions, each apart, so the interval is wider than one
    from paired replicates.
    """
    x = np.asarray(sizes, dtype=np.float64)
    means = np.stack([np.asarray(incumbent, float), np.asarray(challenger, float)])
    errors = np.stack([np.asarray(values, float) for values in standard_errors])
    rng = np.random.default_rng(seed)
    draws = means + errors * rng.standard_normal((resamples, *means.shape))
    return _answer(x, means, np.maximum(draws, 0.0), errors, highest=highest, level=level, rng=rng)


def _standard_errors(pair: Array) -> Array | None:
    counts = np.isfinite(pair).sum(axis=2)
    if (counts < 2).any():
        return None
    values: Array = np.nanstd(pair, axis=2, ddof=1) / np.sqrt(counts)
    return values


def _lead(pairs: Array) -> Array:
    """Return the logarithm of the incumbent's loss over the challenger's, (n_rows, n_sizes)."""
    logs = np.log(np.maximum(pairs, 1e-12))
    values: Array = logs[:, 0] - logs[:, 1]
    return values


def _answer(
    sizes: Array,
    means: Array,
    draws: Array,
    errors: Array | None,
    *,
    highest: float,
    level: float,
    rng: np.random.Generator,
) -> Crossover:
    found = float(last_crossing(sizes, _lead(means[None]))[0])
    if found < np.inf:
        again = last_crossing(sizes, _lead(draws))
        low, high, share = _interval(again, level)
        if found == 0:
            return Crossover("always", low=low, high=high, share=share)
        return Crossover("within", found, low, high, share)
    try:
        fits = [
            fit_losses(
                sizes, means[k], highest=highest,
                standard_errors=None if errors is None else errors[k],
            )
            for k in range(2)
        ]  # fmt: skip
    except ValueError as problem:
        return Crossover("none", reason=str(problem))
    return _forecast(sizes, fits, level, rng)


def _forecast(
    sizes: Array, fits: list[LossForecast], level: float, rng: np.random.Generator
) -> Crossover:
    """Return the crossing of two forecasts; a draw is one error a model, alike at all targets."""
    targets = sizes[-1] * np.geomspace(1.02, _FURTHEST, _N_TARGETS)
    middle = fits[0].median(targets) - fits[1].median(targets)
    levels = np.sort(rng.uniform(0, 1, (2, 400)), axis=1)
    curves = [fit.quantiles(targets, row).T for fit, row in zip(fits, levels, strict=True)]
    lead = curves[0] - rng.permutation(curves[1], axis=0)
    again = last_crossing(targets, lead)
    # a draw that is ahead at every target overtakes where the data ends
    again = np.where(again == 0, sizes[-1], again)
    low, high, share = _interval(again, level)
    found = float(last_crossing(targets, middle[None])[0])
    if found == np.inf:
        return Crossover("none", float("nan"), low, high, share)
    return Crossover("forecast", max(found, float(sizes[-1])), low, high, share)


def _interval(crossings: Array, level: float) -> tuple[float, float, float]:
    if len(crossings) == 0:
        return float("nan"), float("nan"), float("nan")
    ends = ((1 - level) / 2, (1 + level) / 2)
    low, high = np.quantile(crossings, ends, method="inverted_cdf")
    return float(low), float(high), float(np.isfinite(crossings).mean())
