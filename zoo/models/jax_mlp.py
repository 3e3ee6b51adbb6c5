"""A multilayer perceptron in JAX, written as pure functions of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from zoo.models.native import NativeNetwork, Steps, Weights
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.parameters import estimator
from zoo.training.tasks import Rows
from zoo.training.types import Array, DoubleArray, FloatArray, Tensor

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-7
_MAX_PROGRAMS = 16  # compiled steps that are kept


def _network(weights: Sequence[Tensor], X: Tensor) -> Tensor:
    """Return (n_rows, n_outputs)."""
    *hidden, (kernel, bias) = zip(weights[::2], weights[1::2], strict=True)
    for inner, shift in hidden:
        X = jax.nn.relu(X @ inner + shift)
    return X @ kernel + bias


_outputs = jax.jit(_network)


def _mean_loss(weights: Sequence[Tensor], batch: Tensor, loss: str) -> Tensor:
    """Return the mean loss of a batch, by the weights of its rows."""
    X, y, weight = batch
    outputs = _outputs(weights, X)
    if loss == "squared":
        losses = jnp.square(outputs[:, 0] - y)
    else:
        codes = y.astype(jnp.int32)[:, None]
        losses = -jnp.take_along_axis(jax.nn.log_softmax(outputs), codes, axis=1)[:, 0]
    return jnp.sum(losses * weight) / jnp.maximum(jnp.sum(weight), 1e-12)


@partial(jax.jit, static_argnames="loss")
def _step(train_state: Tensor, batch: Tensor, rate: Tensor, decay: Tensor, *, loss: str) -> Tensor:
    """Return weights, moments and number of steps after one of Adam, and the loss before it."""
    weights, first, second, count = train_state
    value, gradients = jax.value_and_grad(_mean_loss)(weights, batch, loss)
    count = count + 1.0
    first = [_BETA_1 * m + (1 - _BETA_1) * g for m, g in zip(first, gradients, strict=True)]
    second = [_BETA_2 * v + (1 - _BETA_2) * g * g for v, g in zip(second, gradients, strict=True)]
    size = rate * jnp.sqrt(1 - _BETA_2**count) / (1 - _BETA_1**count)
    moved = [
        w - size * m / (jnp.sqrt(v) + _EPSILON) - (rate * decay * w if w.ndim > 1 else 0.0)
        for w, m, v in zip(weights, first, second, strict=True)
    ]
    return (moved, first, second, count), value


class JaxSteps(Steps):
    """A network as weights and the optimizer's moments, updated by one jitted function."""

    def __init__(self, weights: Weights, loss: str) -> None:
        values = [jnp.array(w) for w in weights]
        zeros = [jnp.zeros_like(w) for w in values]
        self._train_state: Tensor = (values, zeros, zeros, jnp.zeros(()))
        self._step = partial(_step, loss=loss)

    def take(self, batch: Rows, learning_rate: float, weight_decay: float) -> float:
        """Take a step and return the loss before it."""
        return float(self.move(batch, learning_rate, weight_decay))

    def move(self, batch: Rows, learning_rate: float, weight_decay: float) -> Tensor:
        """Take a step without waiting for its loss."""
        rows = (batch.X, batch.y, batch.weight)
        self._train_state, loss = self._step(self._train_state, rows, learning_rate, weight_decay)
        return loss

    def outputs(self, X: FloatArray) -> FloatArray:
        """Return the current network's outputs."""
        return np.asarray(_outputs(self._train_state[0], X))

    def weights(self) -> list[FloatArray]:
        """Return copies of the weights."""
        return [np.array(w) for w in self._train_state[0]]

    def compile(self, batch: Rows) -> None:
        """Compile the step by taking it once; the result is dropped."""
        self._step(self._train_state, (batch.X, batch.y, batch.weight), 0.0, 0.0)


class _JaxMLP(NativeNetwork):
    """Hidden layers of rectified units, trained by one compiled function of weights and rows."""

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        if _step._cache_size() >= _MAX_PROGRAMS:  # or every shape would stay in memory
            _step.clear_cache()
            _outputs.clear_cache()
        super()._fit_matrix(X, y, weight)

    def _begin(self, weights: Weights, seed: int) -> Steps:
        del seed  # training draws nothing
        return JaxSteps(weights, self._loss)

    def _apply(self, weights: Weights, X: FloatArray) -> FloatArray:
        return np.asarray(_outputs(list(weights), X))


@estimator
class JaxMLPClassifier(_JaxMLP, NetworkClassifier):
    """A multilayer perceptron in JAX for classes."""


@estimator
class JaxMLPRegressor(_JaxMLP, NetworkRegressor):
    """A multilayer perceptron in JAX for numbers."""
