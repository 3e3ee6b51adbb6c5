"""The task for every framework: rows, initial weights, and the batches of each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

import zoo
from zoo.data.splits import split
from zoo.training.initialisers import initial_weights

__all__ = ["LEARNING_RATE", "Task", "make_task"]

LEARNING_RATE = 0.001  # of Adam, with beta 0.9 and 0.999 and epsilon 1e-7 everywhere
_DATASET = "thyroid"


@dataclass(frozen=True, slots=True)
class Task:
    """Data, initial weights and batches, the same for every framework.

    Parameters
    ----------
    X, X_test : ndarray of float32, shape (n_rows, n_inputs)
    y, y_test : ndarray of int32, shape (n_rows,)
        Class codes.
    weights : list of ndarray
        Initial kernel and bias of each layer, from input to output.
    batches : ndarray of int, shape (n_epochs, n_steps, batch_size)
        Rows of each step.
    """

    X: NDArray[np.float32]
    y: NDArray[np.int32]
    X_test: NDArray[np.float32]
    y_test: NDArray[np.int32]
    weights: list[NDArray[np.float32]]
    batches: NDArray[np.intp]

    @property
    def sizes(self) -> list[int]:
        """Inputs, hidden units, classes."""
        return [len(kernel) for kernel in self.weights[::2]] + [len(self.weights[-1])]


def make_task(
    *, n_rows: int = 4096, units: int = 128, n_epochs: int = 10, batch_size: int = 64
) -> Task:
    """Return the task; the same arguments give the same task.

    Parameters
    ----------
    n_rows : int
        Training rows; epochs skip the rows of an incomplete batch.
    units : int
        Of each of the two hidden layers.
    n_epochs, batch_size : int
    """
    table = zoo.load(_DATASET)
    rows = split(table.y, task="classification", dataset=_DATASET, replicate=0)
    train = rows.subset(n_rows)
    model = zoo.make("mlp")
    X, codes, _ = model._checked(table.X.iloc[train], table.y.iloc[train], None)
    X_test = model._encode(table.X.iloc[rows.test])
    y_test = np.searchsorted(model.classes_, table.y.iloc[rows.test])
    sizes = [X.shape[1], units, units, len(model.classes_)]
    shapes: list[tuple[int, ...]] = []
    for n_in, n_out in pairwise(sizes):
        shapes += [(n_in, n_out), (n_out,)]
    names = ["hidden_1", "hidden_2", "output"]
    paths = [f"{name}/{kind}" for name in names for kind in ("kernel", "bias")]
    rng = np.random.default_rng(0)
    weights = initial_weights(paths, shapes, rng, X)
    n_steps = n_rows // batch_size
    batches = np.stack(
        [
            rng.permutation(n_rows)[: n_steps * batch_size].reshape(n_steps, batch_size)
            for _ in range(n_epochs)
        ]
    )
    return Task(X, codes.astype(np.int32), X_test, y_test.astype(np.int32), weights, batches)
