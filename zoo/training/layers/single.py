"""Dropout and batch normalisation of one network in training, in any backend.

Keras's own layers do not know a network's random key, nor which rows only pad a batch. These give
a network the same masks and statistics as its twins in `zoo.training.layers.replicated`.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.training.layers.batch_norm import BatchStatistics
from zoo.training.layers.layer import Layer
from zoo.training.layers.present import present_rows
from zoo.training.types import Shape, Tensor

__all__ = ["SingleBatchNormalization", "SingleDropout"]

_WORD = 0xFFFFFFFF


class SingleDropout(Layer):
    """Dropout whose masks depend only on the network's key and on the step."""

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        if not 0 <= rate < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {rate}")
        self.rate = rate

    def build(self, input_shape: Shape) -> None:
        """Make the key (1,), which changes at each step, and the strength (1,)."""
        del input_shape
        # PyTorch has few operations on unsigned integers of 32 bits
        kind = "int64" if keras.backend.backend() == "torch" else "uint32"
        options = {"shape": (1,), "trainable": False}
        self.key = self.add_weight(name="key", dtype=kind, initializer="zeros", **options)
        self.strength = self.add_weight(name="strength", initializer="ones", **options)

    def call(self, inputs: Tensor, *, training: bool = False) -> Tensor:
        """Return the inputs; in training, a fraction of them is zeroed and the rest scaled up."""
        if not training or self.rate == 0:
            return inputs
        n_elements = math.prod(inputs.shape)
        key = ops.convert_to_tensor(self.key)
        positions = ops.cast(ops.arange((n_elements + 3) // 4), key.dtype)
        words = _mix(_times(positions, 0x9E3779B1) + _mix(key))
        parts = [_shifted(words, 8 * part) & _word(255, words) for part in range(4)]
        bytes_ = ops.stack(parts, axis=-1)
        bytes_ = ops.cast(ops.reshape(bytes_, (-1,))[:n_elements], "float32")
        dropped = ops.convert_to_tensor(self.strength) * (256 * self.rate)
        dropped = ops.minimum(ops.round(dropped), 255.0)  # of 256
        is_kept = ops.reshape(bytes_ >= dropped, inputs.shape)
        self.key.assign((key + _word(0x85EBCA6B, key)) & _word(_WORD, key))
        factor = ops.cast(256.0 / (256.0 - dropped), inputs.dtype)
        return ops.where(is_kept, inputs * factor, ops.zeros_like(inputs))


def _word(number: int, like: Tensor) -> Tensor:
    """Return a whole number in the type of the words that it is combined with."""
    return number if keras.backend.standardize_dtype(like.dtype) == "int64" else np.uint32(number)


def _times(word: Tensor, factor: int) -> Tensor:
    """Return the last 32 bits of a product."""
    return (word * _word(factor, word)) & _word(_WORD, word)


def _mix(word: Tensor) -> Tensor:
    """Return the word with all its bits stirred (the finaliser of MurmurHash3, 32 bits)."""
    word = word & _word(_WORD, word)
    word = _times(word ^ _shifted(word, 16), 0x85EBCA6B)
    word = _times(word ^ _shifted(word, 13), 0xC2B2AE35)
    return word ^ _shifted(word, 16)


def _shifted(word: Tensor, n_bits: int) -> Tensor:
    return word >> _word(n_bits, word)


class SingleBatchNormalization(BatchStatistics):
    """Batch normalisation (arXiv:1502.03167); rows that pad a batch do not count."""

    def call(self, inputs: Tensor, *, training: bool = False) -> Tensor:
        """Return the inputs with mean beta and deviation gamma over the batch (batch, n)."""
        if training:
            present = present_rows()
            if present is None:
                present = ops.ones_like(inputs[:, 0])
            weight = ops.cast(present, inputs.dtype)
            weight = weight / ops.maximum(ops.sum(weight), 1.0)
            mean = ops.einsum("b,bn->n", weight, inputs)
            variance = ops.einsum("b,bn->n", weight, ops.square(inputs - mean))
            for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                old = ops.convert_to_tensor(moving)
                moving.assign(old * self.momentum + value * (1 - self.momentum))
        else:
            mean = ops.convert_to_tensor(self.moving_mean)
            variance = ops.convert_to_tensor(self.moving_variance)
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        return inputs * scale + (self.beta - mean * scale)
