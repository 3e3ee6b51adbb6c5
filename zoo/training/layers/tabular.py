"""Layers of the modern tabular networks that Keras does not have.

Each serves one network, (batch, ...), and R of them side by side, (R, batch, ...): the number of
axes that it is built with tells. Weights then have R as their first axis.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from zoo.training.layers.periodic import periodic_sum

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


def _lead(input_shape: Any, n_axes: int) -> tuple[int, ...]:
    """Return (R,) for inputs of R networks, () for those of one, which have `n_axes` axes."""
    return tuple(input_shape[:1]) if len(input_shape) > n_axes else ()


def _over_rows(values: Any) -> Any:
    """Return weights (R, n) or (n,) so that they broadcast over (R, batch, n) or (batch, n)."""
    return ops.expand_dims(values, -2)


@keras.saving.register_keras_serializable("zoo")
class Columns(keras.layers.Layer):  # type: ignore[misc]
    """The columns from `start` to `stop` of the inputs.

    Parameters
    ----------
    start, stop : int
        `stop` None: to the last one.
    """

    def __init__(self, start: int, stop: int | None, **options: Any) -> None:
        super().__init__(**options)
        self.start, self.stop = start, stop

    def call(self, inputs: Any) -> Any:
        """Return (..., stop - start)."""
        return inputs[..., self.start : self.stop]

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "start": self.start, "stop": self.stop}


@keras.saving.register_keras_serializable("zoo")
class ZeroFill(keras.layers.Layer):  # type: ignore[misc]
    """The inputs, and zeros after them.

    Parameters
    ----------
    units : int
        Columns that come out, not fewer than go in.
    """

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def call(self, inputs: Any) -> Any:
        """Return (..., units)."""
        missing = self.units - inputs.shape[-1]
        return ops.pad(inputs, [*[(0, 0)] * (len(inputs.shape) - 1), (0, missing)])

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("zoo")
class NTKDense(keras.layers.Layer):  # type: ignore[misc]
    """A dense layer in the neural tangent parametrisation (arXiv:2407.04491, section 3).

    x W / sqrt(n) + b: weights have variance 1 at any width, so one learning rate suits all.

    Parameters
    ----------
    units : int
    has_scale : bool
        Whether a learned factor for each input comes before: (s x) W, computed as x (s W), which
        needs no gradients of the inputs.
    """

    def __init__(self, units: int, *, has_scale: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.has_scale = units, has_scale

    def build(self, input_shape: Any) -> None:
        """Make a kernel (n, units), a bias (units,), and a scale (n,) of ones if there is one."""
        lead, n = _lead(input_shape, 2), input_shape[-1]
        if self.has_scale:
            self.scale = self.add_weight(name="scale", shape=(*lead, n), initializer="ones")
        self.kernel = self.add_weight(name="kernel", shape=(*lead, n, self.units))
        self.bias = self.add_weight(name="bias", shape=(*lead, self.units), initializer="zeros")
        # a weight, for a network may train in a wider program than its own
        self.gain = self.add_weight(
            name="gain",
            shape=(*lead, 1, 1),
            initializer=keras.initializers.Constant(1 / math.sqrt(n)),
            trainable=False,
        )

    def call(self, inputs: Any) -> Any:
        """Return (..., units)."""
        kernel = self.kernel
        if self.has_scale:
            kernel = ops.expand_dims(self.scale, -1) * kernel
        return ops.matmul(inputs, kernel) * self.gain + _over_rows(self.bias)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "units": self.units, "has_scale": self.has_scale}


@keras.saving.register_keras_serializable("zoo")
class ParametricActivation(keras.layers.Layer):  # type: ignore[misc]
    """x + alpha (f(x) - x) with an alpha a unit, 1 to begin with (arXiv:2407.04491, section 3).

    Parameters
    ----------
    activation : str
        f: a name that Keras knows.
    """

    def __init__(self, activation: str, **options: Any) -> None:
        super().__init__(**options)
        self.activation = activation

    def build(self, input_shape: Any) -> None:
        """Make alpha (units,)."""
        shape = (*_lead(input_shape, 2), input_shape[-1])
        self.alpha = self.add_weight(name="alpha", shape=shape, initializer="ones")

    def call(self, inputs: Any) -> Any:
        """Return the activated inputs, (..., units)."""
        bent = keras.activations.get(self.activation)(inputs)
        return inputs + _over_rows(self.alpha) * (bent - inputs)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "activation": self.activation}


@keras.saving.register_keras_serializable("zoo")
class PBLDEmbedding(keras.layers.Layer):  # type: ignore[misc]
    """Periodic bias linear DenseNet embedding of numbers (arXiv:2407.04491, section 3).

    Each number x has its own w, b, V and c: cos(2 pi x w + b) V + c, and x itself beside it.

    Parameters
    ----------
    n_frequencies : int
    units : int
        Outputs a number, x itself included.
    """

    def __init__(self, n_frequencies: int = 16, units: int = 4, **options: Any) -> None:
        super().__init__(**options)
        self.n_frequencies, self.units = n_frequencies, units

    def build(self, input_shape: Any) -> None:
        """Make frequencies and phases (n, k), kernel (n, k, units - 1), bias (n, units - 1)."""
        lead, n, k = _lead(input_shape, 2), input_shape[-1], self.n_frequencies
        self.frequencies = self.add_weight(name="frequencies", shape=(*lead, n, k))
        self.phases = self.add_weight(name="phases", shape=(*lead, n, k))
        self.kernel = self.add_weight(name="kernel", shape=(*lead, n, k, self.units - 1))
        self.offset = self.add_weight(name="offset", shape=(*lead, n, self.units - 1))

    def call(self, inputs: Any, *, training: bool = False) -> Any:
        """Return (..., n * units): all embeddings, then the numbers themselves."""
        by_number = ops.swapaxes(inputs, -1, -2)
        phases = self.phases / (2 * math.pi)
        made = periodic_sum(by_number, self.frequencies, phases, self.kernel, training=training)
        made = made + ops.expand_dims(self.offset, -1)  # (..., n, units - 1, batch)
        *lead, n, units, n_rows = [-1 if size is None else size for size in made.shape]
        made = ops.reshape(made, (*lead, n * units, n_rows))
        return ops.concatenate([ops.swapaxes(made, -1, -2), inputs], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        sizes = {"n_frequencies": self.n_frequencies, "units": self.units}
        return {**super().get_config(), **sizes}


@keras.saving.register_keras_serializable("zoo")
class Crossings(keras.layers.Layer):  # type: ignore[misc]
    """A code for what two columns of codes say together (arXiv:1606.07792, section 3.1).

    Each pair of columns has buckets of its own, and codes a and b fall into number
    (610 a + b) mod 987 of them. Those are neighbouring Fibonacci numbers, which keep what is close
    together apart: when the codes of one column follow each other, two pairs of levels share a
    bucket only if both columns have more than 21 levels, or one more than 13 and the other 34, or
    one more than 8 and the other 55, and so on.

    Parameters
    ----------
    pairs : sequence of (int, int)
        Which columns to cross.
    """

    def __init__(self, pairs: Any, **options: Any) -> None:
        super().__init__(**options)
        self.pairs = tuple((int(first), int(second)) for first, second in pairs)

    @property
    def n_buckets(self) -> int:
        """One more than the largest code."""
        return _BUCKETS * len(self.pairs)

    def call(self, inputs: Any) -> Any:
        """Return codes (..., n_pairs) for codes (..., n_columns)."""
        codes = ops.cast(inputs, "int32")
        made = [
            (codes[..., first] * _STRIDE + codes[..., second]) % _BUCKETS + number * _BUCKETS
            for number, (first, second) in enumerate(self.pairs)
        ]
        return ops.stack(made, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "pairs": self.pairs}


@keras.saving.register_keras_serializable("zoo")
class SumColumns(keras.layers.Layer):  # type: ignore[misc]
    """The sum of a row's vectors: (..., n_columns, units) to (..., units)."""

    def call(self, inputs: Any) -> Any:
        """Return (..., units)."""
        return ops.sum(inputs, axis=-2)
