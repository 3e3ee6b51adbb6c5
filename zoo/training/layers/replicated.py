"""Layers with a leading replicate axis, in TensorFlow: R independent networks in one.

Tensors are shaped (replicate, batch, feature), and each weight has a leading replicate axis, so a
dense layer is one batched matrix product.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from zoo.training.layers.layer import Layer
from zoo.training.types import Shape, Tensor

__all__ = [
    "ReplicateConv2D", "ReplicateDense", "ReplicateEmbedding", "ReplicateFlatten",
    "ReplicateLayerNormalization", "ReplicateMaxPooling2D", "ReplicateReshape",
]  # fmt: skip


class ReplicateDense(Layer):
    """R dense layers side by side: (R, batch, n) to (R, batch, units)."""

    units: int
    activation: str | None = None

    def build(self, input_shape: Shape) -> None:
        """Make a kernel (R, n, units) and a bias (R, 1, units)."""
        r, _, n = input_shape
        self.kernel = self.new_weight("kernel", r, n, self.units, initializer="zeros")
        self.bias = self.new_weight("bias", r, 1, self.units, initializer="zeros")

    def call(self, inputs: Tensor) -> Tensor:
        """Return the activated weighted sums."""
        sums = tf.matmul(inputs, self.kernel) + self.bias
        return keras.activations.get(self.activation)(sums)


class ReplicateLayerNormalization(Layer):
    """R layer normalisations (arXiv:1607.06450) over the last axis of (R, ..., n)."""

    epsilon: float = 1e-3

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta, (R, 1, ..., n)."""
        shape = (input_shape[0], *[1] * (len(input_shape) - 2), input_shape[-1])
        self.gamma = self.new_weight("gamma", *shape, initializer="ones")
        self.beta = self.new_weight("beta", *shape, initializer="zeros")

    def call(self, inputs: Tensor) -> Tensor:
        """Return each row with mean beta and deviation gamma."""
        mean, variance = tf.nn.moments(inputs, axes=-1, keepdims=True)
        scaled = (inputs - mean) * tf.math.rsqrt(variance + self.epsilon)
        return scaled * self.gamma + self.beta


class ReplicateEmbedding(Layer):
    """R tables of vectors: codes (R, batch, n) to (R, batch, n, output_dim)."""

    input_dim: int
    output_dim: int

    def build(self, input_shape: Shape) -> None:
        """Make the embeddings (R, input_dim, output_dim)."""
        shape = (input_shape[0], self.input_dim, self.output_dim)
        self.embeddings = self.new_weight("embeddings", *shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the vector of each code."""
        table = tf.convert_to_tensor(self.embeddings)
        return tf.gather(table, tf.cast(inputs, tf.int32), axis=1, batch_dims=1)


class ReplicateConv2D(Layer):
    """R convolutions, computed one after the other: (R, batch, height, width, channels)."""

    filters: int
    kernel_size: int
    padding: str
    activation: str

    def build(self, input_shape: Shape) -> None:
        """Make a kernel (R, size, size, channels, filters) and a bias (R, 1, 1, 1, filters)."""
        size, r = self.kernel_size, input_shape[0]
        shape = (r, size, size, input_shape[-1], self.filters)
        self.kernel = self.new_weight("kernel", *shape, initializer="zeros")
        self.bias = self.new_weight("bias", r, 1, 1, 1, self.filters, initializer="zeros")

    def call(self, inputs: Tensor) -> Tensor:
        """Return the activated convolutions."""
        padding, kernels = self.padding.upper(), tf.unstack(tf.convert_to_tensor(self.kernel))
        pairs = zip(tf.unstack(inputs), kernels, strict=True)
        sums = [tf.nn.conv2d(rows, kernel, strides=1, padding=padding) for rows, kernel in pairs]
        return keras.activations.get(self.activation)(tf.stack(sums) + self.bias)


class ReplicateReshape(Layer):
    """A new shape for all axes after (R, batch)."""

    target_shape: Shape

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

    pool_size: int

    def call(self, inputs: Tensor) -> Tensor:
        """Return (R, batch, height // size, width // size, channels)."""
        flat = tf.reshape(inputs, (-1, *inputs.shape[2:]))
        pooled = tf.nn.max_pool2d(flat, self.pool_size, self.pool_size, "VALID")
        return tf.reshape(pooled, (inputs.shape[0], -1, *pooled.shape[1:]))
