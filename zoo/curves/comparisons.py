"""Paired comparisons of models on one data set, with corrected tests."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

__all__ = ["TEST_RATIO", "PairedTest", "corrected_test", "holm", "paired_tests"]

# Test rows over the rows that training rows are sampled from: 1/4 over 3/4, or less.
TEST_RATIO = 1 / 3
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A paired comparison of two models over replicates.

    Parameters
    ----------
    difference, low, high : float
        Mean of first minus second and its 95% interval.
    p_value : float
        Two-sided; NaN with fewer than two replicates.
    replicates : int
    """

    difference: float
    low: float
    high: float
    p_value: float
    replicates: int


def corrected_test(differences: ArrayLike, *, test_ratio: float = TEST_RATIO) -> PairedTest:
    """Return the corrected resampled t-test of paired differences.

    Parameters
    ----------
    differences : array-like of shape (n_replicates,)
        First model's score minus the second's on the same rows; NaN is ignored.
    test_ratio : float
        Test rows over the rows that training rows are sampled from.

    Notes
    -----
    Replicates overlap in rows, so the usual variance of the mean is too small. The variance of one
    replicate is multiplied by 1/n + test_ratio in place of 1/n (Nadeau & Bengio 2003,
    doi:10.1023/A:1024068626366, eq. 9). Small training sizes overlap less than that assumes, so
    there the test is conservative.
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[np.isfinite(values)]
    n = len(values)
    mean = float(values.mean()) if n else _NAN
    if n < 2:
        return PairedTest(mean, _NAN, _NAN, _NAN, n)
    error = float(np.sqrt((1 / n + test_ratio) * values.var(ddof=1)))
    if error == 0:
        return PairedTest(mean, mean, mean, 1.0 if mean == 0 else 0.0, n)
    half = float(stats.t.ppf(0.975, n - 1)) * error
    p_value = float(2 * stats.t.sf(abs(mean) / error, n - 1))
    return PairedTest(mean, mean - half, mean + half, p_value, n)


def paired_tests(losses: pd.DataFrame) -> pd.DataFrame:
    """Compare the best model with every other one, at each size and on each data set.

    `losses` has the columns dataset, model, n_train, replicate and loss.

    Returns
    -------
    DataFrame
        dataset, n_train, best, model, difference (its loss minus the best one's), low, high,
        p_value (with Holm's correction over the models), replicates.
    """
    rows = []
    for (dataset, n_train), group in losses.groupby(["dataset", "n_train"]):
        table = group.pivot_table(index="replicate", columns="model", values="loss")
        best = str(table.mean().idxmin())
        tests = {
            str(model): corrected_test(table[model] - table[best])
            for model in table.columns
            if model != best
        }
        adjusted = holm([test.p_value for test in tests.values()])
        for (model, test), p_value in zip(tests.items(), adjusted, strict=True):
            rows.append((dataset, n_train, best, model, *astuple(replace(test, p_value=p_value))))
    names = (field.name for field in fields(PairedTest))
    return pd.DataFrame(rows, columns=["dataset", "n_train", "best", "model", *names])


def holm(p_values: list[float]) -> list[float]:
    """Return Holm's step-down p-values (1979, jstor.org/stable/4615733); NaN stays NaN."""
    values = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known], kind="stable")]
    steps = values[order] * (len(order) - np.arange(len(order)))
    values[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in values]
