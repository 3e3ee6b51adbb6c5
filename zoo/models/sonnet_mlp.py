"""A multilayer perceptron in Sonnet: modules that hold their variables, and its own Adam."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

import numpy as np
import sonnet as snt
import tensorflow as tf
from numpy.typing import NDArray

from zoo.models.native import NativeClassifier, NativeRegressor, Steps, Weights
from zoo.training.tasks import Rows

_LOCK = threading.RLock()


class Network(snt.Module):  # type: ignore[misc]
    """Hidden layers of rectified units and a linear one, for (n_rows, n_inputs)."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        n_inputs, *units = sizes
        zeros = snt.initializers.Zeros()  # the first weights come with each fit
        self.layers = [snt.Linear(n, w_init=zeros, name=f"linear_{n}") for n in units]
        self(tf.zeros((1, n_inputs)))  # makes the variables

    def __call__(self, X: Any) -> Any:
        """Return (n_rows, n_outputs)."""
        *hidden, output = self.layers
        for layer in hidden:
            X = tf.nn.relu(layer(X))
        return output(X)

    @property
    def weights(self) -> list[Any]:
        """A kernel and a bias a layer."""
        return [variable for layer in self.layers for variable in (layer.w, layer.b)]

    def take(self, weights: Weights) -> None:
        """Put other weights in place of its own."""
        for variable, value in zip(self.weights, weights, strict=True):
            variable.assign(value)


class Training:
    """A network, its optimiser, and the step that was traced with both, for every fit of a shape.

    A traced function holds its variables, so a network for each fit would be traced for each.
    """

    def __init__(self, sizes: tuple[int, ...], loss: str) -> None:
        self.network = Network(sizes)
        self._loss = loss
        self._rate = tf.Variable(0.0, trainable=False)
        self._optimizer = snt.optimizers.Adam(self._rate, epsilon=1e-7)
        self._optimizer._initialize(self.network.weights)
        row = tf.TensorSpec((None,), tf.float32)
        rows = (tf.TensorSpec((None, sizes[0]), tf.float32), row, row)
        number = tf.TensorSpec((), tf.float32)
        traced = tf.function(self._move, autograph=False)
        self.step = traced.get_concrete_function(*rows, number, number)

    def start(self, weights: Weights) -> None:
        """Begin a fit with these weights; nothing is left of the one before."""
        self.network.take(weights)
        adam = self._optimizer
        for variable in (adam.step, *adam.m, *adam.v):
            variable.assign(tf.zeros_like(variable))

    def _move(self, X: Any, y: Any, weight: Any, rate: Any, decay: Any) -> Any:
        variables = self.network.weights
        with tf.GradientTape() as tape:
            outputs = self.network(X)
            if self._loss == "squared":
                losses = tf.square(outputs[:, 0] - y)
            else:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    tf.cast(y, tf.int32), outputs
                )
            total = tf.maximum(tf.reduce_sum(weight), 1e-12)
            loss = tf.reduce_sum(losses * weight) / total
        gradients = tape.gradient(loss, variables)
        for variable in variables[::2]:  # kernels; Sonnet's Adam has no decay of its own
            variable.assign_sub(rate * decay * variable)
        self._rate.assign(rate)
        self._optimizer.apply(gradients, variables)
        return loss


training = lru_cache(maxsize=16)(Training)


class _SonnetSteps(Steps):
    def __init__(self, training: Training, weights: Weights) -> None:
        self._training = training
        training.start(weights)

    def take(self, batch: Rows, learning_rate: float, weight_decay: float) -> float:
        numbers = (learning_rate, weight_decay)
        parts = (*(batch.X, batch.y, batch.weight), *map(np.float32, numbers))
        return float(self._training.step(*map(tf.constant, parts)))

    def weights(self) -> list[NDArray[np.float32]]:
        return [variable.numpy() for variable in self._training.network.weights]


class _SonnetMLP:
    """Hidden layers of rectified units, as Sonnet's modules."""

    def _sizes(self) -> tuple[int, ...]:
        kernels = list(self._shapes().values())[::2]  # type: ignore[attr-defined]
        return (kernels[0][0], *[n_out for _, n_out in kernels])

    def _train(self, X: NDArray[np.float32], y: NDArray[Any], weight: Any) -> None:
        with _LOCK:  # fits of one shape share their variables
            super()._train(X, y, weight)  # type: ignore[misc]

    def _begin(self, weights: Weights, seed: int) -> Steps:
        del seed  # nothing is drawn while it trains
        loss = self._loss  # type: ignore[attr-defined]
        return _SonnetSteps(training(self._sizes(), loss), weights)

    def _apply(self, weights: Weights, X: NDArray[np.float32]) -> NDArray[np.float32]:
        network = Network(self._sizes())
        network.take(weights)
        outputs: NDArray[np.float32] = network(tf.constant(X)).numpy()
        return outputs


class SonnetMLPClassifier(_SonnetMLP, NativeClassifier):
    """A multilayer perceptron in Sonnet for classes.

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


class SonnetMLPRegressor(_SonnetMLP, NativeRegressor):
    """A multilayer perceptron in Sonnet for numbers.

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
