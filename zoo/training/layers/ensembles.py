"""Layers of networks that hold many members with shared weights (TabM, arXiv:2410.24210).

Tensors of one network are (batch, member, feature), those of R networks (R, batch, member,
feature).
"""

from __future__ import annotations

import keras
from keras import ops

from zoo.training.layers.layer import Layer, leading_axis, over_rows
from zoo.training.types import Shape, Tensor

__all__ = [
    "BatchEnsembleDense", "Members", "MembersDense", "MembersMean", "MembersScale", "SharedDense",
]  # fmt: skip


def _for_all(inputs: Tensor, kernel: Tensor) -> Tensor:
    """Return (..., k, n) times (n, units) in one matrix product for all members."""
    lead, (k, n) = inputs.shape[:-3], inputs.shape[-2:]
    flat = ops.matmul(ops.reshape(inputs, (*lead, -1, n)), kernel)
    return ops.reshape(flat, (*lead, -1, k, flat.shape[-1]))


@keras.saving.register_keras_serializable("zoo")
class Members(Layer):
    """The same row for each of k members: (batch, n) to (batch, k, n)."""

    k: int

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., k, n)."""
        return ops.repeat(ops.expand_dims(inputs, -2), self.k, axis=-2)


@keras.saving.register_keras_serializable("zoo")
class MembersScale(Layer):
    """A learned factor for each member and feature."""

    def build(self, input_shape: Shape) -> None:
        """Make the factors (k, n)."""
        shape = (*leading_axis(input_shape, 3), *input_shape[-2:])
        self.factors = self.new_weight("factors", *shape, initializer="ones")

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., k, n)."""
        return inputs * over_rows(self.factors)


@keras.saving.register_keras_serializable("zoo")
class SharedDense(Layer):
    """A dense layer that all members share."""

    units: int

    def build(self, input_shape: Shape) -> None:
        """Make a kernel (n, units) and a bias (units,)."""
        lead, n = leading_axis(input_shape, 3), input_shape[-1]
        self.kernel = self.new_weight("kernel", *lead, n, self.units)
        self.bias = self.new_weight("bias", *lead, self.units)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., k, units)."""
        return _for_all(inputs, self.kernel) + ops.expand_dims(ops.expand_dims(self.bias, -2), -2)


@keras.saving.register_keras_serializable("zoo")
class BatchEnsembleDense(Layer):
    """((x r) W) s + b: W is shared, r, s and b are each member's (arXiv:2002.06715, eq. 5)."""

    units: int

    def build(self, input_shape: Shape) -> None:
        """Make r (k, n), kernel W (n, units), s and b (k, units)."""
        lead, (k, n) = leading_axis(input_shape, 3), input_shape[-2:]
        self.r = self.new_weight("r", *lead, k, n, initializer="ones")
        self.kernel = self.new_weight("kernel", *lead, n, self.units)
        self.s = self.new_weight("s", *lead, k, self.units, initializer="ones")
        self.bias = self.new_weight("bias", *lead, k, self.units)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., k, units)."""
        made = _for_all(inputs * over_rows(self.r), self.kernel)
        return made * over_rows(self.s) + over_rows(self.bias)


@keras.saving.register_keras_serializable("zoo")
class MembersDense(Layer):
    """A dense layer for each member."""

    units: int

    def build(self, input_shape: Shape) -> None:
        """Make kernels (k, n, units) and biases (k, units)."""
        lead, (k, n) = leading_axis(input_shape, 3), input_shape[-2:]
        self.kernel = self.new_weight("kernel", *lead, k, n, self.units)
        self.bias = self.new_weight("bias", *lead, k, self.units)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., k, units)."""
        by_member = ops.swapaxes(inputs, -2, -3)
        made = ops.swapaxes(ops.matmul(by_member, self.kernel), -2, -3)
        return made + over_rows(self.bias)


@keras.saving.register_keras_serializable("zoo")
class MembersMean(Layer):
    """The logarithm of the members' mean probabilities; in training, the members' own outputs.

    Members trained on the loss of their mean would behave as one network.

    Parameters
    ----------
    is_logits : bool
        Whether the outputs are logits; otherwise the mean of the outputs is returned.
    """

    is_logits: bool

    def call(self, inputs: Tensor, *, training: bool = False) -> Tensor:
        """Return (..., k, n) while training, else (..., n)."""
        if training:
            return inputs
        if not self.is_logits:
            return ops.mean(inputs, axis=-2)
        logs = ops.log_softmax(inputs, axis=-1)
        return ops.logsumexp(logs, axis=-2) - ops.log(ops.cast(inputs.shape[-2], inputs.dtype))
