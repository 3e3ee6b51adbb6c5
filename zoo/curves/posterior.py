"""Posterior weights of the candidate shapes, given the anchors of one curve.

No form of learning curve fits all curves, and the best fit to the measured part is often not the
best extrapolation. So every shape of `zoo.curves.candidate_shapes` gets a weight by its error on
the anchors. Late anchors count more, since the forms hold locally at best. The forecast is the
weighted median over all shapes. The prior is uniform: frequencies of the forms on public curves
did not improve forecasts for other data sets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.curves.arrays import Array
from zoo.curves.candidate_shapes import FORMS, shape_table

__all__ = ["Posterior", "Spread", "weigh_shapes", "weighted_quantiles"]

# Chosen by hand for the mean error over all public curves: how fast an anchor's weight falls with
# its octaves below the largest size (three posteriors are averaged), the evidence per octave of
# anchors and the maximum per anchor, and the smallest relative error that counts as a difference.
DECAYS = (1.0, 2.0, 4.0)
_PER_OCTAVE, _PER_ANCHOR = 16.0, 8.0
_MIN_ERROR = 0.01
# Robust standard deviations from which an anchor is an outlier, and anchors needed to detect one.
_OUTLIER, _MIN_ANCHORS = 4.0, 5
# All shapes with a smaller weight sum to less than 0.01%.
_NO_WEIGHT = 1e-8


@dataclass(frozen=True, slots=True)
class Spread:
    """The distribution of the logarithm of the loss over the shapes, at each target.

    Parameters
    ----------
    median, width : array of shape (n_targets,)
        Weighted median, and distance from the 5% to the 95% quantile.
    now : float
        The median at the largest measured size.
    """

    median: Array
    width: Array
    now: float


@dataclass(frozen=True, slots=True)
class Posterior:
    """Weights of the shapes for one curve.

    Parameters
    ----------
    offset : array of shape (n_decays, n_shapes)
        Logarithm of the loss at the largest size, by each shape.
    weight : array of shape (n_decays, n_shapes)
        Sums to 1.
    noise : float
        Relative error of the anchors: residuals from the shapes, and standard errors.
    """

    offset: Array
    weight: Array
    noise: float

    def spread(self, octaves: Array) -> Spread:
        """Return median and width at octaves beyond the largest size."""
        decay, shape = np.nonzero(self.weight > _NO_WEIGHT)
        weight = self.weight[decay, shape]
        ahead = shape_table().at(np.concatenate([np.zeros(1), octaves]))
        rows = (self.offset[decay, shape, None] + ahead[shape]).T
        found = np.stack([weighted_quantiles(row, weight, (0.05, 0.5, 0.95)) for row in rows])
        return Spread(found[1:, 1], found[1:, 2] - found[1:, 0], float(found[0, 1]))

    def forms(self) -> dict[str, float]:
        """Return the weight of each form, largest first."""
        totals = np.bincount(shape_table().form, self.weight.sum(axis=0), minlength=len(FORMS))
        return {FORMS[at]: float(totals[at]) for at in np.argsort(-totals, kind="stable")}


def weighted_quantiles(values: Array, weights: Array, levels: tuple[float, ...]) -> Array:
    """Return the smallest values at which the cumulative weight reaches each level."""
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order])
    positions = np.searchsorted(cumulative, np.asarray(levels) * cumulative[-1])
    return np.asarray(values[order][np.minimum(positions, len(values) - 1)])


def weigh_shapes(sizes: Array, log_loss: Array, relative_error: float = 0.0) -> Posterior:
    """Return the weights of all shapes for a curve.

    Parameters
    ----------
    sizes : array of shape (n_anchors,)
        Increasing.
    log_loss : array of shape (n_anchors,)
        Logarithm of the loss.
    relative_error : float
        Standard error of an anchor's mean divided by the mean; 0 if unknown.

    Notes
    -----
    With residuals r of unknown common variance the marginal likelihood is a power of their mean
    square (Student's t; Gelman et al., Bayesian Data Analysis, 3rd ed., section 3.2). Evidence is
    counted per octave, not per anchor, since neighbouring anchors of nested samples are dependent.
    From five anchors on, outliers among their neighbours count less.
    """
    octaves = np.log2(sizes / sizes[-1])
    residual = log_loss[None] - shape_table().at(octaves)
    distance = np.gradient(octaves) if len(octaves) > 1 else np.ones(1)
    evidence = np.minimum(_PER_OCTAVE * distance, _PER_ANCHOR)
    if len(sizes) >= _MIN_ANCHORS:
        offset, weight, _ = _weigh(residual, evidence * 2.0 ** (DECAYS[0] * octaves))
        evidence = evidence * _inlier_weights(weight @ (residual - offset[:, None]))
    offsets, weights, variances = zip(
        *(_weigh(residual, evidence * 2.0 ** (decay * octaves)) for decay in DECAYS), strict=True
    )
    noise = float(np.sqrt(variances[0] + relative_error**2))
    return Posterior(np.stack(offsets), np.stack(weights) / len(DECAYS), noise)


def _weigh(residual: Array, counts: Array) -> tuple[Array, Array, float]:
    """Return the offset of each shape, its weight, and the residual variance of one anchor."""
    total = float(counts.sum())
    offset = residual @ counts / total
    mean_square = np.maximum((residual**2) @ counts / total - offset**2, 0.0)
    log_weight = -0.5 * total * np.log(mean_square + _MIN_ERROR**2)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    anchors = total**2 / float((counts**2).sum())
    variance = float(weight @ mean_square) * anchors / max(anchors - 1, 0.5)
    return offset, weight, variance


def _inlier_weights(errors: Array) -> Array:
    """Return the weight of each anchor: 1, and less for an outlier.

    Hampel's filter (Hampel 1974, doi:10.1080/01621459.1974.10482962) on the residuals of the curve.
    The first and last two anchors keep their weight: a late fall is information, not an outlier.
    """
    windows = np.lib.stride_tricks.sliding_window_view(errors, 5)
    deviation = np.zeros(len(errors))
    deviation[2:-2] = np.abs(errors[2:-2] - np.median(windows, axis=1))
    limit = _OUTLIER * (1.4826 * float(np.median(deviation[2:-2])) + _MIN_ERROR)
    return np.asarray(np.minimum(1.0, limit / np.maximum(deviation, 1e-12)) ** 2)
