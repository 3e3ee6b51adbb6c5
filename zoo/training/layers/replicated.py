"""Layers with a leading replicate axis, in TensorFlow: R independent networks in one.

Tensors are shaped (replicate, batch, feature), and each weight has a leading replicate axis, so a
dense layer is one batched matrix product.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.training.layers.batch_norm import BatchStatistics
from zoo.training.layers.layer import Layer
from zoo.training.layers.present import present_rows
from zoo.training.types import Shape, Tensor

__all__ = [
    "ReplicateBatchNormalization",
    "ReplicateConv2D",
    "ReplicateDense",
    "ReplicateDropout",
    "ReplicateEmbedding",
    "ReplicateFlatten",
    "ReplicateLayerNormalization",
    "ReplicateMaxPooling2D",
    "ReplicateReshape",
]


class ReplicateDense(Layer):
    """R dense layers side by side: (R, batch, n) to (R, batch, units)."""

    def __init__(self, units: int, *, activation: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: Shape) -> None:
        """Make a kernel (R, n, units) and a bias (R, 1, units)."""
        n_replicates, _, n_inputs = input_shape
        self.kernel = self.add_weight(
            name="kernel", shape=(n_replicates, n_inputs, self.units), initializer="zeros"
        )
        self.bias = self.add_weight(
            name="bias", shape=(n_replicates, 1, self.units), initializer="zeros"
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Return the activated weighted sums."""
        return self.activation(tf.matmul(inputs, self.kernel) + self.bias)


class ReplicateDropout(Layer):
    """Dropout whose masks depend only on each replicate's key and on the step.

    A counter-based generator (the finaliser of A. Appleby's MurmurHash3, over position and key)
    gives one random word for each four elements, one byte an element. A network gets the same
    masks whichever networks train beside it. The rate is rounded to a multiple of 1/256.
    """

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        if not 0 <= rate < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {rate}")
        self.rate = rate

    def build(self, input_shape: Shape) -> None:
        """Make the keys (R, 1), which change at each step, and the strengths (R, 1).

        The rate is multiplied by the strength, which a schedule may lower from 1 to 0.
        """
        self.key = self.add_weight(
            name="key",
            shape=(input_shape[0], 1),
            dtype="uint32",
            initializer="zeros",
            trainable=False,
        )
        self.strength = self.add_weight(
            name="strength", shape=(input_shape[0], 1), initializer="ones", trainable=False
        )

    def call(self, inputs: Tensor, *, training: bool = False) -> Tensor:
        """Return the inputs; in training, a fraction of them is zeroed and the rest scaled up."""
        if not training or self.rate == 0:
            return inputs
        shape = tf.shape(inputs)
        n_elements = tf.reduce_prod(shape[1:])
        n_words = (n_elements + 3) // 4
        positions = tf.cast(tf.range(n_words), tf.uint32)[None, :]
        key = tf.convert_to_tensor(self.key)
        words = _mix(positions * tf.constant(0x9E3779B1, tf.uint32) + _mix(key))
        bytes_ = tf.reshape(tf.bitcast(words, tf.uint8), (shape[0], n_words * 4))[:, :n_elements]
        dropped = tf.convert_to_tensor(self.strength) * (256 * self.rate)
        dropped = tf.minimum(tf.round(dropped), 255.0)  # of 256
        is_kept = bytes_ >= tf.cast(dropped, tf.uint8)
        factor = tf.reshape(256.0 / (256.0 - dropped), (-1, *[1] * (len(inputs.shape) - 1)))
        self.key.assign(key + tf.constant(0x85EBCA6B, tf.uint32))
        scaled = inputs * tf.cast(factor, inputs.dtype)
        return tf.where(tf.reshape(is_kept, shape), scaled, tf.zeros((), inputs.dtype))


def _mix(word: Tensor) -> Tensor:
    """Return the word with all its bits stirred (the finaliser of MurmurHash3, 32 bits)."""
    word = tf.bitwise.bitwise_xor(word, tf.bitwise.right_shift(word, tf.constant(16, tf.uint32)))
    word *= tf.constant(0x85EBCA6B, tf.uint32)
    word = tf.bitwise.bitwise_xor(word, tf.bitwise.right_shift(word, tf.constant(13, tf.uint32)))
    word *= tf.constant(0xC2B2AE35, tf.uint32)
    return tf.bitwise.bitwise_xor(word, tf.bitwise.right_shift(word, tf.constant(16, tf.uint32)))


