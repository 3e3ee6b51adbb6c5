"""Trees of every library as the same arrays, with splits on categories as extra columns."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from zoo.encoding.encoder import FittedEstimator

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
    from sklearn.tree._tree import Tree

__all__ = ["Ensemble", "has_trees", "kind_of_model", "read_trees"]

Link = Literal["identity", "sigmoid", "softmax", "probabilities"]
NodeId = TypeVar("NodeId")
Leaf = NDArray[np.float64]  # (n_outputs,)


class Split(NamedTuple):
    """A node that sends a row left where `X[feature] <= threshold`.

    Attributes
    ----------
    left, right : object
        The children, as the library names them.
    """

    feature: int
    threshold: float
    missing_left: bool
    left: Any
    right: Any


@dataclass(slots=True)
class Ensemble:
    """The nodes of all trees in arrays, one tree after the other.

    A row goes left where `X[feature] <= threshold`, and where it is missing if `missing_left`; the
    children of a leaf are the leaf itself. Feature n_columns + s is the s-th split on categories:
    0 for rows that go left. Its key in `category_splits` is a column of codes and a tuple of
    whether code c goes left, at index c + 1; the first entry is for a missing value, the last one
    for all larger codes.
    """

    n_columns: int
    n_outputs: int
    link: Link
    base: NDArray[np.float64]
    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    missing_left: list[bool] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    value: list[Leaf] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    depth: int = 0
    category_splits: dict[tuple[int, tuple[bool, ...]], int] = field(default_factory=dict)

    def add(self, read: Callable[[NodeId], Split | Leaf], root: NodeId) -> None:
        """Add a tree, whose nodes `read` returns."""
        self.roots.append(len(self.feature))
        todo: list[tuple[NodeId, int, list[int], int]] = [(root, 0, [0], 0)]
        while todo:
            name, depth, children, parent = todo.pop()
            index = len(self.feature)
            children[parent] = index
            node = read(name)
            self.depth = max(self.depth, depth)
            self.left.append(index)
            self.right.append(index)
            if isinstance(node, Split):
                self.value.append(np.zeros(self.n_outputs))
                todo.append((node.left, depth + 1, self.left, index))
                todo.append((node.right, depth + 1, self.right, index))
            else:
                self.value.append(node)
                node = Split(0, 0.0, False, None, None)
            self.feature.append(int(node.feature))
            self.threshold.append(float(node.threshold))
            self.missing_left.append(bool(node.missing_left))

    def split_on_categories(
        self, column: int, goes_left: list[bool], left: NodeId, right: NodeId
    ) -> Split:
        """Return a split on the categories of a column, as one on a feature that is 0 or 1."""
        key = (column, tuple(goes_left))
        number = self.category_splits.setdefault(key, len(self.category_splits))
        return Split(self.n_columns + number, 0.5, False, left, right)


def _at_most(threshold: float) -> float:
    """Return the largest float32 that is not above a threshold."""
    near = np.float32(threshold)
    is_above = float(near) > float(threshold)  # numpy would compare them in 32 bits
    return float(np.nextafter(near, np.float32(-np.inf)) if is_above else near)


def kind_of_model(model: FittedEstimator) -> str:
    """Return the class of the library's model inside, as "XGB" for XGBClassifier; "" if none."""
    name = type(model.model_).__name__ if hasattr(model, "model_") else ""
    return re.sub("(Classifier|Regressor)$", "", name)


def has_trees(model: FittedEstimator) -> bool:
    """Whether the library's model inside is an ensemble that `read_trees` can read."""
    return kind_of_model(model) in _READERS


def read_trees(model: FittedEstimator) -> Ensemble:
    """Return the trees of an estimator that wraps a library's model."""
    n_outputs = len(getattr(model, "classes_", [0]))
    return _READERS[kind_of_model(model)](model, len(model.encoder_.is_categorical_), n_outputs)


def _boosted(model: FittedEstimator, n_columns: int, n_outputs: int) -> Ensemble:
    """Return an ensemble without trees; of two classes it has one sum, for a sigmoid."""
    link: Link = "identity"
    if hasattr(model, "classes_"):
        link = "sigmoid" if n_outputs == 2 else "softmax"
    n_sums = n_outputs if link == "softmax" else 1
    return Ensemble(n_columns, n_sums, link=link, base=np.zeros(n_sums))


def _scikit(model: FittedEstimator, n_columns: int, n_outputs: int) -> Ensemble:
    trees = getattr(model.model_, "estimators_", None) or [model.model_]
    link: Link = "probabilities" if hasattr(model, "classes_") else "identity"
    made = Ensemble(n_columns, n_outputs, link=link, base=np.zeros(n_outputs))

    def read(tree: Tree, value: NDArray[np.float64], i: int) -> Split | Leaf:
        left, right = tree.children_left[i], tree.children_right[i]
        if left < 0:
            return np.asarray(value[i])
        missing = tree.missing_go_to_left[i]
        return Split(tree.feature[i], _at_most(tree.threshold[i]), missing, left, right)

    for tree in (estimator.tree_ for estimator in trees):
        made.add(partial(read, tree, tree.value[:, 0, :] / len(trees)), 0)
    return made


