"""Early-stopped training of R networks side by side: rounds of whole epochs, best weights kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from zoo.training.program import BATCH, BLOCK, Program

__all__ = ["FitOptions", "FitResult", "Rows", "fit_networks"]

_ROUND_STEPS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """How long and how fast to train.

    Parameters
    ----------
    learning_rate, weight_decay : float
    max_epochs : int
        Rounds at most. A round is one epoch, or as many epochs as make 32 steps when the data is
        small.
    patience : int
        Rounds without a better held-out loss before training stops.
    """

    learning_rate: float
    weight_decay: float
    max_epochs: int
    patience: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one replicate.

    Parameters
    ----------
    X : ndarray of float32, shape (n_rows, n_inputs)
    y : ndarray of float32, shape (n_rows,)
        Class codes or numbers.
    weight : ndarray of float32, shape (n_rows,)
    """

    X: NDArray[np.float32]
    y: NDArray[np.float32]
    weight: NDArray[np.float32]


@dataclass(slots=True)
class FitResult:
    """Weights of the best round, and the held-out loss after each round, of one replicate.

    Parameters
    ----------
    weights : list of ndarray
        In the shapes of an ordinary Keras network.
    n_epochs, best_epoch : int
    losses : list of float
    error : str or None
        Why this replicate has no usable weights.
    """

    weights: list[NDArray[np.float32]]
    n_epochs: int
    best_epoch: int
    losses: list[float]
    error: str | None = None


def _batches(n_rows: int, n_epochs: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return shuffled row numbers (n_steps, BATCH); -1 fills up the last batch of an epoch."""
    n_steps = -(-n_rows // BATCH)
    padded = np.full((n_epochs, n_steps * BATCH), -1)
    for epoch in range(n_epochs):
        padded[epoch, :n_rows] = rng.permutation(n_rows)
    return padded.reshape(n_epochs * n_steps, BATCH)


def _gather(replicates: Sequence[Rows], numbers: Sequence[Any]) -> tuple[Any, Any, Any]:
    """Return a block (BLOCK, R, BATCH, ...) of the rows so numbered; missing ones weigh 0."""
    full = np.full((len(replicates), BLOCK, BATCH), -1)
    for r, rows in enumerate(numbers):
        full[r, : len(rows)] = rows
    X = np.stack([data.X[full[r]] for r, data in enumerate(replicates)], axis=1)
    y = np.stack([data.y[full[r]] for r, data in enumerate(replicates)], axis=1)
    weight = np.stack(
        [
            np.where(full[r] < 0, np.float32(0), data.weight[full[r]])
            for r, data in enumerate(replicates)
        ],
        axis=1,
    )
    return tf.constant(X), tf.constant(y), tf.constant(weight)


def _padded(replicates: Sequence[Rows]) -> tuple[Any, Any, Any]:
    """Return the rows of all replicates as (R, n_rows, ...), short ones filled up with weight 0."""
    longest = max(len(data.X) for data in replicates)

    def fill(values: Any) -> Any:
        missing = longest - len(values)
        return np.pad(values, [(0, missing), *[(0, 0)] * (values.ndim - 1)])

    return (
        np.stack([fill(data.X) for data in replicates]),
        np.stack([fill(data.y) for data in replicates]),
        np.stack([fill(data.weight) for data in replicates]),
    )


def _run_round(
    program: Program,
    carry: Any,
    train: Sequence[Rows],
    steps: Sequence[NDArray[np.intp]],
    options: FitOptions,
    active: NDArray[np.bool_],
) -> Any:
    """Return the carry after the steps of all replicates; one with fewer of them waits."""
    longest = max(map(len, steps))
    rates = (options.learning_rate, options.weight_decay)
    for start in range(0, longest, BLOCK):
        blocks = _gather(train, [rows[start : start + BLOCK] for rows in steps])
        carry = program.train(carry, blocks, min(BLOCK, longest - start), rates, active)
    return carry


def fit_networks(
    program: Program,
    train: Sequence[Rows],
    validation: Sequence[Rows | None],
    options: FitOptions,
    *,
    seeds: Sequence[int],
) -> list[FitResult]:
    """Train networks from fresh weights, a replicate each, none of which sees another.

    Parameters
    ----------
    program : Program
        Of as many replicates as there are seeds.
    train, validation : sequences of Rows
        Without validation rows a replicate keeps its last weights.
    options : FitOptions
    seeds : sequence of int
        Each decides initial weights, shuffling and dropout of its replicate.

    Returns
    -------
    list of FitResult
        A replicate whose loss stops being a finite number has `error` set, naming the epoch; the
        others go on.
    """
    n = len(seeds)
    rngs = [np.random.default_rng(seed) for seed in seeds]
    carry = program.initial(seeds)
    judged = _padded([held or rows for held, rows in zip(validation, train, strict=True)])
    epochs_a_round = [max(1, _ROUND_STEPS // -(-len(rows.X) // BATCH)) for rows in train]
    results = [FitResult([], 0, 0, []) for _ in range(n)]
    best_loss, best_round = np.full(n, np.inf), np.zeros(n, int)
    active = np.ones(n, bool)
    for number in range(1, options.max_epochs + 1):
        steps = [
            _batches(len(rows.X), epochs, rng) if is_active else np.empty((0, BATCH), int)
            for rows, epochs, rng, is_active in zip(
                train, epochs_a_round, rngs, active, strict=True
            )
        ]
        carry = _run_round(program, carry, train, steps, options, active)
        losses = program.mean_losses(program.forward(carry[0], carry[1], judged[0]), *judged[1:])
        for r in map(int, np.flatnonzero(active)):
            result, loss = results[r], float(losses[r])
            result.n_epochs = number * epochs_a_round[r]
            if not np.isfinite(loss):
                result.error = (
                    f"the loss became {loss} in epoch {result.n_epochs}; "
                    "a smaller learning_rate may help"
                )
                active[r] = False
                continue
            result.losses.append(loss)
            if validation[r] is None or loss < best_loss[r]:
                best_loss[r], best_round[r] = loss, number
                result.best_epoch = result.n_epochs
                result.weights = program.slice(carry[0], r)
            active[r] = number - best_round[r] < options.patience
        if not active.any():
            break
    return results
