"""What a learning curve looks like: falling, plateau, peak, dip or worsening."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["describe_shape"]

_NOISES = 3.0
_LEAST_STEP = 0.03
_FLAT = 0.01


def describe_shape(sizes: NDArray[np.float64], losses: NDArray[np.float64], noise: float) -> str:
    """Return ``falling``, ``plateau``, ``peak``, ``dip``, ``worsening`` or ``short``.

    Parameters
    ----------
    sizes, losses : array of shape (n_anchors,)
        By size.
    noise : float
        Relative error of one loss.

    Notes
    -----
    A rise counts when it is more than 3% of the loss and three times the noise of a difference.
    ``peak``: the loss rises and falls again below where it rose from (sample-wise double descent,
    Nakkiran 2019, arXiv:1912.07242); ``dip``: it falls, then rises and stays above its lowest
    value; ``worsening``: it rises from the first size on; ``plateau``: over the last two doublings
    it falls by less than 1% a doubling. LCDB 1.1 (arXiv:2505.15657) finds peaks and dips in a
    seventh of the curves.
    """
    if len(sizes) < 3:
        return "short"
    logs = np.log(np.maximum(losses, max(float(losses.max()), 1e-300) * 1e-6))
    step = max(_LEAST_STEP, _NOISES * noise * np.sqrt(2))
    lowest = int(np.argmin(logs))
    if logs[-1] - logs[lowest] > step:
        return "worsening" if logs[0] - logs[lowest] <= step else "dip"
    before = np.minimum.accumulate(logs)
    after = np.minimum.accumulate(logs[::-1])[::-1]
    if (np.minimum(logs - before, logs - after) > step).any():
        return "peak"
    late = np.log2(sizes / sizes[-1]) >= -2.0
    if late.sum() < 2:
        late[-2:] = True
    slope = np.polyfit(np.log2(sizes[late]), logs[late], 1)[0]
    return "plateau" if slope > -_FLAT else "falling"
