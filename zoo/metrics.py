"""Scores of predictions, each by its textbook definition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClassPrediction", "score_classes", "score_numbers"]

_LEAST_PROBABILITY = 1e-15


@dataclass(frozen=True, slots=True)
class ClassPrediction:
    """What a classifier said about the test rows.

    Parameters
    ----------
    codes : ndarray of int, shape (n_samples,)
        Predicted class codes.
    scores : ndarray of shape (n_samples, n_classes) or None
        Anything that ranks rows by class: probabilities or decision values.
    is_probability : bool
        Whether each row of `scores` is a distribution.
    """

    codes: NDArray[np.intp]
    scores: NDArray[np.float64] | None
    is_probability: bool


def score_classes(
    y: NDArray[np.intp], prediction: ClassPrediction, metrics: Iterable[str]
) -> dict[str, float]:
    """Return the metrics that this prediction has.

    Parameters
    ----------
    y : ndarray of int, shape (n_samples,)
        True class codes.
    prediction : ClassPrediction
    metrics : iterable of str
        ``error_rate``, ``accuracy``, ``roc_auc`` (needs scores; with more than two classes the
        mean over classes of one against the rest, over the classes that occur in `y`),
        ``log_loss`` (needs probabilities; those below 1e-15 count as 1e-15, in nats),
        ``balanced_accuracy`` (the mean over the classes of `y` of the share that was found),
        ``average_precision`` (needs scores; of the rarer of two classes, or the mean over the
        classes of `y`).
    """
    wrong = float(np.mean(prediction.codes != y))
    found: dict[str, float] = {}
    for metric in metrics:
        if metric == "error_rate":
            found[metric] = wrong
        elif metric == "accuracy":
            found[metric] = 1.0 - wrong
        elif metric == "balanced_accuracy":
            found[metric] = _balanced_accuracy(y, prediction.codes)
        elif metric == "roc_auc" and prediction.scores is not None:
            found[metric] = _roc_auc(y, prediction.scores)
        elif metric == "average_precision" and prediction.scores is not None:
            found[metric] = _average_precision(y, prediction.scores)
        elif metric == "log_loss" and prediction.is_probability and prediction.scores is not None:
            chance = prediction.scores[np.arange(len(y)), y]
            found[metric] = float(-np.log(np.maximum(chance, _LEAST_PROBABILITY)).mean())
    return found


def _roc_auc(y: NDArray[np.intp], scores: NDArray[np.float64]) -> float:
    """Return the chance that a row of the class outranks one of the others, ties counting half."""
    classes = [1] if scores.shape[1] == 2 else range(scores.shape[1])
    areas = []
    for code in classes:
        is_class = y == code
        n_class, n_rest = int(is_class.sum()), int((~is_class).sum())
        if n_class and n_rest:
            ranks = _average_ranks(scores[:, code])
            area = ranks[is_class].sum() - n_class * (n_class + 1) / 2
            areas.append(float(area / (n_class * n_rest)))
    return float(np.mean(areas)) if areas else float("nan")


def _balanced_accuracy(y: NDArray[np.intp], codes: NDArray[np.intp]) -> float:
    return float(np.mean([np.mean(codes[y == code] == code) for code in np.unique(y)]))


def _average_precision(y: NDArray[np.intp], scores: NDArray[np.float64]) -> float:
    """Return precision averaged over the rows of a class, in the order of their scores.

    Rows of one score come in together: the sum over distinct scores of precision times gain in
    recall.
    """
    classes = np.unique(y)
    if scores.shape[1] == 2:  # the first where both are as rare
        classes = classes[[np.argmin([(y == code).sum() for code in classes])]]
    areas = []
    for code in classes:
        order = np.argsort(-scores[:, code], kind="stable")
        ranked = scores[order, code]
        last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        hits = np.cumsum(y[order] == code)[last]
        gains = np.diff(hits, prepend=0) / hits[-1]
        areas.append(float((hits / (last + 1) * gains).sum()))
    return float(np.mean(areas))


def _average_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2.0)[inverse]
    return ranks


def score_numbers(
    y: NDArray[np.float64], predicted: NDArray[Any], metrics: Iterable[str]
) -> dict[str, float]:
    """Return those asked of ``rmse``, ``mae``, ``r2``; both arrays have shape (n_samples,)."""
    error = predicted - y
    square = float(np.mean(error**2))
    spread = float(np.mean((y - y.mean()) ** 2))
    values = {
        "rmse": square**0.5,
        "mae": float(np.abs(error).mean()),
        "r2": 1.0 - square / spread if spread > 0 else float("nan"),
    }
    return {metric: values[metric] for metric in metrics}
