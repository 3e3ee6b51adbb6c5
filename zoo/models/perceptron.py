"""The perceptron, as Rosenblatt taught it and as one trained unit in Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.models.base import TableClassifier
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.targets import ClassWeight


class _Perceptron:
    """One layer of units: inputs times weights, plus a bias."""

    def __init__(
        self,
        *,
        learning_rate: float = 0.01,
        weight_decay: float = 0.0,
        max_epochs: int = 150,
        patience: int = 12,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    @staticmethod
    def _build(layers: Any, *, n_inputs: int, n_outputs: int) -> Any:
        return layers.Sequential([layers.Input(n_inputs), layers.Dense(n_outputs, name="output")])

    def _options(self, n_inputs: int) -> Mapping[str, Any]:
        return {}


class PerceptronClassifier(_Perceptron, NetworkClassifier):
    """A single layer of sigmoid (softmax) units.

    Parameters
    ----------
    learning_rate : float
        Step size of Adam.
    weight_decay : float
        Decoupled decay of the weights, not of the biases.
    max_epochs : int
        Rounds at most; a round is one epoch, or several that make 32 steps on small data.
    patience : int
        Rounds without a better held-out loss before training stops.
    validation_fraction : float
        Share of the training rows held out for early stopping.
    class_weight : dict, "balanced" or None
        What the weights of a class's rows are multiplied by; "balanced": all classes weigh the
        same; None: 1.
    random_state : int, RandomState or None
    """

    def __init__(
        self,
        *,
        learning_rate: float = 0.01,
        weight_decay: float = 0.0,
        max_epochs: int = 150,
        patience: int = 12,
        validation_fraction: float = 0.2,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            max_epochs=max_epochs,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.class_weight = class_weight


class PerceptronRegressor(_Perceptron, NetworkRegressor):
    """A single linear unit.

    Parameters
    ----------
    learning_rate : float
        Step size of Adam.
    weight_decay : float
        Decoupled decay of the weights, not of the biases.
    max_epochs : int
        Rounds at most; a round is one epoch, or several that make 32 steps on small data.
    patience : int
        Rounds without a better held-out loss before training stops.
    validation_fraction : float
        Share of the training rows held out for early stopping.
    random_state : int, RandomState or None
    """


class RosenblattClassifier(TableClassifier):
    """Rosenblatt's perceptron: one step unit a class, corrected on mistakes only.

    For each training row in turn the class with the largest weighted sum is predicted. On a
    mistake the row is added to the weights of its own class and subtracted from those of the
    predicted one. After a pass without a mistake the weights are final. On data that no plane
    separates they never settle, and which ones stand when training ends is chance; then the mean
    of the weights over all rows seen is used (Freund & Schapire 1999,
    doi:10.1023/A:1007662407062).

    Parameters
    ----------
    max_epochs : int
        Passes over the rows at most; it stops after a pass without a mistake.
    class_weight : dict, "balanced" or None
        What the weights of a class's rows are multiplied by; "balanced": all classes weigh the
        same; None: 1.
    random_state : int, RandomState or None
        Decides the order of the rows.
    """

    def __init__(
        self, *, max_epochs: int = 30, class_weight: ClassWeight = None, random_state: Any = None
    ) -> None:
        self.max_epochs = max_epochs
        self.class_weight = class_weight
        self.random_state = random_state

    def _fit_codes(
        self, X: NDArray[np.float32], y: NDArray[np.intp], weight: NDArray[np.float64] | None
    ) -> None:
        rng = self._rng()
        rows = np.column_stack([X.astype(np.float64), np.ones(len(X))])
        gain = np.ones(len(X)) if weight is None else weight
        weights = np.zeros((len(self.classes_), rows.shape[1]))
        # A correction made at row t of n counts (n - t) / n in the mean: so the mean needs no sum
        # over all rows, only one over corrections.
        late = np.zeros_like(weights)
        n_seen = 0
        for epoch in range(1, self.max_epochs + 1):
            self.n_epochs_ = epoch
            n_mistakes = 0
            for i in rng.permutation(len(rows)):
                guess = int(np.argmax(weights @ rows[i]))
                if guess != y[i]:
                    for code, sign in ((y[i], 1.0), (guess, -1.0)):
                        weights[code] += sign * gain[i] * rows[i]
                        late[code] += sign * gain[i] * n_seen * rows[i]
                    n_mistakes += 1
                n_seen += 1
            if n_mistakes == 0:
                break
        best = weights if n_mistakes == 0 else weights - late / n_seen
        self.coef_, self.intercept_ = best[:, :-1], best[:, -1]
        self.n_parameters_ = best.size

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        sums: NDArray[Any] = X.astype(np.float64) @ self.coef_.T + self.intercept_
        return sums

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return weighted sums (n_samples, n_classes), or (n_samples,) for two classes."""
        matrix = self._encode(X)
        if len(self.classes_) == 1:
            return np.zeros((len(matrix), 1))
        sums = self._scores(matrix)
        return sums[:, 1] - sums[:, 0] if len(self.classes_) == 2 else sums
