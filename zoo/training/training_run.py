"""One network in training: its rows, its rounds of whole epochs, and when it stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from zoo.training.schedules import Schedule, cycle_ends, round_ends, schedule_factor

__all__ = [
    "FitResult",
    "FitTask",
    "Rows",
    "TrainConfig",
    "Trained",
    "TrainingRun",
    "brier_scores",
]


_LEAST_TO_TELL = 200  # held-out rows, whose standard error tells a gain from none


class Trained(Protocol):
    """What trains networks, as far as a place asks it: `Program` is one."""

    n_inputs: int
    config: Any  # its `batch_size`

    def slice(self, train_state: Any, replicate: int) -> list[NDArray[np.float32]]:
        """Return the weights of one network as it stands."""

    def forward(self, weights: Any, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return outputs (n_rows, n_outputs)."""

    def row_losses(self, outputs: NDArray[Any], y: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the loss of each row."""

    def cropped(self, weights: Any, n_inputs: int) -> list[NDArray[np.float32]]:
        """Return copies of the weights that belong to the first inputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """How long and how fast to train.

    Parameters
    ----------
    learning_rate, weight_decay : float
        Base values; a step subtracts learning_rate times weight_decay times the weights.
    max_epochs : int
        Epochs at most, or as many times what makes `round_steps` steps when the data is small.
        After each the network is judged: a round. If the learning rate runs through cycles, those
        after the first are a round each, judged at its end, when the rate has come down to 0;
        unless there are fewer than 200 held-out rows: few rows are learnt by heart within a cycle.
    patience : int
        Rounds without a better held-out loss before training stops.
    rate_schedule, decay_schedule, dropout_schedule : str
        How learning rate, weight decay and dropout change over all rounds
        (`zoo.training.schedules`).
    round_steps : int
        The least number of steps before a network is judged.
    monitor : {"loss", "brier"}
        What the best round has least of on the held-out rows: the loss, or the Brier score, which
        a few rows that are badly wrong move less.
    stops_idle : bool
        Whether training stops after a cycle of the learning rate, from the second on, that lowered
        what is monitored by no more than two standard errors of the difference, row by row: by no
        more than chance would. Fewer than 200 held-out rows cannot tell, so with them training
        goes on.
    drops_last : bool
        Whether an epoch leaves out the rows that do not fill a batch (if others do).
    """

    learning_rate: float
    weight_decay: float
    max_epochs: int
    patience: int
    rate_schedule: Schedule = "constant"
    decay_schedule: Schedule = "constant"
    dropout_schedule: Schedule = "constant"
    round_steps: int = 32
    monitor: Literal["loss", "brier"] = "loss"
    stops_idle: bool = False
    drops_last: bool = False


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

    X: NDArray[np.float32]
    y: NDArray[np.float32]
    weight: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FitTask:
    """One network to train.

    Parameters
    ----------
    train : Rows
    validation : Rows or None
        Without them the network keeps its last weights.
    seed : int
        Decides first weights, order of rows and dropout masks.
    """

    train: Rows
    validation: Rows | None
    seed: int


@dataclass(slots=True)
class FitResult:
    """Weights of the best round, and the held-out loss after each round.

    Parameters
    ----------
    weights : list of ndarray
        Those of an ordinary Keras network: first the trainable ones, then moving statistics.
    n_epochs, best_epoch : int
    losses : list of float
        Without validation rows, on the training rows.
    fit_s : float
        Seconds: the share of each block of steps, evenly among the networks that trained in it,
        and its own rounds' ends.
    error : str or None
        Why there are no usable weights.
    """

    weights: list[NDArray[np.float32]] = field(default_factory=list)
    n_epochs: int = 0
    best_epoch: int = 0
    losses: list[float] = field(default_factory=list)
    fit_s: float = 0.0
    error: str | None = None


def brier_scores(outputs: NDArray[Any], y: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return each row's sum of squared differences of probability and truth (Brier 1950).

    Parameters
    ----------
    outputs : ndarray of shape (n_rows, n_classes)
        Logits.
    y : ndarray of shape (n_rows,)
        Class codes.
    """
    off = softmax(outputs.astype(np.float64), axis=1)
    off[np.arange(len(y)), y.astype(np.intp)] -= 1.0
    squares: NDArray[np.float64] = (off**2).sum(axis=1)
    return squares


def _widen(rows: Rows, n_inputs: int) -> Rows:
    """Return the rows with columns of zeros added up to `n_inputs`."""
    missing = n_inputs - rows.X.shape[1]
    X = np.ascontiguousarray(np.pad(rows.X, [(0, 0), (0, missing)]) if missing else rows.X)
    return Rows(X, rows.y, rows.weight)


class TrainingRun:
    """A network in training: its batches to come, and how it stands."""

    def __init__(self, number: int, task: FitTask, options: TrainConfig, program: Trained) -> None:
        self.number, self.task, self.options = number, task, options
        self.rows = _widen(task.train, program.n_inputs)
        self.result = FitResult()
        batch_size: int = program.config.batch_size
        self._batch_size = batch_size
        self._rng = np.random.default_rng(task.seed)
        n_rows = len(task.train.X)
        self._steps_of_epoch = -(-n_rows // batch_size)
        if options.drops_last:
            self._steps_of_epoch = max(1, n_rows // batch_size)
        each = max(1, options.round_steps // self._steps_of_epoch)
        self._n_steps = options.max_epochs * each * self._steps_of_epoch
        epochs = options.rate_schedule, options.max_epochs
        can_tell = task.validation is None or len(task.validation.X) >= _LEAST_TO_TELL
        ends = round_ends(*epochs) if can_tell else range(1, options.max_epochs + 1)
        self._ends = [end * each for end in ends]  # of the rounds, in epochs
        self._cycle_ends = [end * each for end in cycle_ends(*epochs)]
        self._round, self._best_round, self._best = 1, 0, np.inf
        self._best_rows: NDArray[np.float64] | None = None  # what each held-out row was worth then
        self._rows_before: NDArray[np.float64] | None = None  # at the end of the cycle before
        self._batches = np.empty((0, batch_size), np.intp)  # to come in the epochs begun
        self._at = 0  # steps made

    def _shuffled(self) -> NDArray[np.intp]:
        """Return the batches of an epoch, shuffled anew; -1 fills up the last one."""
        order = self._rng.permutation(len(self.task.train.X))
        epoch = np.full(self._steps_of_epoch * self._batch_size, -1)
        order = order[: len(epoch)]
        epoch[: len(order)] = order
        return epoch.reshape(-1, self._batch_size)

    @property
    def n_steps_left(self) -> int:
        """Steps to the end of the round."""
        return self._ends[self._round - 1] * self._steps_of_epoch - self._at

    def take(self, n_steps: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return the rows of the next steps (n_steps, batch_size) and their rates (n_steps, 3)."""
        while len(self._batches) < n_steps:
            self._batches = np.concatenate([self._batches, self._shuffled()])
        rows, self._batches = self._batches[:n_steps], self._batches[n_steps:]
        progress = (self._at + np.arange(n_steps)) / self._n_steps
        options = self.options
        rates = np.column_stack(
            [
                options.learning_rate * schedule_factor(options.rate_schedule, progress),
                options.weight_decay * schedule_factor(options.decay_schedule, progress),
                schedule_factor(options.dropout_schedule, progress),
            ]
        )
        self._at += n_steps
        return rows, rates.astype(np.float32)

    def is_done(self, program: Trained, train_state: Any, place: int) -> bool:
        """Judge the weights at the end of a round; return whether training is over."""
        result, task = self.result, self.task
        failed_at = int(np.asarray(train_state.failed_at)[place])
        if failed_at:
            epoch = -(-failed_at // self._steps_of_epoch)
            result.error = self._say(f"the loss at step {failed_at} (epoch {epoch})")
            return True
        result.n_epochs = self._ends[self._round - 1]
        weights = program.slice(train_state, place)
        held = task.validation or task.train
        with np.errstate(all="ignore"):  # a network that overflows is told below
            outputs = program.forward(weights, held.X)
            each = program.row_losses(outputs, held.y)
            loss = float(np.average(each, weights=held.weight.astype(np.float64)))
        if not np.isfinite(loss):
            which = "held-out loss" if task.validation else "loss"
            result.error = self._say(f"the {which} after step {self._at} (epoch {result.n_epochs})")
            return True
        result.losses.append(loss)
        value = loss
        if self.options.monitor == "brier":
            each = brier_scores(outputs, held.y)
            value = float(np.average(each, weights=held.weight))
        if task.validation is None or value < self._best:
            self._best, self._best_round, self._best_rows = value, self._round, each
            result.best_epoch = result.n_epochs
            result.weights = program.cropped(weights, task.train.X.shape[1])
        if self._round == len(self._ends) or self._is_idle(held.weight):
            return True
        if self._round - self._best_round >= self.options.patience:
            return True
        self._round += 1
        return False

    def _is_idle(self, weight: NDArray[np.float32]) -> bool:
        """Return whether a cycle has just ended that gained too little to tell from none."""
        if not self.options.stops_idle or self._ends[self._round - 1] not in self._cycle_ends:
            return False
        before, self._rows_before = self._rows_before, self._best_rows
        if before is None or self._best_rows is None or len(weight) < _LEAST_TO_TELL:
            return False
        share = weight / weight.sum(dtype=np.float64)
        gains = before - self._best_rows
        gain = float(gains @ share)
        error = float(np.sqrt(((gains - gain) ** 2) @ share**2))
        return gain <= 2 * error

    @staticmethod
    def _say(what: str) -> str:
        return f"{what} is not a finite number; a smaller learning_rate may help"
