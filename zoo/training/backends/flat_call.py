"""A compiled function that is cheap to call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

__all__ = ["Compiled"]


class Compiled:
    """A function of nested tensors, compiled for one shape and called with a flat list of them.

    Calling a `tf.function` with what is nested took longer than small networks compute.

    Parameters
    ----------
    function : callable
    specs : tuple
        What it takes: nested `tf.TensorSpec`.
    jit_compile : bool
    """

    def __init__(self, function: Callable[..., Any], specs: Any, jit_compile: bool) -> None:
        def flat(*tensors: Any) -> Any:
            return tf.nest.flatten(function(*tf.nest.pack_sequence_as(specs, list(tensors))))

        traced = tf.function(flat, jit_compile=jit_compile, autograph=False)
        self._function = traced.get_concrete_function(*tf.nest.flatten(specs))

    def __call__(self, tensors: Sequence[Any]) -> list[Any]:
        """Return the results as a flat list."""
        results: list[Any] = self._function(*tensors)
        return results
