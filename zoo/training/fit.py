"""Early-stopped training of one network: rounds of whole epochs, the best weights kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from zoo.training.program import BATCH, BLOCK, Program

__all__ = ["FitOptions", "FitResult", "fit_network"]

_ROUND_STEPS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """How long and how fast to train.

    Parameters
    ----------
    learning_rate, weight_decay : float
    max_epochs : int
        Epochs at most; small data gets more, so that at least `max_epochs` rounds pass.
    patience : int
        Rounds without a better held-out loss before training stops. A round is one epoch, or as
        many epochs as make 32 steps when the data is small.
    """

    learning_rate: float
    weight_decay: float
    max_epochs: int
    patience: int


@dataclass(frozen=True, slots=True)
class FitResult:
    """Weights of the best round, and the held-out loss after each round."""

    weights: list[NDArray[np.float32]]
    state: list[NDArray[Any]]
    n_epochs: int
    best_epoch: int
    losses: list[float]


def _batches(n_rows: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return shuffled row numbers (n_steps, BATCH); -1 fills up the last batch."""
    order = rng.permutation(n_rows)
    n_steps = -(-n_rows // BATCH)
    padded = np.full(n_steps * BATCH, -1)
    padded[:n_rows] = order
    return padded.reshape(n_steps, BATCH)


def _run_round(
    program: Program, carry: Any, data: tuple[Any, Any, Any], steps: Any, options: FitOptions
) -> Any:
    X, y, weight = data
    for start in range(0, len(steps), BLOCK):
        rows = steps[start : start + BLOCK]
        count = len(rows)
        if count < BLOCK:
            rows = np.concatenate([rows, np.full((BLOCK - count, BATCH), -1)])
        blocks = (
            tf.constant(X[rows]),
            tf.constant(y[rows]),
            tf.constant(np.where(rows < 0, np.float32(0), weight[rows])),
        )
        carry = program.train(carry, blocks, count, (options.learning_rate, options.weight_decay))
    return carry


def fit_network(
    program: Program,
    train: tuple[Any, Any, Any],
    validation: tuple[Any, Any, Any] | None,
    options: FitOptions,
    *,
    seed: int,
) -> FitResult:
    """Train a network from fresh weights.

    Parameters
    ----------
    program : Program
    train, validation : tuple of arrays (X, y, weight)
        Shapes (n_rows, n_inputs), (n_rows,), (n_rows,). Without validation rows the last weights
        are kept.
    options : FitOptions
    seed : int
        Decides initial weights, shuffling and dropout.

    Raises
    ------
    FloatingPointError
        If the loss stops being a finite number; the message names the epoch.
    """
    rng = np.random.default_rng(seed)
    weights, state = program.initial(seed)
    zeros = [tf.zeros_like(w) for w in weights]
    carry: Any = (weights, state, zeros, list(zeros), tf.constant(0.0))
    n_rows = len(train[0])
    epochs_a_round = max(1, _ROUND_STEPS // -(-n_rows // BATCH))
    best, best_loss, best_round = carry, np.inf, 0
    losses: list[float] = []
    for number in range(1, options.max_epochs + 1):
        steps = np.concatenate([_batches(n_rows, rng) for _ in range(epochs_a_round)])
        carry = _run_round(program, carry, train, steps, options)
        X, y, weight = validation or train
        loss = program.mean_loss(program.forward(carry[0], carry[1], X), y, weight)
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"the loss became {loss} in epoch {number * epochs_a_round}; "
                "a smaller learning_rate may help"
            )
        losses.append(loss)
        if validation is None or loss < best_loss:
            best, best_loss, best_round = carry, loss, number
        if number - best_round >= options.patience:
            break
    return FitResult(
        [w.numpy() for w in best[0]],
        [s.numpy() for s in best[1]],
        len(losses) * epochs_a_round,
        best_round * epochs_a_round,
        losses,
    )
