"""Rows that repeat another row, and how many would by chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.canonical import derive_seed
from zoo.ingest.clean_table import Column

__all__ = ["count_repeats"]

_SHUFFLES = 5


def count_repeats(X: pd.DataFrame, y: Column) -> tuple[int, float]:
    """Return how many rows repeat another one, target included, and how many would by chance.

    Where columns have few distinct values, different observations are often equal. To estimate how
    often, the columns are divided into two halves with about as many distinct values, and one of
    them is shuffled: that keeps the relations within each half, and no copies.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_features)
    y : Series of shape (n_samples,)
    """
    rng = np.random.default_rng(derive_seed("repeats", *X.shape))
    columns = [*(X.iloc[:, i] for i in range(X.shape[1])), y]
    factors = rng.integers(0, 1 << 62, len(columns), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    total = np.zeros(len(X), np.uint64)
    halves, sizes = np.zeros((2, len(X)), np.uint64), [0.0, 0.0]
    for column, factor in zip(columns, factors, strict=True):
        cells = _hashed(column)
        n_unique, hashed = len(np.unique(cells)), cells * factor
        total += hashed
        side = int(sizes[1] < sizes[0])
        halves[side] += hashed
        sizes[side] += float(np.log(n_unique))
    n_same = _n_repeated(total)
    if not n_same:
        return 0, 0.0
    by_chance = [_n_repeated(halves[0] + rng.permutation(halves[1])) for _ in range(_SHUFFLES)]
    return n_same, float(np.mean(by_chance))


def _n_repeated(hashes: NDArray[np.uint64]) -> int:
    return len(hashes) - len(np.unique(hashes))


def _hashed(column: Column) -> NDArray[np.uint64]:
    """Return a hash of each cell; missing values have the same."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        cells = np.asarray(column.cat.codes, np.int64)
    elif column.dtype.kind in "iufb":
        cells = column.to_numpy(np.float64) + 0.0  # -0 is 0
    elif column.dtype.kind == "M":
        cells = column.to_numpy("datetime64[us]").astype(np.int64)
    else:
        cells = pd.factorize(column)[0].astype(np.int64)
    return np.asarray(pd.util.hash_array(cells), np.uint64)
