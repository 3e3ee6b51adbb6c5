"""Learning rate, weight decay and dropout at each step, and the epochs with an evaluation."""

from __future__ import annotations

import numpy as np

from zoo.training.early_stopping import MIN_ROWS
from zoo.training.tasks import Schedule, TrainConfig
from zoo.training.types import DoubleArray, FloatArray

__all__ = ["Timetable", "cycle_ends", "evaluation_epochs", "schedule_factor"]


def schedule_factor(schedule: Schedule, progress: DoubleArray) -> DoubleArray:
    """Return the factor of the base value at each point of training.

    Parameters
    ----------
    schedule : {"constant", "cosine", "flat_cosine", "four_cycles"}
        cosine: half a period from 1 to 0 (arXiv:1608.03983, without restarts). flat_cosine: 1 for
        the first half, then as cosine. four_cycles: four cycles from 0 to 1 and back, each twice
        as long as the one before (`coslog4` of arXiv:2407.04491, section 3).
    progress : ndarray
        Fraction of training that is done, from 0 to 1.

    Raises
    ------
    ValueError
        For another name.
    """
    if schedule == "constant":
        return np.ones_like(progress)
    if schedule == "cosine":
        return 0.5 * (1.0 + np.cos(np.pi * progress))
    if schedule == "flat_cosine":
        return 0.5 * (1.0 + np.cos(np.pi * np.maximum(2.0 * progress - 1.0, 0.0)))
    if schedule == "four_cycles":
        return 0.5 * (1.0 - np.cos(2.0 * np.pi * np.log2(1.0 + 15.0 * progress)))
    raise ValueError(
        f"unknown schedule {schedule!r}; expected constant, cosine, flat_cosine or four_cycles"
    )


def cycle_ends(schedule: Schedule, n_epochs: int) -> list[int]:
    """Return the epochs, from 1, at whose end a cycle of the schedule is over."""
    if schedule != "four_cycles":
        return [n_epochs]
    ends = (int(n_epochs * (2**k - 1) / 15) for k in (1, 2, 3, 4))
    return [end for end in dict.fromkeys(ends) if end > 0]


def evaluation_epochs(schedule: Schedule, n_epochs: int) -> list[int]:
    """Return the epochs, from 1, that an evaluation follows.

    All of them; if there are cycles, those of the first cycle, in which a network that overfits
    has its best weights, and the last of each other cycle.
    """
    first, *others = cycle_ends(schedule, n_epochs)
    return [*range(1, first + 1), *others]


class Timetable:
    """Rates at each step of a training run, and its evaluations.

    Parameters
    ----------
    config : TrainConfig
    steps_per_epoch : int
    n_validation : int or None
        Validation rows, if there are any.
    """

    def __init__(self, config: TrainConfig, steps_per_epoch: int, n_validation: int | None) -> None:
        self._config = config
        schedule, n_epochs = config.rate_schedule, config.max_epochs
        interval = max(1, config.min_evaluation_steps // steps_per_epoch)  # in epochs
        self._n_steps = n_epochs * interval * steps_per_epoch
        epochs = list(range(1, n_epochs + 1))
        if n_validation is None or n_validation >= MIN_ROWS:
            epochs = evaluation_epochs(schedule, n_epochs)
        self.evaluation_epochs = [epoch * interval for epoch in epochs]
        ends = cycle_ends(schedule, n_epochs)
        self.cycle_ends = [n for n, epoch in enumerate(epochs, start=1) if epoch in ends]

    def rates(self, first_step: int, n_steps: int) -> FloatArray:
        """Return learning rate, weight decay and strength of dropout, (n_steps, 3)."""
        progress = (first_step + np.arange(n_steps)) / self._n_steps
        config = self._config
        learning_rate = config.learning_rate * schedule_factor(config.rate_schedule, progress)
        decay = config.weight_decay * schedule_factor(config.decay_schedule, progress)
        strength = schedule_factor(config.dropout_schedule, progress)
        return np.column_stack([learning_rate, decay, strength]).astype(np.float32)
