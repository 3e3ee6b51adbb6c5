"""Checks of plain data and of the numbers in it before a library's native code uses them."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MAX_CATEGORIES", "Sizes", "are_within", "check_branches", "check_unless", "expect_keys",
    "expect_list", "floats", "is_finite", "whole_numbers",
]  # fmt: skip

MAX_CATEGORIES = 255  # codes of a column, one of them for unknown categories


class Sizes:
    """What the arrays of a model must fit: columns, classes, and sizes found on the way.

    Attributes
    ----------
    n_columns : int
        Of the encoded table.
    n_classes : int
        0 for a regressor.
    is_categorical : ndarray of bool, (n_columns,)
    """

    def __init__(self, is_categorical: NDArray[np.bool_], n_classes: int) -> None:
        self.is_categorical = is_categorical
        self.n_columns, self.n_classes = len(is_categorical), n_classes
        self._found = {
            "c": self.n_columns,
            "k": n_classes,
            "o": max(1, n_classes),  # outputs
            "m": 1 if n_classes == 2 else n_classes,  # rows of a linear classifier
            "p": n_classes * (n_classes - 1) // 2 if n_classes else 1,  # pairs
            "d": max(1, n_classes - 1),
            "2": 2,
            "1": 1,
            "0": 0,
        }

    def check(self, shape: Sequence[int], letters: str) -> None:
        """Refuse a shape unless it is that of `letters`; a new letter takes the size it finds."""
        is_sound = len(shape) == len(letters)
        for size, letter in zip(shape, letters, strict=False):
            is_sound = is_sound and self._found.setdefault(letter, size) == size
        check_unless(is_sound, f"an array of shape {str(tuple(shape))[:60]} and the model")

    def __getitem__(self, letter: str) -> int:
        return self._found[letter]


def check_unless(is_sound: bool | np.bool_, what: str) -> None:
    """Raise a ValueError that says what does not fit, unless all is sound."""
    if not is_sound:
        raise ValueError(f"{what} do not fit each other")


def expect_keys(value: Any, names: Collection[str], what: str) -> dict[str, Any]:
    """Return a dict that has exactly these keys."""
    if not isinstance(value, dict) or {*value} != {*names}:
        raise ValueError(f"{what} has other parts than {', '.join(names)}")
    return value


def expect_list(value: Any, n: int, what: str) -> list[Any]:
    """Return a list of n items."""
    if type(value) is not list or len(value) != n:
        raise ValueError(f"expected {n} items in {what}; they do not fit each other")
    return value


def whole_numbers(values: Any, n: int, low: int, high: int, what: str) -> NDArray[np.int64]:
    """Return a list of n integers from low to high as an array; numpy would truncate fractions."""
    items = expect_list(values, n, what)
    check_unless(all(type(item) is int and low <= item <= high for item in items), what)
    return np.array(items, np.int64)


def floats(values: Any, n: int, what: str) -> NDArray[np.float64]:
    """Return a list of n numbers that are finite in 32 bits as an array."""
    items = expect_list(values, n, what)
    check_unless(all(type(item) in {int, float} and abs(item) < 3.4e38 for item in items), what)
    return np.array(items, np.float64)


def is_finite(value: object) -> bool:
    """Whether a value is a number that is neither infinite nor NaN."""
    return isinstance(value, int | float | np.number) and math.isfinite(value)


def are_within(values: NDArray[Any], low: float = -np.inf, high: float = np.inf) -> bool:
    """Whether all numbers of an array are finite and from low to high; takes no memory for it."""
    if not values.size:
        return True
    least, most = float(values.min()), float(values.max())  # NaN if there is one
    return math.isfinite(least) and math.isfinite(most) and low <= least and most <= high


def check_branches(
    starts: NDArray[np.int64],
    counts: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    is_inner: NDArray[np.bool_],
) -> None:
    """Refuse trees that are not whole binary trees, so that no path leaves them or has no end.

    Parameters
    ----------
    starts, counts : ndarray of int, (n_trees,)
        The first node and the number of nodes of each tree; the nodes of all are concatenated.
    left, right : ndarray of int, (n_nodes,)
        Number of each child within its tree; those of leaves are not read. A child must come
        after its parent, and each node but the first must be a child of one.
    is_inner : ndarray of bool, (n_nodes,)
    """
    n_nodes = len(is_inner)
    check_unless((counts > 0).all() and int(counts.sum()) == n_nodes, "a tree's lists")
    start = np.repeat(starts, counts)[is_inner]
    count = np.repeat(counts, counts)[is_inner]
    own = np.flatnonzero(is_inner) - start
    children = np.stack([left[is_inner], right[is_inner]])
    check_unless(
        (children > own).all() and (children < count).all(), "a tree's branches and columns"
    )
    parents = np.bincount((children + start).ravel(), minlength=n_nodes)
    is_root = np.zeros(n_nodes, bool)
    is_root[starts] = True
    check_unless(bool((parents == ~is_root).all()), "a tree's branches and columns")
