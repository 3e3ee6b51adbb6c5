"""Rows padded with zeros to a few sizes, so that few shapes are compiled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo.training.types import FloatArray

__all__ = ["in_padded_parts", "padded_size", "power_of_two_below", "row_class"]

_MIN_ROWS = 64


def row_class(n_rows: int) -> int:
    """Return the next of 1, 2, 4, 8, 10, 12, 14, 16, 20, 24, ... (quarters of powers of two)."""
    if n_rows <= 8:
        return 1 << max(n_rows - 1, 0).bit_length()
    quarter = 1 << ((n_rows - 1).bit_length() - 3)
    return -(-n_rows // quarter) * quarter


def padded_size(n_rows: int) -> int:
    """Return the next of 64, 128, 256, ..."""
    return max(1 << max(n_rows - 1, 0).bit_length(), _MIN_ROWS)


def power_of_two_below(limit: int) -> int:
    """Return the largest power of two that does not exceed the limit."""
    return 1 << max(limit, 1).bit_length() - 1


def in_padded_parts(
    forward: Callable[[FloatArray], FloatArray],
    X: FloatArray,
    *,
    n_inputs: int,
    max_rows: int = 8192,
) -> FloatArray:
    """Return the outputs of a network for rows, computed a part at a time.

    Parts are padded, because TensorFlow's matrix product keeps some memory for each shape, and the
    last bit of its results depends on the number of rows.

    Parameters
    ----------
    forward : callable
        Returns the outputs for rows (n_rows, n_inputs).
    X : ndarray of shape (n_rows, at most n_inputs)
    n_inputs, max_rows : int
    """
    parts = []
    for start in range(0, max(len(X), 1), max_rows):
        rows = X[start : start + max_rows]
        n_rows, n_columns = rows.shape
        padded = np.zeros((max(row_class(n_rows), _MIN_ROWS), n_inputs), np.float32)
        padded[:n_rows, :n_columns] = rows
        parts.append(forward(padded)[:n_rows])
    return np.concatenate(parts)
