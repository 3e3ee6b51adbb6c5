"""Trees of every library as the same few arrays, with the splits on levels made into numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ensemble", "is_of_trees", "read_trees"]


@dataclass(slots=True)
class Ensemble:
    """The nodes of all trees, one after the other.

    A row goes left where `X[feature] <= threshold`, and where it is missing if `missing_left`; the
    children of a leaf are the leaf itself. Feature n + s is the s-th split on levels: 0 for rows
    that go left, by the code in `column` and `goes_left[code + 1]`. The first is for a missing
    level, the last for all larger codes.
    """

    n_columns: int
    n_outputs: int
    link: str = "identity"  # or sigmoid, softmax, shares
    base: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    missing_left: list[bool] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    value: list[NDArray[np.float64]] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    depth: int = 0
    level_splits: dict[tuple[int, tuple[bool, ...]], int] = field(default_factory=dict)

    def add(self, read: Callable[[Any], Any], root: Any) -> None:
        """Add a tree; `read` tells (feature, threshold, missing_left, left, right) or a value."""
        self.roots.append(len(self.feature))
        todo: list[tuple[Any, int, Callable[[int], None]]] = [(root, 0, lambda _: None)]
        while todo:
            node, depth, put = todo.pop()
            place = len(self.feature)
            put(place)
            found = read(node)
            self.depth = max(self.depth, depth)
            is_leaf = isinstance(found, np.ndarray)
            column, threshold, goes, *children = (0, 0.0, False) if is_leaf else found
            self.feature.append(int(column))
            self.threshold.append(float(threshold))
            self.missing_left.append(bool(goes))
            self.left.append(place)
            self.right.append(place)
            self.value.append(found if is_leaf else np.zeros(self.n_outputs))
            for child, side in zip(children, (self.left, self.right), strict=False):
                todo.append((child, depth + 1, _setter(side, place)))

    def level_split(self, column: int, goes_left: list[bool]) -> int:
        """Return the number of the feature that is 0 where a level goes left."""
        key = (column, tuple(goes_left))
        return self.n_columns + self.level_splits.setdefault(key, len(self.level_splits))


def _setter(side: list[int], place: int) -> Callable[[int], None]:
    return lambda child: side.__setitem__(place, child)


def _at_most(threshold: float) -> float:
    """Return the number of 32 bits that bounds the same numbers of 32 bits from above."""
    near = np.float32(threshold)
    # numpy compares a number of its own with one of Python's in the precision of its own
    return float(
        near if float(near) <= float(threshold) else np.nextafter(near, np.float32(-np.inf))
    )


def is_of_trees(model: Any) -> bool:
    """Whether the library's model inside is one of trees that `read_trees` knows."""
    return type(getattr(model, "model_", None)).__name__ in _READERS


def read_trees(model: Any) -> Ensemble:
    """Return the trees of an estimator that wraps a library's model."""
    name = type(model.model_).__name__
    n_outputs = len(getattr(model, "classes_", [0]))
    return _READERS[name](model, len(model.encoder_.is_categorical_), n_outputs)


def _scikit(model: Any, n_columns: int, n_outputs: int) -> Ensemble:
    trees = getattr(model.model_, "estimators_", None) or [model.model_]
    is_class = hasattr(model, "classes_")
    made = Ensemble(n_columns, n_outputs, link="shares" if is_class else "identity")
    made.base = np.zeros(n_outputs)
    for tree in (estimator.tree_ for estimator in trees):
        value = tree.value[:, 0, :] / len(trees)

        def read(i: int, tree: Any = tree, value: Any = value) -> Any:
            if tree.children_left[i] < 0:
                return value[i]
            return (
                tree.feature[i],
                _at_most(tree.threshold[i]),
                tree.missing_go_to_left[i],
                tree.children_left[i],
                tree.children_right[i],
            )

        made.add(read, 0)
    return made


def _links(n_outputs: int, *, is_class: bool) -> tuple[str, int]:
    """Return the link and how many sums it takes: of two classes one."""
    if not is_class:
        return "identity", 1
    return ("sigmoid", 1) if n_outputs == 2 else ("softmax", n_outputs)


