"""How long the next cell will take, learnt from those that were measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from zoo import registry

__all__ = ["Pace"]

# Seconds to start, seconds at 1,000 rows of 20 columns, and the power of the rows: rough, for the
# first cell of a model only. The start of a network is its framework and its compilation.
_PRIORS: Mapping[str, tuple[float, float, float]] = {
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
_LEAST_S = 0.5  # less than that is noise and overhead, which tell nothing of the power
_SIDE_BY_SIDE = 0.6  # of a lone network's time for each further one beside it


def _cells_worth(n_together: int) -> float:
    return 1.0 + _SIDE_BY_SIDE * (n_together - 1)


class Pace:
    """Seconds of a cell, by model and training rows.

    A model that was measured is expected to go on as its prior grows, from what it took at its
    largest size, or along the power law through its two largest sizes if that is steeper.

    Parameters
    ----------
    n_features : int
    n_classes : int
        0 for regression.

    Examples
    --------
    >>> pace = Pace(20, 2)
    >>> pace.learn("lightgbm", 1000, 2.0)
    >>> pace.estimate_s("lightgbm", 10_000) > 5.0
    True
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        self._width = max(n_features, 1) / 20
        self._n_classes = max(n_classes, 2)
        self._seen: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))

    def learn(self, model: str, n_train: int, seconds: float, *, n_together: int = 1) -> None:
        """Note what cells took, all of those that were fitted side by side."""
        worth = max(seconds, 1e-3) / _cells_worth(n_together)
        self._seen[model][n_train].append(worth)

    def knows(self, model: str) -> bool:
        """Return whether any cell of the model was measured."""
        return bool(self._seen.get(model))

    def start_s(self, model: str, *, n_together: int = 1) -> float:
        """Return the seconds of a start that the estimate of each size counts; 0 once measured."""
        return 0.0 if self.knows(model) else self._prior(model)[0] * _cells_worth(n_together)

    @staticmethod
    def _prior(model: str) -> tuple[float, float, float]:
        is_network = registry.spec(model).family in ("mlp", "deep")
        return _PRIORS.get(model, _OTHER_NETWORK if is_network else _OTHER)

    def prior_s(self, model: str, n_train: int) -> float:
        """Return the seconds that a cell may take on an ordinary machine."""
        start, slope, power = self._prior(model)
        factor = self._n_classes / 2 if model in ("lightgbm", "xgboost") else 1.0
        return start + slope * factor * float(self._width * (n_train / 1000) ** power)

    def estimate_s(self, model: str, n_train: int, *, n_together: int = 1) -> float:
        """Return the seconds that a cell, or several side by side, will take from its start."""
        seen = self._seen.get(model)
        if not seen:
            return self.prior_s(model, n_train) * _cells_worth(n_together)
        if n_train in seen:
            return float(np.median(seen[n_train])) * _cells_worth(n_together)
        sizes = sorted(seen)
        nearest = min(sizes, key=lambda size: abs(np.log(size / n_train)))
        took = float(np.median(seen[nearest]))
        found = took * self.prior_s(model, n_train) / self.prior_s(model, nearest)
        if len(sizes) > 1 and n_train > sizes[-1]:
            before = max(float(np.median(seen[sizes[-2]])), _LEAST_S)
            slope = np.log(took / before) / np.log(sizes[-1] / sizes[-2])
            grown = took * (n_train / sizes[-1]) ** float(np.clip(slope, 0.0, _STEEPEST))
            found = max(found, grown)
        return found * _cells_worth(n_together)
