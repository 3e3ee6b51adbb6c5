"""Layers of transformers over the columns of a table (arXiv:2106.11959, section 3.3).

Tensors of one network are (batch, token, feature), those of R networks (R, batch, token,
feature).
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.training.layers.layer import Layer, leading_axis
from zoo.training.layers.tabular import Columns
from zoo.training.types import Shape, Tensor

__all__ = ["Attend", "AttentionWeights", "FeatureTokens", "ReGLU", "Tokens"]


@keras.saving.register_keras_serializable("zoo")
class FeatureTokens(Layer):
    """A token for each number, x w + b, after a [CLS] token, which stands for the whole row."""

    units: int

    def build(self, input_shape: Shape) -> None:
        """Make weights and biases (n, units), and the [CLS] token (1, units)."""
        lead = leading_axis(input_shape)
        shape = (*lead, input_shape[-1], self.units)
        self.slopes = self.new_weight("slopes", *shape)
        self.bias = self.new_weight("bias", *shape)
        self.row_token = self.new_weight("row_token", *lead, 1, self.units)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., batch, 1 + n, units)."""
        weights = (self.slopes, self.bias, self.row_token)
        slopes, bias, first = (ops.expand_dims(w, -3) for w in weights)
        numbers = ops.expand_dims(inputs, -1) * slopes + bias
        return ops.concatenate([ops.zeros_like(numbers[..., :1, :]) + first, numbers], axis=-2)


@keras.saving.register_keras_serializable("zoo")
class Tokens(Columns):
    """The tokens from `start` to `stop` (None: to the last one)."""

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., stop - start, units)."""
        return inputs[..., self.start : self.stop, :]


def _heads(values: Tensor, n_heads: int) -> Tensor:
    """Return (..., token, n) as (..., head, token, n / heads)."""
    *lead, n_tokens, units = values.shape
    lead = [-1 if n is None else n for n in lead]
    return ops.swapaxes(ops.reshape(values, (*lead, n_tokens, n_heads, units // n_heads)), -2, -3)


@keras.saving.register_keras_serializable("zoo")
class AttentionWeights(Layer):
    """Attention of each query to each key: softmax(q k / sqrt(n)), head by head."""

    n_heads: int

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., head, query, key) for queries and keys (..., token, n)."""
        queries, keys = (_heads(values, self.n_heads) for values in inputs)
        scale = 1.0 / np.sqrt(queries.shape[-1])
        return ops.softmax(ops.matmul(queries, ops.swapaxes(keys, -1, -2)) * scale, axis=-1)


@keras.saving.register_keras_serializable("zoo")
class Attend(Layer):
    """The values averaged by the attention weights, heads side by side."""

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., query, n) for weights (..., head, query, key) and values (..., key, n)."""
        weights, values = inputs
        mixed = ops.swapaxes(ops.matmul(weights, _heads(values, weights.shape[-3])), -2, -3)
        *lead, n_tokens, n_heads, size = mixed.shape
        lead = [-1 if n is None else n for n in lead]
        return ops.reshape(mixed, (*lead, n_tokens, n_heads * size))


@keras.saving.register_keras_serializable("zoo")
class ReGLU(Layer):
    """The first half of the features times the rectified second half (arXiv:2002.05202)."""

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., n / 2)."""
        half = inputs.shape[-1] // 2
        return inputs[..., :half] * ops.relu(inputs[..., half:])