def _hist(model: Any, n_columns: int, n_outputs: int) -> Ensemble:
    library = model.model_
    link, n_sums = _links(n_outputs, is_class=hasattr(model, "classes_"))
    made = Ensemble(n_columns, n_sums, link=link)
    made.base = np.asarray(library._baseline_prediction, float).reshape(-1)
    columns, codes = _hist_columns(library, n_columns)
    for predictors in library._predictors:
        for output, predictor in enumerate(predictors):
            nodes, sets = predictor.nodes, predictor.raw_left_cat_bitsets

            def read(i: int, nodes: Any = nodes, sets: Any = sets, output: int = output) -> Any:
                node = nodes[i]
                if node["is_leaf"]:
                    return node["value"] * np.eye(n_sums)[output]
                column, missing = columns[node["feature_idx"]], bool(node["missing_go_to_left"])
                children = (node["left"], node["right"])
                if not node["is_categorical"]:
                    return column, _at_most(node["num_threshold"]), missing, *children
                words = sets[node["bitset_idx"]]
                known = codes[node["feature_idx"]]
                goes = [missing] * (int(max(known, default=-1)) + 3)
                for place, code in enumerate(known):
                    goes[int(code) + 1] = bool(words[place // 32] >> (place % 32) & 1)
                return made.level_split(column, goes), 0.5, False, *children

            made.add(read, 0)
    return made


def _hist_columns(library: Any, n_columns: int) -> tuple[list[int], dict[int, list[float]]]:
    """Return which column each of the library's features is, and the codes that it knows of some.

    The library puts columns of levels first and numbers the levels of its training rows anew.
    """
    if library._preprocessor is None:
        return list(range(n_columns)), {}
    is_level = np.asarray(library.is_categorical_)
    order = [*np.flatnonzero(is_level), *np.flatnonzero(~is_level)]
    known = library._preprocessor.named_transformers_["encoder"].categories_
    codes = [[float(code) for code in column if not np.isnan(code)] for column in known]
    return [int(column) for column in order], dict(enumerate(codes))


def _xgboost(model: Any, n_columns: int, n_outputs: int) -> Ensemble:
    booster = model.model_.get_booster()
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    link, n_sums = _links(n_outputs, is_class=hasattr(model, "classes_"))
    made = Ensemble(n_columns, n_sums, link=link)
    base = np.array(json.loads(learner["learner_model_param"]["base_score"]), float)
    base = np.broadcast_to(base, n_sums)
    made.base = np.log(base / (1 - base)) if link == "sigmoid" else base
    parts = learner["gradient_booster"]["model"]
    best = learner["attributes"].get("best_iteration")
    n_trees = len(parts["trees"])
    if best is not None:
        n_trees = parts["iteration_indptr"][int(best) + 1]
    for tree, output in zip(parts["trees"][:n_trees], parts["tree_info"], strict=False):
        left_out = dict(_xgboost_sets(tree))

        def read(i: int, tree: Any = tree, sets: Any = left_out, output: int = output) -> Any:
            if tree["left_children"][i] < 0:
                return tree["split_conditions"][i] * np.eye(n_sums)[output]
            column, missing = tree["split_indices"][i], bool(tree["default_left"][i])
            children = (tree["left_children"][i], tree["right_children"][i])
            if i not in sets:
                # below the threshold is at most the number before it
                limit = np.nextafter(np.float32(tree["split_conditions"][i]), np.float32(-np.inf))
                return column, limit, missing, *children
            # levels in the set go right, and so do not those that training never had
            n_levels = max(sets[i], default=-1) + 1
            goes = [missing, *(code not in sets[i] for code in range(n_levels)), True]
            return made.level_split(column, goes), 0.5, False, *children

        made.add(read, 0)
    return made


def _xgboost_sets(tree: dict[str, Any]) -> Iterator[tuple[int, set[int]]]:
    """Yield the nodes that split on levels, and the levels that go right."""
    for node, start, size in zip(
        tree["categories_nodes"],
        tree["categories_segments"],
        tree["categories_sizes"],
        strict=True,
    ):
        yield node, set(tree["categories"][start : start + size])


def _lightgbm(model: Any, n_columns: int, n_outputs: int) -> Ensemble:
    dump = model.model_.booster_.dump_model()
    link, n_sums = _links(n_outputs, is_class=hasattr(model, "classes_"))
    made = Ensemble(n_columns, n_sums, link=link)
    made.base = np.zeros(n_sums)
    for tree in dump["tree_info"]:
        output = tree["tree_index"] % dump["num_tree_per_iteration"]

        def read(node: dict[str, Any], output: int = output) -> Any:
            if "leaf_value" in node:
                return node["leaf_value"] * np.eye(n_sums)[output]
            column, children = node["split_feature"], (node["left_child"], node["right_child"])
            if node["decision_type"] == "==":
                chosen = {int(code) for code in str(node["threshold"]).split("||")}
                # what is missing or not in the set goes right
                goes = [False, *(code in chosen for code in range(max(chosen) + 1)), False]
                return made.level_split(column, goes), 0.5, False, *children
            missing = bool(node["default_left"])
            if node["missing_type"] != "NaN":
                missing = node["threshold"] >= 0  # training had none: it counts as zero
            return column, _at_most(node["threshold"]), missing, *children

        made.add(read, tree["tree_structure"])
    return made


_READERS = {
    "DecisionTreeClassifier": _scikit,
    "DecisionTreeRegressor": _scikit,
    "RandomForestClassifier": _scikit,
    "RandomForestRegressor": _scikit,
    "HistGradientBoostingClassifier": _hist,
    "HistGradientBoostingRegressor": _hist,
    "XGBClassifier": _xgboost,
    "XGBRegressor": _xgboost,
    "LGBMClassifier": _lightgbm,
    "LGBMRegressor": _lightgbm,
}
