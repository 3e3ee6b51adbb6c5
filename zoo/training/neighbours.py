"""Training of ModernNCA: a network whose loss depends on a row's neighbours in the training set."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from keras import ops

from zoo.canonical import derive_seed
from zoo.training.batches import Batches
from zoo.training.compiled_network import CompiledNetwork
from zoo.training.losses import Loss
from zoo.training.optimizer import Adam
from zoo.training.padding import padded_size
from zoo.training.types import ArchitectureBuilder, DoubleArray, FloatArray, IntArray, Tensor

__all__ = [
    "Moments", "NeighbourProgram", "NeighbourRows", "StepRows", "draw_steps", "neighbour_means",
]  # fmt: skip

_CHUNK = 2**22  # distances at a time
_MASKED = -1e30  # logit of a candidate that does not count
_MIN_DISTANCE = 1e-3  # the gradient of a distance is infinite at 0
_TINY = 1e-7

Moments = tuple[list[Tensor], list[Tensor], list[Tensor]]  # weights, Adam's moments


class NeighbourRows(NamedTuple):
    """Rows of a step: X (n, n_inputs), y and weight (n,), and their training row numbers (n,)."""

    X: Tensor
    y: Tensor
    weight: Tensor
    number: Tensor

    @classmethod
    def take(
        cls, rows: NeighbourRows, numbers: IntArray, size: int, n_inputs: int
    ) -> NeighbourRows:
        """Return the rows with these numbers, padded to `size` with rows of weight 0."""
        n = len(numbers)
        X = np.zeros((size, n_inputs), np.float32)
        y, weight = np.zeros(size, np.float32), np.zeros(size, np.float32)
        number = np.full(size, -1, np.int32)
        X[:n, : rows.X.shape[1]] = rows.X[numbers]
        y[:n], weight[:n], number[:n] = rows.y[numbers], rows.weight[numbers], numbers
        return cls(X, y, weight, number)


StepRows = tuple[NeighbourRows, NeighbourRows]  # batch and candidates


def neighbour_means(
    near: FloatArray,
    far: FloatArray,
    targets: DoubleArray,
    weight: DoubleArray,
    temperature: float,
) -> DoubleArray:
    """Return the mean target of all candidates, weighted by exp(-distance / temperature).

    Computed in double precision, because a distance is a small difference of large squares, and in
    chunks of rows, so that memory does not grow with their number.

    Parameters
    ----------
    near : ndarray of shape (n_rows, n_units)
        Embedded rows.
    far : ndarray of shape (n_candidates, n_units)
        Embedded candidates.
    targets : ndarray of shape (n_candidates, n_outputs)
    weight : ndarray of shape (n_candidates,)
        Sample weights of the candidates; all are positive.
    temperature : float

    Returns
    -------
    ndarray of shape (n_rows, n_outputs)
    """
    center = far.mean(axis=0, dtype=np.float64)
    far_64 = far - center
    far_squares, log_weight = (far_64**2).sum(axis=1), np.log(weight)
    step = max(_CHUNK // len(far), 1)
    means = np.empty((len(near), targets.shape[1]))
    for start in range(0, len(near), step):
        rows = near[start : start + step] - center
        values = rows @ far_64.T  # in place: squared distances, logits, weights
        values *= -2.0
        values += far_squares
        values += (rows**2).sum(axis=1)[:, None]
        np.sqrt(np.maximum(values, 0.0, out=values), out=values)
        values /= -temperature
        values += log_weight
        values -= values.max(axis=1, keepdims=True)
        np.exp(values, out=values)
        means[start : start + step] = values @ targets / values.sum(axis=1, keepdims=True)
    return means


class NeighbourProgram(CompiledNetwork):
    """The compiled functions of one architecture: a step of training, and embedding rows.

    Parameters
    ----------
    build, n_inputs, jit_compile
        See `CompiledNetwork`.
    loss : {"crossentropy", "squared"}
    optimizer : Adam
    temperature : float
        Distances are divided by it.
    """

    def __init__(
        self,
        build: ArchitectureBuilder,
        n_inputs: int,
        loss: Loss,
        *,
        optimizer: Adam,
        temperature: float,
        jit_compile: bool,
    ) -> None:
        super().__init__(build, n_inputs, jit_compile=jit_compile)
        self._loss, self._optimizer, self._temperature = loss, optimizer, temperature

    @abstractmethod
    def train(
        self, moments: Moments, rows: StepRows, count: int, rates: tuple[float, float]
    ) -> tuple[Moments, float]:
        """Return weights and moments after one step, and the loss before it.

        Parameters
        ----------
        moments : tuple
            Weights, first and second moments.
        rows : tuple of NeighbourRows
            Batch and candidates: each row of the batch is predicted from all candidates but itself.
        count : int
            Number of this step, from 1.
        rates : tuple of float
            Learning rate and weight decay.
        """

    def _updated(
        self, moments: Moments, gradients: Sequence[Tensor], count: Tensor, rates: Tensor
    ) -> Moments:
        """Return weights and moments after a step of the optimizer."""
        weights, first, second = ([value[None] for value in values] for values in moments)
        new = self._optimizer.update(
            self.template.trainable_variables,
            (weights, first, second),
            [gradient[None] for gradient in gradients],  # one replicate
            count,
            (rates[0:1], rates[1:2]),
            ops.convert_to_tensor([True]),
        )
        weights, first, second = ([value[0] for value in values] for values in new)
        return weights, first, second

    def loss(self, weights: Sequence[Tensor], step_rows: StepRows) -> Tensor:
        """Return the weighted mean loss of the batch's rows that have a candidate."""
        batch, candidates = step_rows
        n_batch = batch.X.shape[0]
        rows = ops.concatenate([batch.X, candidates.X], axis=0)
        embedded = self.template.stateless_call(weights, [], rows, training=True)[0]
        embedded = embedded - ops.stop_gradient(ops.mean(embedded, axis=0))  # for precision
        near, far = embedded[:n_batch], embedded[n_batch:]
        squares = ops.expand_dims(ops.sum(near * near, axis=1), -1) + ops.sum(far * far, axis=1)
        squares = squares - 2.0 * ops.matmul(near, ops.transpose(far))
        logits = -ops.sqrt(ops.maximum(squares, _MIN_DISTANCE**2)) / self._temperature
        counts = (batch.number[:, None] != candidates.number) & (candidates.weight > 0)
        logits = logits + ops.log(ops.maximum(candidates.weight, _TINY))
        probabilities = ops.softmax(ops.where(counts, logits, _MASKED), axis=-1)
        if self._loss == "squared":
            losses = ops.square(ops.matmul(probabilities, candidates.y) - batch.y)
        else:
            is_same = ops.cast(batch.y[:, None] == candidates.y, probabilities.dtype)
            losses = -ops.log(ops.sum(probabilities * is_same, axis=1) + _TINY)
        weight = ops.where(ops.any(counts, axis=1), batch.weight, 0.0)
        return ops.sum(losses * weight) / ops.maximum(ops.sum(weight), 1e-12)


def draw_steps(
    train: NeighbourRows, n_inputs: int, seed: int, n_batch: int, n_candidates: int
) -> Iterator[StepRows]:
    """Yield batch and candidates of each step, epoch after epoch."""
    n_rows = len(train.y)
    batches = Batches(n_rows, n_batch, derive_seed("order", seed))
    rng = np.random.default_rng(derive_seed("candidates", seed))
    while True:
        (batch,) = batches.take(1)
        chosen = rng.permutation(n_rows)[:n_candidates]
        yield (
            NeighbourRows.take(train, batch[batch >= 0], padded_size(n_batch), n_inputs),
            NeighbourRows.take(train, chosen, padded_size(n_candidates), n_inputs),
        )
