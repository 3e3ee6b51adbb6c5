"""Rows in memory: those of the next steps, read in place, and how many to predict at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Block", "row_class"]

_ALIGNMENT = 64  # bytes; what XLA asks of memory that it does not own


def _aligned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    n_bytes = 4 * math.prod(shape)
    raw = np.zeros(n_bytes + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + n_bytes].view(np.float32).reshape(shape)


class Block:
    """Rows, labels and weights of a block of steps for R networks; filled, trained on, refilled.

    The memory is the same each time: fresh pages and copies took longer than small networks do.

    Parameters
    ----------
    n_replicates, n_steps, batch_size, n_inputs : int
    """

    def __init__(self, n_replicates: int, n_steps: int, batch_size: int, n_inputs: int) -> None:
        shape = (n_replicates, n_steps, batch_size)
        self.X = _aligned((*shape, n_inputs))
        self.y, self.weight = _aligned(shape), _aligned(shape)
        parts = (self.X, self.y, self.weight)
        import keras

        if keras.backend.backend() != "tensorflow":
            self._tensors = list(parts)
            return
        import tensorflow as tf

        self._tensors = [tf.experimental.dlpack.from_dlpack(part.__dlpack__()) for part in parts]

    def fill(self, replicate: int, data: Any, numbers: NDArray[np.intp]) -> None:
        """Put rows of `data` (X, y, weight) in the first steps of one replicate.

        Parameters
        ----------
        replicate : int
        data : Rows
            X of this block's number of inputs.
        numbers : ndarray of int, shape (n_steps, batch_size)
            Of the rows; -1 for a row that is not there: its weight is 0.
        """
        n_steps = len(numbers)
        for values, target in (
            (data.X, self.X), (data.y, self.y), (data.weight, self.weight),
        ):  # fmt: skip
            np.take(values, numbers, axis=0, out=target[replicate, :n_steps], mode="clip")
        self.weight[replicate, :n_steps][numbers < 0] = 0.0

    def clear(self, replicate: int) -> None:
        """Leave no row in the place of one replicate."""
        self.X[replicate], self.y[replicate], self.weight[replicate] = 0.0, 0.0, 0.0

    @property
    def tensors(self) -> Sequence[Any]:
        """X (R, n_steps, batch_size, n_inputs), y and weight (R, n_steps, batch_size)."""
        return self._tensors


def row_class(n_rows: int) -> int:
    """Return the least of 1, 2, 4, 8, 10, 12, 14, 16, 20, 24, ... (quarters of powers of two)."""
    if n_rows <= 8:
        return 1 << max(n_rows - 1, 0).bit_length()
    quarter = 1 << ((n_rows - 1).bit_length() - 3)
    return -(-n_rows // quarter) * quarter
