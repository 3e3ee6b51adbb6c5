"""The order of rows in training: batches of row numbers, shuffled each epoch."""

from __future__ import annotations

import numpy as np

from zoo.training.types import IntArray

__all__ = ["Batches"]


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
