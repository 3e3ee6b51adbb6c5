"""How well a single column predicts the target: near perfection is more often a leak than luck."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.canonical import derive_seed
from zoo.ingest.clean_table import Column, Task

__all__ = ["Screen", "is_copy", "lone_score"]

_SAMPLE = 4000
_FOLDS = 3
_DEPTH = 6
_WORTH_A_TREE = 0.7
_PAIR_WORTH_A_TREE = 0.85
_MOST_CLASSES, _LEAST_ROWS = 10, 10  # of a pair of classes that are looked at
_MOST_BINS = 32


def is_copy(column: Column, y: Column, task: Task) -> bool:
    """Return whether a column is equivalent to the target.

    Classes: each value occurs with one label and each label with one value, in all rows. Numbers:
    one is a linear function of the other.
    """
    if column.isna().any() or y.nunique() < 2:
        return False
    if task == "classification":
        n_values = column.nunique()
        if n_values != y.nunique() or n_values > len(y) / 2:
            return False
        pairs = pd.DataFrame({"a": pd.factorize(column)[0], "b": pd.factorize(y)[0]})
        return bool(len(pairs.drop_duplicates()) == n_values)
    if not pd.api.types.is_numeric_dtype(column.dtype) or column.dtype == bool:
        return False
    values, target = column.to_numpy(np.float64), y.to_numpy(np.float64)
    if values.std() == 0:
        return False
    return abs(float(np.corrcoef(values, target)[0, 1])) > 1 - 1e-10


def lone_score(column: Column, y: Column, task: Task) -> float:
    """Return how well a column of `OwnTable.X` alone predicts the target out of sample.

    Returns
    -------
    float
        Of a shallow tree (of a categorical column: of the mean or commonest label of each
        category), in three-fold cross-validation on at most 4000 rows. Classification: balanced
        accuracy, scaled to 0 at chance and 1 at best. Regression: the explained fraction of the
        variance (R squared).
    """
    rng = np.random.default_rng(derive_seed("lone-score", len(y)))
    rows = rng.permutation(len(y))[:_SAMPLE]
    values, is_class = _as_numbers(column.iloc[rows]), task == "classification"
    target = pd.factorize(y.iloc[rows], sort=True)[0] if is_class else y.to_numpy(np.float64)[rows]
    predict = _by_category if isinstance(column.dtype, pd.CategoricalDtype) else _by_tree
    predicted = np.empty_like(target)
    for fold in range(_FOLDS):
        is_test = np.arange(len(target)) % _FOLDS == fold
        predicted[is_test] = predict(values[~is_test], target[~is_test], values[is_test], is_class)
    if is_class:
        return _balanced(target, predicted)
    spread = float(np.mean((target - target.mean()) ** 2))
    return 1.0 - float(np.mean((target - predicted) ** 2)) / spread if spread else 0.0


class Screen:
    """Finds quickly which columns may predict the target almost perfectly.

    Parameters
    ----------
    y : Series of shape (n_samples,)
    task : {"classification", "regression"}
    """

    def __init__(self, y: Column, task: Task) -> None:
        rng = np.random.default_rng(derive_seed("may-be-leak", len(y)))
        self._rows = rng.permutation(len(y))[:_SAMPLE]
        self._is_class = task == "classification"
        codes, self._labels = pd.factorize(y) if self._is_class else (None, [])
        self._target = (y.to_numpy(np.float64) if codes is None else codes)[self._rows]
        self._counts = np.bincount(codes[self._rows]) if codes is not None else np.empty(0, int)
        common = np.argsort(-self._counts, kind="stable")[:_MOST_CLASSES]
        self._common = [int(code) for code in common if self._counts[code] >= _LEAST_ROWS]

    def may_be_leak(self, column: Column) -> bool:
        """Return whether rows that are neighbours in the order of the column have similar targets.

        If not, no tree on the column predicts well and none need be fitted. For categorical
        columns, which have no order, the answer is True.
        """
        if isinstance(column.dtype, pd.CategoricalDtype):
            return True
        values = _as_numbers(column.iloc[self._rows])
        # ties stay in the random order of the rows
        target = self._target[np.argsort(values, kind="stable")]
        around = _around(target)
        if self._is_class:
            alike = np.where((around == around[0]).sum(axis=0) >= 2, around[0], around[1])
            hits = np.bincount(target[alike == target], minlength=len(self._counts))
            is_there = self._counts > 0
            found = float(np.mean(hits[is_there] / self._counts[is_there]))
            chance = 1.0 / max(2, int(is_there.sum()))
            return (found - chance) / (1.0 - chance) > _WORTH_A_TREE
        error = target - around.mean(axis=0)
        return float(np.mean(error**2)) < (1 - _WORTH_A_TREE) * float(target.var())

    def separated_pairs(self, column: Column) -> list[tuple[str, str]]:
        """Return pairs of classes that the column may separate, of three classes or more."""
        if len(self._common) < 3 and len(self._counts) < 3:
            return []
        bins = self._bins(column.iloc[self._rows])
        n_bins = int(bins.max()) + 1
        table = np.bincount(
            self._target * n_bins + bins, minlength=len(self._counts) * n_bins
        ).reshape(len(self._counts), n_bins)
        parts = table[self._common] / self._counts[self._common][:, None]
        apart = np.abs(parts[:, None, :] - parts[None, :, :]).sum(axis=2) / 2
        first, second = np.nonzero(np.triu(apart >= _PAIR_WORTH_A_TREE, 1))
        names = [str(self._labels[code]) for code in self._common]
        return [(names[i], names[j]) for i, j in zip(first, second, strict=True)]

    def _bins(self, column: Column) -> NDArray[np.int64]:
        """Return the bin of each row (n_rows,), the first for missing values."""
        values = _as_numbers(column)
        is_known = np.isfinite(values) & ~(
            isinstance(column.dtype, pd.CategoricalDtype) & (values < 0)
        )
        n_bins = int(min(_MOST_BINS, max(2, min(self._counts[self._common], default=0) // 4)))
        bins = np.zeros(len(values), np.int64)
        if not is_known.any():
            return bins
        known = values[is_known]
        if isinstance(column.dtype, pd.CategoricalDtype):
            bins[is_known] = known.astype(np.int64) + 1
        else:
            ordered = np.sort(known)
            edges = ordered[np.linspace(0, len(ordered) - 1, n_bins + 1).astype(int)[1:-1]]
            bins[is_known] = np.searchsorted(edges, known, side="left") + 1
        return bins


def _around(values: NDArray[Any]) -> NDArray[Any]:
    """Return the two neighbours on either side, shape (4, n_rows), the nearest first."""
    n = len(values)
    at = np.arange(n)
    return np.stack([values[np.clip(at + step, 0, n - 1)] for step in (-1, 1, -2, 2)])


def _as_numbers(column: Column) -> NDArray[np.float64]:
    """Return values as numbers, categories as codes; missing ones are -1 or NaN."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return np.asarray(column.cat.codes, np.float64)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        days = (column - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
        return np.asarray(days, np.float64)
    return np.asarray(column, np.float64)


