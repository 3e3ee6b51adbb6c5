"""What a fitted model's native code would follow into memory without looking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from zoo.saving.boosters import refuse_unless

__all__ = ["TREES", "check_parts"]

_TREE = "sklearn.tree._tree.Tree"
_BOOSTED = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
TREES = [_TREE, _BOOSTED]


def check_parts(value: Any, n_columns: int) -> None:
    """Refuse trees, support vectors and boosters, wherever they are, that lead out of memory.

    Parameters
    ----------
    value : object
        A fitted estimator or its attributes.
    n_columns : int
        Of the matrix it will be given.

    Raises
    ------
    ValueError, AttributeError
        If the parts do not fit each other, or are not there.
    """
    for part, check in _parts(value):
        check(part, n_columns)


def _parts(value: Any) -> Iterator[tuple[Any, Callable[[Any, int], None]]]:
    """Yield what is to be checked, and how."""
    if (check := _check_of(type(value))) is not None:
        yield value, check
    if isinstance(value, dict | list | tuple | set | np.ndarray):
        if not isinstance(value, np.ndarray) or value.dtype == object:
            for item in value.values() if isinstance(value, dict) else value:
                yield from _parts(item)
    elif hasattr(value, "__dict__"):
        yield from _parts(vars(value))


def _check_of(kind: type) -> Callable[[Any, int], None] | None:
    room, name = kind.__module__, kind.__name__
    by_name = {
        _TREE: _check_tree,
        _BOOSTED: _check_boosted_tree,
        "HistGradientBoostingClassifier": _check_bins,
        "HistGradientBoostingRegressor": _check_bins,
        "XGBClassifier": _check_xgboost_columns,
        "XGBRegressor": _check_xgboost_columns,
        "LGBMClassifier": _check_lightgbm_columns,
        "LGBMRegressor": _check_lightgbm_columns,
    }
    if room.startswith("sklearn.svm."):
        return _check_vectors
    if room.startswith("sklearn.neighbors."):
        return _check_neighbors
    return by_name.get(f"{room}.{name}", by_name.get(name))


def _check_branches(
    inner: Any, children: Any, features: Any, n_nodes: int, n_columns: int, is_sound: bool
) -> None:
    is_sound &= bool((children > inner).all() and (children < n_nodes).all())
    if not (is_sound and n_nodes and (features >= 0).all() and (features < n_columns).all()):
        raise ValueError("a tree's branches or columns lead out of it")


def _check_tree(tree: Any, n_columns: int) -> None:
    children = np.stack([tree.children_left, tree.children_right])
    inner = np.flatnonzero(children[0] != -1)
    _check_branches(
        inner, children[:, inner], tree.feature[inner], tree.node_count, n_columns, True
    )


def _check_boosted_tree(tree: Any, n_columns: int) -> None:
    inner = np.flatnonzero(tree.nodes["is_leaf"] == 0)
    nodes = tree.nodes[inner]
    children = np.stack([nodes["left"], nodes["right"]]).astype(np.int64)
    sets = nodes["bitset_idx"][nodes["is_categorical"] != 0]
    bits = tree.raw_left_cat_bitsets
    is_sound = bits.ndim == 2 and bits.shape[1] == 8 and bool((sets < len(bits)).all())
    n_nodes = len(tree.nodes)
    _check_branches(inner, children, nodes["feature_idx"], n_nodes, n_columns, is_sound)


def _check_bins(model: Any, n_columns: int) -> None:
    """Check which columns of histogram boosting are categories, and their codes."""
    bins = model._bin_mapper
    is_category = np.asarray(bins.is_categorical_)
    asked = [
        tree.nodes["feature_idx"][
            (tree.nodes["is_leaf"] == 0) & (tree.nodes["is_categorical"] != 0)
        ]
        for trees in model._predictors
        for tree in trees
    ]
    codes = [bins.bin_thresholds_[i] for i in np.flatnonzero(is_category)]
    refuse_unless(
        is_category.shape == (n_columns,)
        and len(bins.bin_thresholds_) == n_columns
        and all(bool((columns < n_columns).all()) for columns in asked)
        and all(bool(is_category[columns].all()) for columns in asked)
        and all(bool(((known >= 0) & (known < 256)).all()) for known in codes),
        "categories of boosted trees",
    )


def _check_xgboost_columns(model: Any, n_columns: int) -> None:
    refuse_unless(model.n_features_in_ == n_columns, "booster and columns")


def _check_lightgbm_columns(model: Any, n_columns: int) -> None:
    refuse_unless(model.booster_.num_feature() == n_columns, "booster and columns")


def _check_vectors(model: Any, n_columns: int) -> None:
    """Check the support vectors of a fitted SVC or SVR."""
    n_vectors, n_classes = len(model.support_vectors_), len(model._n_support)
    n_pairs = n_classes * (n_classes - 1) // 2
    is_classifier = hasattr(model, "classes_")
    shapes = {
        "support_vectors_": (n_vectors, n_columns),
        "support_": (n_vectors,),
        "_dual_coef_": (n_classes - 1, n_vectors),
        "_intercept_": (n_pairs,),
    }
    counts = np.asarray(model._n_support)
    refuse_unless(
        all(np.shape(getattr(model, name)) == shape for name, shape in shapes.items())
        and n_classes == (len(model.classes_) if is_classifier else 2)
        and bool((counts >= 0).all())
        and (not is_classifier or int(counts.sum()) == n_vectors)
        and {np.size(model._probA), np.size(model._probB)} <= {0, n_pairs}
        and model.kernel == "rbf"
        and model._sparse is False
        and "_impl" not in vars(model),
        "support vectors",
    )


def _check_neighbors(model: Any, n_columns: int) -> None:
    """Check the rows of a fitted estimator of nearest neighbours."""
    rows = model._fit_X
    refuse_unless(
        rows.shape == (model.n_samples_fit_, n_columns)
        and np.shape(model._y) == (len(rows),)
        and model.weights == "distance"
        and model._fit_method == "brute"
        and (
            not hasattr(model, "classes_")
            or bool(((model._y >= 0) & (model._y < len(model.classes_))).all())
        ),
        "rows of neighbours",
    )
