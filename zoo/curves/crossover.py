"""The size from which one model is better than another at every larger size considered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.curves.arrays import Array
from zoo.curves.forecast import ENDS, FURTHEST, LossForecast, fit_losses

__all__ = [
    "CLEAR", "Crossover", "CrossoverKind", "crossover", "crossover_of_means", "last_crossing",
]  # fmt: skip

CLEAR = 0.8
"""A crossover that fewer resamples have (and one that more than the rest have) is unclear."""

_NAN = float("nan")
_N_TARGETS = 41
_N_SAMPLES = 400


class CrossoverKind(StrEnum):
    """How a challenger overtakes an incumbent.

    `WITHIN`: between two measured sizes, and it is ahead at all larger ones that were measured.
    `ALWAYS`: ahead at every measured size. `FORECAST`: behind at the largest size, but forecast to
    overtake within 32 times the data. `NONE`: behind, and not forecast to overtake. `UNKNOWN`:
    fewer than two common sizes.
    """

    WITHIN = "within"
    ALWAYS = "always"
    FORECAST = "forecast"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Crossover:
    """Where a challenger overtakes an incumbent.

    Parameters
    ----------
    kind : CrossoverKind
    n_train : float
        The size; NaN for `ALWAYS` and `NONE`.
    low, high : float
        90% interval for the size. 0: ahead from the first size on; infinity: not within reach.
    probability : float
        Fraction of the resamples in which the challenger is ahead in the end: at the largest
        measured size, or for `FORECAST` and `NONE` at 32 times that.
    reason : str or None
        Why there is no crossover.
    """

    kind: CrossoverKind
    n_train: float = _NAN
    low: float = _NAN
    high: float = _NAN
    probability: float = _NAN
    reason: str | None = None


def last_crossing(sizes: Array, lead: Array) -> Array:
    """Return for each row of `lead` (n_rows, n_sizes) the size from which it stays above 0.

    Sizes increase. The crossing is interpolated against log size; it is 0 if the lead is above 0 at
    every size, and infinity if it is not at the last.
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
    weight = before / (before - after)
    crossing[inside] = np.exp(logs[at] + weight * (logs[at + 1] - logs[at]))
    return crossing


def crossover(
    sizes: ArrayLike,
    incumbent: ArrayLike,
    challenger: ArrayLike,
    *,
    highest: float = float("inf"),
    resamples: int = 500,
) -> Crossover:
    """Return the size from which the challenger's loss stays below the incumbent's.

    Parameters
    ----------
    sizes : array-like of shape (n_sizes,)
        Increasing, the same for both.
    incumbent, challenger : array-like of shape (n_sizes, n_replicates)
        Losses; column r of both is the same replicate. NaN where a cell is missing.
    highest : float
        Upper bound of the loss.
    resamples : int

    Notes
    -----
    Replicates are resampled with replacement, the same for both models and all sizes, since sizes
    are nested within a replicate (the paired bootstrap; Efron & Tibshirani 1993, chapter 8). With
    fewer than three replicates there is no interval.
    """
    x = np.asarray(sizes, dtype=np.float64)
    pair = np.stack([np.asarray(incumbent, float), np.asarray(challenger, float)])
    complete = np.isfinite(pair).all(axis=0)
    kept = complete.any(axis=1)
    if kept.sum() < 2:
        reason = "fewer than two sizes were measured with both models"
        return Crossover(CrossoverKind.UNKNOWN, reason=reason)
    x, complete = x[kept], complete[kept]
    pair = np.where(complete, pair[:, kept], np.nan)
    means = np.nanmean(pair, axis=2)
    rng = np.random.default_rng(0)
    resampled = _resample(pair, means, complete, resamples, rng)
    counts = complete.sum(axis=1)
    errors = None if (counts < 2).any() else np.nanstd(pair, axis=2, ddof=1) / np.sqrt(counts)
    return _answer(x, means, resampled, errors, highest, rng)


