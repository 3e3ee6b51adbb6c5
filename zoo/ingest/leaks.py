"""How well a single column predicts the target: near perfection is more often a leak than luck."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.canonical import derive_seed
from zoo.ingest.clean_table import Column, Task

__all__ = ["is_copy", "lone_score", "may_be_leak"]

_SAMPLE = 4000
_FOLDS = 3
_DEPTH = 6
_WORTH_A_TREE = 0.7


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


def may_be_leak(column: Column, y: Column, task: Task) -> bool:
    """Return whether rows that are neighbours in the order of the column have similar targets.

    If not, no tree on the column predicts well and none need be fitted. For categorical columns,
    which have no order, the answer is True.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
    rng = np.random.default_rng(derive_seed("may-be-leak", len(y)))
    rows = rng.permutation(len(y))[:_SAMPLE]
    order = np.argsort(_as_numbers(column.iloc[rows]), kind="stable")  # ties in random order
    if task == "classification":
        codes = pd.factorize(y)[0][rows][order]
        around = _around(codes)
        alike = np.where((around == around[0]).sum(axis=0) >= 2, around[0], around[1])
        return _balanced(codes, alike) > _WORTH_A_TREE
    numbers = y.to_numpy(np.float64)[rows][order]
    error = numbers - _around(numbers).mean(axis=0)
    return float(np.mean(error**2)) < (1 - _WORTH_A_TREE) * float(numbers.var())


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
