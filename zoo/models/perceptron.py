"""The perceptron: Rosenblatt's rule, and a single trained unit in Keras."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from zoo.models.base import TableClassifier, TableLike
from zoo.models.keras_network import PatientKerasNetwork
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.parameters import RandomState, estimator
from zoo.training.types import (
    ArchitectureConfig,
    Array,
    DoubleArray,
    FloatArray,
    KerasModel,
    Layers,
)


@estimator
class _Perceptron(PatientKerasNetwork):
    """One layer of units: inputs times weights, plus a bias."""

    learning_rate: float = 0.01
    weight_decay: float = 0.0

    _config_class = ArchitectureConfig

    @staticmethod
    def _build(layers: Layers, config: ArchitectureConfig) -> KerasModel:
        return layers.Sequential(
            [layers.Input(config.n_inputs), layers.Dense(config.n_outputs, name="output")]
        )


@estimator
class PerceptronClassifier(_Perceptron, NetworkClassifier):
    """A single layer of sigmoid (softmax) units."""


@estimator
class PerceptronRegressor(_Perceptron, NetworkRegressor):
    """A single linear unit."""


@estimator
class RosenblattClassifier(TableClassifier):
    """Rosenblatt's perceptron: one step unit for each class, corrected on mistakes only.

    For each training row in turn the class with the largest weighted sum is predicted. On a
    mistake the row is added to the weights of its own class and subtracted from those of the
    predicted one. Training ends after a pass without a mistake. On data that are not linearly
    separable the weights never converge; then their mean over all rows seen is used (Freund &
    Schapire 1999, doi:10.1023/A:1007662407062).
    """

    max_epochs: Annotated[
        int, "Maximum number of passes over the rows; a pass without a mistake is the last."
    ] = 30
    random_state: RandomState = None

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        rng = self._rng()
        rows = np.column_stack([X.astype(np.float64), np.ones(len(X))])
        gain = np.ones(len(X)) if weight is None else weight
        weights = np.zeros((len(self.classes_), rows.shape[1]))
        # A correction made at row t of n has the factor (n - t) / n in the mean, so a sum over
        # the corrections suffices.
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

    def _scores(self, X: FloatArray) -> Array:
        sums: Array = X.astype(np.float64) @ self.coef_.T + self.intercept_
        return sums

    def decision_function(self, X: TableLike) -> Array:
        """Return weighted sums (n_samples, n_classes), or (n_samples,) for two classes."""
        matrix = self._encode(X)
        if self._has_one_class:
            return np.zeros((len(matrix), 1))
        sums = self._scores(matrix)
        return sums[:, 1] - sums[:, 0] if len(self.classes_) == 2 else sums