def _by_category(
    values: NDArray[np.float64], target: NDArray[Any], new: NDArray[np.float64], is_class: bool
) -> NDArray[Any]:
    """Return the commonest label, or the mean, of each new row's category."""
    pairs = pd.DataFrame({"category": values, "target": target})
    if is_class:
        counts = pairs.value_counts().reset_index().drop_duplicates("category")
        best, other = counts.set_index("category")["target"], np.bincount(target).argmax()
    else:
        best, other = pairs.groupby("category")["target"].mean(), target.mean()
    return np.asarray(pd.Series(new).map(best).fillna(other), target.dtype)


def _by_tree(
    values: NDArray[np.float64], target: NDArray[Any], new: NDArray[np.float64], is_class: bool
) -> NDArray[Any]:
    """Return the predictions of a shallow tree for new rows."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if is_class:
        counts = np.bincount(target)
        n_leaves = max(2**_DEPTH, 4 * len(counts))
        tree = DecisionTreeClassifier(max_leaf_nodes=n_leaves, random_state=0)
        tree.fit(values[:, None], target, sample_weight=1.0 / counts[target])
    else:
        tree = DecisionTreeRegressor(max_leaf_nodes=256, min_samples_leaf=3, random_state=0)
        tree.fit(values[:, None], target)
    return np.asarray(tree.predict(new[:, None]))


def _balanced(codes: NDArray[np.int64], predicted: NDArray[Any]) -> float:
    """Return balanced accuracy, scaled to 0 at chance and 1 at best."""
    classes = np.unique(codes)
    hits = [float(np.mean(predicted[codes == code] == code)) for code in classes]
    chance = 1.0 / max(2, len(classes))
    return (float(np.mean(hits)) - chance) / (1.0 - chance)
