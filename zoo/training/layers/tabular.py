"""Layers of the modern tabular networks that Keras does not have."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import keras
from keras import ops

from zoo.training.layers.layer import Layer, SizedLayer, leading_axis, over_rows
from zoo.training.layers.periodic import periodic_sum
from zoo.training.types import Shape, Tensor

__all__ = [
    "Columns",
    "Crossings",
    "NTKDense",
    "PBLDEmbedding",
    "ParametricActivation",
    "SumColumns",
    "ZeroFill",
]

_STRIDE, _BUCKETS = 610, 987  # of `Crossings`


@keras.saving.register_keras_serializable("zoo")
class Columns(Layer):
    """The columns from `start` to `stop` of the inputs.

    Parameters
    ----------
    start, stop : int
        `stop` None: to the last one.
    """

    settings = ("start", "stop")

    def __init__(self, start: int, stop: int | None, **options: Any) -> None:
        super().__init__(**options)
        self.start, self.stop = start, stop

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., stop - start)."""
        return inputs[..., self.start : self.stop]


@keras.saving.register_keras_serializable("zoo")
class ZeroFill(SizedLayer):
    """The inputs, with columns of zeros after them.

    Parameters
    ----------
    units : int
        Columns of the output, at least as many as the input has.
    """

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

    settings = ("units", "has_scale")

    def __init__(self, units: int, *, has_scale: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.has_scale = units, has_scale

    def build(self, input_shape: Shape) -> None:
        """Make a kernel (n, units), a bias (units,), and a scale (n,) of ones if there is one."""
        lead, n = leading_axis(input_shape), input_shape[-1]
        if self.has_scale:
            self.scale = self.add_weight(name="scale", shape=(*lead, n), initializer="ones")
        self.kernel = self.add_weight(name="kernel", shape=(*lead, n, self.units))
        self.bias = self.add_weight(name="bias", shape=(*lead, self.units), initializer="zeros")
        # a weight, because a network may train in a program with more inputs
        self.gain = self.add_weight(
            name="gain",
            shape=(*lead, 1, 1),
            initializer=keras.initializers.Constant(1 / math.sqrt(n)),
            trainable=False,
        )

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

    settings = ("activation",)

    def __init__(self, activation: str, **options: Any) -> None:
        super().__init__(**options)
        self.activation = activation

    def build(self, input_shape: Shape) -> None:
        """Make alpha (units,)."""
        shape = (*leading_axis(input_shape), input_shape[-1])
        self.alpha = self.add_weight(name="alpha", shape=shape, initializer="ones")

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

    settings = ("n_frequencies", "units")

    def __init__(self, n_frequencies: int = 16, units: int = 4, **options: Any) -> None:
        super().__init__(**options)
        self.n_frequencies, self.units = n_frequencies, units

    def build(self, input_shape: Shape) -> None:
        """Make frequencies and phases (n, k), kernel (n, k, units - 1), offset (n, units - 1)."""
        lead, n, k = leading_axis(input_shape), input_shape[-1], self.n_frequencies
        self.frequencies = self.add_weight(name="frequencies", shape=(*lead, n, k))
        self.phases = self.add_weight(name="phases", shape=(*lead, n, k))
        self.kernel = self.add_weight(name="kernel", shape=(*lead, n, k, self.units - 1))
        self.offset = self.add_weight(name="offset", shape=(*lead, n, self.units - 1))

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

    settings = ("pairs",)

    def __init__(self, pairs: Iterable[tuple[int, int]], **options: Any) -> None:
        super().__init__(**options)
        self.pairs = tuple((int(first), int(second)) for first, second in pairs)

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
