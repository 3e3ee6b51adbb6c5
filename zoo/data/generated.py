"""A classification task whose least possible error is known: a noisy teacher network."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from zoo.canonical import derive_seed

__all__ = ["BAYES_ERROR", "N_INPUTS", "generate"]

BAYES_ERROR = 0.1
N_INPUTS = 20
_N_HIDDEN = (8, 4)
_GAIN = 2.0


def generate(n_rows: int, seed: int) -> pd.DataFrame:
    """Return rows of the teacher task; a longer table begins with the rows of a shorter one.

    Inputs are standard normal. The sign of a fixed random network of two hidden tanh layers
    without biases is flipped with probability 0.1, independently of the inputs. So no classifier
    has an error rate below 0.1, which the noiseless teacher reaches. Without biases the teacher
    is an odd function, and the inputs are symmetric: the two classes are equally likely.

    Parameters
    ----------
    n_rows : int
    seed : int
        Of the rows; the teacher is always the same.

    Returns
    -------
    DataFrame of shape (n_rows, 21)
        Columns x0 to x19 and `label`, "a" or "b".
    """
    inputs = np.random.default_rng(derive_seed("teacher inputs", seed))
    flips = np.random.default_rng(derive_seed("teacher flips", seed))
    # Rounded, so that the table is the same to the bit on every machine.
    X = inputs.standard_normal((n_rows, N_INPUTS)).round(6)
    is_flipped = flips.random(n_rows) < BAYES_ERROR
    is_positive = (_teacher(X) > 0) ^ is_flipped
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(N_INPUTS)])
    return frame.assign(label=np.where(is_positive, "a", "b"))


def _teacher(X: np.ndarray) -> np.ndarray:
    """Return the teacher's output (n_rows,) for inputs (n_rows, 20)."""
    rng = np.random.default_rng(derive_seed("teacher network"))
    widths = (N_INPUTS, *_N_HIDDEN)
    hidden = X
    for n_in, n_out in itertools.pairwise(widths):
        weights = rng.standard_normal((n_in, n_out)) * _GAIN / np.sqrt(n_in)
        hidden = np.tanh(hidden @ weights)
    return np.asarray(hidden @ rng.standard_normal(widths[-1]))
