"""What a row's outputs lose, whatever framework they come from."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Loss", "row_losses"]

Loss = Literal["crossentropy", "squared"]


def row_losses(loss: Loss, outputs: NDArray[Any], y: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the loss of each row.

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
