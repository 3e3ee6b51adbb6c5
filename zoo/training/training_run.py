"""One network in training: its coming batches and rates, and its evaluations."""

from __future__ import annotations

import numpy as np

from zoo.training.batches import Batches
from zoo.training.early_stopping import EarlyStopping
from zoo.training.losses import Loss, brier_scores, not_finite, row_losses
from zoo.training.schedules import Timetable
from zoo.training.tasks import FitResult, FitTask, TrainConfig
from zoo.training.types import Array, FloatArray, IntArray

__all__ = ["TrainingRun"]


class TrainingRun:
    """Decides which steps a training loop takes, in any framework, and when it stops.

    The loop takes steps up to the next evaluation, calls `evaluate` with the outputs for
    `task.evaluation_rows`, and keeps the weights if they are the best, until `is_over`.

    Parameters
    ----------
    task : FitTask
    config : TrainConfig
    loss : {"crossentropy", "squared"}
    batch_size : int
    """

    def __init__(self, task: FitTask, config: TrainConfig, *, loss: Loss, batch_size: int) -> None:
        self.task, self.result, self.is_over = task, FitResult(), False
        self._loss, self._monitor = loss, config.monitor
        n_rows = len(task.train.X)
        self._batches = Batches(n_rows, batch_size, task.seed, drop_last=config.drop_last)
        n_validation = None if task.validation is None else len(task.validation.X)
        self._timetable = Timetable(config, self._batches.steps_per_epoch, n_validation)
        self._stopping = EarlyStopping(
            patience=config.patience,
            max_evaluations=len(self._timetable.evaluation_epochs),
            cycle_ends=self._timetable.cycle_ends if config.stops_on_plateau else (),
            keeps_last=task.validation is None,
        )
        self._n_steps = 0

    @property
    def _next_epoch(self) -> int:
        """The epoch of the coming evaluation."""
        return self._timetable.evaluation_epochs[self._stopping.n_evaluations]

    @property
    def n_steps_left(self) -> int:
        """Steps to the next evaluation."""
        return self._next_epoch * self._batches.steps_per_epoch - self._n_steps

    def take(self, n_steps: int) -> tuple[IntArray, FloatArray]:
        """Return the rows of the next steps (n_steps, batch_size) and their rates (n_steps, 3)."""
        rates = self._timetable.rates(self._n_steps, n_steps)
        self._n_steps += n_steps
        return self._batches.take(n_steps), rates

    def fail(self, step: int) -> None:
        """End the run because the loss at a step, from 1, is not a finite number."""
        epoch = -(-step // self._batches.steps_per_epoch)
        self._end(not_finite(f"the loss at step {step}", epoch))

    def _end(self, error: str) -> None:
        self.result.error, self.is_over = error, True

    def evaluate(self, outputs: Array) -> bool:
        """Record an evaluation; return whether its weights are to be kept.

        Parameters
        ----------
        outputs : ndarray of shape (n_rows, n_outputs)
            Logits or values for `task.evaluation_rows`.
        """
        rows, result = self.task.evaluation_rows, self.result
        epoch = result.n_epochs = self._next_epoch
        with np.errstate(all="ignore"):  # overflow shows in the loss
            scores = row_losses(self._loss, outputs, rows.y)
            loss = score = float(np.average(scores, weights=rows.weight.astype(np.float64)))
        if not np.isfinite(loss):
            which = "validation loss" if self.task.validation else "loss"
            self._end(not_finite(f"the {which} after step {self._n_steps}", epoch))
            return False
        result.losses.append(loss)
        if self._monitor == "brier":
            scores = brier_scores(outputs, rows.y)
            score = float(np.average(scores, weights=rows.weight))
        decision = self._stopping.evaluate(score, scores, rows.weight)
        if decision.is_best:
            result.best_epoch = epoch
        self.is_over = decision.stops
        return decision.is_best
