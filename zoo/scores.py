"""The scores of predictions: one function a metric, by the name of the metric."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.metrics import metric

__all__ = [
    "ClassPrediction", "accuracy", "average_precision", "balanced_accuracy", "error_rate",
    "log_loss", "mae", "r2", "rmse", "roc_auc", "score_classes", "score_numbers",
]  # fmt: skip

_LEAST_PROBABILITY = 1e-15


@dataclass(frozen=True, slots=True)
class ClassPrediction:
    """What a classifier predicted for the test rows.

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
    """Return the scores of a prediction, without the metrics that need what it lacks.

    Parameters
    ----------
    y : ndarray of int, shape (n_samples,)
        True class codes.
    prediction : ClassPrediction
    metrics : iterable of str

    Raises
    ------
    DefinitionError
        If a metric is unknown.
    """
    given = {
        "classes": prediction.codes,
        "scores": prediction.scores,
        "probabilities": prediction.scores if prediction.is_probability else None,
    }
    found: dict[str, float] = {}
    for name in metrics:
        known = metric(name)
        predicted = given.get(str(known.needs))
        if predicted is not None:
            found[name] = known.function(y, predicted)
    return found


def score_numbers(
    y: NDArray[np.float64], predicted: NDArray[Any], metrics: Iterable[str]
) -> dict[str, float]:
    """Return the scores of predicted numbers; both arrays have shape (n_samples,)."""
    return {name: metric(name).function(y, predicted) for name in metrics}


def error_rate(y: NDArray[np.intp], codes: NDArray[np.intp]) -> float:
    """Return the fraction of rows with a wrong class."""
    return float(np.mean(codes != y))


def accuracy(y: NDArray[np.intp], codes: NDArray[np.intp]) -> float:
    """Return the fraction of rows with the right class."""
    return 1.0 - error_rate(y, codes)


def balanced_accuracy(y: NDArray[np.intp], codes: NDArray[np.intp]) -> float:
    """Return the mean recall of the classes that occur in `y`."""
    return float(np.mean([np.mean(codes[y == code] == code) for code in np.unique(y)]))


def log_loss(y: NDArray[np.intp], probabilities: NDArray[np.float64]) -> float:
    """Return the mean of minus log p in nats; probabilities below 1e-15 count as 1e-15."""
    of_truth = probabilities[np.arange(len(y)), y]
    return float(-np.log(np.maximum(of_truth, _LEAST_PROBABILITY)).mean())


def roc_auc(y: NDArray[np.intp], scores: NDArray[np.float64]) -> float:
    """Return the area under the ROC curve; ties count half.

    With more than two classes: the mean of one against the rest over the classes that occur in
    `y`.
    """
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


def _average_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2.0)[inverse]
    return ranks


def average_precision(y: NDArray[np.intp], scores: NDArray[np.float64]) -> float:
    """Return the precision at each distinct score, weighted by the gain in recall.

    Of the rarer of two classes; with more classes, the mean over those that occur in `y`.
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


def rmse(y: NDArray[np.float64], predicted: NDArray[Any]) -> float:
    """Return the root of the mean squared error."""
    return float(float(np.mean((predicted - y) ** 2)) ** 0.5)


def mae(y: NDArray[np.float64], predicted: NDArray[Any]) -> float:
    """Return the mean absolute error."""
    return float(np.abs(predicted - y).mean())


def r2(y: NDArray[np.float64], predicted: NDArray[Any]) -> float:
    """Return the explained variance; NaN for a constant target."""
    square = float(np.mean((predicted - y) ** 2))
    spread = float(np.mean((y - y.mean()) ** 2))
    return 1.0 - square / spread if spread > 0 else float("nan")
