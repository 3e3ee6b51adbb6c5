"""Estimates how long the next cell will take, from those that were measured."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from zoo import registry
from zoo.study.design import NETWORKS

__all__ = ["FitTimes"]

# Seconds to start, seconds at 1,000 rows of 20 columns, and the power of the rows: rough, for the
# first cell of a model only. A network starts by loading its framework and compiling.
_PRIORS = {
    "dummy": (0.05, 0.001, 1.0),
    "logistic": (0.05, 0.03, 1.0),
    "naive_bayes": (0.05, 0.01, 1.0),
    "knn": (0.05, 0.05, 1.1),
    "decision_tree": (0.05, 0.03, 1.1),
    "random_forest": (0.3, 1.0, 1.1),
    "svm_rbf": (0.05, 0.1, 2.0),
    "lightgbm": (0.3, 0.4, 0.9),
    "xgboost": (0.3, 0.5, 0.9),
    "hist_gradient_boosting": (0.3, 0.8, 0.9),
    "perceptron_rosenblatt": (0.05, 0.2, 1.0),
    "perceptron": (4.0, 0.2, 1.0),
    "mlp": (5.0, 0.3, 1.0),
    "realmlp": (10.0, 2.0, 1.0),
    "tabm_mini": (12.0, 100.0, 0.5),
    "cnn": (6.0, 4.0, 1.0),
}
_OTHER_NETWORK, _OTHER = (10.0, 4.0, 1.0), (0.3, 1.0, 1.1)
_STEEPEST = 2.0
_LEAST_S = 0.5  # less is noise and overhead, which say nothing about the power
_SIDE_BY_SIDE = 0.6  # of one network's time for each further one beside it


def _slowdown(n_together: int) -> float:
    """Return how many times longer networks side by side take than one alone."""
    return 1.0 + _SIDE_BY_SIDE * (n_together - 1)


def _prior(model: str) -> tuple[float, float, float]:
    """Return the row of `_PRIORS`, or that of other models like it."""
    is_network = registry.spec(model).family in NETWORKS
    return _PRIORS.get(model, _OTHER_NETWORK if is_network else _OTHER)


class FitTimes:
    """Seconds of a cell, by model and training rows.

    Times of a measured model grow with the rows like its prior, starting at its largest size, or
    along the power law through its two largest sizes if that is steeper.

    Parameters
    ----------
    n_features : int
    n_classes : int
        0 for regression.

    Examples
    --------
    >>> times = FitTimes(20, 2)
    >>> times.add("lightgbm", 1000, 2.0)
    >>> times.estimate_s("lightgbm", 10_000) > 5.0
    True
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        self._width = max(n_features, 1) / 20
        self._n_classes = max(n_classes, 2)
        self._seen: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, model: str, n_train: int, seconds: float, *, n_together: int = 1) -> None:
        """Add the time of a cell, or of several that were fitted side by side."""
        self._seen[model][n_train].append(max(seconds, 1e-3) / _slowdown(n_together))

    def has_measured(self, model: str) -> bool:
        """Return whether any cell of the model was measured."""
        return bool(self._seen.get(model))

    def start_s(self, model: str, *, n_together: int = 1) -> float:
        """Return the seconds of a start that each estimate includes; 0 once measured."""
        return 0.0 if self.has_measured(model) else _prior(model)[0] * _slowdown(n_together)

    def prior_s(self, model: str, n_train: int) -> float:
        """Return the seconds that a cell may take on an ordinary machine."""
        start, slope, power = _prior(model)
        factor = self._n_classes / 2 if model in ("lightgbm", "xgboost") else 1.0
        return start + slope * factor * float(self._width * (n_train / 1000) ** power)

    def estimate_s(self, model: str, n_train: int, *, n_together: int = 1) -> float:
        """Return the seconds that a cell, or several side by side, will take."""
        return self._single_s(model, n_train) * _slowdown(n_together)

    def _single_s(self, model: str, n_train: int) -> float:
        seen = {size: float(np.median(s)) for size, s in self._seen.get(model, {}).items()}
        if not seen:
            return self.prior_s(model, n_train)
        if n_train in seen:
            return seen[n_train]
        nearest = min(sorted(seen), key=lambda size: abs(np.log(size / n_train)))
        found = seen[nearest] * self.prior_s(model, n_train) / self.prior_s(model, nearest)
        if len(seen) == 1 or n_train < max(seen):
            return found
        before, last = sorted(seen)[-2:]
        slope = np.log(seen[last] / max(seen[before], _LEAST_S)) / np.log(last / before)
        power = float(np.clip(slope, 0.0, _STEEPEST))
        return max(found, seen[last] * float((n_train / last) ** power))
