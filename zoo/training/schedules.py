"""How learning rate, weight decay and dropout change while a network trains."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Schedule", "cycle_ends", "round_ends", "schedule_factor"]

Schedule = Literal["constant", "cosine", "flat_cosine", "four_cycles"]


def schedule_factor(schedule: Schedule, progress: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the base value is multiplied by at each point of the training.

    Parameters
    ----------
    schedule : {"constant", "cosine", "flat_cosine", "four_cycles"}
        cosine: half a wave from 1 to 0 (arXiv:1608.03983, without restarts). flat_cosine: 1 for
        the first half, then half a wave to 0. four_cycles: four waves from 0 to 1 and back, each
        twice as long as the one before (`coslog4` of arXiv:2407.04491, section 3).
    progress : ndarray
        Share of the training that is done, from 0 to 1.

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
    """Return the epochs, from 1, at whose end a wave of the schedule is over."""
    if schedule != "four_cycles":
        return [n_epochs]
    ends = (int(n_epochs * (2**k - 1) / 15) for k in (1, 2, 3, 4))
    return [end for end in dict.fromkeys(ends) if end > 0]


def round_ends(schedule: Schedule, n_epochs: int) -> list[int]:
    """Return the epochs at whose end a network is judged.

    All of them; if there are cycles, those of the first, in which a network that learns by heart is
    at its best, and the last ones of the others.
    """
    first, *others = cycle_ends(schedule, n_epochs)
    return [*range(1, first + 1), *others]
