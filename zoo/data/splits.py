"""Which rows test, and in which order the others train: the protocol "nested-holdout/1"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.canonical import derive_seed
from zoo.data.limits import rows_held_for_test
from zoo.errors import DataError
from zoo.metrics import Task
from zoo.prose import count, plural

__all__ = ["PROTOCOL", "Split", "split"]

PROTOCOL = "nested-holdout/1"


@dataclass(frozen=True, slots=True)
class Split:
    """The rows of one replicate.

    Attributes
    ----------
    test : ndarray of int, shape (n_test,)
        Positions of the test rows, ascending.
    train : ndarray of int, shape (n_train,)
        Positions of the training rows in training order: size n is the first n.
    n_classes : int or None
        The number of distinct labels; None for regression.
    """

    test: NDArray[np.int64]
    train: NDArray[np.int64]
    n_classes: int | None

    def why_not(self, n: int) -> str | None:
        """Return why there is no training part of `n` rows, or None if there is one."""
        if n < 1:
            return f"{count(n, 'training row')} were asked for; at least 1 is needed"
        if n > len(self.train):
            return (
                f"{count(n, 'training row')} {plural(n, 'was', 'were')} asked for; only "
                f"{len(self.train):,} {plural(len(self.train), 'is', 'are')} left beside the "
                f"{count(len(self.test), 'test row')}"
            )
        if self.n_classes is not None and n < self.n_classes:
            return f"{count(n, 'training row')} cannot hold each of the {self.n_classes} classes"
        return None

    def subset(self, n: int) -> NDArray[np.int64]:
        """Return the positions of the first `n` training rows, shape (n,).

        Raises
        ------
        DataError
            If there is no such part; the message is `why_not`'s.
        """
        if (reason := self.why_not(n)) is not None:
            raise DataError(reason)
        return self.train[:n]


def split(
    y: pd.Series[Any] | NDArray[Any] | Sequence[Any], *, task: Task, dataset: str, replicate: int
) -> Split:
    """Return test rows and training order of one replicate.

    The test part is a quarter of the rows, at most 5000. In classification it is stratified, and
    a class of a single row goes to training; the training order is stratified as well: the j-th
    row (from 0) of a class of m training rows has the sort key (j + 0.5) / m, except that the
    first row of every class comes before all others. So each prefix that can hold every class
    does, and from there on all classes grow in proportion.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
    task : {"classification", "regression"}
    dataset : str
        Its name is a part of the seed.
    replicate : int

    Raises
    ------
    DataError
        If `y` has fewer than two rows, or missing values.
    """
    labels = pd.Series(y).reset_index(drop=True)
    if len(labels) < 2:
        raise DataError(f"{dataset}: expected at least 2 rows to split, found {len(labels)}")
    if labels.isna().any():
        raise DataError(f"{dataset}: the target has missing values; drop these rows first")
    rng = np.random.default_rng(derive_seed(PROTOCOL, dataset, replicate))
    shuffled = rng.permutation(len(labels))
    n_test = rows_held_for_test(len(labels))
    if task == "regression":
        return Split(np.sort(shuffled[:n_test]), shuffled[n_test:], None)

    codes = pd.factorize(labels)[0].astype(np.int64)
    counts = np.bincount(codes)
    test_counts = _apportion(counts, n_test)
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    starts = np.cumsum(counts) - counts
    ranks = np.arange(len(labels)) - np.repeat(starts, counts)  # of a row within its class
    is_test = ranks < np.repeat(test_counts, counts)

    ranks = (ranks - np.repeat(test_counts, counts))[~is_test]
    keys = (ranks + 0.5) / np.repeat(counts - test_counts, counts - test_counts)
    keys[ranks == 0] = 0.0
    order = np.lexsort((rng.permutation(len(keys)), keys))  # equal keys in random order
    return Split(np.sort(by_class[is_test]), by_class[~is_test][order], len(counts))


def _apportion(counts: NDArray[np.int64], n_test: int) -> NDArray[np.int64]:
    """Return the test rows of each class, by largest remainders; none of a class of one row."""
    quotas = counts * n_test / counts.sum()
    can_give = counts > 1
    given = np.where(can_give, np.floor(quotas), 0).astype(np.int64)
    wanting = n_test - int(given.sum())
    remainders = np.where(can_give, quotas - given, -1.0)
    largest = np.argsort(-remainders, kind="stable")[: min(wanting, int(can_give.sum()))]
    given[largest] += 1
    return given
