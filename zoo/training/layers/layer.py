"""The base class of the zoo's own layers."""

from __future__ import annotations

from inspect import get_annotations
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from zoo.training.types import Options, Shape, Tensor

__all__ = ["Layer", "leading_axis", "over_rows"]

if TYPE_CHECKING:

    class _KerasLayer:
        """What mypy knows of `keras.layers.Layer`, whose module is not type-checked."""

        def __init__(self, **options: Any) -> None: ...
        def __call__(self, inputs: Tensor, *, training: bool = ...) -> Tensor: ...
        def add_weight(self, shape: Shape, **options: Any) -> Tensor: ...
        def get_config(self) -> Options: ...

else:
    _KerasLayer = keras.layers.Layer


class Layer(_KerasLayer):
    """A Keras layer whose annotated attributes are its settings, as in a dataclass.

    They are arguments of the constructor and are saved with the network.

    A layer that has no replicated twin serves one network, (batch, ...), and R networks side by
    side, (R, batch, ...): the number of axes that it is built with decides. Its weights then have
    R as their first axis.
    """

    def __init__(self, *values: Any, **options: Any) -> None:
        names = self._settings()
        given = dict(zip(names, values, strict=False))
        given |= {name: options.pop(name) for name in names if name in options}
        super().__init__(**options)
        for name, value in given.items():
            setattr(self, name, value)

    @classmethod
    def _settings(cls) -> list[str]:
        """Return the names of the annotated attributes, those of base classes first."""
        bases = [base for base in reversed(cls.__mro__) if issubclass(base, Layer)]
        return [name for base in bases for name in get_annotations(base)]

    def new_weight(self, name: str, *shape: int, **options: Any) -> Tensor:
        """Return a new weight; the options are those of Keras's `add_weight`."""
        return self.add_weight(shape, name=name, **options)

    def get_config(self) -> Options:
        """Return the arguments of `__init__`."""
        settings = {name: getattr(self, name) for name in self._settings()}
        return {**super().get_config(), **settings}


def leading_axis(input_shape: Shape, n_axes: int = 2) -> Shape:
    """Return (R,) for inputs of R networks, () for those of one, which have `n_axes` axes."""
    return tuple(input_shape[:1]) if len(input_shape) > n_axes else ()


def over_rows(values: Tensor, n_axes: int = 2) -> Tensor:
    """Return weights (..., n) with an axis of rows before their last `n_axes` axes."""
    return ops.expand_dims(values, -1 - n_axes)
