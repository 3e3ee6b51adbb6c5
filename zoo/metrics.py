"""The metrics: one table of what each is called, computes and means, looked up everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo import definitions
from zoo.errors import DefinitionError

__all__ = [
    "METRICS",
    "ClassPrediction",
    "Metric",
    "Task",
    "metric",
    "metric_names",
    "score_classes",
    "score_numbers",
]

Task = Literal["classification", "regression"]

_LEAST_PROBABILITY = 1e-15


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, and how its scores become losses: less is better, and none is below 0.

    Parameters
    ----------
    name : str
    label : str
        What people call it.
    loss_label : str
        What people call its loss.
    direction : {"higher", "lower"}
        Which scores are better. Where higher ones are, the best score is taken to be 1.
    bounds : (float, float)
        The least and the greatest score that it can give.
    task : {"classification", "regression"} or None
        None for a metric that is not in the table.
    needs : {"classes", "scores", "probabilities", "numbers"} or None
        What a model must predict: class codes, values that rank the rows of each class,
        probabilities, or the target's numbers.
    function : callable or None
        ``function(y, predicted)``, `predicted` being what `needs` names.
    reference : str or None
        The function of `sklearn.metrics` that gives the same score up to rounding, where
        scikit-learn defines it.
    """

    name: str
    label: str
    loss_label: str
    direction: Literal["higher", "lower"]
    bounds: tuple[float, float]
    task: Task | None = None
    needs: Literal["classes", "scores", "probabilities", "numbers"] | None = None
    function: Callable[[NDArray[Any], NDArray[Any]], float] | None = None
    reference: str | None = None

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher score is a better one."""
        return self.direction == "higher"

    @property
    def highest_loss(self) -> float:
        """The loss of the worst score; infinity where there is no worst one."""
        low, high = self.bounds
        return 1.0 - low if self.higher_is_better else high

    def loss(self, score: ArrayLike) -> NDArray[np.float64]:
        """Return the losses of scores."""
        values = np.asarray(score, dtype=np.float64)
        return 1.0 - values if self.higher_is_better else values

    def score(self, loss: ArrayLike) -> NDArray[np.float64]:
        """Return the scores of losses, those outside the metric's bounds moved to the nearest."""
        values = np.clip(np.asarray(loss, dtype=np.float64), 0.0, self.highest_loss)
        return 1.0 - values if self.higher_is_better else values


def metric(name: str, *, higher_is_better: bool | None = None) -> Metric:
    """Return the metric of a name.

    Parameters
    ----------
    name : str
    higher_is_better : bool or None
        Which way a metric goes that is not in `METRICS`.

    Raises
    ------
    DefinitionError
        If `METRICS` lacks the name and no direction is given, or the direction given contradicts
        `METRICS`.
    """
    known = METRICS.get(name)
    if known is None:
        if higher_is_better is None:
            near = definitions.unknown("metric", name, METRICS)
            raise DefinitionError(f"{near}; for a metric of your own give higher_is_better")
        if higher_is_better:
            return Metric(name, name, f"distance to 1 in {name}", "higher", _TO_ONE)
        return Metric(name, name, name, "lower", _POSITIVE)
    if higher_is_better not in (None, known.higher_is_better):
        raise DefinitionError(
            f"expected no higher_is_better, or {known.higher_is_better}, for the metric '{name}' "
            f"({known.direction} is better), got {higher_is_better}"
        )
    return known


def metric_names(task: Task) -> tuple[str, ...]:
    """Return the names of the metrics of a task."""
    return tuple(name for name, known in METRICS.items() if known.task == task)


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
        if known.function is not None and predicted is not None:
            found[name] = known.function(y, predicted)
    return found


def score_numbers(
    y: NDArray[np.float64], predicted: NDArray[Any], metrics: Iterable[str]
) -> dict[str, float]:
    """Return the scores of predicted numbers; both arrays have shape (n_samples,)."""
    found = {name: metric(name).function for name in metrics}
    return {name: score(y, predicted) for name, score in found.items() if score is not None}


def _error_rate(y: NDArray[np.intp], codes: NDArray[np.intp]) -> float:
    return float(np.mean(codes != y))


def _accuracy(y: NDArray[np.intp], codes: NDArray[np.intp]) -> float:
    return 1.0 - _error_rate(y, codes)


def _balanced_accuracy(y: NDArray[np.intp], codes: NDArray[np.intp]) -> float:
    """Return the mean recall of the classes that occur in `y`."""
    return float(np.mean([np.mean(codes[y == code] == code) for code in np.unique(y)]))


def _log_loss(y: NDArray[np.intp], probabilities: NDArray[np.float64]) -> float:
    """Return the mean of minus log p in nats; probabilities below 1e-15 count as 1e-15."""
    of_truth = probabilities[np.arange(len(y)), y]
    return float(-np.log(np.maximum(of_truth, _LEAST_PROBABILITY)).mean())


def _roc_auc(y: NDArray[np.intp], scores: NDArray[np.float64]) -> float:
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


def _average_precision(y: NDArray[np.intp], scores: NDArray[np.float64]) -> float:
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


def _rmse(y: NDArray[np.float64], predicted: NDArray[Any]) -> float:
    return float(float(np.mean((predicted - y) ** 2)) ** 0.5)


def _mae(y: NDArray[np.float64], predicted: NDArray[Any]) -> float:
    return float(np.abs(predicted - y).mean())


def _r2(y: NDArray[np.float64], predicted: NDArray[Any]) -> float:
    """Return the explained variance; NaN for a constant target."""
    square = float(np.mean((predicted - y) ** 2))
    spread = float(np.mean((y - y.mean()) ** 2))
    return 1.0 - square / spread if spread > 0 else float("nan")


_UNIT, _POSITIVE, _TO_ONE = (0.0, 1.0), (0.0, np.inf), (-np.inf, 1.0)
_CLASSES: Task = "classification"
_NUMBERS: Task = "regression"
# fmt: off
METRICS: Mapping[str, Metric] = {row.name: row for row in (
    Metric("error_rate", "error rate", "error rate",
           "lower", _UNIT, _CLASSES, "classes", _error_rate, "zero_one_loss"),
    Metric("roc_auc", "ROC AUC", "distance to an AUC of 1",
           "higher", _UNIT, _CLASSES, "scores", _roc_auc, "roc_auc_score"),
    Metric("log_loss", "log loss (nats)", "log loss",
           "lower", _POSITIVE, _CLASSES, "probabilities", _log_loss, "log_loss"),
    Metric("accuracy", "accuracy", "error rate",
           "higher", _UNIT, _CLASSES, "classes", _accuracy, "accuracy_score"),
    Metric("balanced_accuracy", "balanced accuracy", "error rate averaged over the classes",
           "higher", _UNIT, _CLASSES, "classes", _balanced_accuracy, "balanced_accuracy_score"),
    Metric("average_precision", "average precision", "distance to an average precision of 1",
           "higher", _UNIT, _CLASSES, "scores", _average_precision, "average_precision_score"),
    Metric("rmse", "root mean squared error", "root mean squared error",
           "lower", _POSITIVE, _NUMBERS, "numbers", _rmse, "root_mean_squared_error"),
    Metric("mae", "mean absolute error", "mean absolute error",
           "lower", _POSITIVE, _NUMBERS, "numbers", _mae, "mean_absolute_error"),
    Metric("r2", "R²", "unexplained variance",
           "higher", _TO_ONE, _NUMBERS, "numbers", _r2, "r2_score"),
)}
# fmt: on
