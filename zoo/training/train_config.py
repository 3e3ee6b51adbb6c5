"""How long and how fast a network trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Schedule", "TrainConfig"]

Schedule = Literal["constant", "cosine", "flat_cosine", "four_cycles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """Settings of training that are not compiled into a program.

    Parameters
    ----------
    learning_rate, weight_decay : float
        Base values; a step subtracts learning_rate times weight_decay times the weights.
    max_epochs : int
        Maximum number of epochs. An evaluation follows each epoch; with little data it follows as
        many epochs as make `min_evaluation_steps` steps, and the maximum is multiplied by as many.
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
