"""What a network trains on, and what training returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from zoo.training.types import FloatArray

__all__ = ["FitResult", "FitTask", "Rows"]


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
        """The rows on which the network is evaluated: without validation rows, those it learns."""
        return self.validation or self.train


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
