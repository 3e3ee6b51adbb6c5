"""The rows of the next steps, in memory that is reused."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from zoo.training.tasks import Rows
from zoo.training.types import FloatArray, IntArray, Shape, Tensor

__all__ = ["Block"]

_ALIGNMENT = 64  # bytes; XLA requires it of memory that it does not own


def _aligned(shape: Shape) -> FloatArray:
    n_bytes = 4 * math.prod(shape)
    raw = np.zeros(n_bytes + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + n_bytes].view(np.float32).reshape(shape)


class Block:
    """Rows, labels and weights of a block of steps of R networks.

    The memory is allocated once: fresh pages and copies took longer than small networks compute.

    Parameters
    ----------
    n_replicates, n_steps, batch_size, n_inputs : int
    as_tensors : callable
        Returns tensors in the memory of arrays.

    Attributes
    ----------
    tensors : sequence of tensors
        X (R, n_steps, batch_size, n_inputs), y and weight (R, n_steps, batch_size).
    """

    def __init__(
        self,
        n_replicates: int,
        n_steps: int,
        batch_size: int,
        n_inputs: int,
        as_tensors: Callable[[Sequence[FloatArray]], Sequence[Tensor]],
    ) -> None:
        shape = (n_replicates, n_steps, batch_size)
        self._X = _aligned((*shape, n_inputs))
        self._y, self._weight = _aligned(shape), _aligned(shape)
        self.tensors = as_tensors((self._X, self._y, self._weight))

    def fill(self, replicate: int, rows: Rows, numbers: IntArray) -> None:
        """Copy rows to the first steps of one replicate.

        Parameters
        ----------
        replicate : int
        rows : Rows
            With this block's number of inputs.
        numbers : ndarray of int, shape (n_steps, batch_size)
            Of the rows; -1 is padding, with weight 0.
        """
        n_steps = len(numbers)
        pairs = ((rows.X, self._X), (rows.y, self._y), (rows.weight, self._weight))
        for values, target in pairs:
            np.take(values, numbers, axis=0, out=target[replicate, :n_steps], mode="clip")
        self._weight[replicate, :n_steps][numbers < 0] = 0.0

    def clear(self, replicate: int) -> None:
        """Set all rows of one replicate to zero."""
        self._X[replicate], self._y[replicate], self._weight[replicate] = 0.0, 0.0, 0.0
