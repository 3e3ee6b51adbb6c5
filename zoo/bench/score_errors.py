"""Standard errors of scores: how much they would vary over other test rows of the same number.

A score on few test rows is uncertain even if the model stays as it is. Here that part is estimated
from the test rows alone, in closed form where there is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from zoo.metrics import metric
from zoo.scores import ClassPrediction

__all__ = ["class_score_errors", "number_score_errors"]

_N_RESAMPLES = 100  # of average precision
_LEAST_PROBABILITY = 1e-15
_Floats = NDArray[np.float64]


def number_score_errors(
    y: _Floats, predicted: NDArray[Any], metrics: Iterable[str]
) -> dict[str, float]:
    """Return the standard errors of the scores of predicted numbers, without undefined ones.

    Parameters
    ----------
    y, predicted : ndarray of shape (n_samples,)
    metrics : iterable of str
        Of those that `zoo.metrics.METRICS` has for regression.
    """
    wrong = np.asarray(y - predicted, dtype=np.float64)
    squares, spread = wrong**2, (y - y.mean()) ** 2
    rmse, variance = float(np.sqrt(squares.mean())), float(spread.mean())
    # the influence of each row on the score; a root and a ratio by the delta method
    influence = {"mae": np.abs(wrong)}
    if rmse > 0:
        influence["rmse"] = squares / (2 * rmse)
    if variance > 0:
        influence["r2"] = squares / variance - squares.mean() * spread / variance**2
    found = {name: _of_mean(influence[name]) for name in metrics if name in influence}
    return _finite(found)


def class_score_errors(
    y: NDArray[np.intp], prediction: ClassPrediction, metrics: Iterable[str]
) -> dict[str, float]:
    """Return the standard errors of the scores of predicted classes, without undefined ones.

    Parameters
    ----------
    y : ndarray of int, shape (n_samples,)
        True class codes.
    prediction : ClassPrediction
    metrics : iterable of str

    Notes
    -----
    Fractions of rows get two successes and two failures more (Agresti & Coull 1998), so that a
    score without an error on few rows is no certainty. The area under the ROC curve has DeLong's
    error (1988, doi:10.2307/2531595); near 1 it has that of Hanley and McNeil
    (1982, doi:10.1148/radiology.143.1.7063747) for an area half a row below 1. Average precision is
    resampled; near 1 it has the binomial error over the rows of the class (Boyd, Eng & Page 2013).
    """
    found: dict[str, float] = {}
    scores, is_right = prediction.scores, prediction.codes == y
    for known in map(metric, metrics):
        if known.name in ("error_rate", "accuracy"):
            found[known.name] = _of_fraction(is_right)
        elif known.name == "balanced_accuracy":
            parts = [_of_fraction(is_right[y == code]) for code in np.unique(y)]
            found[known.name] = float(np.sqrt(np.square(parts).sum())) / len(parts)
        elif known.name == "log_loss" and scores is not None and prediction.is_probability:
            own = np.clip(scores[np.arange(len(y)), y], _LEAST_PROBABILITY, 1.0)
            found[known.name] = _of_mean(-np.log(own))
        elif known.needs == "scores" and scores is not None:
            found[known.name] = _of_ranking(known.name, y, scores)
    return _finite(found)


def _finite(found: dict[str, float]) -> dict[str, float]:
    return {name: float(error) for name, error in found.items() if np.isfinite(error)}


def _of_mean(values: _Floats) -> float:
    """Return the standard error of the mean of values (n_samples,); NaN for a single one."""
    n = len(values)
    return float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")


def _of_fraction(is_right: NDArray[np.bool_]) -> float:
    n = len(is_right) + 4
    fraction = (is_right.sum() + 2) / n
    return float(np.sqrt(fraction * (1 - fraction) / n))


def _of_ranking(name: str, y: NDArray[np.intp], scores: _Floats) -> float:
    """Return the error of an area or an average precision, a mean over classes if there are more.

    With several classes the errors of the classes are added: their rows are the same ones.
    """
    classes, counts = np.unique(y, return_counts=True)
    if scores.shape[1] == 2:
        classes = np.array([1]) if name == "roc_auc" else classes[[counts.argmin()]]
    of_one = _of_area if name == "roc_auc" else _of_precision
    return float(np.mean([of_one(y == code, scores[:, code]) for code in classes]))


def _of_area(is_class: NDArray[np.bool_], scores: _Floats) -> float:
    n_in, n_out = int(is_class.sum()), int((~is_class).sum())
    if min(n_in, n_out) < 2:
        return float("nan")
    ranks = rankdata(scores)
    # how many rows of the other class each row is placed above, ties as halves
    above = (ranks[is_class] - rankdata(scores[is_class])) / n_out
    below = 1 - (ranks[~is_class] - rankdata(scores[~is_class])) / n_in
    area, most = float(above.mean()), 1 - 0.5 / min(n_in, n_out)
    if area <= most:
        return float(np.sqrt(above.var(ddof=1) / n_in + below.var(ddof=1) / n_out))
    q1, q2 = most / (2 - most), 2 * most**2 / (1 + most)
    total = most * (1 - most) + (n_in - 1) * (q1 - most**2) + (n_out - 1) * (q2 - most**2)
    return float(np.sqrt(total / (n_in * n_out)))


def _of_precision(is_class: NDArray[np.bool_], scores: _Floats) -> float:
    n_in = int(is_class.sum())
    if n_in < 2 or n_in == len(scores):
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    hits, ranked = is_class[order], scores[order]
    last = np.searchsorted(-ranked, -ranked, side="right") - 1  # of the rows with the same score
    rng = np.random.default_rng(0)
    chosen = rng.poisson(1.0, (_N_RESAMPLES + 1, len(hits)))  # how often each row is chosen
    chosen[0] = 1
    n_hits, n_rows = (chosen * hits).cumsum(axis=1)[:, last], chosen.cumsum(axis=1)[:, last]
    precision = (chosen * hits * n_hits / np.maximum(n_rows, 1)).sum(axis=1)
    precision = precision[n_hits[:, -1] > 0] / n_hits[n_hits[:, -1] > 0, -1]
    most = 1 - 0.5 / n_in
    if precision[0] > most:
        return float(np.sqrt(most * (1 - most) / n_in))
    return float(precision[1:].std(ddof=1))
