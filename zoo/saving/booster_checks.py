"""Checks indices and lengths in files of XGBoost and LightGBM before the libraries load them.

Their files refer to nodes, columns and categories by number, and neither library checks all of
these numbers against the lists that they index.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["check_branches", "check_lightgbm", "check_xgboost", "refuse_unless"]

_MAX_CODE = 1 << 16  # of a category: XGBoost allocates a bit for each code up to the largest
_NODE_LISTS = (  # XGBoost's, with an entry per node of a tree
    "base_weights", "default_left", "left_children", "loss_changes", "parents", "right_children",
    "split_conditions", "split_indices", "split_type", "sum_hessian",
)  # fmt: skip


def refuse_unless(is_sound: bool, what: str) -> None:
    """Raise a ValueError that names parts that do not fit each other, unless they are sound."""
    if not is_sound:
        raise ValueError(f"{what} do not fit each other")


def check_branches(
    inner: NDArray[Any], children: NDArray[Any], features: NDArray[Any], n: int, n_columns: int
) -> None:
    """Refuse a tree whose nodes refer to other nodes or columns than it has.

    Its inner nodes have numbers (n_inner,), children (2, n_inner) and features (n_inner,). A child
    must come after its parent, so that there is no cycle. `n` and `n_columns` are counts of nodes
    and columns.
    """
    refuse_unless(
        n > 0
        and children.shape == (2, *inner.shape)
        and features.shape == inner.shape
        and bool((children > inner).all() and (children < n).all())
        and bool((features >= 0).all() and (features < n_columns).all()),
        "a tree's branches and columns",
    )


def _whole(values: Collection[object]) -> NDArray[np.int64]:
    """Return a list of integers as an array; numpy would truncate fractions."""
    refuse_unless(all(type(value) is int for value in values), "a tree's numbers")
    return np.array(values, np.int64)


def _int(text: str) -> int:
    """Return a number as the library would read it; Python's `int` reads ``1_0`` as 10."""
    refuse_unless(re.fullmatch(r"-?[0-9]{1,9}", text) is not None, "a number and its digits")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a dict; of two equal keys, this reader and the library might take different ones."""
    refuse_unless(len({name for name, _ in pairs}) == len(pairs), "names that come twice")
    return dict(pairs)


def check_xgboost(data: bytes) -> None:
    """Refuse a model in XGBoost's JSON whose numbers point outside its lists.

    Raises
    ------
    ValueError, KeyError, TypeError
        If parts do not fit each other, or are missing.
    """
    learner = json.loads(data, object_pairs_hook=_once)["learner"]
    param, booster = learner["learner_model_param"], learner["gradient_booster"]
    n_groups, n_columns = max(1, _int(param["num_class"])), _int(param["num_feature"])
    is_usual = booster["name"] == "gbtree" and param["num_target"] == "1"
    refuse_unless(is_usual, "booster and targets")
    model = booster["model"]
    trees, starts = model["trees"], _whole(model["iteration_indptr"])
    groups = _whole(model["tree_info"])
    refuse_unless(
        len(groups) == len(trees) == _int(model["gbtree_model_param"]["num_trees"])
        and bool(((groups >= 0) & (groups < n_groups)).all())
        and starts[0] == 0
        and starts[-1] == len(trees)
        and bool((np.diff(starts) >= 0).all()),
        "trees, iterations and classes",
    )
    refuse_unless(not any(model["cats"].values()), "categories and columns without names")
    for tree in trees:
        _check_xgboost_tree(tree, n_columns)


def _check_xgboost_tree(tree: dict[str, Any], n_columns: int) -> None:
    """Check one tree's lists, its branches and its sets of categories."""
    param = tree["tree_param"]
    n = _int(param["num_nodes"])
    refuse_unless(
        all(len(tree[name]) == n for name in _NODE_LISTS)
        and param["size_leaf_vector"] in {"0", "1"}
        and param["num_deleted"] == "0",
        "a tree's lists",
    )
    children = np.stack([_whole(tree["left_children"]), _whole(tree["right_children"])])
    inner = np.flatnonzero(children[0] != -1)
    features, parents = _whole(tree["split_indices"]), _whole(tree["parents"])[1:]
    check_branches(inner, children[:, inner], features[inner], n, n_columns)
    refuse_unless(bool(((parents >= 0) & (parents < n)).all()), "a tree's parents")
    names = ("nodes", "segments", "sizes")
    nodes, starts, sizes = (_whole(tree[f"categories_{name}"]) for name in names)
    codes, kinds = _whole(tree["categories"]), _whole(tree["split_type"])
    refuse_unless(
        nodes.shape == starts.shape == sizes.shape
        and np.array_equal(nodes, np.flatnonzero(kinds))
        and bool((starts >= 0).all() and (sizes > 0).all())
        and bool((starts + sizes <= len(codes)).all())
        and bool(((codes >= 0) & (codes < _MAX_CODE)).all()),
        "a tree's sets of categories",
    )


