"""What a curve's anchors say about its shape, and what each shape says about larger sizes.

No form of learning curve is right for all curves, and the best fit to the seen part is often not
the best one ahead. So every shape of `zoo.curves.candidate_shapes` gets a weight, by its error on the
anchors: late ones count more, since the forms hold locally at best. The forecast is the weighted
median over all. How often a form occurs on public curves was tried as a prior and made forecasts
for other data sets no better, so all shapes start alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.curves.candidate_shapes import FORMS, shape_table

__all__ = ["Posterior", "Spread", "weigh_shapes", "weighted_quantiles"]

Array = NDArray[np.float64]

# The few choices made by hand, on the mean error over all public curves: how fast the weight of an
# anchor falls with its octaves below the largest (three answers are pooled), how much evidence an
# octave of anchors is and one anchor at most, and the least relative error that tells forms apart.
DECAYS = (1.0, 2.0, 4.0)
_PER_OCTAVE, _PER_ANCHOR = 16.0, 8.0
_LEAST_ERROR = 0.01
# An anchor this many (robust) deviations out of line counts less; a few anchors cannot tell.
_FAR_OUT, _ENOUGH_ANCHORS = 4.0, 5
# All shapes below this together hold less than a hundredth of a percent.
_NO_WEIGHT = 1e-8


@dataclass(frozen=True, slots=True)
class Spread:
    """What the shapes say about the logarithm of the loss at each target.

    Parameters
    ----------
    median, width : array of shape (n_targets,)
        Weighted median, and distance from the 5% to the 95% quantile.
    now : float
        The median at the largest size that was measured.
    """

    median: Array
    width: Array
    now: float


@dataclass(frozen=True, slots=True)
class Posterior:
    """Weights of the shapes for one curve.

    Parameters
    ----------
    level : array of shape (n_decays, n_shapes)
        Logarithm of the loss at the largest size, by each shape.
    weight : array of shape (n_decays, n_shapes)
        Sums to 1.
    noise : float
        Relative error of the anchors: around the shapes, and by their replicates.
    n_anchors : int
    octaves_seen : float
    """

    level: Array
    weight: Array
    noise: float
    n_anchors: int
    octaves_seen: float

    def spread(self, octaves: Array) -> Spread:
        """Return median and width at octaves beyond the largest size."""
        decay, shape = np.nonzero(self.weight > _NO_WEIGHT)
        weight = self.weight[decay, shape]
        ahead = shape_table().at(np.concatenate([np.zeros(1), octaves]))
        rows = (self.level[decay, shape, None] + ahead[shape]).T
        found = np.stack([weighted_quantiles(row, weight, (0.05, 0.5, 0.95)) for row in rows])
        return Spread(found[1:, 1], found[1:, 2] - found[1:, 0], float(found[0, 1]))

    def forms(self) -> dict[str, float]:
        """Return the weight of each form, largest first."""
        totals = np.bincount(shape_table().form, self.weight.sum(axis=0), minlength=len(FORMS))
        pairs = sorted(zip(FORMS, totals.tolist(), strict=True), key=lambda pair: -pair[1])
        return dict(pairs)


def weighted_quantiles(values: Array, weights: Array, levels: tuple[float, ...]) -> Array:
    """Return the smallest values at which the summed weight reaches each level."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    places = np.searchsorted(reached, np.asarray(levels) * reached[-1])
    found: Array = values[order][np.minimum(places, len(values) - 1)]
    return found


def weigh_shapes(sizes: Array, log_loss: Array, relative_error: float = 0.0) -> Posterior:
    """Return the weights of all shapes for a curve.

    Parameters
    ----------
    sizes : array of shape (n_anchors,)
        Increasing.
    log_loss : array of shape (n_anchors,)
    relative_error : float
        Standard error of an anchor's mean as a part of it; 0 where replicates do not say.

    Notes
    -----
    With residuals r of an unknown common variance the marginal likelihood is a power of their mean
    square (Student's t; Gelman et al., Bayesian Data Analysis, 3rd ed., section 3.2). The evidence
    is counted in octaves, not anchors, since neighbouring anchors of nested samples are dependent.
    From five anchors on, one that is out of line with those beside it counts less.
    """
    octaves = np.log2(sizes / sizes[-1])
    residual = log_loss[None] - shape_table().at(octaves)
    gap = np.gradient(octaves) if len(octaves) > 1 else np.ones(1)
    evidence = np.minimum(_PER_OCTAVE * gap, _PER_ANCHOR)
    if len(sizes) >= _ENOUGH_ANCHORS:
        level, weight, _ = _weigh(residual, evidence * 2.0 ** (DECAYS[0] * octaves))
        evidence = evidence * _trust(weight @ (residual - level[:, None]))
    levels, weights, variances = zip(
        *(_weigh(residual, evidence * 2.0 ** (decay * octaves)) for decay in DECAYS), strict=True
    )
    noise = float(np.sqrt(variances[0] + relative_error**2))
    weight = np.stack(weights) / len(DECAYS)
    return Posterior(np.stack(levels), weight, noise, len(sizes), float(-octaves[0]))


def _weigh(residual: Array, counts: Array) -> tuple[Array, Array, float]:
    """Return the level of each shape, its weight, and the variance of one anchor around them."""
    total = float(counts.sum())
    level = residual @ counts / total
    mean_square = np.maximum((residual**2) @ counts / total - level**2, 0.0)
    log_weight = -0.5 * total * np.log(mean_square + _LEAST_ERROR**2)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    anchors = total**2 / float((counts**2).sum())
    variance = float(weight @ mean_square) * anchors / max(anchors - 1, 0.5)
    return level, weight, variance


def _trust(errors: Array) -> Array:
    """Return weights of anchors: 1, but less for one far from both of its neighbours' errors.

    Hampel's filter (Hampel 1974, doi:10.1080/01621459.1974.10482962) on what is left of the curve.
    The last anchors are trusted: a late fall is news, not an outlier.
    """
    windows = np.lib.stride_tricks.sliding_window_view(errors, 5)
    off = np.zeros(len(errors))
    off[2:-2] = np.abs(errors[2:-2] - np.median(windows, axis=1))
    limit = _FAR_OUT * (1.4826 * float(np.median(off[2:-2])) + _LEAST_ERROR)
    values: Array = np.minimum(1.0, limit / np.maximum(off, 1e-12)) ** 2
    return values
