"""Checks indices and shapes in fitted objects before native code uses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.saving.booster_checks import check_branches, refuse_unless

if TYPE_CHECKING:
    from lightgbm import LGBMModel
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.svm import SVC, SVR
    from sklearn.tree._tree import Tree
    from xgboost import XGBModel

__all__ = ["TREES", "check_parts"]

Check = Callable[[Any, int], None]  # of an object and the number of columns

_TREE = "sklearn.tree._tree.Tree"
_BOOSTED = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
TREES = [_TREE, _BOOSTED]


def check_parts(value: object, n_columns: int) -> None:
    """Refuse trees, support vectors, neighbours and boosters with indices out of range.

    They are found however deep they are in a fitted estimator or its attributes, which will be
    given a matrix of `n_columns`.

    Raises
    ------
    ValueError, AttributeError
        If parts do not fit each other, or are missing.
    """
    kind = type(value)
    package = ".".join(kind.__module__.split(".")[:2])
    for name in {f"{kind.__module__}.{kind.__name__}", package, kind.__name__} & _CHECKS.keys():
        _CHECKS[name](value, n_columns)
    if isinstance(value, dict | list | tuple | set | np.ndarray):
        if not isinstance(value, np.ndarray) or value.dtype == object:
            for item in value.values() if isinstance(value, dict) else value:
                check_parts(item, n_columns)
    elif hasattr(value, "__dict__"):
        check_parts(vars(value), n_columns)


def _check_tree(tree: Tree, n_columns: int) -> None:
    children = np.stack([tree.children_left, tree.children_right])
    inner = np.flatnonzero(children[0] != -1)
    check_branches(inner, children[:, inner], tree.feature[inner], tree.node_count, n_columns)


def _check_boosted_tree(tree: TreePredictor, n_columns: int) -> None:
    inner = np.flatnonzero(tree.nodes["is_leaf"] == 0)
    nodes = tree.nodes[inner]
    children = np.stack([nodes["left"], nodes["right"]]).astype(np.int64)
    sets = nodes["bitset_idx"][nodes["is_categorical"] != 0]
    bits = tree.raw_left_cat_bitsets
    refuse_unless(
        bits.ndim == 2 and bits.shape[1] == 8 and bool((sets < len(bits)).all()),
        "a tree's sets of categories",
    )
    check_branches(inner, children, nodes["feature_idx"], len(tree.nodes), n_columns)


def _check_bins(model: HistGradientBoostingClassifier, n_columns: int) -> None:
    """Check which columns of histogram boosting are categorical, and their codes."""
    bins = model._bin_mapper
    is_category = np.asarray(bins.is_categorical_)
    nodes = [tree.nodes for trees in model._predictors for tree in trees]
    inner = [part[(part["is_leaf"] == 0) & (part["is_categorical"] != 0)] for part in nodes]
    codes = [bins.bin_thresholds_[i] for i in np.flatnonzero(is_category)]
    refuse_unless(
        is_category.shape == (n_columns,)
        and len(bins.bin_thresholds_) == n_columns
        and all(bool((part["feature_idx"] < n_columns).all()) for part in inner)
        and all(bool(is_category[part["feature_idx"]].all()) for part in inner)
        and all(bool(((known >= 0) & (known < 256)).all()) for known in codes),
        "categories of boosted trees",
    )


def _check_booster(model: XGBModel | LGBMModel, n_columns: int) -> None:
    refuse_unless(model.n_features_in_ == n_columns, "booster and columns")


def _check_vectors(model: SVC | SVR, n_columns: int) -> None:
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


def _check_neighbors(model: KNeighborsClassifier | KNeighborsRegressor, n_columns: int) -> None:
    """Check the training rows of a fitted nearest-neighbours estimator."""
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


_CHECKS: Mapping[str, Check] = {  # by full name, package or name of a type
    _TREE: _check_tree,
    _BOOSTED: _check_boosted_tree,
    "sklearn.svm": _check_vectors,
    "sklearn.neighbors": _check_neighbors,
    "HistGradientBoostingClassifier": _check_bins,
    "HistGradientBoostingRegressor": _check_bins,
    "XGBClassifier": _check_booster,
    "XGBRegressor": _check_booster,
    "LGBMClassifier": _check_booster,
    "LGBMRegressor": _check_booster,
}
