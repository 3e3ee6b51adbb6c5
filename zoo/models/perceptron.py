"""The perceptron, as Rosenblatt taught it and as one trained unit in Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.models.base import TableClassifier
from zoo.models.network import NetworkClassifier, NetworkRegressor


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
    def _build(*, n_inputs: int, n_outputs: int) -> Any:
        import keras

        return keras.Sequential(
            [keras.Input((n_inputs,)), keras.layers.Dense(n_outputs, name="output")]
        )

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
    random_state : int, RandomState or None
    """


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
    predicted one. On data that no plane separates the weights never settle, so the weights that
    made the fewest mistakes over a whole pass are kept (the pocket, Gallant 1990,
    doi:10.1109/72.80230).

    Parameters
    ----------
    max_epochs : int
        Passes over the rows at most; it stops after a pass without a mistake.
    random_state : int, RandomState or None
        Decides the order of the rows.
    """

    def __init__(self, *, max_epochs: int = 30, random_state: Any = None) -> None:
        self.max_epochs = max_epochs
        self.random_state = random_state

    def _fit_codes(
        self, X: NDArray[np.float32], y: NDArray[np.intp], weight: NDArray[np.float64] | None
    ) -> None:
        rng = self._rng()
        rows = np.column_stack([X.astype(np.float64), np.ones(len(X))])
        gain = np.ones(len(X)) if weight is None else weight
        weights = np.zeros((len(self.classes_), rows.shape[1]))
        best, fewest = weights.copy(), np.inf
        for epoch in range(1, self.max_epochs + 1):
            self.n_epochs_ = epoch
            for i in rng.permutation(len(rows)):
                guess = int(np.argmax(weights @ rows[i]))
                if guess != y[i]:
                    weights[y[i]] += gain[i] * rows[i]
                    weights[guess] -= gain[i] * rows[i]
            wrong = float(gain[(rows @ weights.T).argmax(axis=1) != y].sum())
            if wrong < fewest:
                best, fewest = weights.copy(), wrong
            if wrong == 0:
                break
        self.coef_, self.intercept_ = best[:, :-1], best[:, -1]
        self.n_parameters_ = best.size

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        sums: NDArray[Any] = X.astype(np.float64) @ self.coef_.T + self.intercept_
        return sums

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return weighted sums (n_samples, n_classes), or (n_samples,) for two classes."""
        matrix = self._encode(X)
        sums = self._scores(matrix)
        return sums[:, 1] - sums[:, 0] if len(self.classes_) == 2 else sums
