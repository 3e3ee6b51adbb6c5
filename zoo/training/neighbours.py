"""Steps of a network that is judged by its neighbours among other training rows."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops
from numpy.typing import NDArray

from zoo.canonical import derive_seed
from zoo.training.blocks import row_class
from zoo.training.layers.namespaces import on_cpu, plain
from zoo.training.losses import Loss
from zoo.training.optimizer import Adam

__all__ = [
    "NeighbourProgram",
    "NeighbourRows",
    "answers",
    "draw_steps",
    "padded_size",
    "power_of_two",
]

_LEAST_ROWS = 64
_CHUNK = 2**22  # distances at a time
_NEVER = -1e30  # the logarithm of no weight at all
_NEAREST = 1e-3  # nearer rows pull no nearer: the slope of a root is infinite at 0
_TINY = 1e-7


class NeighbourRows(NamedTuple):
    """Rows of a step: X (n, n_inputs), y and weight (n,), and which training row each is (n,)."""

    X: Any
    y: Any
    weight: Any
    number: Any

    @classmethod
    def take(
        cls, rows: NeighbourRows, numbers: NDArray[np.intp], size: int, n_inputs: int
    ) -> NeighbourRows:
        """Return these rows, filled up to `size` with rows of weight 0."""
        n = len(numbers)
        X = np.zeros((size, n_inputs), np.float32)
        y, weight = np.zeros(size, np.float32), np.zeros(size, np.float32)
        number = np.full(size, -1, np.int32)
        X[:n, : rows.X.shape[1]] = rows.X[numbers]
        y[:n], weight[:n], number[:n] = rows.y[numbers], rows.weight[numbers], numbers
        return cls(X, y, weight, number)


def padded_size(n_rows: int) -> int:
    """Return the least of 64, 128, 256, ... that is not less: steps have few shapes."""
    return max(1 << max(n_rows - 1, 0).bit_length(), _LEAST_ROWS)


def answers(
    near: NDArray[np.float32],
    far: NDArray[np.float32],
    targets: NDArray[np.float64],
    weight: NDArray[np.float64],
    temperature: float,
) -> NDArray[np.float64]:
    """Return the mean target of all candidates, each by exp(-distance / temperature).

    In double precision, for a distance is the small difference of large squares, and in chunks of
    rows, so that memory does not grow with their number.

    Parameters
    ----------
    near : ndarray of shape (n_rows, n_units)
        Embedded rows.
    far : ndarray of shape (n_candidates, n_units)
        Embedded candidates.
    targets : ndarray of shape (n_candidates, n_outputs)
    weight : ndarray of shape (n_candidates,)
        A candidate counts as often; all are positive.
    temperature : float

    Returns
    -------
    ndarray of shape (n_rows, n_outputs)
    """
    center = far.mean(axis=0, dtype=np.float64)
    far_64 = far - center
    far_squares, log_weight = (far_64**2).sum(axis=1), np.log(weight)
    step = max(_CHUNK // len(far), 1)
    found = np.empty((len(near), targets.shape[1]))
    for start in range(0, len(near), step):
        rows = near[start : start + step] - center
        shares = rows @ far_64.T
        shares *= -2.0
        shares += far_squares
        shares += (rows**2).sum(axis=1)[:, None]
        np.sqrt(np.maximum(shares, 0.0, out=shares), out=shares)
        shares /= -temperature
        shares += log_weight
        shares -= shares.max(axis=1, keepdims=True)
        np.exp(shares, out=shares)
        found[start : start + step] = shares @ targets / shares.sum(axis=1, keepdims=True)
    return found


class NeighbourProgram(ABC):
    """The compiled functions of one architecture: a step of training, and embedding rows.

    As in `Program`, weights are arguments and results, never variables of the graph.

    Parameters
    ----------
    build : callable
        Given a namespace of layers and the number of inputs, returns the `keras.Model`.
    n_inputs : int
    loss : {"crossentropy", "squared"}
    optimizer : Adam
    temperature : float
    jit_compile : bool
    """

    def __init__(
        self,
        build: Callable[[Any, int], Any],
        n_inputs: int,
        loss: Loss,
        *,
        optimizer: Adam,
        temperature: float,
        jit_compile: bool,
    ) -> None:
        start = time.perf_counter()
        with on_cpu():
            self.template = build(plain(), n_inputs)
        self.n_inputs = n_inputs
        self._loss, self._optimizer, self._temperature = loss, optimizer, temperature
        self._jit_compile = jit_compile
        self._lock = threading.Lock()
        self.compile_s = time.perf_counter() - start
        self._claimed_s = 0.0

    def take_compile_s(self) -> float:
        """Return the seconds spent on building and compiling since the last call."""
        seconds = self.compile_s - self._claimed_s
        self._claimed_s = self.compile_s
        return seconds

    @abstractmethod
    def train(
        self,
        train_state: tuple[Sequence[Any], Sequence[Any], Sequence[Any]],
        batch: NeighbourRows,
        candidates: NeighbourRows,
        count: int,
        rates: tuple[float, float],
    ) -> tuple[tuple[list[Any], list[Any], list[Any]], float]:
        """Return weights and moments after one step, and the loss before it.

        Parameters
        ----------
        train_state : tuple
            Weights, first and second moments.
        batch, candidates : NeighbourRows
            A row of the batch is answered by the candidates that are not itself.
        count : int
            Steps made, this one included.
        rates : tuple of float
            Learning rate and weight decay.
        """

    def _updated(self, train_state: Any, gradients: Any, count: Any, rates: Any) -> Any:
        """Return weights and moments after a step of the optimiser."""
        first = [[value[None] for value in values] for values in train_state]  # one replicate
        new = self._optimizer.update(
            self.template.trainable_variables,
            (first[0], first[1], first[2]),
            [gradient[None] for gradient in gradients],
            count,
            (rates[0:1], rates[1:2]),
            ops.convert_to_tensor([True]),
        )
        return tuple([value[0] for value in values] for values in new)

    def loss(self, weights: Sequence[Any], batch: Any, candidates: Any) -> Any:
        """Return the weighted mean loss of the batch's rows that have a candidate."""
        n_batch = batch.X.shape[0]
        rows = ops.concatenate([batch.X, candidates.X], axis=0)
        embedded = self.template.stateless_call(weights, [], rows, training=True)[0]
        embedded = embedded - ops.stop_gradient(ops.mean(embedded, axis=0))  # for precision
        near, far = embedded[:n_batch], embedded[n_batch:]
        squares = ops.expand_dims(ops.sum(near * near, axis=1), -1) + ops.sum(far * far, axis=1)
        squares = squares - 2.0 * ops.matmul(near, ops.transpose(far))
        logits = -ops.sqrt(ops.maximum(squares, _NEAREST**2)) / self._temperature
        counts = (batch.number[:, None] != candidates.number) & (candidates.weight > 0)
        logits = logits + ops.log(ops.maximum(candidates.weight, _TINY))
        shares = ops.softmax(ops.where(counts, logits, _NEVER), axis=-1)
        if self._loss == "squared":
            losses = ops.square(ops.matmul(shares, candidates.y) - batch.y)
        else:
            is_same = ops.cast(batch.y[:, None] == candidates.y, shares.dtype)
            losses = -ops.log(ops.sum(shares * is_same, axis=1) + _TINY)
        weight = ops.where(ops.any(counts, axis=1), batch.weight, 0.0)
        return ops.sum(losses * weight) / ops.maximum(ops.sum(weight), 1e-12)

    def _forward(self, weights: Sequence[Any], X: Any) -> Any:
        return self.template.stateless_call(weights, [], X, training=False)[0]

    @abstractmethod
    def _answer(self, weights: Sequence[Any], X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the network makes of some rows."""

    def embed(
        self, weights: Sequence[Any], X: NDArray[np.float32], *, max_rows: int
    ) -> NDArray[np.float32]:
        """Return what the network makes of rows, (n_rows, n_units), `max_rows` at a time."""
        parts = []
        for start in range(0, max(len(X), 1), max_rows):
            rows = X[start : start + max_rows]
            full = np.zeros((max(row_class(len(rows)), _LEAST_ROWS), self.n_inputs), np.float32)
            full[: len(rows), : rows.shape[1]] = rows
            parts.append(self._answer(weights, full)[: len(rows)])
        return np.concatenate(parts)


def power_of_two(most: int) -> int:
    """Return the largest that is not more: steps are filled up to powers of two."""
    return 1 << max(most, 1).bit_length() - 1


def draw_steps(
    train: NeighbourRows, n_inputs: int, seed: int, n_batch: int, n_candidates: int
) -> Iterator[tuple[Any, Any]]:
    """Yield batch and candidates of each step, epoch after epoch."""
    n_rows = len(train.y)
    order, sample = (
        np.random.default_rng(derive_seed(part, seed)) for part in ("order", "candidates")
    )
    while True:
        shuffled = order.permutation(n_rows)
        for at in range(0, n_rows, n_batch):
            numbers = shuffled[at : at + n_batch], sample.permutation(n_rows)[:n_candidates]
            batch, candidates = (
                NeighbourRows.take(train, chosen, padded_size(size), n_inputs)
                for chosen, size in zip(numbers, (n_batch, n_candidates), strict=True)
            )
            yield batch, candidates
