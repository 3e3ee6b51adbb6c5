"""A multilayer perceptron in Sonnet, with its modules and its Adam."""

from __future__ import annotations

import threading
from functools import lru_cache

import numpy as np
import sonnet as snt
import tensorflow as tf

from zoo.models.native import NativeNetwork, Steps, Weights
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.parameters import estimator
from zoo.training.tasks import Rows
from zoo.training.types import Array, DoubleArray, FloatArray, Shape, Tensor

_LOCK = threading.RLock()


class Network(snt.Module):  # type: ignore[misc]
    """Linear modules with rectifiers between them, for (n_rows, n_inputs)."""

    def __init__(self, sizes: Shape) -> None:
        super().__init__()
        n_inputs, *units = sizes
        zeros = snt.initializers.Zeros()  # the first weights come with each fit
        self.layers = [snt.Linear(n, w_init=zeros, name=f"linear_{n}") for n in units]
        self(tf.zeros((1, n_inputs)))  # makes the variables

    def __call__(self, X: Tensor) -> Tensor:
        """Return (n_rows, n_outputs)."""
        *hidden, output = self.layers
        for layer in hidden:
            X = tf.nn.relu(layer(X))
        return output(X)

    @property
    def weights(self) -> list[Tensor]:
        """A kernel and a bias for each layer."""
        return [variable for layer in self.layers for variable in (layer.w, layer.b)]

    def take(self, weights: Weights) -> None:
        """Replace the weights."""
        for variable, value in zip(self.weights, weights, strict=True):
            variable.assign(value)


class Training:
    """A network, its optimizer and their traced training step, shared by all fits of a shape.

    A traced function holds its variables, so a network for each fit would need a trace for each.
    """

    def __init__(self, sizes: Shape, loss: str) -> None:
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
        """Begin a fit with these weights and a fresh optimizer state."""
        self.network.take(weights)
        adam = self._optimizer
        for variable in (adam.step, *adam.m, *adam.v):
            variable.assign(tf.zeros_like(variable))

    def _move(self, X: Tensor, y: Tensor, weight: Tensor, rate: Tensor, decay: Tensor) -> Tensor:
        variables = self.network.weights
        with tf.GradientTape() as tape:
            outputs = self.network(X)
            if self._loss == "squared":
                losses = tf.square(outputs[:, 0] - y)
            else:
                codes = tf.cast(y, tf.int32)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(codes, outputs)
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

    def weights(self) -> list[FloatArray]:
        return [variable.numpy() for variable in self._training.network.weights]


class _SonnetMLP(NativeNetwork):
    """Hidden layers of rectified units, as Sonnet's modules."""

    def _sizes(self) -> Shape:
        kernels = list(self._shapes().values())[::2]
        return (kernels[0][0], *[n_out for _, n_out in kernels])

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        with _LOCK:  # fits of one shape share their variables
            super()._fit_matrix(X, y, weight)

    def _begin(self, weights: Weights, seed: int) -> Steps:
        del seed  # training draws nothing
        return _SonnetSteps(training(self._sizes(), self._loss), weights)

    def _apply(self, weights: Weights, X: FloatArray) -> FloatArray:
        network = Network(self._sizes())
        network.take(weights)
        outputs: FloatArray = network(tf.constant(X)).numpy()
        return outputs


@estimator
class SonnetMLPClassifier(_SonnetMLP, NetworkClassifier):
    """A multilayer perceptron in Sonnet for classes."""


@estimator
class SonnetMLPRegressor(_SonnetMLP, NetworkRegressor):
    """A multilayer perceptron in Sonnet for numbers."""
