"""What the Keras estimators share: an architecture, trained by the compiled program."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo.models.base import ProbabilityClassifier, TableRegressor, held_out

__all__ = ["NetworkClassifier", "NetworkRegressor"]


def _softmax(logits: NDArray[Any]) -> NDArray[Any]:
    exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
    share: NDArray[Any] = exponent / exponent.sum(axis=1, keepdims=True)
    return share


class _Network(ABC):
    """Fits `_build`'s network; the parameters are those of the concrete class."""

    _jit_compile: ClassVar[bool] = True
    learning_rate: float
    weight_decay: float
    max_epochs: int
    patience: int
    validation_fraction: float

    _build: Any  # a static method of each architecture: layers, options -> keras.Model

    @abstractmethod
    def _options(self, n_inputs: int) -> Mapping[str, Any]:
        """Return the options of `_build` that come from the estimator's parameters."""

    def _program(self) -> Any:
        from zoo.training.program import program

        options = {"n_inputs": self.n_inputs_, "n_outputs": self.n_outputs_}
        options.update(self._options(self.n_inputs_))
        loss = self._loss
        return program(self._build, tuple(sorted(options.items())), loss, self._jit_compile)

    _loss: ClassVar[Any]
    n_inputs_: int
    n_outputs_: int

    def _train(
        self, X: NDArray[np.float32], y: NDArray[Any], weight: Any, codes: Any, n_outputs: int
    ) -> None:
        from zoo.training.fit import FitOptions, Rows, fit_networks

        rng: np.random.RandomState = self._rng()  # type: ignore[attr-defined]
        rows, out = held_out(codes, len(X), self.validation_fraction, rng)
        seed = int(rng.randint(2**31))
        weights = np.ones(len(X), np.float32) if weight is None else weight.astype(np.float32)
        target = y.astype(np.float32)
        self.n_inputs_, self.n_outputs_ = X.shape[1], n_outputs
        compiled = self._program()
        before = compiled.compile_s
        if not weights[out].any():
            rows, out = np.arange(len(X)), out[:0]
        (result,) = fit_networks(
            compiled,
            [Rows(X[rows], target[rows], weights[rows])],
            [Rows(X[out], target[out], weights[out]) if len(out) else None],
            FitOptions(
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                max_epochs=self.max_epochs,
                patience=self.patience,
            ),
            seeds=[seed],
        )
        if result.error is not None:
            raise FloatingPointError(result.error)
        self.weights_ = result.weights
        self.n_epochs_, self.best_epoch_ = result.n_epochs, result.best_epoch
        self.validation_losses_ = result.losses
        self.n_parameters_ = int(sum(w.size for w in result.weights))
        self.compile_s_ = compiled.compile_s - before

    def _outputs(self, X: NDArray[np.float32]) -> NDArray[Any]:
        compiled = self._program()
        state = compiled.network.non_trainable_variables  # dropout keys: not used in prediction
        weights = compiled.stack(self.weights_)
        outputs: NDArray[Any] = compiled.forward(weights, state, X[None])[0]
        return outputs

    def to_keras(self) -> Any:
        """Return the trained network as an ordinary `keras.Model` on encoded rows."""
        import keras

        network = keras.models.clone_model(self._program().template)
        for variable, value in zip(network.trainable_variables, self.weights_, strict=True):
            variable.assign(value)
        return network


class NetworkClassifier(_Network, ProbabilityClassifier):
    """A network with a softmax over the classes."""

    _loss: ClassVar[Any] = "crossentropy"

    def _fit_codes(
        self, X: NDArray[np.float32], y: NDArray[np.intp], weight: NDArray[np.float64] | None
    ) -> None:
        self._train(X, y, weight, y, len(self.classes_))

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        return _softmax(self._outputs(X).astype(np.float64))


class NetworkRegressor(_Network, TableRegressor):
    """A network with one linear output."""

    _loss: ClassVar[Any] = "squared"

    def _fit_numbers(
        self, X: NDArray[np.float32], y: NDArray[np.float64], weight: NDArray[np.float64] | None
    ) -> None:
        self._train(X, y, weight, None, 1)

    def _values(self, X: NDArray[np.float32]) -> NDArray[Any]:
        return self._outputs(X)[:, 0]
