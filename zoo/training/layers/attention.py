"""Layers of transformers over the columns of a table (arXiv:2106.11959, section 3.3).

Tensors of one network are (batch, token, feature), those of R networks (R, batch, token,
feature); the number of axes that a layer is built with tells.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

__all__ = ["Attend", "AttentionWeights", "FeatureTokens", "ReGLU", "Tokens"]


@keras.saving.register_keras_serializable("zoo")
class FeatureTokens(keras.layers.Layer):  # type: ignore[misc]
    """A token for each number, x w + b, after one that stands for the whole row ([CLS]).

    Parameters
    ----------
    units : int
    """

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def build(self, input_shape: Any) -> None:
        """Make weights and biases (n, units), and the token of the row (1, units)."""
        lead = tuple(input_shape[:1]) if len(input_shape) > 2 else ()
        shape = (*lead, input_shape[-1], self.units)
        self.slopes = self.add_weight(name="slopes", shape=shape)
        self.bias = self.add_weight(name="bias", shape=shape)
        self.row_token = self.add_weight(name="row_token", shape=(*lead, 1, self.units))

    def call(self, inputs: Any) -> Any:
        """Return (..., batch, 1 + n, units)."""
        slopes, bias, first = (
            ops.expand_dims(w, -3) for w in (self.slopes, self.bias, self.row_token)
        )
        numbers = ops.expand_dims(inputs, -1) * slopes + bias
        return ops.concatenate([ops.zeros_like(numbers[..., :1, :]) + first, numbers], axis=-2)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("zoo")
class Tokens(keras.layers.Layer):  # type: ignore[misc]
    """The tokens from `start` to `stop`.

    Parameters
    ----------
    start : int
    stop : int or None
        None: to the last one.
    """

    def __init__(self, start: int, stop: int | None, **options: Any) -> None:
        super().__init__(**options)
        self.start, self.stop = start, stop

    def call(self, inputs: Any) -> Any:
        """Return (..., stop - start, units)."""
        return inputs[..., self.start : self.stop, :]

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "start": self.start, "stop": self.stop}


def _heads(values: Any, n_heads: int) -> Any:
    """Return (..., token, n) as (..., head, token, n / heads)."""
    *lead, n_tokens, units = values.shape
    lead = [-1 if n is None else n for n in lead]
    return ops.swapaxes(ops.reshape(values, (*lead, n_tokens, n_heads, units // n_heads)), -2, -3)


@keras.saving.register_keras_serializable("zoo")
class AttentionWeights(keras.layers.Layer):  # type: ignore[misc]
    """How much each query looks at each key: softmax(q k / sqrt(n)), head by head.

    Parameters
    ----------
    n_heads : int
    """

    def __init__(self, n_heads: int, **options: Any) -> None:
        super().__init__(**options)
        self.n_heads = n_heads

    def call(self, inputs: Any) -> Any:
        """Return (..., head, query, key) for queries and keys (..., token, n)."""
        queries, keys = (_heads(values, self.n_heads) for values in inputs)
        scale = 1.0 / np.sqrt(queries.shape[-1])
        return ops.softmax(ops.matmul(queries, ops.swapaxes(keys, -1, -2)) * scale, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "n_heads": self.n_heads}


@keras.saving.register_keras_serializable("zoo")
class Attend(keras.layers.Layer):  # type: ignore[misc]
    """The mixture of values that the shares tell, heads side by side."""

    def call(self, inputs: Any) -> Any:
        """Return (..., query, n) for shares (..., head, query, key) and values (..., key, n)."""
        shares, values = inputs
        mixed = ops.swapaxes(ops.matmul(shares, _heads(values, shares.shape[-3])), -2, -3)
        *lead, n_tokens, n_heads, size = mixed.shape
        lead = [-1 if n is None else n for n in lead]
        return ops.reshape(mixed, (*lead, n_tokens, n_heads * size))


@keras.saving.register_keras_serializable("zoo")
class ReGLU(keras.layers.Layer):  # type: ignore[misc]
    """The first half of the features times the rectified second half (arXiv:2002.05202)."""

    def call(self, inputs: Any) -> Any:
        """Return (..., n / 2)."""
        half = inputs.shape[-1] // 2
        return inputs[..., :half] * ops.relu(inputs[..., half:])
