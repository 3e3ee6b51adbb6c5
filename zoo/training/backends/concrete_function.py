"""TensorFlow functions traced for one signature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from zoo.training.types import Tensor

__all__ = ["ConcreteFunction"]


class ConcreteFunction:
    """A `tf.function` of nested tensors, traced once and called with a flat list of them.

    Calling a `tf.function` with nested arguments took longer than small networks compute.

    Parameters
    ----------
    function : callable
    specs : tuple
        Its arguments: nested `tf.TensorSpec`.
    jit_compile : bool
    """

    def __init__(
        self, function: Callable[..., Tensor], specs: tuple[Any, ...], *, jit_compile: bool
    ) -> None:
        def flat(*tensors: Tensor) -> list[Tensor]:
            nested = tf.nest.pack_sequence_as(specs, list(tensors))
            results: list[Tensor] = tf.nest.flatten(function(*nested))
            return results

        traced = tf.function(flat, jit_compile=jit_compile, autograph=False)
        self._function = traced.get_concrete_function(*tf.nest.flatten(specs))

    def __call__(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return the results as a flat list."""
        results: list[Tensor] = self._function(*tensors)
        return results
