"""Checks indices and shapes in saved models before native code uses them.

Files of XGBoost and LightGBM refer to nodes, columns and categories by number, and neither library
checks all of these numbers against the lists that they index; nor does scikit-learn for its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from lightgbm import LGBMModel
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.svm import SVC, SVR
    from sklearn.tree._tree import Tree
    from xgboost import XGBModel

__all__ = ["TREES", "check_lightgbm", "check_parts", "check_xgboost"]

Check = Callable[[Any, int], None]  # of an object and the number of columns

_TREE = "sklearn.tree._tree.Tree"
_BOOSTED = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
TREES = [_TREE, _BOOSTED]

_MAX_CODE = 1 << 16  # of a category: XGBoost allocates a bit for each code up to the largest
_NODE_LISTS = (  # XGBoost's, with an entry per node of a tree
    "base_weights", "default_left", "left_children", "loss_changes", "parents", "right_children",
    "split_conditions", "split_indices", "split_type", "sum_hessian",
)  # fmt: skip


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
    _check_branches(inner, children[:, inner], tree.feature[inner], tree.node_count, n_columns)


def _check_boosted_tree(tree: TreePredictor, n_columns: int) -> None:
    inner = np.flatnonzero(tree.nodes["is_leaf"] == 0)
    nodes = tree.nodes[inner]
    children = np.stack([nodes["left"], nodes["right"]]).astype(np.int64)
    sets = nodes["bitset_idx"][nodes["is_categorical"] != 0]
    bits = tree.raw_left_cat_bitsets
    is_sound = bits.ndim == 2 and bits.shape[1] == 8 and (sets < len(bits)).all()
    _refuse_unless(is_sound, "a tree's sets of categories")
    _check_branches(inner, children, nodes["feature_idx"], len(tree.nodes), n_columns)


def _check_bins(model: HistGradientBoostingClassifier, n_columns: int) -> None:
    """Check which columns of histogram boosting are categorical, and their codes."""
    bins = model._bin_mapper
    is_category = np.asarray(bins.is_categorical_)
    nodes = [tree.nodes for trees in model._predictors for tree in trees]
    inner = [part[(part["is_leaf"] == 0) & (part["is_categorical"] != 0)] for part in nodes]
    codes = [bins.bin_thresholds_[i] for i in np.flatnonzero(is_category)]
    _refuse_unless(
        is_category.shape == (n_columns,)
        and len(bins.bin_thresholds_) == n_columns
        and all((part["feature_idx"] < n_columns).all() for part in inner)
        and all(bool(is_category[part["feature_idx"]].all()) for part in inner)
        and all(((known >= 0) & (known < 256)).all() for known in codes),
        "categories of boosted trees",
    )


def _check_booster(model: XGBModel | LGBMModel, n_columns: int) -> None:
    _refuse_unless(model.n_features_in_ == n_columns, "booster and columns")


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
    _refuse_unless(
        all(np.shape(getattr(model, name)) == shape for name, shape in shapes.items())
        and n_classes == (len(model.classes_) if is_classifier else 2)
        and (counts >= 0).all()
        and (not is_classifier or int(counts.sum()) == n_vectors)
        and {np.size(model._probA), np.size(model._probB)} <= {0, n_pairs}
        and model.kernel == "rbf"
        and model._sparse is False
        and "_impl" not in vars(model),
        "support vectors",
    )


def _check_neighbors(model: KNeighborsClassifier | KNeighborsRegressor, n_columns: int) -> None:
    """Check the training rows of a fitted nearest-neighbours estimator."""
    rows, is_classifier = model._fit_X, hasattr(model, "classes_")
    _refuse_unless(
        rows.shape == (model.n_samples_fit_, n_columns)
        and np.shape(model._y) == (len(rows),)
        and model.weights == "distance"
        and model._fit_method == "brute"
        and (not is_classifier or ((model._y >= 0) & (model._y < len(model.classes_))).all()),
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


def _refuse_unless(is_sound: bool | np.bool_, what: str) -> None:
    """Raise a ValueError that says what does not fit, unless all is sound."""
    if not is_sound:
        raise ValueError(f"{what} do not fit each other")


def _check_branches(
    inner: NDArray[Any], children: NDArray[Any], features: NDArray[Any], n: int, n_columns: int
) -> None:
    """Refuse a tree whose nodes refer to other nodes or columns than it has.

    Its inner nodes have numbers (n_inner,), children (2, n_inner) and features (n_inner,). A child
    must come after its parent, so that there is no cycle. `n` and `n_columns` are counts of nodes
    and columns.
    """
    _refuse_unless(
        n > 0
        and children.shape == (2, *inner.shape)
        and features.shape == inner.shape
        and (children > inner).all()
        and (children < n).all()
        and (features >= 0).all()
        and (features < n_columns).all(),
        "a tree's branches and columns",
    )


def _whole(values: Collection[object]) -> NDArray[np.int64]:
    """Return a list of integers as an array; numpy would truncate fractions."""
    _refuse_unless(all(type(value) is int for value in values), "a tree's numbers")
    return np.array(values, np.int64)


def _int(text: str) -> int:
    """Return a number as the library would read it; Python's `int` reads ``1_0`` as 10."""
    _refuse_unless(re.fullmatch(r"-?[0-9]{1,9}", text) is not None, "a number and its digits")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a dict; of two equal keys, this reader and the library might take different ones."""
    _refuse_unless(len({name for name, _ in pairs}) == len(pairs), "names that come twice")
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
    _refuse_unless(is_usual, "booster and targets")
    model = booster["model"]
    trees, starts = model["trees"], _whole(model["iteration_indptr"])
    groups = _whole(model["tree_info"])
    _refuse_unless(
        len(groups) == len(trees) == _int(model["gbtree_model_param"]["num_trees"])
        and ((groups >= 0) & (groups < n_groups)).all()
        and starts[0] == 0
        and starts[-1] == len(trees)
        and (np.diff(starts) >= 0).all(),
        "trees, iterations and classes",
    )
    _refuse_unless(not any(model["cats"].values()), "categories and columns without names")
    for tree in trees:
        _check_xgboost_tree(tree, n_columns)


def _check_xgboost_tree(tree: dict[str, Any], n_columns: int) -> None:
    """Check one tree's lists, its branches and its sets of categories."""
    param = tree["tree_param"]
    n = _int(param["num_nodes"])
    _refuse_unless(
        all(len(tree[name]) == n for name in _NODE_LISTS)
        and param["size_leaf_vector"] in {"0", "1"}
        and param["num_deleted"] == "0",
        "a tree's lists",
    )
    children = np.stack([_whole(tree["left_children"]), _whole(tree["right_children"])])
    inner = np.flatnonzero(children[0] != -1)
    features, parents = _whole(tree["split_indices"]), _whole(tree["parents"])[1:]
    _check_branches(inner, children[:, inner], features[inner], n, n_columns)
    _refuse_unless(((parents >= 0) & (parents < n)).all(), "a tree's parents")
    names = ("nodes", "segments", "sizes")
    nodes, starts, sizes = (_whole(tree[f"categories_{name}"]) for name in names)
    codes, kinds = _whole(tree["categories"]), _whole(tree["split_type"])
    _refuse_unless(
        nodes.shape == starts.shape == sizes.shape
        and np.array_equal(nodes, np.flatnonzero(kinds))
        and (starts >= 0).all()
        and (sizes > 0).all()
        and (starts + sizes <= len(codes)).all()
        and ((codes >= 0) & (codes < _MAX_CODE)).all(),
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
    _refuse_unless(re.search(r"[^\n\x20-\x7e]", text) is None, "lines and characters")
    body, *rest = re.split(r"(?m)^end of trees$", text)
    _refuse_unless(len(rest) == 1 and re.search(r"(?m)^Tree=", rest[0]) is None, "trees and end")
    head, *blocks = re.split(r"(?m)^(?=Tree=)", body)
    header = _lines(head)
    n_columns, n_groups = _int(header["max_feature_idx"]) + 1, _int(header["num_class"])
    objective = re.search(r"num_class:(\d+)", header["objective"])
    _refuse_unless(
        n_groups >= 1
        and all(len(header[f"feature_{what}"].split()) == n_columns for what in ("names", "infos"))
        and _int(header["num_tree_per_iteration"]) == n_groups
        and (n_groups == 1 if objective is None else int(objective[1]) == n_groups)
        and header["objective"].count("num_class") <= 1
        and len(blocks) % n_groups == 0,
        "trees, columns and classes",
    )
    sizes = _numbers(header.get("tree_sizes", "").split())
    _refuse_unless(sizes.tolist() == [*map(len, blocks)], "the sizes of trees")
    for block in blocks:
        tree = {name: value.split() for name, value in _lines(block).items()}
        _check_lightgbm_tree(tree, n_columns)


def _lines(block: str) -> dict[str, str]:
    """Return the lines ``name=value`` of a block by name."""
    lines = _once([line.partition("=")[::2] for line in block.split("\n") if line])
    _refuse_unless(all(re.fullmatch(r"\w+", name) for name in lines), "lines and names")
    return lines


def _numbers(values: Collection[str]) -> NDArray[np.int64]:
    return np.array([_int(value) for value in values], np.int64)


def _check_lightgbm_tree(tree: dict[str, list[str]], n_columns: int) -> None:
    """Check one tree's lists, its branches and its sets of categories."""
    ((n_leaves,), (n_sets,)) = (_numbers(tree[name]) for name in ("num_leaves", "num_cat"))
    _refuse_unless(
        n_leaves > 0
        and n_sets >= 0
        and tree["is_linear"] == ["0"]
        and len(tree["leaf_value"]) == n_leaves,
        "a tree's leaves",
    )
    if n_leaves == 1:
        return
    names = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
    _refuse_unless(all(len(tree[name]) == n_leaves - 1 for name in names), "a tree's lists")
    children = np.stack([_numbers(tree["left_child"]), _numbers(tree["right_child"])])
    _refuse_unless((children < n_leaves - 1).all(), "a tree's branches")
    # a leaf is written as ~number; here, leaves are numbered after the inner nodes
    children = np.where(children < 0, n_leaves - 1 + ~children, children)
    inner = np.arange(n_leaves - 1)
    _check_branches(inner, children, _numbers(tree["split_feature"]), 2 * n_leaves - 1, n_columns)
    is_set = _numbers(tree["decision_type"]) & 1 == 1
    sets = _numbers([tree["threshold"][i] for i in np.flatnonzero(is_set)])
    _refuse_unless(((sets >= 0) & (sets < n_sets)).all(), "a tree's sets of categories")
    if n_sets:
        bounds = _numbers(tree["cat_boundaries"])
        _refuse_unless(
            len(bounds) == n_sets + 1
            and bounds[0] == 0
            and (np.diff(bounds) > 0).all()
            and bounds[-1] == len(tree["cat_threshold"]),
            "a tree's sets of categories",
        )
