"""Layers of networks that hold many members with shared weights (TabM, arXiv:2410.24210).

Tensors of one network are (batch, member, feature), those of R networks (R, batch, member,
feature); the number of axes that a layer is built with tells.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = [
    "BatchEnsembleDense", "Members", "MembersDense", "MembersMean", "MembersScale", "SharedDense",
]  # fmt: skip


def _lead(input_shape: Any, n_axes: int) -> tuple[int, ...]:
    """Return (R,) for inputs of R networks, () for those of one, which have `n_axes` axes."""
    return tuple(input_shape[:1]) if len(input_shape) > n_axes else ()


def _over_rows(values: Any) -> Any:
    """Return weights (R, k, n) or (k, n) so that they broadcast over (R, batch, k, n)."""
    return ops.expand_dims(values, -3)


def _for_all(inputs: Any, kernel: Any) -> Any:
    """Return (..., k, n) times (n, units) in one matrix product for all members."""
    lead, (k, n) = inputs.shape[:-3], inputs.shape[-2:]
    flat = ops.matmul(ops.reshape(inputs, (*lead, -1, n)), kernel)
    return ops.reshape(flat, (*lead, -1, k, flat.shape[-1]))


@keras.saving.register_keras_serializable("zoo")
class Members(keras.layers.Layer):  # type: ignore[misc]
    """The same row for each of k members: (batch, n) to (batch, k, n).

    Parameters
    ----------
    k : int
    """

    def __init__(self, k: int, **options: Any) -> None:
        super().__init__(**options)
        self.k = k

    def call(self, inputs: Any) -> Any:
        """Return (..., k, n)."""
        return ops.repeat(ops.expand_dims(inputs, -2), self.k, axis=-2)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "k": self.k}


@keras.saving.register_keras_serializable("zoo")
class MembersScale(keras.layers.Layer):  # type: ignore[misc]
    """A learned factor for each member and feature, the only thing that members do not share."""

    def build(self, input_shape: Any) -> None:
        """Make the factors (k, n)."""
        shape = (*_lead(input_shape, 3), *input_shape[-2:])
        self.factors = self.add_weight(name="factors", shape=shape, initializer="ones")

    def call(self, inputs: Any) -> Any:
        """Return (..., k, n)."""
        return inputs * _over_rows(self.factors)


@keras.saving.register_keras_serializable("zoo")
class SharedDense(keras.layers.Layer):  # type: ignore[misc]
    """A dense layer that all members share.

    Parameters
    ----------
    units : int
    """

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def build(self, input_shape: Any) -> None:
        """Make a kernel (n, units) and a bias (units,)."""
        lead, n = _lead(input_shape, 3), input_shape[-1]
        self.kernel = self.add_weight(name="kernel", shape=(*lead, n, self.units))
        self.bias = self.add_weight(name="bias", shape=(*lead, self.units))

    def call(self, inputs: Any) -> Any:
        """Return (..., k, units)."""
        return _for_all(inputs, self.kernel) + ops.expand_dims(ops.expand_dims(self.bias, -2), -2)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("zoo")
class BatchEnsembleDense(keras.layers.Layer):  # type: ignore[misc]
    """((x r) W) s + b: members share W and have r, s and b of their own (arXiv:2002.06715, eq. 5).

    Parameters
    ----------
    units : int
    """

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def build(self, input_shape: Any) -> None:
        """Make r (k, n), kernel W (n, units), s and b (k, units)."""
        lead, (k, n) = _lead(input_shape, 3), input_shape[-2:]
        self.r = self.add_weight(name="r", shape=(*lead, k, n), initializer="ones")
        self.kernel = self.add_weight(name="kernel", shape=(*lead, n, self.units))
        self.s = self.add_weight(name="s", shape=(*lead, k, self.units), initializer="ones")
        self.bias = self.add_weight(name="bias", shape=(*lead, k, self.units))

    def call(self, inputs: Any) -> Any:
        """Return (..., k, units)."""
        made = _for_all(inputs * _over_rows(self.r), self.kernel)
        return made * _over_rows(self.s) + _over_rows(self.bias)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("zoo")
class MembersDense(keras.layers.Layer):  # type: ignore[misc]
    """A dense layer of its own for each member.

    Parameters
    ----------
    units : int
    """

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def build(self, input_shape: Any) -> None:
        """Make kernels (k, n, units) and biases (k, units)."""
        lead, (k, n) = _lead(input_shape, 3), input_shape[-2:]
        self.kernel = self.add_weight(name="kernel", shape=(*lead, k, n, self.units))
        self.bias = self.add_weight(name="bias", shape=(*lead, k, self.units))

    def call(self, inputs: Any) -> Any:
        """Return (..., k, units)."""
        by_member = ops.swapaxes(inputs, -2, -3)
        made = ops.swapaxes(ops.matmul(by_member, self.kernel), -2, -3)
        return made + _over_rows(self.bias)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("zoo")
class MembersMean(keras.layers.Layer):  # type: ignore[misc]
    """While training, the members' outputs; otherwise the logarithm of their mean probabilities.

    Training on the loss of the mean would make the members one network.

    Parameters
    ----------
    is_logits : bool
        False: the outputs are numbers, and their mean is taken.
    """

    def __init__(self, *, is_logits: bool, **options: Any) -> None:
        super().__init__(**options)
        self.is_logits = is_logits

    def call(self, inputs: Any, *, training: bool = False) -> Any:
        """Return (..., k, n) while training, else (..., n)."""
        if training:
            return inputs
        if not self.is_logits:
            return ops.mean(inputs, axis=-2)
        shares = ops.log_softmax(inputs, axis=-1)
        return ops.logsumexp(shares, axis=-2) - ops.log(ops.cast(inputs.shape[-2], inputs.dtype))

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "is_logits": self.is_logits}
