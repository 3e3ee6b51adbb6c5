"""Layers with a leading replicate axis: one Keras model holds R networks that do not touch.

Tensors are shaped (replicate, batch, feature), and each weight has a leading replicate axis, so a
dense layer is one batched matrix product. An architecture is written once, against the names of
`plain` (ordinary Keras layers: one network) and `replicated` (R networks at once).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

__all__ = ["plain", "replicated"]


class ReplicateDense(keras.layers.Layer):  # type: ignore[misc]
    """R dense layers side by side: (R, batch, n) to (R, batch, units)."""

    def __init__(self, units: int, *, activation: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: Any) -> None:
        """Make a kernel (R, n, units) and a bias (R, 1, units)."""
        n_replicates, _, n_inputs = input_shape
        self.kernel = self.add_weight(
            name="kernel", shape=(n_replicates, n_inputs, self.units), initializer="zeros"
        )
        self.bias = self.add_weight(
            name="bias", shape=(n_replicates, 1, self.units), initializer="zeros"
        )

    def call(self, inputs: Any) -> Any:
        """Return the activated weighted sums."""
        return self.activation(tf.matmul(inputs, self.kernel) + self.bias)


class ReplicateDropout(keras.layers.Layer):  # type: ignore[misc]
    """Dropout whose masks depend on each replicate's own key and on the step alone.

    A counter-based generator (the finaliser of A. Appleby's MurmurHash3, over position and key)
    gives one random word for four elements, cut into bytes: a fourth of the words, and the same
    masks whoever else trains beside a replicate. The rate is rounded to a multiple of 1/256.
    """

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        if not 0 <= rate < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {rate}")
        self.threshold = min(round(rate * 256), 255)

    def build(self, input_shape: Any) -> None:
        """Make the keys (R, 1), which move on with each training step."""
        self.key = self.add_weight(
            name="key",
            shape=(input_shape[0], 1),
            dtype="uint32",
            initializer="zeros",
            trainable=False,
        )

    def call(self, inputs: Any, *, training: bool = False) -> Any:
        """Return the inputs, a share of them zeroed and the rest scaled up while training."""
        if not training or self.threshold == 0:
            return inputs
        shape = tf.shape(inputs)
        n_elements = tf.reduce_prod(shape[1:])
        n_words = (n_elements + 3) // 4
        positions = tf.cast(tf.range(n_words), tf.uint32)[None, :]
        key = tf.convert_to_tensor(self.key)
        words = _mix(positions * tf.constant(0x9E3779B1, tf.uint32) + _mix(key))
        bytes_ = tf.reshape(tf.bitcast(words, tf.uint8), (shape[0], n_words * 4))[:, :n_elements]
        is_kept = tf.reshape(bytes_, shape) >= tf.constant(self.threshold, tf.uint8)
        self.key.assign(key + tf.constant(0x85EBCA6B, tf.uint32))
        return tf.where(is_kept, inputs * (256.0 / (256 - self.threshold)), 0.0)


def _mix(word: Any) -> Any:
    """Return the word with all its bits stirred (the finaliser of MurmurHash3, 32 bits)."""
    word = tf.bitwise.bitwise_xor(word, tf.bitwise.right_shift(word, tf.constant(16, tf.uint32)))
    word *= tf.constant(0x85EBCA6B, tf.uint32)
    word = tf.bitwise.bitwise_xor(word, tf.bitwise.right_shift(word, tf.constant(13, tf.uint32)))
    word *= tf.constant(0xC2B2AE35, tf.uint32)
    return tf.bitwise.bitwise_xor(word, tf.bitwise.right_shift(word, tf.constant(16, tf.uint32)))


class ReplicateConv2D(keras.layers.Layer):  # type: ignore[misc]
    """R convolutions side by side, one after the other: (R, batch, height, width, channels)."""

    def __init__(
        self, filters: int, kernel_size: int, *, padding: str, activation: str, **options: Any
    ) -> None:
        super().__init__(**options)
        self.filters, self.kernel_size, self.padding = filters, kernel_size, padding
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: Any) -> None:
        """Make a kernel (R, size, size, channels, filters) and a bias (R, 1, 1, 1, filters)."""
        side, n_replicates = self.kernel_size, input_shape[0]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(n_replicates, side, side, input_shape[-1], self.filters),
            initializer="zeros",
        )
        self.bias = self.add_weight(
            name="bias", shape=(n_replicates, 1, 1, 1, self.filters), initializer="zeros"
        )

    def call(self, inputs: Any) -> Any:
        """Return the activated convolutions."""
        pairs = zip(tf.unstack(inputs), tf.unstack(tf.convert_to_tensor(self.kernel)), strict=True)
        sums = [
            tf.nn.conv2d(rows, kernel, strides=1, padding=self.padding.upper())
            for rows, kernel in pairs
        ]
        return self.activation(tf.stack(sums) + self.bias)


class ReplicateReshape(keras.layers.Layer):  # type: ignore[misc]
    """A new shape for all axes after (R, batch)."""

    def __init__(self, target_shape: tuple[int, ...], **options: Any) -> None:
        super().__init__(**options)
        self.target_shape = tuple(target_shape)

    def call(self, inputs: Any) -> Any:
        """Return the inputs in the new shape."""
        return tf.reshape(inputs, (inputs.shape[0], -1, *self.target_shape))


class ReplicateFlatten(keras.layers.Layer):  # type: ignore[misc]
    """One axis in place of all after (R, batch)."""

    def call(self, inputs: Any) -> Any:
        """Return (R, batch, n)."""
        return tf.reshape(inputs, (inputs.shape[0], -1, int(np.prod(inputs.shape[2:]))))


class ReplicateMaxPooling2D(keras.layers.Layer):  # type: ignore[misc]
    """The largest of each square of pixels."""

    def __init__(self, pool_size: int, **options: Any) -> None:
        super().__init__(**options)
        self.pool_size = pool_size

    def call(self, inputs: Any) -> Any:
        """Return (R, batch, height // size, width // size, channels)."""
        flat = tf.reshape(inputs, (-1, *inputs.shape[2:]))
        pooled = tf.nn.max_pool2d(flat, self.pool_size, self.pool_size, "VALID")
        return tf.reshape(pooled, (inputs.shape[0], -1, *pooled.shape[1:]))


def plain() -> SimpleNamespace:
    """Return the names for one network of ordinary Keras layers."""
    names = ("Dense", "Dropout", "Conv2D", "MaxPooling2D", "Reshape", "Flatten")
    return SimpleNamespace(
        Sequential=keras.Sequential,
        Input=lambda n_inputs: keras.Input((n_inputs,)),
        **{name: getattr(keras.layers, name) for name in names},
    )


def replicated(n_replicates: int) -> SimpleNamespace:
    """Return the names for `n_replicates` networks at once."""
    return SimpleNamespace(
        Sequential=keras.Sequential,
        Input=lambda n_inputs: keras.Input(batch_shape=(n_replicates, None, n_inputs)),
        Dense=ReplicateDense,
        Dropout=ReplicateDropout,
        Conv2D=ReplicateConv2D,
        MaxPooling2D=ReplicateMaxPooling2D,
        Reshape=ReplicateReshape,
        Flatten=ReplicateFlatten,
    )
