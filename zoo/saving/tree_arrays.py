"""Trees of scikit-learn as plain arrays: the nodes of all trees of a model, one after another.

The library's own nodes are records that native code follows unchecked. They are made here from
arrays whose types, lengths and indices have been checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.saving.sizes import Sizes, check_branches, check_unless, expect_keys

if TYPE_CHECKING:
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
    from sklearn.tree._tree import Tree

__all__ = ["give_boosted", "give_trees", "take_boosted", "take_trees"]

_WORDS = 8  # of 32 bits, in a set of categories


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


def give_trees(arrays: Any, sizes: Sizes) -> list[Tree]:
    """Return the trees that `take_trees` took."""
    from sklearn.tree._tree import NODE_DTYPE, Tree

    parts = expect_keys(arrays, ("counts", "depths", "values", *NODE_DTYPE.names), "trees")
    nodes, starts, counts = _nodes(parts, NODE_DTYPE)
    depths, values = parts["depths"], parts["values"]
    left, right = nodes["left_child"], nodes["right_child"]
    is_inner = left != -1
    check_branches(starts, counts, left, right, is_inner)
    _check_columns(nodes["feature"][is_inner], sizes)
    check_unless(
        np.array_equal(is_inner, right != -1)
        and not np.isnan(nodes["threshold"]).any()
        and (nodes["missing_go_to_left"] <= 1).all()
        and depths.shape == counts.shape
        and depths.dtype == np.int64
        and ((depths >= 0) & (depths < counts)).all()
        and values.dtype == np.float64
        and values.shape == (len(nodes), 1, sizes["o"])
        and np.isfinite(values).all()
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


def _nodes(
    parts: Mapping[str, Any], dtype: np.dtype[Any]
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Return nodes as records, and the first and the number of each tree's."""
    counts = parts["counts"]
    lists = [parts[name] for name in dtype.names or ()]
    check_unless(
        all(isinstance(part, np.ndarray) for part in parts.values())
        and counts.dtype == np.int64
        and counts.ndim == 1
        and ((counts > 0) & (counts <= lists[0].size)).all()
        and {part.shape for part in lists} == {(int(counts.sum()),)}
        and [part.dtype for part in lists] == [dtype[name] for name in dtype.names or ()],
        "a tree's lists",
    )
    nodes = np.empty(len(lists[0]), dtype)
    for name, part in zip(dtype.names or (), lists, strict=True):
        nodes[name] = part
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


def give_boosted(arrays: Any, sizes: Sizes) -> list[TreePredictor]:
    """Return the trees that `take_boosted` took; the library puts columns of categories first."""
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    dtype = PREDICTOR_RECORD_DTYPE
    parts = expect_keys(arrays, ("counts", "n_sets", "sets", "binned_sets", *dtype.names), "trees")
    nodes, starts, counts = _nodes(parts, dtype)
    n_sets, sets, binned = parts["n_sets"], parts["sets"], parts["binned_sets"]
    flags = nodes["is_leaf"], nodes["is_categorical"], nodes["missing_go_to_left"]
    is_inner, is_set = flags[0] == 0, (flags[0] == 0) & (flags[1] == 1)
    check_branches(
        starts, counts, nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), is_inner
    )
    _check_columns(nodes["feature_idx"][is_inner], sizes)
    n_first = int(sizes.is_categorical.sum())
    check_unless(
        all((flag <= 1).all() for flag in flags)
        and np.isfinite(nodes["value"]).all()
        and not np.isnan(nodes["num_threshold"]).any()
        and n_sets.shape == counts.shape
        and n_sets.dtype == np.int64
        and ((n_sets >= 0) & (n_sets <= len(sets))).all()
        and sets.shape == binned.shape == (int(n_sets.sum()), _WORDS)
        and sets.dtype == binned.dtype == np.uint32
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
