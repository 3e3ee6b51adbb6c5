"""The base class of the zoo's own layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import keras
from keras import ops

from zoo.training.types import Options, Shape, Tensor

__all__ = ["Layer", "SizedLayer", "leading_axis", "over_rows"]

if TYPE_CHECKING:

    class _KerasLayer:
        """What mypy knows of `keras.layers.Layer`, whose module is not type-checked."""

        def __init__(self, **options: Any) -> None: ...
        def __call__(self, inputs: Tensor, *, training: bool = ...) -> Tensor: ...
        def add_weight(self, **options: Any) -> Tensor: ...
        def get_config(self) -> Options: ...

else:
    _KerasLayer = keras.layers.Layer


class Layer(_KerasLayer):
    """A Keras layer; a file holds the settings that the class names.

    A layer that has no replicated twin serves one network, (batch, ...), and R networks side by
    side, (R, batch, ...): the number of axes that it is built with decides. Its weights then have
    R as their first axis.
    """

    settings: ClassVar[tuple[str, ...]] = ()  # attributes, arguments of `__init__` too

    def get_config(self) -> Options:
        """Return the arguments of `__init__`."""
        return {**super().get_config(), **{name: getattr(self, name) for name in self.settings}}


class SizedLayer(Layer):
    """A layer of so many units.

    Parameters
    ----------
    units : int
    """

    settings = ("units",)

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units


def leading_axis(input_shape: Shape, n_axes: int = 2) -> Shape:
    """Return (R,) for inputs of R networks, () for those of one, which have `n_axes` axes."""
    return tuple(input_shape[:1]) if len(input_shape) > n_axes else ()


def over_rows(values: Tensor, n_axes: int) -> Tensor:
    """Return weights (..., n) with an axis of rows before their last `n_axes` axes."""
    return ops.expand_dims(values, -1 - n_axes)
