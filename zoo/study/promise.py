"""The score promised for new rows: an interval for a test that nobody has made yet."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

__all__ = ["LEVEL", "promised_interval"]

LEVEL = 0.95
_PRIOR = 4.0  # degrees of freedom that the standard errors of the scores count for


def promised_interval(
    losses: ArrayLike, errors: ArrayLike, *, test_ratio: float, is_clustered: bool = False
) -> tuple[float, float]:
    """Return the interval of the loss on as many new rows as a replicate has test rows.

    Parameters
    ----------
    losses : array-like of shape (n_replicates,)
    errors : array-like of shape (n_replicates,)
        Standard errors of the losses over other test rows; NaN where they are unknown.
    test_ratio : float
        Test rows over the rows that training rows are sampled from.
    is_clustered : bool
        Whether test rows depend on each other, as those of a group or of a time do. Then their
        standard errors are too small, and count as a lower bound only.

    Returns
    -------
    low, high : float
        NaN for one replicate whose standard error is unknown or too small.

    Notes
    -----
    A new score differs from the mean of n replicates by its own test rows and training rows, and
    the mean is uncertain. With s² the variance of one replicate the sum is s² (1 + 1/n +
    test_ratio), the last two terms for replicates that overlap (Nadeau & Bengio 2003). Three
    replicates tell little about s², but the rows of a test part tell how much of it is due to test
    rows. So s² is moderated (Smyth 2004, doi:10.2202/1544-6115.1027): it is the mean of both
    variances, weighted by degrees of freedom, and never less than that of the test rows.
    """
    found = np.asarray(losses, dtype=np.float64)
    known = np.asarray(errors, dtype=np.float64)
    known = known[np.isfinite(known)]
    n = len(found)
    weights, variances = [], []
    if n > 1:
        weights.append(n - 1.0)
        variances.append(float(found.var(ddof=1)))
    least = float(np.square(known).mean()) if len(known) else 0.0
    if len(known) and not is_clustered:
        weights.append(_PRIOR)
        variances.append(least)
    if not weights:
        return float("nan"), float("nan")
    variance = max(float(np.average(variances, weights=weights)), least)
    quantile = float(stats.t.ppf((1 + LEVEL) / 2, sum(weights)))
    half = quantile * float(np.sqrt(variance * (1 + 1 / n + test_ratio)))
    return float(found.mean()) - half, float(found.mean()) + half