def _resample(
    pair: Array, means: Array, complete: NDArray[np.bool_], resamples: int, rng: np.random.Generator
) -> Array:
    """Return bootstrapped means of both models, shape (resamples, 2, n_sizes)."""
    n_replicates = pair.shape[2]
    if n_replicates < 3:
        return np.empty((0, *means.shape))
    chosen = rng.integers(0, n_replicates, (resamples, n_replicates))
    weight = np.stack([(chosen == r).sum(axis=1) for r in range(n_replicates)], axis=1)
    total = np.einsum("br,nr->bn", weight, complete)
    value = np.einsum("br,mnr->bmn", weight, np.nan_to_num(pair))
    # a size without a chosen replicate keeps its mean
    found = np.where(total[:, None] > 0, value / np.maximum(total, 1)[:, None], means[None])
    # the bootstrap underestimates the variance by a factor of (n - 1) / n
    correction = np.sqrt(n_replicates / (n_replicates - 1))
    return np.asarray(np.maximum(means + correction * (found - means), 0.0))


def crossover_of_means(
    sizes: ArrayLike,
    incumbent: ArrayLike,
    challenger: ArrayLike,
    *,
    standard_errors: tuple[ArrayLike, ArrayLike],
    highest: float = float("inf"),
) -> Crossover:
    """Return the crossover of curves given as means and standard errors, without replicates.

    Means are sampled from independent normal distributions, so the interval is wider than one from
    paired replicates.
    """
    x = np.asarray(sizes, dtype=np.float64)
    means = np.stack([np.asarray(incumbent, float), np.asarray(challenger, float)])
    errors = np.stack([np.asarray(values, float) for values in standard_errors])
    rng = np.random.default_rng(0)
    resampled = np.maximum(means + errors * rng.standard_normal((500, *means.shape)), 0.0)
    return _answer(x, means, resampled, errors, highest, rng)


def _lead(pairs: Array) -> Array:
    """Return the logarithm of the incumbent's loss over the challenger's, (n_rows, n_sizes)."""
    logs = np.log(np.maximum(pairs, 1e-12))
    return np.asarray(logs[:, 0] - logs[:, 1])


def _answer(
    sizes: Array,
    means: Array,
    resampled: Array,
    errors: Array | None,
    highest: float,
    rng: np.random.Generator,
) -> Crossover:
    """Return the crossover within the data if there is one, else that of the forecasts."""
    found = float(last_crossing(sizes, _lead(means[None]))[0])
    if found < np.inf:
        interval = _interval(last_crossing(sizes, _lead(resampled)))
        if found == 0:
            return Crossover(CrossoverKind.ALWAYS, _NAN, *interval)
        return Crossover(CrossoverKind.WITHIN, found, *interval)
    try:
        fits = [
            fit_losses(sizes, mean, standard_errors=error, highest=highest)
            for mean, error in zip(means, (None, None) if errors is None else errors, strict=True)
        ]
    except ValueError as problem:
        return Crossover(CrossoverKind.NONE, reason=str(problem))
    return _forecast(sizes, fits, rng)


def _forecast(sizes: Array, fits: list[LossForecast], rng: np.random.Generator) -> Crossover:
    """Return the crossover of two forecasts; a sample has one quantile per model at all targets."""
    targets = sizes[-1] * np.geomspace(1.02, FURTHEST, _N_TARGETS)
    levels = np.sort(rng.uniform(0, 1, (2, _N_SAMPLES)), axis=1)
    curves = [fit.quantiles(targets, row).T for fit, row in zip(fits, levels, strict=True)]
    lead = curves[0] - rng.permutation(curves[1], axis=0)
    sampled = last_crossing(targets, lead)
    # a sample that is ahead at every target overtakes at the largest measured size
    sampled = np.where(sampled == 0, sizes[-1], sampled)
    interval = _interval(sampled)
    middle = fits[0].median(targets) - fits[1].median(targets)
    found = float(last_crossing(targets, middle[None])[0])
    if found == np.inf:
        return Crossover(CrossoverKind.NONE, _NAN, *interval)
    return Crossover(CrossoverKind.FORECAST, max(found, float(sizes[-1])), *interval)


def _interval(crossings: Array) -> tuple[float, float, float]:
    """Return the 90% interval, and the fraction of crossings that are finite."""
    if len(crossings) == 0:
        return _NAN, _NAN, _NAN
    low, high = np.quantile(crossings, ENDS, method="inverted_cdf")
    return float(low), float(high), float(np.isfinite(crossings).mean())
