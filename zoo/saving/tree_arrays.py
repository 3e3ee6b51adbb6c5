"""Trees of scikit-learn as plain arrays: the nodes of all trees of a model, one after another.

The library's own nodes are records that native code follows unchecked. They are made here from
arrays whose types, lengths and indices have been checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from zoo.saving.archive import StoredArray
from zoo.saving.sizes import Sizes, are_within, check_branches, check_unless, expect_keys

if TYPE_CHECKING:
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
    from sklearn.tree._tree import Tree

__all__ = ["give_boosted", "give_trees", "read_array", "take_boosted", "take_trees"]

_WORDS = 8  # of 32 bits, in a set of categories
_MAX_NODES = 2**31  # of a tree


def take_trees(trees: Sequence[Tree]) -> dict[str, NDArray[Any]]:
    """Return the arrays of trees."""
    states = [tree.__getstate__() for tree in trees]
    nodes = np.concatenate([state["nodes"] for state in states])
    return {
        "counts": np.array([state["node_count"] for state in states], np.int64),
        "depths": np.array([state["max_depth"] for state in states], np.int64),
        "values": np.concatenate([state["values"] for state in states]),
        **{name: np.ascontiguousarray(nodes[name]) for name in nodes.dtype.names or ()},
    }


def give_trees(arrays: Any, n_trees: int, sizes: Sizes) -> list[Tree]:
    """Return the trees that `take_trees` took."""
    from sklearn.tree._tree import NODE_DTYPE, Tree

    parts = expect_keys(arrays, ("counts", "depths", "values", *NODE_DTYPE.names), "trees")
    nodes, starts, counts = _nodes(parts, NODE_DTYPE, range(n_trees, n_trees + 1))
    depths = read_array(parts["depths"], np.int64, counts.shape)
    values = read_array(parts["values"], np.float64, (len(nodes), 1, sizes["o"]))
    left, right = nodes["left_child"], nodes["right_child"]
    is_inner = left != -1
    check_branches(starts, counts, left, right, is_inner)
    _check_columns(nodes["feature"][is_inner], sizes)
    check_unless(
        np.array_equal(is_inner, right != -1)
        and not np.isnan(nodes["threshold"]).any()
        and (nodes["missing_go_to_left"] <= 1).all()
        and ((depths >= 0) & (depths < counts)).all()
        and are_within(values)
        and (not sizes.n_classes or _are_fractions(values)),
        "a tree's lists",
    )
    made = []
    for start, count, depth in zip(starts, counts, depths, strict=True):
        own = slice(start, start + count)
        tree = Tree(sizes.n_columns, np.array([sizes["o"]], np.intp), 1)
        tree.__setstate__(
            {
                "max_depth": int(depth),
                "node_count": int(count),
                "nodes": nodes[own].copy(),
                "values": np.ascontiguousarray(values[own]),
            }
        )
        made.append(tree)
    return made


def _are_fractions(values: NDArray[np.float64]) -> bool:
    return bool((values >= 0).all() and (np.abs(values.sum(axis=2) - 1) < 1e-3).all())


def read_array(stored: Any, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return a stored array, once type and shape have been compared."""
    is_right = isinstance(stored, StoredArray) and stored.dtype == np.dtype(dtype)
    check_unless(is_right and stored.shape == shape, "an array and its shape")
    return cast("NDArray[Any]", stored.read())


def _counts(stored: Any, numbers: range) -> NDArray[np.int64]:
    """Return the number of nodes of each tree, if the number of trees is one of these."""
    is_list = isinstance(stored, StoredArray) and len(stored.shape) == 1
    check_unless(is_list and stored.shape[0] in numbers, "a tree's lists and trees")
    counts = read_array(stored, np.int64, stored.shape)
    check_unless(((counts > 0) & (counts < _MAX_NODES)).all(), "a tree's lists")
    return counts


def _nodes(
    parts: Mapping[str, Any], dtype: np.dtype[Any], numbers: range
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Return nodes as records, and the first and the number of each tree's."""
    counts = _counts(parts["counts"], numbers)
    n_nodes = int(counts.sum())
    names = dtype.names or ()
    for name in names:  # before one of them is read
        check_unless(parts[name].shape == (n_nodes,), "a tree's lists")
    nodes = np.empty(n_nodes, dtype)
    for name in names:
        nodes[name] = read_array(parts[name], dtype[name], (n_nodes,))
    return nodes, np.cumsum(counts) - counts, counts


def _check_columns(features: NDArray[Any], sizes: Sizes) -> None:
    check_unless(
        ((features >= 0) & (features < sizes.n_columns)).all(), "a tree's branches and columns"
    )


def take_boosted(trees: Sequence[TreePredictor]) -> dict[str, NDArray[Any]]:
    """Return the arrays of trees of histogram gradient boosting."""
    nodes = np.concatenate([tree.nodes for tree in trees])
    return {
        "counts": np.array([len(tree.nodes) for tree in trees], np.int64),
        "n_sets": np.array([len(tree.raw_left_cat_bitsets) for tree in trees], np.int64),
        "sets": np.concatenate([tree.raw_left_cat_bitsets for tree in trees]),
        "binned_sets": np.concatenate([tree.binned_left_cat_bitsets for tree in trees]),
        **{name: np.ascontiguousarray(nodes[name]) for name in nodes.dtype.names or ()},
    }


def give_boosted(arrays: Any, n_most: int, sizes: Sizes) -> list[TreePredictor]:
    """Return the trees that `take_boosted` took; the library puts columns of categories first."""
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    dtype = PREDICTOR_RECORD_DTYPE
    parts = expect_keys(arrays, ("counts", "n_sets", "sets", "binned_sets", *dtype.names), "trees")
    nodes, starts, counts = _nodes(parts, dtype, range(1, n_most + 1))
    n_sets = read_array(parts["n_sets"], np.int64, counts.shape)
    check_unless(((n_sets >= 0) & (n_sets <= counts)).all(), "a tree's sets of categories")
    shape = int(n_sets.sum()), _WORDS
    sets, binned = (read_array(parts[name], np.uint32, shape) for name in ("sets", "binned_sets"))
    flags = nodes["is_leaf"], nodes["is_categorical"], nodes["missing_go_to_left"]
    is_inner, is_set = flags[0] == 0, (flags[0] == 0) & (flags[1] == 1)
    check_branches(
        starts, counts, nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), is_inner
    )
    _check_columns(nodes["feature_idx"][is_inner], sizes)
    n_first = int(sizes.is_categorical.sum())
    check_unless(
        all((flag <= 1).all() for flag in flags)
        and are_within(nodes["value"])
        and not np.isnan(nodes["num_threshold"]).any()
        and np.array_equal(is_set[is_inner], nodes["feature_idx"][is_inner] < n_first)
        and (nodes["bitset_idx"][is_set] < np.repeat(n_sets, counts)[is_set]).all(),
        "a tree's sets of categories",
    )
    first_sets = np.cumsum(n_sets) - n_sets
    made = []
    for start, count, first, n in zip(starts, counts, first_sets, n_sets, strict=True):
        own = (part[first : first + n].copy() for part in (binned, sets))
        made.append(TreePredictor(nodes[start : start + count].copy(), *own))
    return made
