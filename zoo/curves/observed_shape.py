"""The shape of a measured learning curve: falling, plateau, peak, dip or worsening."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from zoo.curves.arrays import Array

__all__ = ["ObservedShape", "classify_shape"]

_MIN_STANDARD_ERRORS = 3.0
_MIN_RISE = 0.03
_FLAT_SLOPE = 0.01


class ObservedShape(StrEnum):
    """What the measured part of a learning curve looks like.

    `PEAK`: the loss rises, then falls below the value that it rose from (sample-wise double
    descent, Nakkiran 2019, arXiv:1912.07242). `DIP`: it falls, then rises and stays above its
    minimum. `WORSENING`: it rises from the first size on. `PLATEAU`: over the last two doublings it
    falls by less than 1% per doubling. `SHORT`: fewer than three sizes.
    """

    FALLING = "falling"
    PLATEAU = "plateau"
    PEAK = "peak"
    DIP = "dip"
    WORSENING = "worsening"
    SHORT = "short"
    UNKNOWN = "unknown"

    @property
    def is_ill_behaved(self) -> bool:
        """Return whether more data made the loss worse somewhere."""
        return self in (ObservedShape.PEAK, ObservedShape.DIP, ObservedShape.WORSENING)


def classify_shape(sizes: Array, losses: Array, noise: float) -> ObservedShape:
    """Return the shape of a measured curve.

    Parameters
    ----------
    sizes, losses : array of shape (n_anchors,)
        Sorted by size.
    noise : float
        Relative standard error of one loss.

    Notes
    -----
    A rise counts if it exceeds 3% of the loss and three standard errors of a difference. LCDB 1.1
    (arXiv:2505.15657) finds peaks and dips in a seventh of the curves.
    """
    if len(sizes) < 3:
        return ObservedShape.SHORT
    logs = np.log(np.maximum(losses, max(float(losses.max()), 1e-300) * 1e-6))
    rise = max(_MIN_RISE, _MIN_STANDARD_ERRORS * noise * np.sqrt(2))
    lowest = int(np.argmin(logs))
    if logs[-1] - logs[lowest] > rise:
        is_low_at_first = logs[0] - logs[lowest] <= rise
        return ObservedShape.WORSENING if is_low_at_first else ObservedShape.DIP
    before = np.minimum.accumulate(logs)
    after = np.minimum.accumulate(logs[::-1])[::-1]
    if (np.minimum(logs - before, logs - after) > rise).any():
        return ObservedShape.PEAK
    late = np.log2(sizes / sizes[-1]) >= -2.0
    if late.sum() < 2:
        late[-2:] = True
    slope = np.polyfit(np.log2(sizes[late]), logs[late], 1)[0]
    return ObservedShape.PLATEAU if slope > -_FLAT_SLOPE else ObservedShape.FALLING
