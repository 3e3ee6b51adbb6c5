"""The bases of networks of all frameworks: parameters, validation rows, outputs."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from scipy.special import softmax

from zoo.models.base import ProbabilityClassifier, TableEstimator, TableRegressor, validation_split
from zoo.models.parameters import NetworkParameters, PatientParameters
from zoo.models.targets import relative_weights
from zoo.training.losses import Loss
from zoo.training.tasks import FitResult, FitTask, Rows, TrainConfig
from zoo.training.types import Array, DoubleArray, FloatArray

__all__ = ["Network", "NetworkClassifier", "NetworkRegressor", "PatientNetwork"]


class Network(NetworkParameters, TableEstimator):
    """A network that trains on most rows, and stops early by its loss on the validation rows."""

    _loss: ClassVar[Loss]
    n_inputs_: int
    n_outputs_: int
    weights_: list[FloatArray]
    n_parameters_: int
    fit_s_: float
    compile_s_: float

    @abstractmethod
    def _outputs(self, X: FloatArray) -> Array:
        """Return logits (n_rows, n_classes), or values (n_rows, 1)."""

    def _split(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> FitTask:
        """Return rows to train on, validation rows, and a seed; learn the network's width."""
        rng = self._rng()
        codes = y if self._is_classifier else None
        rows, out = validation_split(codes, len(X), self.validation_fraction, rng)
        weights, target = np.ones(len(X), np.float32), y.astype(np.float32)
        if weight is not None:
            for part in (rows, out):
                weights[part] = relative_weights(weight[part])
        self.n_inputs_ = X.shape[1]
        self.n_outputs_ = len(self.classes_) if isinstance(self, ProbabilityClassifier) else 1
        return FitTask(
            Rows(X[rows], target[rows], weights[rows]),
            Rows(X[out], target[out], weights[out]) if len(out) else None,
            int(rng.randint(2**31)),
        )

    def _learn(self, result: FitResult) -> None:
        """Keep the weights and losses of training, or raise if it failed."""
        if result.error is not None:
            raise FloatingPointError(result.error)
        self.weights_ = result.weights
        self.n_epochs_, self.best_epoch_ = result.n_epochs, result.best_epoch
        self.validation_losses_ = result.losses
        self.n_parameters_ = int(sum(w.size for w in result.weights))


class PatientNetwork(PatientParameters, Network):
    """A network that stops when its validation loss has not fallen for `patience` evaluations."""

    def _train_config(self) -> TrainConfig:
        """Return how long and how fast to train."""
        return TrainConfig(
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            max_epochs=self.max_epochs,
            patience=self.patience,
        )


class NetworkClassifier(Network, ProbabilityClassifier):
    """A network with a softmax over the classes."""

    _loss = "crossentropy"

    def _scores(self, X: FloatArray) -> Array:
        probabilities: DoubleArray = softmax(self._outputs(X).astype(np.float64), axis=1)
        return probabilities


class NetworkRegressor(Network, TableRegressor):
    """A network with one linear output."""

    _loss = "squared"

    def _values(self, X: FloatArray) -> Array:
        return self._outputs(X)[:, 0]
