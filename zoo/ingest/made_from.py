"""Targets that are made from other columns: their sum, difference, product or ratio, or a lag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.canonical import derive_seed
from zoo.ingest.clean_table import Column, Task

__all__ = ["Formula", "Origin", "find_lags", "find_origins"]

_SAMPLE = 4000
_MOST_COLUMNS = 200
_LEAST_ROWS = 30
_PAIR, _ALL = 0.995, 0.9995  # fractions of the variance that two columns, or all, explain
_MOST_MISSING = 0.2
_SMALL_ERROR = 0.1  # mean error, in mean deviations: outliers alone make the variance explained
_LAGS = (1, -1, 2, -2, 3, -3, 7, -7, 12, -12)
_SAME = 0.98  # fraction of the rows


class Formula(StrEnum):
    """How the target follows from the columns."""

    SUM = "a sum or difference"
    PRODUCT = "a product or ratio"


@dataclass(frozen=True, slots=True)
class Origin:
    """Columns that the target is made from, and the fraction of its variance that they explain."""

    formula: Formula
    columns: tuple[str, ...]
    explained: float


def find_origins(X: pd.DataFrame, y: Column) -> Iterator[Origin]:
    """Yield at most one pair or set of columns whose sum or product the target is.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_features)
        Of numbers; other columns are ignored.
    y : Series of shape (n_samples,)
        Numbers.
    """
    rng = np.random.default_rng(derive_seed("made-from", len(y)))
    rows = rng.permutation(len(y))[:_SAMPLE]
    target = y.to_numpy(np.float64)[rows]
    names = [
        name
        for name, dtype in X.dtypes.items()
        if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
    ]
    if len(names) < 2 or len(target) < _LEAST_ROWS:
        return
    names = (
        names[:_MOST_COLUMNS] if len(names) <= _MOST_COLUMNS else _nearest(X, names, rows, target)
    )
    values = np.array(X[names].iloc[rows], np.float64)
    values[~np.isfinite(values)] = np.nan
    is_full = np.isnan(values).mean(axis=0) <= _MOST_MISSING
    values, names = values[:, is_full], [n for n, full in zip(names, is_full, strict=True) if full]
    if len(names) < 2:
        return
    best = max(
        (
            found
            for formula in Formula
            if (found := _origin(values, target, [*map(str, names)], formula)) is not None
        ),
        key=lambda one: (-len(one.columns), one.explained),
        default=None,
    )
    if best is not None:
        yield best


def _nearest(
    X: pd.DataFrame, names: list[str], rows: NDArray[np.int64], target: NDArray[np.float64]
) -> list[str]:
    """Return the columns that are correlated most with the target."""
    values = np.nan_to_num(X[names].iloc[rows].to_numpy(np.float64), posinf=0.0, neginf=0.0)
    values = values - values.mean(axis=0)
    norms = np.sqrt((values**2).sum(axis=0))
    norms[norms == 0] = np.inf
    near = np.abs((target - target.mean()) @ values) / norms
    return [names[i] for i in np.argsort(-near, kind="stable")[:_MOST_COLUMNS]]


def _origin(
    values: NDArray[np.float64], target: NDArray[np.float64], names: list[str], formula: Formula
) -> Origin | None:
    """Return the pair of columns, or else the set, that gives the target by a formula."""
    if formula is Formula.PRODUCT:
        is_positive = np.nanmin(values, axis=0) > 0
        if target.min() <= 0 or is_positive.sum() < 2:
            return None
        values, target = np.log(values[:, is_positive]), np.log(target)
        names = [name for name, positive in zip(names, is_positive, strict=True) if positive]
    if target.std() == 0:
        return None
    is_row = ~np.isnan(values).any(axis=1)
    if is_row.mean() < 0.5:  # missing here and there
        means = np.nanmean(values, axis=0)
        filled = np.where(np.isnan(values), means, values)
    else:
        filled, target, values = values[is_row], target[is_row], values[is_row]
    if len(filled) < _LEAST_ROWS or target.std() == 0:
        return None
    i, j = _best_pair(filled, target)
    found = _explained(values[:, [i, j]], target)
    if found is not None and found[0] >= _PAIR:
        return Origin(formula, (names[i], names[j]), found[0])
    if formula is Formula.SUM and 3 <= len(names) <= len(filled) / 5:
        return _whole_sum(values, target, names)
    return None


def _best_pair(values: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[int, int]:
    """Return the two columns that together explain most of the variance of the target."""
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    goal = (target - target.mean()) / target.std()
    near, between = scaled.T @ goal / len(goal), scaled.T @ scaled / len(goal)
    rest = 1.0 - between**2
    parts = near[:, None] ** 2 + near[None, :] ** 2 - 2 * between * near[:, None] * near[None, :]
    explained = np.where(rest > 1e-9, parts / np.maximum(rest, 1e-9), 0.0)
    np.fill_diagonal(explained, -1.0)
    i, j = np.unravel_index(int(explained.argmax()), explained.shape)
    return (int(i), int(j)) if i < j else (int(j), int(i))


def _explained(
    values: NDArray[np.float64], target: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]] | None:
    """Return the explained fraction of the variance and the standardised coefficients.

    None if few rows are complete, or the mean error is not small.
    """
    is_row = ~np.isnan(values).any(axis=1)
    values, target = values[is_row], target[is_row]
    if len(target) < max(_LEAST_ROWS, 5 * values.shape[1]) or target.std() == 0:
        return None
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    goal = (target - target.mean()) / target.std()
    weights = np.linalg.lstsq(scaled, goal, rcond=None)[0]
    error = goal - scaled @ weights
    if np.abs(error).mean() > _SMALL_ERROR * np.abs(goal).mean():
        return None
    return 1.0 - float((error**2).mean()), weights


def _whole_sum(
    values: NDArray[np.float64], target: NDArray[np.float64], names: list[str]
) -> Origin | None:
    """Return the columns of which the target is a weighted sum, as few as are needed."""
    found = _explained(values, target)
    if found is None or found[0] < _ALL:
        return None
    explained, weights = found
    kept = np.flatnonzero(np.abs(weights) > 0.01)
    order = kept[np.argsort(-np.abs(weights[kept]), kind="stable")]
    return Origin(Formula.SUM, tuple(names[i] for i in order), explained)


def find_lags(X: pd.DataFrame, y: Column, task: Task) -> Mapping[str, int]:
    """Return the columns that hold the target of another row, and how many rows before it is.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_features)
    y : Series of shape (n_samples,)
    task : {"classification", "regression"}
    """
    found: dict[str, int] = {}
    if len(y) < _LEAST_ROWS or y.nunique() < 2:
        return found
    is_class = task == "classification"
    target = pd.factorize(y)[0].astype(np.float64) if is_class else y.to_numpy(np.float64)
    n_labels, spread = int(target.max()) + 1 if is_class else 0, float(target.std())
    for name, column in X.items():
        if is_class:
            if (
                column.dtype.kind == "f"
                and len(set(column.to_numpy()[:50].tolist())) > n_labels + 1
            ):
                continue
            codes = pd.factorize(column)[0]
            if codes.max() + 1 != n_labels:
                continue
            values = codes.astype(np.float64)
        elif isinstance(column.dtype, pd.CategoricalDtype) or column.dtype.kind not in "iuf":
            continue
        else:
            values = column.to_numpy(np.float64)
            if not abs(float(np.nanmean(values)) - float(target.mean())) <= spread:
                continue
        if lag := _lag(values, target, is_class):
            found[str(name)] = lag
    return found


def _lag(values: NDArray[np.float64], target: NDArray[np.float64], is_class: bool) -> int:
    """Return by how many rows the values come after the target, or 0."""
    same = _same_classes if is_class else _same_numbers
    if same(values, target) >= _SAME:
        return 0  # they are a copy
    for lag in _LAGS:
        late = values[max(lag, 0) : len(values) + min(lag, 0)]
        early = target[max(-lag, 0) : len(target) - max(lag, 0)]
        if same(late[:50], early[:50]) > _SAME - 0.1 and same(late, early) >= _SAME:
            return lag
    return 0


def _same_numbers(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the fraction of rows with equal values."""
    return float((np.abs(a - b) <= 1e-6 * np.abs(b)).mean())


def _same_classes(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the fraction of rows with equal codes, once the codes of one are renamed."""
    table = np.zeros((int(max(a.max(), b.max())) + 2,) * 2)
    np.add.at(table, (a.astype(int), b.astype(int)), 1)
    one, other = table.max(axis=0).sum(), table.max(axis=1).sum()
    return float(min(one, other) / max(1, len(a)))
