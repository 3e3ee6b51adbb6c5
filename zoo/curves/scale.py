"""Scores as losses: one direction, least possible value 0, and back again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.curves.aggregate import HIGHER_IS_BETTER

__all__ = ["Scale", "scale_of"]

_AT_MOST_ONE = frozenset(
    {"error_rate", "accuracy", "balanced_accuracy", "roc_auc", "average_precision"}
)


@dataclass(frozen=True, slots=True)
class Scale:
    """How the scores of one metric become losses, of which less is better and none is below 0.

    Parameters
    ----------
    metric : str
        Name of the metric. Where higher is better, its best value is taken to be 1.
    is_higher_better : bool
    highest_loss : float
        1 where no score is outside [0, 1]; infinity elsewhere.
    """

    metric: str
    is_higher_better: bool
    highest_loss: float

    def loss(self, score: Any) -> NDArray[np.float64]:
        """Return the losses of scores."""
        values = np.asarray(score, dtype=np.float64)
        return 1.0 - values if self.is_higher_better else values

    def score(self, loss: Any) -> NDArray[np.float64]:
        """Return the scores of losses, those outside the metric's range moved to its end."""
        values = np.clip(np.asarray(loss, dtype=np.float64), 0.0, self.highest_loss)
        return 1.0 - values if self.is_higher_better else values


def scale_of(metric: str) -> Scale:
    """Return the scale of a metric of `zoo.metrics`; any other is one to be made small."""
    highest = 1.0 if metric in _AT_MOST_ONE else float("inf")
    return Scale(metric, metric in HIGHER_IS_BETTER, highest)
