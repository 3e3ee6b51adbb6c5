"""XGBoost's JSON, checked whole: each field has one form, and what has none is refused.

The library reads what it finds and follows many of the numbers unchecked, so that a changed file
can end the process. It gets JSON that is written anew from the checked structure.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from zoo.saving.archive import parse_json
from zoo.saving.sizes import (
    MAX_CATEGORIES,
    Sizes,
    check_branches,
    check_unless,
    expect_keys,
    expect_list,
    floats,
    whole_numbers,
)

__all__ = ["checked_xgboost"]

_ROOT = 2**31 - 1  # as the parent of the first node
_MAX_TREES = 10_000_000
_FLOATS = ("base_weights", "loss_changes", "split_conditions", "sum_hessian")
_NODES = ("default_left", "left_children", "parents", "right_children", "split_indices")
_SETS = ("categories", "categories_nodes", "categories_segments", "categories_sizes")
_TREE = ("id", "tree_param", "split_type", *_FLOATS, *_NODES, *_SETS)
_SCORE = r"-?[0-9]+(\.[0-9]+)?(E-?[0-9]{1,2})?"


def checked_xgboost(data: bytes, max_depth: int, sizes: Sizes) -> bytes:
    """Return a model in XGBoost's JSON, written anew from its checked parts.

    Raises
    ------
    ValueError, KeyError, TypeError
        If a part is missing, unknown, or does not fit the others or the columns and classes.
    """
    model = expect_keys(parse_json(data), ("learner", "version"), "the model")
    whole_numbers(model["version"], 3, 0, 999, "a version")
    parts = (
        "attributes", "feature_names", "feature_types", "gradient_booster", "learner_model_param",
        "objective",
    )  # fmt: skip
    learner = expect_keys(model["learner"], parts, "the learner")
    n_groups = sizes.n_classes if sizes.n_classes > 2 else 1
    expect_list(learner["feature_names"], 0, "the names of columns")
    kinds = ["c" if flag else "q" for flag in sizes.is_categorical]
    check_unless(learner["feature_types"] == kinds, "types and columns")
    _check_param(learner["learner_model_param"], n_groups, sizes)
    expected: dict[str, Any] = {"name": "reg:squarederror"}
    if sizes.n_classes:
        expected["name"] = "multi:softprob" if n_groups > 1 else "binary:logistic"
    if n_groups > 1:
        expected["softmax_multiclass_param"] = {"num_class": str(n_groups)}
    else:
        expected["reg_loss_param"] = {"scale_pos_weight": "1"}
    check_unless(learner["objective"] == expected, "objective and classes")
    n_most = 2 ** (max_depth + 1) - 1
    n_rounds = _check_trees(learner["gradient_booster"], n_groups, n_most, sizes)
    _check_attributes(learner["attributes"], n_rounds)
    return json.dumps(model, allow_nan=False).encode()


def _check_param(param: Any, n_groups: int, sizes: Sizes) -> None:
    """Check the parameters that say how many columns and classes there are."""
    names = ("base_score", "boost_from_average", "num_class", "num_feature", "num_target")
    score = expect_keys(param, names, "the learner's parameters")["base_score"]
    check_unless(
        {name: param[name] for name in names[1:]}
        == {
            "boost_from_average": "1",
            "num_class": str(n_groups if n_groups > 1 else 0),
            "num_feature": str(sizes.n_columns),
            "num_target": "1",
        }
        and isinstance(score, str)
        and re.fullmatch(rf"\[{_SCORE}(,{_SCORE})*\]", score) is not None
        and score.count(",") == n_groups - 1,
        "targets, columns, classes and scores",
    )
    values = [float(value) for value in score[1:-1].split(",")]
    floats(values, n_groups, "scores")
    if sizes.n_classes == 2:
        check_unless(0.0 < values[0] < 1.0, "score and classes")


def _check_attributes(attributes: Any, n_rounds: int) -> None:
    """Check the round that was best on validation rows."""
    check_unless(
        isinstance(attributes, dict) and {*attributes} in ({"best_iteration", "best_score"}, set()),
        "attributes",
    )
    if attributes:
        best, score = attributes["best_iteration"], attributes["best_score"]
        check_unless(
            isinstance(best, str)
            and re.fullmatch(r"[0-9]{1,8}", best) is not None
            and int(best) < n_rounds
            and isinstance(score, str)
            and re.fullmatch(r"nan|-?(inf|[0-9.]{1,30}(e[+-]?[0-9]{1,3})?)", score) is not None,
            "best iteration and trees",
        )


def _check_trees(booster: Any, n_groups: int, n_most: int, sizes: Sizes) -> int:
    """Check all trees, of at most `n_most` nodes; return how many rounds they are."""
    names = ("cats", "gbtree_model_param", "iteration_indptr", "tree_info", "trees")
    check_unless(
        expect_keys(booster, ("model", "name"), "the booster")["name"] == "gbtree", "kinds"
    )
    model = expect_keys(booster["model"], names, "the booster")
    trees = model["trees"]
    check_unless(type(trees) is list and 0 < len(trees) <= _MAX_TREES, "a list of trees")
    empty: dict[str, list[int]] = {"enc": [], "feature_segments": [], "sorted_idx": []}
    check_unless(model["cats"] == empty, "categories and columns without names")
    n_trees = len(trees)
    n_rounds = n_trees // n_groups
    param = {"num_parallel_tree": "1", "num_trees": str(n_trees)}
    indptr = whole_numbers(model["iteration_indptr"], n_rounds + 1, 0, n_trees, "iterations")
    groups = whole_numbers(model["tree_info"], n_trees, 0, n_groups - 1, "trees and classes")
    check_unless(
        model["gbtree_model_param"] == param
        and n_rounds * n_groups == n_trees
        and np.array_equal(indptr, np.arange(n_rounds + 1) * n_groups)
        and np.array_equal(groups, np.arange(n_trees) % n_groups),
        "trees, iterations and classes",
    )
    for number, tree in enumerate(trees):
        _check_tree(expect_keys(tree, _TREE, "a tree"), number, n_most, sizes)
    return n_rounds


def _check_tree(tree: dict[str, Any], number: int, n_most: int, sizes: Sizes) -> None:
    """Check one tree's lists, its branches and its sets of categories."""
    n = len(tree["left_children"]) if type(tree["left_children"]) is list else 0
    expected = {
        "num_deleted": "0", "num_feature": str(sizes.n_columns), "num_nodes": str(n),
        "size_leaf_vector": "1",
    }  # fmt: skip
    check_unless(
        type(tree["id"]) is int
        and tree["id"] == number
        and 0 < n <= n_most
        and tree["tree_param"] == expected,
        "a tree's lists",
    )
    for name in _FLOATS:
        floats(tree[name], n, "a tree's lists")
    left, right = (
        whole_numbers(tree[f"{side}_children"], n, -1, n - 1, "a tree's branches")
        for side in ("left", "right")
    )
    is_inner = left != -1
    whole_numbers(tree["default_left"], n, 0, 1, "a tree's lists")
    features = whole_numbers(
        tree["split_indices"], n, 0, max(0, sizes.n_columns - 1), "a tree's branches and columns"
    )
    parents = whole_numbers(tree["parents"], n, 0, _ROOT, "a tree's parents")
    check_unless(np.array_equal(is_inner, right != -1), "a tree's branches and columns")
    check_branches(np.array([0]), np.array([n]), left, right, is_inner)
    inner = np.flatnonzero(is_inner)
    expected_parents = np.full(n, _ROOT)
    expected_parents[left[inner]] = expected_parents[right[inner]] = inner
    check_unless(np.array_equal(parents, expected_parents), "a tree's parents")
    _check_sets(tree, features, is_inner, sizes)


def _check_sets(tree: dict[str, Any], features: Any, is_inner: Any, sizes: Sizes) -> None:
    """Check which nodes split on categories, and on which of them."""
    what = "a tree's sets of categories"
    n = len(features)
    kinds = whole_numbers(tree["split_type"], n, 0, 1, what)
    splits = np.flatnonzero(kinds)
    n_sets, n_codes = len(splits), len(tree["categories"])
    nodes = whole_numbers(tree["categories_nodes"], n_sets, 0, n - 1, what)
    lengths = whole_numbers(tree["categories_sizes"], n_sets, 1, MAX_CATEGORIES, what)
    starts = whole_numbers(tree["categories_segments"], n_sets, 0, n_codes, what)
    whole_numbers(tree["categories"], n_codes, 0, MAX_CATEGORIES, what)
    ends = np.cumsum(lengths)
    check_unless(
        np.array_equal(nodes, splits)
        and np.array_equal(starts, ends - lengths)
        and (int(ends[-1]) if n_sets else 0) == n_codes
        and np.array_equal(kinds[is_inner] == 1, sizes.is_categorical[features[is_inner]])
        and not kinds[~is_inner].any(),
        what,
    )
