"""What a network trains on, how long and how fast, and what training returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from zoo.training.types import FloatArray

__all__ = ["FitResult", "FitTask", "Rows", "Schedule", "TrainConfig"]

Schedule = Literal["constant", "cosine", "flat_cosine", "four_cycles"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one network.

    Parameters
    ----------
    X : ndarray of float32, shape (n_rows, n_inputs)
    y : ndarray of float32, shape (n_rows,)
        Class codes or numbers.
    weight : ndarray of float32, shape (n_rows,)
    """

    X: FloatArray
    y: FloatArray
    weight: FloatArray


@dataclass(frozen=True, slots=True)
class FitTask:
    """One network to train.

    Parameters
    ----------
    train : Rows
    validation : Rows or None
        None: the network keeps its last weights.
    seed : int
        Decides first weights, order of rows and dropout masks.
    """

    train: Rows
    validation: Rows | None
    seed: int

    @property
    def evaluation_rows(self) -> Rows:
        """The rows on which the network is evaluated: validation rows, or else training rows."""
        return self.validation or self.train


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """Settings of training that are not compiled into a program.

    Parameters
    ----------
    learning_rate, weight_decay : float
        Base values; a step subtracts learning_rate times weight_decay times the weights.
    max_epochs : int
        Maximum number of epochs. An evaluation follows each epoch. If an epoch has fewer steps than
        `min_evaluation_steps`, it follows every k epochs, and the maximum is multiplied by k.
        If the learning rate has cycles, those after the first have one evaluation each, at their
        end, when the rate is 0; with fewer than 200 validation rows, which a network memorises
        within a cycle, every epoch keeps its evaluation.
    patience : int
        Evaluations without a better validation score before training stops.
    rate_schedule, decay_schedule, dropout_schedule : str
        How learning rate, weight decay and dropout change during training
        (`zoo.training.schedules`).
    min_evaluation_steps : int
        Minimum number of steps between two evaluations.
    monitor : {"loss", "brier"}
        The score that the best evaluation minimises on the validation rows: the loss, or the Brier
        score, which depends less on a few rows that are badly wrong.
    stops_on_plateau : bool
        Whether training stops after a cycle of the learning rate without a significant gain
        (`zoo.training.early_stopping`).
    drop_last : bool
        Whether an epoch leaves out the rows that do not fill a batch, if others do.
    """

    learning_rate: float
    weight_decay: float
    max_epochs: int
    patience: int
    rate_schedule: Schedule = "constant"
    decay_schedule: Schedule = "constant"
    dropout_schedule: Schedule = "constant"
    min_evaluation_steps: int = 32
    monitor: Literal["loss", "brier"] = "loss"
    stops_on_plateau: bool = False
    drop_last: bool = False


@dataclass(slots=True)
class FitResult:
    """Weights of the best evaluation, and the validation loss at each.

    Parameters
    ----------
    weights : list of ndarray
        Those of an ordinary Keras network: first the trainable ones, then moving statistics.
    n_epochs, best_epoch : int
    losses : list of float
        Without validation rows, on the training rows.
    fit_s : float
        Seconds. The time of a block of steps is divided evenly among the networks in it.
    error : str or None
        Why there are no usable weights.
    """

    weights: list[FloatArray] = field(default_factory=list)
    n_epochs: int = 0
    best_epoch: int = 0
    losses: list[float] = field(default_factory=list)
    fit_s: float = 0.0
    error: str | None = None
