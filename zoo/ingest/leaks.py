"""How well a single column predicts the target: near perfection is more often a leak than luck."""

from __future__ import annotations

import itertools
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
_CELLS = 1 << 20  # of a block


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

    def search(self, X: pd.DataFrame) -> tuple[list[str], dict[tuple[str, str], list[str]]]:
        """Return columns that may predict the target, and those that may separate two classes.

        A column may if rows that are neighbours in its order have similar targets; if not, no tree
        on it predicts well and none need be fitted. Categorical columns, which have no order, all
        may. Pairs of classes are looked at where there are three or more.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)
        """
        leaks: list[str] = []
        pairs: dict[tuple[str, str], list[str]] = {}
        n_columns = max(1, _CELLS // max(1, len(self._rows)))
        for start in range(0, X.shape[1], n_columns):
            part = X.iloc[:, start : start + n_columns]
            names = [*map(str, part.columns)]
            is_named = [isinstance(dtype, pd.CategoricalDtype) for dtype in part.dtypes]
            values = np.stack([_as_numbers(column)[self._rows] for _, column in part.items()])
            # ties stay in the random order of the rows
            target = self._target[np.argsort(values, axis=1, kind="stable")]
            may = self._may_be_leaks(target) | np.array(is_named)
            leaks += [name for name, found in zip(names, may, strict=True) if found]
            if self._is_class and len(self._counts) > 2:
                self._add_pairs(pairs, names, target, values, is_named)
        return leaks, pairs

    def _may_be_leaks(self, target: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which of the targets (n_columns, n_rows), each in one order, are in order too."""
        around = _around(target)
        if self._is_class:
            alike = np.where((around == around[0]).sum(axis=0) >= 2, around[0], around[1])
            is_hit = alike == target
            hits = [
                ((target == code) & is_hit).sum(axis=1) / count
                for code, count in enumerate(self._counts)
                if count
            ]
            chance = 1.0 / max(2, len(hits))
            return np.asarray((np.mean(hits, axis=0) - chance) / (1 - chance) > _WORTH_A_TREE)
        error = ((target - around.mean(axis=0)) ** 2).mean(axis=1)
        return np.asarray(error < (1 - _WORTH_A_TREE) * self._target.var())

    def _add_pairs(
        self,
        pairs: dict[tuple[str, str], list[str]],
        names: list[str],
        target: NDArray[Any],
        values: NDArray[np.float64],
        is_named: list[bool],
    ) -> None:
        """Add the columns (n_columns, n_rows) that may separate two classes."""
        least = min((self._counts[code] for code in self._common), default=0)
        edges = np.linspace(0, len(self._rows), int(min(_MOST_BINS, max(2, least // 4))) + 1)
        parts = np.stack(
            [
                np.add.reduceat(target == code, edges[:-1].astype(int), axis=1, dtype=float)
                / self._counts[code]
                for code in self._common
            ]
        )  # (n_classes, n_columns, n_bins)
        shown = [str(self._labels[code]) for code in self._common]
        for i, j in itertools.combinations(range(len(self._common)), 2):
            apart = np.abs(parts[i] - parts[j]).sum(axis=1) / 2
            for k in np.flatnonzero(is_named):
                apart[k] = self._apart(values[k], self._common[i], self._common[j])
            for k in np.flatnonzero(apart >= _PAIR_WORTH_A_TREE):
                pairs.setdefault((shown[i], shown[j]), []).append(names[k])

    def _apart(self, codes: NDArray[np.float64], one: int, other: int) -> float:
        """Return how different the categories (n_rows,) of two classes are, from 0 to 1."""
        found = codes.astype(np.int64) + 1
        n_codes = int(found.max()) + 1
        first, second = (
            np.bincount(found[self._target == code], minlength=n_codes) / self._counts[code]
            for code in (one, other)
        )
        return float(np.abs(first - second).sum() / 2)


def _around(values: NDArray[Any]) -> NDArray[Any]:
    """Return the two neighbours on either side, shape (4, n_columns, n_rows), the nearest first."""
    n = values.shape[1]
    at = np.arange(n)
    return np.stack([values[:, np.clip(at + step, 0, n - 1)] for step in (-1, 1, -2, 2)])


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
