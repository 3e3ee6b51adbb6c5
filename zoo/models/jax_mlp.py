"""A multilayer perceptron in JAX: functions of weights, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zoo.models.native import NativeClassifier, NativeRegressor, Steps, Weights
from zoo.training.tasks import Rows

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-7


def _layers(weights: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(weights[::2], weights[1::2], strict=True))


@jax.jit  # type: ignore[untyped-decorator]
def _outputs(weights: Sequence[Any], X: Any) -> Any:
    """Return (n_rows, n_outputs)."""
    *hidden, (kernel, bias) = _layers(weights)
    for inner, shift in hidden:
        X = jax.nn.relu(X @ inner + shift)
    return X @ kernel + bias


def _mean_loss(weights: Sequence[Any], batch: tuple[Any, Any, Any], loss: str) -> Any:
    X, y, weight = batch
    outputs = _outputs(weights, X)
    if loss == "squared":
        losses = jnp.square(outputs[:, 0] - y)
    else:
        codes = y.astype(jnp.int32)[:, None]
        losses = -jnp.take_along_axis(jax.nn.log_softmax(outputs), codes, axis=1)[:, 0]
    return jnp.sum(losses * weight) / jnp.maximum(jnp.sum(weight), 1e-12)


@partial(jax.jit, static_argnames="loss")
def _step(train_state: Any, batch: Any, rate: Any, decay: Any, *, loss: str) -> Any:
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
    """A network as weights and the optimiser's moments, moved by one jitted function.

    Parameters
    ----------
    weights : sequence of ndarray
    loss : {"crossentropy", "squared"}
    """

    def __init__(self, weights: Weights, loss: str) -> None:
        values = [jnp.array(w) for w in weights]
        zeros = [jnp.zeros_like(w) for w in values]
        self._carry: Any = (values, zeros, zeros, jnp.zeros(()))
        self._step = partial(_step, loss=loss)

    def take(self, batch: Rows, learning_rate: float, weight_decay: float) -> float:
        """Take a step and return the loss before it."""
        return float(self.move(batch, learning_rate, weight_decay))

    def move(self, batch: Rows, learning_rate: float, weight_decay: float) -> Any:
        """Take a step without waiting for its loss."""
        rows = (batch.X, batch.y, batch.weight)
        self._carry, loss = self._step(self._carry, rows, learning_rate, weight_decay)
        return loss

    def outputs(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the network says of rows as it stands."""
        return np.asarray(_outputs(self._carry[0], X))

    def weights(self) -> list[NDArray[np.float32]]:
        """Return copies of the weights."""
        return [np.array(w) for w in self._carry[0]]

    def compile(self, batch: Rows) -> None:
        """Compile the step by taking it once; what it gives is dropped."""
        self._step(self._carry, (batch.X, batch.y, batch.weight), 0.0, 0.0)


class _JaxMLP:
    """Hidden layers of rectified units, trained by one compiled function of weights and rows."""

    def _begin(self, weights: Weights, seed: int) -> Steps:
        del seed  # nothing is drawn while it trains
        return JaxSteps(weights, self._loss)  # type: ignore[attr-defined]

    def _apply(self, weights: Weights, X: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(_outputs(list(weights), X))


class JaxMLPClassifier(_JaxMLP, NativeClassifier):
    """A multilayer perceptron in JAX for classes.

    Parameters
    ----------
    units : int
        Units of each hidden layer.
    n_hidden : int
        Hidden layers.
    learning_rate : float
        Step size of Adam.
    weight_decay : float
        Decoupled decay of the kernels, not of the biases.
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


class JaxMLPRegressor(_JaxMLP, NativeRegressor):
    """A multilayer perceptron in JAX for numbers.

    Parameters
    ----------
    units : int
        Units of each hidden layer.
    n_hidden : int
        Hidden layers.
    learning_rate : float
        Step size of Adam.
    weight_decay : float
        Decoupled decay of the kernels, not of the biases.
    max_epochs : int
        Rounds at most; a round is one epoch, or several that make 32 steps on small data.
    patience : int
        Rounds without a better held-out loss before training stops.
    validation_fraction : float
        Share of the training rows held out for early stopping.
    random_state : int, RandomState or None
    """
