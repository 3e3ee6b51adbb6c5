"""The scores of predictions, computed by scikit-learn's functions."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sklearn.metrics
from numpy.typing import NDArray

from zoo.metrics import Metric, metric

__all__ = ["ClassPrediction", "score_classes", "score_numbers"]

_MIN_PROBABILITY = 1e-15


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

    ROC AUC is of the second of two classes. Average precision is of the rarer of two classes
    (the first if they are equally frequent). With more classes, both are the mean of one class
    against the rest, over the classes that occur in `y`; so is balanced accuracy. In log loss,
    probabilities below 1e-15 count as 1e-15. A score that is undefined is NaN.

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
    given = {"classes": prediction.codes, "scores": prediction.scores}
    given["probabilities"] = prediction.scores if prediction.is_probability else None
    wanted = [(known, given.get(str(known.needs))) for known in map(metric, metrics)]
    return {
        known.name: _score(known, y, predicted)
        for known, predicted in wanted
        if predicted is not None
    }


def score_numbers(
    y: NDArray[np.float64], predicted: NDArray[Any], metrics: Iterable[str]
) -> dict[str, float]:
    """Return the scores of predicted numbers; both arrays have shape (n_samples,).

    The R² of a constant target is NaN.
    """
    return {name: _score(metric(name), y, predicted) for name in metrics}


def _score(known: Metric, y: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Return the score; NaN if it is undefined or a prediction is not finite."""
    if not np.isfinite(predicted).all() or (known.name == "r2" and np.ptp(y) == 0):
        return float("nan")
    function = getattr(sklearn.metrics, str(known.function))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of classes that do not occur
        if known.needs == "scores":
            codes = _scored_classes(known, y, predicted.shape[1])
            return float(np.mean([function(y == code, predicted[:, code]) for code in codes]))
        if known.needs == "probabilities":
            clipped = np.clip(predicted, _MIN_PROBABILITY, 1.0)
            return float(function(y, clipped, labels=range(predicted.shape[1])))
        return float(function(y, predicted))


def _scored_classes(known: Metric, y: NDArray[np.intp], n_classes: int) -> NDArray[np.intp]:
    classes, counts = np.unique(y, return_counts=True)
    if n_classes > 2:
        return classes
    return np.array([1]) if known.name == "roc_auc" else classes[[counts.argmin()]]
