"""Layers of the modern tabular networks that Keras does not have."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import keras
from keras import ops

from zoo.training.layers.layer import Layer, leading_axis, over_rows
from zoo.training.layers.periodic import periodic_sum
from zoo.training.types import Shape, Tensor

__all__ = [
    "Columns", "Crossings", "NTKDense", "PBLDEmbedding", "ParametricActivation", "SumColumns",
    "ZeroFill",
]  # fmt: skip

_STRIDE, _BUCKETS = 610, 987  # of `Crossings`


@keras.saving.register_keras_serializable("zoo")
class Columns(Layer):
    """The columns from `start` to `stop` (None: to the last one)."""

    start: int
    stop: int | None

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., stop - start)."""
        return inputs[..., self.start : self.stop]


@keras.saving.register_keras_serializable("zoo")
class ZeroFill(Layer):
    """The inputs, with columns of zeros after them, `units` columns in all."""

    units: int

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., units)."""
        missing = self.units - inputs.shape[-1]
        return ops.pad(inputs, [*[(0, 0)] * (len(inputs.shape) - 1), (0, missing)])


@keras.saving.register_keras_serializable("zoo")
class NTKDense(Layer):
    """A dense layer in the neural tangent parametrisation (arXiv:2407.04491, section 3).

    x W / sqrt(n) + b: weights have variance 1 at any width, so one learning rate suits all.

    Parameters
    ----------
    units : int
    has_scale : bool
        Whether each input has a learned factor: (s x) W, computed as x (s W), which needs no
        gradients of the inputs.
    """

    units: int
    has_scale: bool = False

    def build(self, input_shape: Shape) -> None:
        """Make a kernel (n, units), a bias (units,), and a scale (n,) of ones if there is one."""
        lead, n = leading_axis(input_shape), input_shape[-1]
        if self.has_scale:
            self.scale = self.new_weight("scale", *lead, n, initializer="ones")
        self.kernel = self.new_weight("kernel", *lead, n, self.units)
        self.bias = self.new_weight("bias", *lead, self.units, initializer="zeros")
        # a weight, because a network may train in a program with more inputs
        gain = keras.initializers.Constant(1 / math.sqrt(n))
        self.gain = self.new_weight("gain", *lead, 1, 1, initializer=gain, trainable=False)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., units)."""
        kernel = self.kernel
        if self.has_scale:
            kernel = ops.expand_dims(self.scale, -1) * kernel
        return ops.matmul(inputs, kernel) * self.gain + over_rows(self.bias, 1)


@keras.saving.register_keras_serializable("zoo")
class ParametricActivation(Layer):
    """x + alpha (f(x) - x); each unit has an alpha, first 1 (arXiv:2407.04491, section 3).

    Parameters
    ----------
    activation : str
        Keras's name of f.
    """

    activation: str

    def build(self, input_shape: Shape) -> None:
        """Make alpha (units,)."""
        shape = (*leading_axis(input_shape), input_shape[-1])
        self.alpha = self.new_weight("alpha", *shape, initializer="ones")

    def call(self, inputs: Tensor) -> Tensor:
        """Return the activated inputs, (..., units)."""
        activated = keras.activations.get(self.activation)(inputs)
        return inputs + over_rows(self.alpha, 1) * (activated - inputs)


@keras.saving.register_keras_serializable("zoo")
class PBLDEmbedding(Layer):
    """Periodic bias linear DenseNet embedding of numbers (arXiv:2407.04491, section 3).

    Each number x has its own w, b, V and c: cos(2 pi x w + b) V + c, followed by x itself.

    Parameters
    ----------
    n_frequencies : int
    units : int
        Outputs a number, x itself included.
    """

    n_frequencies: int = 16
    units: int = 4

    def build(self, input_shape: Shape) -> None:
        """Make frequencies and phases (n, k), kernel (n, k, units - 1), offset (n, units - 1)."""
        lead, n, k = leading_axis(input_shape), input_shape[-1], self.n_frequencies
        self.frequencies = self.new_weight("frequencies", *lead, n, k)
        self.phases = self.new_weight("phases", *lead, n, k)
        self.kernel = self.new_weight("kernel", *lead, n, k, self.units - 1)
        self.offset = self.new_weight("offset", *lead, n, self.units - 1)

    def call(self, inputs: Tensor, *, training: bool = False) -> Tensor:
        """Return (..., n * units): all embeddings, then the numbers themselves."""
        by_number = ops.swapaxes(inputs, -1, -2)
        phases = self.phases / (2 * math.pi)
        made = periodic_sum(by_number, self.frequencies, phases, self.kernel, training=training)
        made = made + ops.expand_dims(self.offset, -1)  # (..., n, units - 1, batch)
        *lead, n, units, n_rows = [-1 if size is None else size for size in made.shape]
        made = ops.reshape(made, (*lead, n * units, n_rows))
        return ops.concatenate([ops.swapaxes(made, -1, -2), inputs], axis=-1)


@keras.saving.register_keras_serializable("zoo")
class Crossings(Layer):
    """Hashed crossings of pairs of categorical columns (arXiv:1606.07792, section 3.1).

    Each pair of columns has its own buckets, and codes a and b fall into bucket
    (610 a + b) mod 987. These are consecutive Fibonacci numbers, which separate codes that are
    close: two pairs of consecutive codes collide only if both columns have more than 21 categories,
    or one more than 13 and the other 34, or one more than 8 and the other 55, and so on.

    Parameters
    ----------
    pairs : sequence of (int, int)
        Numbers of the columns to cross.
    """

    pairs: tuple[tuple[int, int], ...]

    def __init__(self, pairs: Iterable[tuple[int, int]], **options: Any) -> None:
        whole = tuple((int(first), int(second)) for first, second in pairs)
        super().__init__(whole, **options)

    @property
    def n_buckets(self) -> int:
        """One more than the largest code."""
        return _BUCKETS * len(self.pairs)

    def call(self, inputs: Tensor) -> Tensor:
        """Return codes (..., n_pairs) for codes (..., n_columns)."""
        codes = ops.cast(inputs, "int32")
        made = [
            (codes[..., first] * _STRIDE + codes[..., second]) % _BUCKETS + number * _BUCKETS
            for number, (first, second) in enumerate(self.pairs)
        ]
        return ops.stack(made, axis=-1)


@keras.saving.register_keras_serializable("zoo")
class SumColumns(Layer):
    """The sum of a row's vectors: (..., n_columns, units) to (..., units)."""

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., units)."""
        return ops.sum(inputs, axis=-2)