def check_lightgbm(data: bytes) -> None:
    """Refuse a model in LightGBM's text whose numbers point outside its lists.

    Raises
    ------
    ValueError, KeyError
        If parts do not fit each other, or are missing.
    """
    text = data.decode("ascii")
    # the library ends lines at other characters too
    refuse_unless(re.search(r"[^\n\x20-\x7e]", text) is None, "lines and characters")
    body, *rest = re.split(r"(?m)^end of trees$", text)
    refuse_unless(len(rest) == 1 and re.search(r"(?m)^Tree=", rest[0]) is None, "trees and end")
    head, *blocks = re.split(r"(?m)^(?=Tree=)", body)
    header = _lines(head)
    n_columns, n_groups = _int(header["max_feature_idx"]) + 1, _int(header["num_class"])
    objective = re.search(r"num_class:(\d+)", header["objective"])
    refuse_unless(
        n_groups >= 1
        and all(len(header[f"feature_{what}"].split()) == n_columns for what in ("names", "infos"))
        and _int(header["num_tree_per_iteration"]) == n_groups
        and (n_groups == 1 if objective is None else int(objective[1]) == n_groups)
        and header["objective"].count("num_class") <= 1
        and len(blocks) % n_groups == 0,
        "trees, columns and classes",
    )
    sizes = _numbers(header.get("tree_sizes", "").split())
    refuse_unless(sizes.tolist() == [*map(len, blocks)], "the sizes of trees")
    for block in blocks:
        tree = {name: value.split() for name, value in _lines(block).items()}
        _check_lightgbm_tree(tree, n_columns)


def _lines(block: str) -> dict[str, str]:
    """Return the lines ``name=value`` of a block by name."""
    lines = _once([line.partition("=")[::2] for line in block.split("\n") if line])
    refuse_unless(all(re.fullmatch(r"\w+", name) for name in lines), "lines and names")
    return lines


def _numbers(values: Collection[str]) -> NDArray[np.int64]:
    return np.array([_int(value) for value in values], np.int64)


def _check_lightgbm_tree(tree: dict[str, list[str]], n_columns: int) -> None:
    """Check one tree's lists, its branches and its sets of categories."""
    ((n_leaves,), (n_sets,)) = (_numbers(tree[name]) for name in ("num_leaves", "num_cat"))
    refuse_unless(
        n_leaves > 0
        and n_sets >= 0
        and tree["is_linear"] == ["0"]
        and len(tree["leaf_value"]) == n_leaves,
        "a tree's leaves",
    )
    if n_leaves == 1:
        return
    names = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
    refuse_unless(all(len(tree[name]) == n_leaves - 1 for name in names), "a tree's lists")
    children = np.stack([_numbers(tree["left_child"]), _numbers(tree["right_child"])])
    refuse_unless(bool((children < n_leaves - 1).all()), "a tree's branches")
    # a leaf is written as ~number; here, leaves are numbered after the inner nodes
    children = np.where(children < 0, n_leaves - 1 + ~children, children)
    inner = np.arange(n_leaves - 1)
    check_branches(inner, children, _numbers(tree["split_feature"]), 2 * n_leaves - 1, n_columns)
    is_set = _numbers(tree["decision_type"]) & 1 == 1
    sets = _numbers([tree["threshold"][i] for i in np.flatnonzero(is_set)])
    refuse_unless(bool(((sets >= 0) & (sets < n_sets)).all()), "a tree's sets of categories")
    if n_sets:
        bounds = _numbers(tree["cat_boundaries"])
        refuse_unless(
            len(bounds) == n_sets + 1
            and bounds[0] == 0
            and bool((np.diff(bounds) > 0).all())
            and bounds[-1] == len(tree["cat_threshold"]),
            "a tree's sets of categories",
        )
