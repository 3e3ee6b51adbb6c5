"""Batches: the order of rows, shuffled each epoch, and the rows themselves, in reused memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from zoo.training.tasks import Rows
from zoo.training.types import FloatArray, IntArray, Shape, Tensor

__all__ = ["Batches", "BlockMemory"]

_ALIGNMENT = 64  # bytes; XLA requires it of memory that it does not own


class Batches:
    """An endless sequence of batches.

    Parameters
    ----------
    n_rows, batch_size : int
    seed : int
        Decides the order of rows.
    drop_last : bool
        Whether an epoch leaves out the rows that do not fill a batch, if others do.
    """

    def __init__(self, n_rows: int, batch_size: int, seed: int, *, drop_last: bool = False) -> None:
        self._n_rows, self._batch_size = n_rows, batch_size
        self._rng = np.random.default_rng(seed)
        self.steps_per_epoch = -(-n_rows // batch_size)
        if drop_last:
            self.steps_per_epoch = max(1, n_rows // batch_size)
        self._rest = np.empty((0, batch_size), np.intp)  # of the epochs begun

    def _epoch(self) -> IntArray:
        epoch = np.full(self.steps_per_epoch * self._batch_size, -1)
        order = self._rng.permutation(self._n_rows)[: len(epoch)]
        epoch[: len(order)] = order
        return epoch.reshape(-1, self._batch_size)

    def take(self, n_steps: int) -> IntArray:
        """Return the row numbers of the next batches, (n_steps, batch_size); -1 is padding."""
        while len(self._rest) < n_steps:
            self._rest = np.concatenate([self._rest, self._epoch()])
        numbers, self._rest = self._rest[:n_steps], self._rest[n_steps:]
        return numbers


def _aligned(shape: Shape) -> FloatArray:
    n_bytes = 4 * math.prod(shape)
    raw = np.zeros(n_bytes + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + n_bytes].view(np.float32).reshape(shape)


class BlockMemory:
    """Rows, labels and weights of a block of steps of R networks.

    The memory is allocated once: fresh pages and copies took longer than small networks compute.

    Parameters
    ----------
    shape : tuple of int
        R, n_steps and batch_size.
    n_inputs : int
    as_tensors : callable
        Returns tensors in the memory of arrays.

    Attributes
    ----------
    tensors : sequence of tensors
        X (R, n_steps, batch_size, n_inputs), y and weight (R, n_steps, batch_size).
    """

    def __init__(
        self,
        shape: Shape,
        n_inputs: int,
        as_tensors: Callable[[Sequence[FloatArray]], Sequence[Tensor]],
    ) -> None:
        self._X = _aligned((*shape, n_inputs))
        self._y, self._weight = _aligned(shape), _aligned(shape)
        self.tensors = as_tensors((self._X, self._y, self._weight))

    def fill(self, replicate: int, rows: Rows, numbers: IntArray) -> None:
        """Copy the rows with these numbers, (n_steps, batch_size), to one replicate's first steps.

        The rows have this block's number of inputs. The number -1 is padding, with weight 0.
        """
        n_steps = len(numbers)
        pairs = ((rows.X, self._X), (rows.y, self._y), (rows.weight, self._weight))
        for values, target in pairs:
            np.take(values, numbers, axis=0, out=target[replicate, :n_steps], mode="clip")
        self._weight[replicate, :n_steps][numbers < 0] = 0.0

    def clear(self, replicate: int) -> None:
        """Set all rows of one replicate to zero."""
        self._X[replicate], self._y[replicate], self._weight[replicate] = 0.0, 0.0, 0.0