def _hist(model: FittedEstimator, n_columns: int, n_outputs: int) -> Ensemble:
    library = model.model_
    made = _boosted(model, n_columns, n_outputs)
    made.base = np.asarray(library._baseline_prediction, float).reshape(-1)
    columns, codes = _hist_columns(library, n_columns)

    def read(tree: TreePredictor, unit: Leaf, i: int) -> Split | Leaf:
        node = tree.nodes[i]
        if node["is_leaf"]:
            return np.asarray(node["value"] * unit)
        column, missing = columns[node["feature_idx"]], bool(node["missing_go_to_left"])
        children = node["left"], node["right"]
        if not node["is_categorical"]:
            return Split(column, _at_most(node["num_threshold"]), missing, *children)
        words, known = tree.raw_left_cat_bitsets[node["bitset_idx"]], codes[node["feature_idx"]]
        goes_left = [missing] * (int(max(known, default=-1)) + 3)
        for position, code in enumerate(known):
            goes_left[int(code) + 1] = bool(words[position // 32] >> (position % 32) & 1)
        return made.split_on_categories(column, goes_left, *children)

    for predictors in library._predictors:
        for unit, predictor in zip(np.eye(made.n_outputs), predictors, strict=True):
            made.add(partial(read, predictor, unit), 0)
    return made


def _hist_columns(
    library: HistGradientBoostingClassifier | HistGradientBoostingRegressor, n_columns: int
) -> tuple[list[int], dict[int, list[float]]]:
    """Return the column of each of the library's features, and the known codes of categories.

    The library moves categorical columns to the front and renumbers the codes of its training rows.
    """
    if library._preprocessor is None:
        return list(range(n_columns)), {}
    is_category = np.asarray(library.is_categorical_)
    order = [*np.flatnonzero(is_category), *np.flatnonzero(~is_category)]
    known = library._preprocessor.named_transformers_["encoder"].categories_
    codes = [[float(code) for code in column if not np.isnan(code)] for column in known]
    return [int(column) for column in order], dict(enumerate(codes))


def _xgboost(model: FittedEstimator, n_columns: int, n_outputs: int) -> Ensemble:
    booster = model.model_.get_booster()
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    made = _boosted(model, n_columns, n_outputs)
    base = np.array(json.loads(learner["learner_model_param"]["base_score"]), float)
    base = np.broadcast_to(base, made.n_outputs)
    made.base = np.log(base / (1 - base)) if made.link == "sigmoid" else base
    parts = learner["gradient_booster"]["model"]
    starts, units = parts["iteration_indptr"], np.eye(made.n_outputs)
    best = int(learner["attributes"].get("best_iteration", len(starts) - 2))
    trees = parts["trees"][: starts[best + 1]]
    for tree, output in zip(trees, parts["tree_info"], strict=False):
        made.add(partial(_xgboost_node, made, tree, _xgboost_sets(tree), units[output]), 0)
    return made


def _xgboost_node(
    made: Ensemble, tree: dict[str, Any], sets: dict[int, set[int]], unit: Leaf, i: int
) -> Split | Leaf:
    """Return a node; `sets` holds the codes that go right where it splits on categories."""
    if tree["left_children"][i] < 0:
        return np.asarray(tree["split_conditions"][i] * unit)
    column, missing = tree["split_indices"][i], bool(tree["default_left"][i])
    children = tree["left_children"][i], tree["right_children"][i]
    if i not in sets:
        # below a float32 threshold is at most the float32 before it
        limit = np.nextafter(np.float32(tree["split_conditions"][i]), np.float32(-np.inf))
        return Split(column, float(limit), missing, *children)
    # codes in the set go right; those that training did not have go left
    n_codes = max(sets[i], default=-1) + 1
    goes_left = [missing, *(code not in sets[i] for code in range(n_codes)), True]
    return made.split_on_categories(column, goes_left, *children)


def _xgboost_sets(tree: dict[str, Any]) -> dict[int, set[int]]:
    """Return the codes that go right, by the number of the node that splits on them."""
    parts = (tree[f"categories_{what}"] for what in ("nodes", "segments", "sizes"))
    return {
        node: set(tree["categories"][start : start + size])
        for node, start, size in zip(*parts, strict=True)
    }


def _lightgbm(model: FittedEstimator, n_columns: int, n_outputs: int) -> Ensemble:
    dump = model.model_.booster_.dump_model()
    made = _boosted(model, n_columns, n_outputs)

    def read(unit: Leaf, node: dict[str, Any]) -> Split | Leaf:
        if "leaf_value" in node:
            return np.asarray(node["leaf_value"] * unit)
        column, children = node["split_feature"], (node["left_child"], node["right_child"])
        if node["decision_type"] == "==":
            chosen = {int(code) for code in str(node["threshold"]).split("||")}
            # missing values and codes not in the set go right
            goes_left = [False, *(code in chosen for code in range(max(chosen) + 1)), False]
            return made.split_on_categories(column, goes_left, *children)
        missing = bool(node["default_left"])
        if node["missing_type"] != "NaN":
            missing = node["threshold"] >= 0  # training had no missing value: it counts as zero
        return Split(column, _at_most(node["threshold"]), missing, *children)

    units = np.eye(made.n_outputs)
    for tree in dump["tree_info"]:
        unit = units[tree["tree_index"] % dump["num_tree_per_iteration"]]
        made.add(partial(read, unit), tree["tree_structure"])
    return made


_READERS: dict[str, Callable[[FittedEstimator, int, int], Ensemble]] = {
    "DecisionTree": _scikit,
    "RandomForest": _scikit,
    "HistGradientBoosting": _hist,
    "XGB": _xgboost,
    "LGBM": _lightgbm,
}
