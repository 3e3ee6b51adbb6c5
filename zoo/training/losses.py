"""Losses and scores of rows, computed from the outputs of a network of any framework."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import softmax

from zoo.training.types import Array, DoubleArray, FloatArray

__all__ = ["Loss", "brier_scores", "not_finite", "row_losses"]

Loss = Literal["crossentropy", "squared"]


def row_losses(loss: Loss, outputs: Array, y: FloatArray) -> DoubleArray:
    """Return the loss of each row, labels not smoothed.

    Parameters
    ----------
    loss : {"crossentropy", "squared"}
    outputs : ndarray of shape (n_rows, n_outputs)
        Logits, or values in the first column.
    y : ndarray of shape (n_rows,)
        Class codes or numbers.
    """
    if loss == "squared":
        losses = (outputs[:, 0] - y) ** 2
    else:
        top = outputs.max(axis=1)
        log_sum = top + np.log(np.exp(outputs - top[:, None]).sum(axis=1))
        losses = log_sum - outputs[np.arange(len(y)), y.astype(np.intp)]
    return losses.astype(np.float64)


def brier_scores(outputs: Array, y: FloatArray) -> DoubleArray:
    """Return each row's sum of squared differences of probability and truth (Brier 1950).

    The outputs are logits (n_rows, n_classes), y are class codes (n_rows,).
    """
    off = softmax(outputs.astype(np.float64), axis=1)
    off[np.arange(len(y)), y.astype(np.intp)] -= 1.0
    squares: DoubleArray = (off**2).sum(axis=1)
    return squares


def not_finite(what: str, epoch: int) -> str:
    """Return the message for a loss that is not a finite number."""
    return f"{what} (epoch {epoch}) is not a finite number; a smaller learning_rate may help"
