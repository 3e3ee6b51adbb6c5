"""The metrics: one table of what each is called, needs and means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from zoo import definitions
from zoo.errors import DefinitionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["METRICS", "Metric", "Task", "metric", "metric_names"]

Task = Literal["classification", "regression"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, and how its scores become losses: lower is better, and none is below 0.

    Parameters
    ----------
    name : str
    label, loss_label : str
        What reports call it and its loss.
    direction : {"higher", "lower"}
        Which scores are better. If higher, the best score is taken to be 1.
    bounds : (float, float)
        The lowest and the highest possible score.
    task : {"classification", "regression"} or None
        None for a metric that is not in the table.
    needs : {"classes", "scores", "probabilities", "numbers"} or None
        What a model must predict: class codes, values that rank rows by class, probabilities,
        or numbers.
    function : str or None
        The function of `sklearn.metrics` that computes it.
    """

    name: str
    label: str
    loss_label: str
    direction: Literal["higher", "lower"]
    bounds: tuple[float, float]
    task: Task | None = None
    needs: Literal["classes", "scores", "probabilities", "numbers"] | None = None
    function: str | None = None

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher score is better."""
        return self.direction == "higher"

    @property
    def highest_loss(self) -> float:
        """The loss of the worst score; infinity if there is no worst one."""
        low, high = self.bounds
        return 1.0 - low if self.higher_is_better else high

    def loss(self, score: ArrayLike) -> NDArray[np.float64]:
        """Return the losses of scores."""
        import numpy as np

        values = np.asarray(score, dtype=np.float64)
        return 1.0 - values if self.higher_is_better else values

    def score(self, loss: ArrayLike) -> NDArray[np.float64]:
        """Return the scores of losses, clipped to the metric's bounds."""
        import numpy as np

        values = np.clip(np.asarray(loss, dtype=np.float64), 0.0, self.highest_loss)
        return 1.0 - values if self.higher_is_better else values


def metric(name: str, *, higher_is_better: bool | None = None) -> Metric:
    """Return the metric of a name; `higher_is_better` is for one that is not in `METRICS`.

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


_UNIT, _POSITIVE, _TO_ONE = (0.0, 1.0), (0.0, math.inf), (-math.inf, 1.0)
_CLASSES: Task = "classification"
_NUMBERS: Task = "regression"
# fmt: off
METRICS: Mapping[str, Metric] = {row.name: row for row in (
    Metric("error_rate", "error rate", "error rate",
           "lower", _UNIT, _CLASSES, "classes", "zero_one_loss"),
    Metric("roc_auc", "ROC AUC", "distance to an AUC of 1",
           "higher", _UNIT, _CLASSES, "scores", "roc_auc_score"),
    Metric("log_loss", "log loss (nats)", "log loss",
           "lower", _POSITIVE, _CLASSES, "probabilities", "log_loss"),
    Metric("accuracy", "accuracy", "error rate",
           "higher", _UNIT, _CLASSES, "classes", "accuracy_score"),
    Metric("balanced_accuracy", "balanced accuracy", "error rate averaged over the classes",
           "higher", _UNIT, _CLASSES, "classes", "balanced_accuracy_score"),
    Metric("average_precision", "average precision", "distance to an average precision of 1",
           "higher", _UNIT, _CLASSES, "scores", "average_precision_score"),
    Metric("rmse", "root mean squared error", "root mean squared error",
           "lower", _POSITIVE, _NUMBERS, "numbers", "root_mean_squared_error"),
    Metric("mae", "mean absolute error", "mean absolute error",
           "lower", _POSITIVE, _NUMBERS, "numbers", "mean_absolute_error"),
    Metric("r2", "R²", "unexplained variance",
           "higher", _TO_ONE, _NUMBERS, "numbers", "r2_score"),
)}
# fmt: on