class ReplicateBatchNormalization(BatchStatistics):
    """R batch normalisations (arXiv:1502.03167); rows that pad a batch do not count."""

    def _shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], 1, input_shape[-1])

    def call(self, inputs: Tensor, *, training: bool = False) -> Tensor:
        """Return the inputs with mean beta and deviation gamma over the batch (R, batch, n)."""
        if training:
            present = present_rows()
            if present is None:
                present = tf.ones(tf.shape(inputs)[:2])
            weight = tf.cast(present, inputs.dtype)
            weight /= tf.maximum(tf.reduce_sum(weight, axis=1, keepdims=True), 1)
            mean = tf.einsum("rb,rbn->rn", weight, inputs)[:, None]
            variance = tf.einsum("rb,rbn->rn", weight, tf.square(inputs - mean))[:, None]
            for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                old = tf.convert_to_tensor(moving)
                moving.assign(old * self.momentum + value * (1 - self.momentum))
        else:
            mean = tf.convert_to_tensor(self.moving_mean)
            variance = tf.convert_to_tensor(self.moving_variance)
        scale = self.gamma * tf.math.rsqrt(variance + self.epsilon)
        return inputs * scale + (self.beta - mean * scale)


class ReplicateLayerNormalization(Layer):
    """R layer normalisations (arXiv:1607.06450) over the last axis of (R, ..., n)."""

    def __init__(self, *, epsilon: float = 1e-3, **options: Any) -> None:
        super().__init__(**options)
        self.epsilon = epsilon

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta, (R, 1, ..., n)."""
        shape = (input_shape[0], *[1] * (len(input_shape) - 2), input_shape[-1])
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")

    def call(self, inputs: Tensor) -> Tensor:
        """Return each row with mean beta and deviation gamma."""
        mean, variance = tf.nn.moments(inputs, axes=-1, keepdims=True)
        scaled = (inputs - mean) * tf.math.rsqrt(variance + self.epsilon)
        return scaled * self.gamma + self.beta


class ReplicateEmbedding(Layer):
    """R tables of vectors: codes (R, batch, n) to (R, batch, n, output_dim)."""

    def __init__(self, input_dim: int, output_dim: int, **options: Any) -> None:
        super().__init__(**options)
        self.input_dim, self.output_dim = input_dim, output_dim

    def build(self, input_shape: Shape) -> None:
        """Make the embeddings (R, input_dim, output_dim)."""
        self.embeddings = self.add_weight(
            name="embeddings", shape=(input_shape[0], self.input_dim, self.output_dim)
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Return the vector of each code."""
        table = tf.convert_to_tensor(self.embeddings)
        return tf.gather(table, tf.cast(inputs, tf.int32), axis=1, batch_dims=1)


class ReplicateConv2D(Layer):
    """R convolutions, computed one after the other: (R, batch, height, width, channels)."""

    def __init__(
        self, filters: int, kernel_size: int, *, padding: str, activation: str, **options: Any
    ) -> None:
        super().__init__(**options)
        self.filters, self.kernel_size, self.padding = filters, kernel_size, padding
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: Shape) -> None:
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

    def call(self, inputs: Tensor) -> Tensor:
        """Return the activated convolutions."""
        pairs = zip(tf.unstack(inputs), tf.unstack(tf.convert_to_tensor(self.kernel)), strict=True)
        sums = [
            tf.nn.conv2d(rows, kernel, strides=1, padding=self.padding.upper())
            for rows, kernel in pairs
        ]
        return self.activation(tf.stack(sums) + self.bias)


class ReplicateReshape(Layer):
    """A new shape for all axes after (R, batch)."""

    def __init__(self, target_shape: Shape, **options: Any) -> None:
        super().__init__(**options)
        self.target_shape = tuple(target_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs in the new shape."""
        return tf.reshape(inputs, (inputs.shape[0], -1, *self.target_shape))


class ReplicateFlatten(Layer):
    """All axes after (R, batch) joined to one."""

    def call(self, inputs: Tensor) -> Tensor:
        """Return (R, batch, n)."""
        return tf.reshape(inputs, (inputs.shape[0], -1, int(np.prod(inputs.shape[2:]))))


class ReplicateMaxPooling2D(Layer):
    """The maximum of each square of pixels."""

    def __init__(self, pool_size: int, **options: Any) -> None:
        super().__init__(**options)
        self.pool_size = pool_size

    def call(self, inputs: Tensor) -> Tensor:
        """Return (R, batch, height // size, width // size, channels)."""
        flat = tf.reshape(inputs, (-1, *inputs.shape[2:]))
        pooled = tf.nn.max_pool2d(flat, self.pool_size, self.pool_size, "VALID")
        return tf.reshape(pooled, (inputs.shape[0], -1, *pooled.shape[1:]))
