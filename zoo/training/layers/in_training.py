"""Dropout and batch normalisation of one network in training or of R, in any backend.

Keras's own layers do not know a network's random key, nor which rows only pad a batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.training.layers.layer import Layer, leading_axis
from zoo.training.types import Shape, Tensor

__all__ = ["TrainingBatchNormalization", "TrainingDropout", "rows_present"]

# Mask of the rows that are present, (R, batch) or (batch,); the others are padding. A layer has no
# other way to know, wherever in a network it is.
_PRESENT: ContextVar[Tensor] = ContextVar("present", default=None)


@contextmanager
def rows_present(mask: Tensor) -> Iterator[None]:
    """Tell the layers called inside which rows are present."""
    token = _PRESENT.set(mask)
    try:
        yield
    finally:
        _PRESENT.reset(token)


class TrainingDropout(Layer):
    """Dropout whose masks depend only on each network's key and on the step.

    A counter-based generator (the finaliser of A. Appleby's MurmurHash3, over position and key)
    gives one random word for each four elements, one byte an element. A network gets the same
    masks whichever networks train beside it. The rate is rounded to a multiple of 1/256.

    Parameters
    ----------
    rate : float
    has_replicates : bool
        Whether the inputs are those of R networks, (R, batch, ...).
    """

    rate: float
    has_replicates: bool = False

    def __init__(self, *values: Any, **options: Any) -> None:
        super().__init__(*values, **options)
        if not 0 <= self.rate < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.rate}")

    def build(self, input_shape: Shape) -> None:
        """Make the keys (R, 1), which change at each step, and the strengths (R, 1).

        The rate is multiplied by the strength, which a schedule may lower from 1 to 0.
        """
        shape = (input_shape[0], 1) if self.has_replicates else (1,)
        # PyTorch has few operations on unsigned integers of 32 bits
        kind = "int64" if keras.backend.backend() == "torch" else "uint32"
        self.key = self.new_weight("key", *shape, dtype=kind, initializer="zeros", trainable=False)
        self.strength = self.new_weight("strength", *shape, initializer="ones", trainable=False)

    def call(self, inputs: Tensor, *, training: bool = False) -> Tensor:
        """Return the inputs; in training, a fraction of them is zeroed and the rest scaled up."""
        if not training or self.rate == 0:
            return inputs
        key = ops.convert_to_tensor(self.key)
        lead = tuple(key.shape[:-1])
        n_elements = math.prod(inputs.shape[len(lead) :])
        positions = ops.cast(ops.arange((n_elements + 3) // 4), key.dtype)
        words = _mixed(_times(positions, 0x9E3779B1) + _mixed(key))
        # the bytes of a word from the lowest; a word of 64 bits has four more, all 0
        parts = ops.reshape(ops.view(words, "uint8"), (*words.shape, -1))[..., :4]
        random_bytes = ops.reshape(parts, (*lead, -1))[..., :n_elements]
        dropped = ops.convert_to_tensor(self.strength) * (256 * self.rate)
        dropped = ops.minimum(ops.round(dropped), 255.0)  # of 256
        is_kept = ops.reshape(random_bytes >= ops.cast(dropped, "uint8"), inputs.shape)
        self.key.assign(_low(key + _word(0x85EBCA6B, key)))
        factor = ops.cast(256.0 / (256.0 - dropped), inputs.dtype)
        factor = ops.reshape(factor, (-1, *[1] * (len(inputs.shape) - 1)))
        return ops.where(is_kept, inputs * factor, ops.zeros_like(inputs))


def _word(number: int, like: Tensor) -> Any:
    """Return a whole number in the type of the words that it is combined with."""
    return np.dtype(keras.backend.standardize_dtype(like.dtype)).type(number)


def _low(words: Tensor) -> Tensor:
    """Return the last 32 bits."""
    return ops.bitwise_and(words, _word(0xFFFFFFFF, words))


def _times(words: Tensor, factor: int) -> Tensor:
    """Return the last 32 bits of a product."""
    return _low(words * _word(factor, words))


def _mixed(words: Tensor) -> Tensor:
    """Return words with all their bits mixed (the finaliser of MurmurHash3, 32 bits)."""

    def folded(words: Tensor, n_bits: int) -> Tensor:
        return ops.bitwise_xor(words, ops.right_shift(words, _word(n_bits, words)))

    words = _times(folded(_low(words), 16), 0x85EBCA6B)
    return folded(_times(folded(words, 13), 0xC2B2AE35), 16)


class TrainingBatchNormalization(Layer):
    """Batch normalisation (arXiv:1502.03167); rows that pad a batch do not count.

    Parameters
    ----------
    momentum : float
        Weight of the old moving statistic at a step.
    epsilon : float
        Added to variances.
    """

    momentum: float = 0.99
    epsilon: float = 1e-3

    def build(self, input_shape: Shape) -> None:
        """Make gamma, beta and the moving mean and variance, (n,) or (R, 1, n)."""
        lead = leading_axis(input_shape)
        shape = (*lead, *[1] * len(lead), input_shape[-1])
        self.gamma = self.new_weight("gamma", *shape, initializer="ones")
        self.beta = self.new_weight("beta", *shape, initializer="zeros")
        kept = {"trainable": False}
        self.moving_mean = self.new_weight("moving_mean", *shape, initializer="zeros", **kept)
        self.moving_variance = self.new_weight(
            "moving_variance", *shape, initializer="ones", **kept
        )

    def call(self, inputs: Tensor, *, training: bool = False) -> Tensor:
        """Return the inputs with mean beta and deviation gamma over the batch."""
        if training:
            mean, variance = self._batch_statistics(inputs)
            for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                old = ops.convert_to_tensor(moving)
                moving.assign(old * self.momentum + value * (1 - self.momentum))
        else:
            mean = ops.convert_to_tensor(self.moving_mean)
            variance = ops.convert_to_tensor(self.moving_variance)
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        return inputs * scale + (self.beta - mean * scale)

    def _batch_statistics(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance over the rows that are present."""
        present = _PRESENT.get()
        weight = ops.ones_like(inputs[..., 0]) if present is None else present
        weight = ops.cast(weight, inputs.dtype)
        weight = weight / ops.maximum(ops.sum(weight, axis=-1, keepdims=True), 1.0)
        sums = "rb,rbn->rn" if len(inputs.shape) == 3 else "b,bn->n"
        mean = ops.reshape(ops.einsum(sums, weight, inputs), self.gamma.shape)
        variance = ops.einsum(sums, weight, ops.square(inputs - mean))
        return mean, ops.reshape(variance, self.gamma.shape)
