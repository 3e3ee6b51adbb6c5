"""Embeddings of numbers (Gorishniy, Rubachev & Babenko 2022, arXiv:2203.05556).

Each number gets a vector: (batch, number) becomes (batch, number, unit), for R networks with R
before.
"""

from __future__ import annotations

import keras
from keras import ops

from zoo.training.layers.layer import Layer, leading_axis, over_rows
from zoo.training.layers.periodic import periodic_sum
from zoo.training.types import Shape, Tensor

__all__ = ["PeriodicEmbedding", "PiecewiseLinearEmbedding"]


def _by_number(values: Tensor, kernel: Tensor) -> Tensor:
    """Return (..., batch, n, units) of (..., batch, n, k) times (..., n, k, units)."""
    return ops.swapaxes(ops.matmul(ops.swapaxes(values, -2, -3), kernel), -2, -3)


@keras.saving.register_keras_serializable("zoo")
class PeriodicEmbedding(Layer):
    """relu(V [cos(2 pi c x), sin(2 pi c x)] + b); each number x has its own c, V and b.

    The `PLR` embedding of arXiv:2203.05556, section 3.3.

    Parameters
    ----------
    n_frequencies : int
    units : int
    is_lite : bool
        Whether all numbers share V and b.
    """

    n_frequencies: int = 48
    units: int = 24
    is_lite: bool = False

    def build(self, input_shape: Shape) -> None:
        """Make frequencies (n, k), kernel (n, 2 k, units) and offset (n, units).

        Lite: kernel (2 k, units) and offset (units,).
        """
        lead, n = leading_axis(input_shape), input_shape[-1]
        own = lead if self.is_lite else (*lead, n)
        self.frequencies = self.new_weight("frequencies", *lead, n, self.n_frequencies)
        self.kernel = self.new_weight("kernel", *own, 2 * self.n_frequencies, self.units)
        self.offset = self.new_weight("offset", *own, self.units)

    def call(self, inputs: Tensor, *, training: bool = False) -> Tensor:
        """Return (..., n, units)."""
        k, frequencies = self.n_frequencies, ops.convert_to_tensor(self.frequencies)
        once = [1] * (len(frequencies.shape) - 1)
        both = ops.tile(frequencies, [*once, 2])  # cosines, then sines
        phases = ops.broadcast_to(ops.repeat([0.0, -0.25], k), both.shape)
        kernel = ops.convert_to_tensor(self.kernel)
        if self.is_lite:
            shape = (*frequencies.shape[:-1], 2 * k, self.units)
            kernel = ops.broadcast_to(over_rows(kernel), shape)
        by_number = ops.swapaxes(inputs, -1, -2)
        made = periodic_sum(by_number, both, phases, kernel, training=training)
        offset = ops.expand_dims(self.offset, -2) if self.is_lite else self.offset
        return ops.relu(ops.moveaxis(made, -1, -3) + over_rows(offset))


@keras.saving.register_keras_serializable("zoo")
class PiecewiseLinearEmbedding(Layer):
    """x w + b + V p(x), where p(x) is the piecewise-linear encoding of x.

    The encoding has a number for each bin: 1 if x is above the bin, 0 if x is below it, and the
    relative position of x within it; the first and the last bin extend beyond the range. This is
    version B of arXiv:2203.05556, section 3.2, as in arXiv:2410.24210: V starts at zero.

    Parameters
    ----------
    n_bins : int
        At most; columns with few values have fewer.
    units : int
    """

    n_bins: int = 48
    units: int = 16

    def build(self, input_shape: Shape) -> None:
        """Make edges (n, n_bins + 1), slopes and offset (n, units), kernel (n, n_bins, units)."""
        lead, n = leading_axis(input_shape), input_shape[-1]
        self.slopes = self.new_weight("slopes", *lead, n, self.units)
        self.offset = self.new_weight("offset", *lead, n, self.units)
        zeros = {"initializer": "zeros"}
        self.kernel = self.new_weight("kernel", *lead, n, self.n_bins, self.units, **zeros)
        self.edges = self.new_weight("edges", *lead, n, self.n_bins + 1, trainable=False, **zeros)

    def encoding(self, inputs: Tensor) -> Tensor:
        """Return p(x), (..., n, n_bins)."""
        edges = ops.convert_to_tensor(self.edges)
        left, right = edges[..., :-1], edges[..., 1:]
        width = right - left
        is_bin = width > 0
        slope = ops.where(is_bin, 1.0 / ops.where(is_bin, width, 1.0), 0.0)
        firsts = [ops.ones_like(left[..., :1]), ops.zeros_like(left[..., 1:])]
        is_first = ops.concatenate(firsts, axis=-1)
        is_last = ops.cast(right >= edges[..., -1:], left.dtype)
        position = (ops.expand_dims(inputs, -1) - over_rows(left)) * over_rows(slope)
        lowest, highest = over_rows(-1e6 * is_first), over_rows(1.0 + 1e6 * is_last)
        return ops.minimum(ops.maximum(position, lowest), highest)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., n, units)."""
        linear = ops.expand_dims(inputs, -1) * over_rows(self.slopes) + over_rows(self.offset)
        return linear + _by_number(self.encoding(inputs), self.kernel)
