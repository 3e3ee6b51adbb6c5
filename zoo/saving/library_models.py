"""Fitted models of libraries as plain data, and back.

The class and the parameters of a model are those that its estimator gives it; a file only has the
few that depend on the training rows. Each learnt attribute has one rule here, and one without a
rule is refused. Nothing else of a file reaches a library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ModelFileError
from zoo.saving.checks import MAX_CATEGORIES, Sizes, check_unless, expect_keys, is_finite
from zoo.saving.lightgbm_text import checked_lightgbm
from zoo.saving.tree_arrays import give_boosted, give_trees, take_boosted, take_trees
from zoo.saving.xgboost_json import checked_xgboost

__all__ = ["give_library", "take_library"]

Rule = Callable[[Any, Sizes], object]  # raises ValueError if a value does not fit

_MANY_ROWS = 10**9


# --- rules -------------------------------------------------------------------------------------


def _array(kinds: str, letters: str, low: float = -np.inf, high: float = np.inf) -> Rule:
    """Return the rule of an array of these kinds and this shape; its numbers are finite."""

    def check(value: Any, sizes: Sizes) -> None:
        is_array = isinstance(value, np.ndarray) and value.dtype.kind in kinds
        check_unless(is_array, "an array and its kind")
        sizes.check(value.shape, letters)
        check_unless(bool(np.isfinite(value).all()), "an array and finite numbers")
        check_unless(bool(((value >= low) & (value <= high)).all()), "an array and its range")

    return check


def _same(expected: Callable[[Sizes], Any] | object) -> Rule:
    """Return the rule of a value that is always the same for a model of these sizes."""

    def check(value: Any, sizes: Sizes) -> None:
        should = expected(sizes) if callable(expected) else expected
        check_unless(_equal(value, should), "a constant and its value")

    return check


def _number(low: float, high: float = 1e300) -> Rule:
    def check(value: Any, sizes: Sizes) -> None:
        check_unless(is_finite(value) and low <= float(value) <= high, "a number and its range")

    return check


def _integer(low: int, high: int = 2**40) -> Rule:
    def check(value: Any, sizes: Sizes) -> None:
        is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        check_unless(is_whole and low <= value <= high, "a whole number and its range")

    return check


def _either(*rules: Rule) -> Rule:
    def check(value: Any, sizes: Sizes) -> None:
        for rule in rules[:-1]:
            try:
                rule(value, sizes)
            except ValueError:
                continue
            return
        rules[-1](value, sizes)

    return check


def _class_codes(value: Any, sizes: Sizes) -> None:
    """Check the codes of classes, which the estimators' own `classes_` name."""
    _array("if", "k")(value, sizes)
    check_unless(np.array_equal(value, np.arange(sizes.n_classes)), "codes of classes")


def _equal(value: Any, other: Any) -> bool:
    """Whether two plain values are the same; arrays by content."""
    if isinstance(value, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(value, other)
    if isinstance(value, np.generic):
        value = value.item()
    # NaN, an option of XGBoost, is not equal to itself
    return type(value) is type(other) and (value == other or str(value) == str(other) == "nan")


def _labels(value: Any, sizes: Sizes) -> None:
    """Check the targets of neighbours: codes of classes, or numbers."""
    if sizes.n_classes:
        _array("i", "r", 0, sizes.n_classes - 1)(value, sizes)
    else:
        _array("f", "r")(value, sizes)


def _support_counts(value: Any, sizes: Sizes) -> None:
    """Check how many support vectors each class has; a regressor has two numbers."""
    is_array = isinstance(value, np.ndarray) and value.dtype == np.int32
    check_unless(is_array and (value >= 0).all(), "support vectors")
    if sizes.n_classes:
        sizes.check(value.shape, "k")
        check_unless(int(value.sum()) == sizes["v"], "support vectors")
    else:
        check_unless(value.shape == (2,) and (value <= sizes["v"]).all(), "support vectors")


_COLUMNS = _same(lambda sizes: sizes.n_columns)
_CLASSES = _same(lambda sizes: sizes.n_classes)
_FOREST = {
    "n_features_in_": _COLUMNS, "n_outputs_": _same(1), "classes_": _class_codes,
    "n_classes_": _CLASSES,
}  # fmt: skip
_TREE = {**_FOREST, "max_features_": _integer(1)}
_BOOSTED = {
    "n_features_in_": _COLUMNS,
    "classes_": _class_codes,
    "do_early_stopping_": _either(_same(True), _same(False)),
}
_VECTORS = {
    "n_features_in_": _COLUMNS,
    "classes_": _class_codes,
    "class_weight_": _array("f", "k"),
    "support_vectors_": _array("f", "vc"),
    "support_": _array("i", "v", 0),
    "dual_coef_": _array("f", "dv"),
    "_dual_coef_": _array("f", "dv"),
    "intercept_": _array("f", "p"),
    "_intercept_": _array("f", "p"),
    "_n_support": _support_counts,
    "_probA": _array("f", "0"),
    "_probB": _array("f", "0"),
    "_gamma": _number(0.0),
    "_sparse": _same(False),
    "_effective_probability": _same(False),
    "fit_status_": _integer(0, 1),
    "shape_fit_": lambda value, sizes: check_unless(
        type(value) is tuple and len(value) == 2 and all(type(n) is int for n in value), "shapes"
    ),
    "n_iter_": _either(_integer(-1), _array("i", "p")),
    "_num_iter": _array("i", "p"),
}
_NEIGHBORS = {
    "n_features_in_": _COLUMNS,
    "_fit_X": _array("f", "rc"),
    "n_samples_fit_": lambda value, sizes: _same(sizes["r"])(value, sizes),
    "_y": _labels,
    "classes_": _class_codes,
    "outputs_2d_": _same(False),
    "effective_metric_params_": _same({}),
    "effective_metric_": _same("euclidean"),
    "_fit_method": _same("brute"),
    "_tree": _same(None),
}
_RULES: Mapping[str, Mapping[str, Rule]] = {  # of the learnt attributes of a library's class
    "DummyClassifier": {
        "n_features_in_": _COLUMNS,
        "_strategy": _same("prior"),
        "sparse_output_": _same(False),
        "n_outputs_": _same(1),
        "classes_": _class_codes,
        "n_classes_": _CLASSES,
        "class_prior_": _array("f", "k", 0.0, 1.0),
    },
    "DummyRegressor": {
        "n_features_in_": _COLUMNS,
        "n_outputs_": _same(1),
        "constant_": _array("f", "11"),
    },
    "LogisticRegression": {
        "n_features_in_": _COLUMNS,
        "classes_": _class_codes,
        "n_iter_": _array("i", "1"),
        "coef_": _array("f", "mc"),
        "intercept_": _array("f", "m"),
    },
    "Ridge": {
        "n_features_in_": _COLUMNS,
        "coef_": _array("f", "c"),
        "n_iter_": _either(_same(None), _array("i", "1")),
        "solver_": lambda value, sizes: check_unless(
            value in {"cholesky", "svd", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"}, "solver"
        ),
        "intercept_": _number(-1e300),
    },
    "GaussianNB": {
        "n_features_in_": _COLUMNS,
        "classes_": _class_codes,
        "epsilon_": _number(0.0),
        "theta_": _array("f", "kc"),
        "var_": _array("f", "kc", np.nextafter(0, 1)),
        "class_count_": _array("f", "k", 0.0),
        "class_prior_": _array("f", "k", np.nextafter(0, 1), 1.0),
    },
    "KNeighborsClassifier": _NEIGHBORS,
    "KNeighborsRegressor": _NEIGHBORS,
    "SVC": _VECTORS,
    "SVR": _VECTORS,
    "DecisionTreeClassifier": _TREE,
    "DecisionTreeRegressor": _TREE,
    "RandomForestClassifier": _FOREST,
    "RandomForestRegressor": _FOREST,
    "HistGradientBoostingClassifier": _BOOSTED,
    "HistGradientBoostingRegressor": _BOOSTED,
}
# attributes that only classifiers have
_OF_CLASSES = {"classes_", "n_classes_", "class_weight_", "outputs_2d_", "_label_encoder"}
_FREE: Mapping[str, Rule] = {  # parameters that training rows and chance decide
    "random_state": _integer(0, 2**32 - 1),
    "n_neighbors": _integer(1),
    "gamma": _number(0.0),
    "var_smoothing": _number(0.0),
    "min_samples_leaf": _integer(1, 20),
    "min_child_samples": _integer(1, 20),
    "early_stopping_rounds": _same(None),
    "early_stopping": _same(False),
}


_FROM_BOOSTER = {
    "booster",
    "objective",
    "base_score",
}  # parameters that loading XGBoost's booster sets


# --- models that are more than attributes ------------------------------------------------------


def _take_tree(model: Any) -> dict[str, Any]:
    return {"trees": take_trees([model.tree_])}


def _give_tree(model: Any, parts: Mapping[str, Any], sizes: Sizes) -> None:
    (model.tree_,) = give_trees(parts["trees"], sizes)


def _take_forest(model: Any) -> dict[str, Any]:
    members = model.estimators_
    return {
        "trees": take_trees([member.tree_ for member in members]),
        "seeds": np.array([member.random_state for member in members], np.int64),
        "max_features": int(members[0].max_features_),
    }


def _give_forest(model: Any, parts: Mapping[str, Any], sizes: Sizes) -> None:
    trees = give_trees(parts["trees"], sizes)
    _array("i", "t", 0, 2**32 - 1)(parts["seeds"], sizes)
    _integer(1, max(1, sizes.n_columns))(parts["max_features"], sizes)
    check_unless(len(trees) == sizes["t"] == model.n_estimators, "trees and seeds")
    model._validate_estimator()
    model.estimators_ = []
    for tree, seed in zip(trees, parts["seeds"], strict=True):
        member = model._make_estimator(append=True, random_state=None)
        member.set_params(random_state=int(seed))
        member.n_features_in_, member.n_outputs_ = sizes.n_columns, 1
        member.max_features_, member.tree_ = parts["max_features"], tree
        if sizes.n_classes:
            member.classes_ = np.arange(sizes.n_classes, dtype=np.float64)
            member.n_classes_ = np.int64(sizes.n_classes)


def _ragged(arrays: list[NDArray[Any]]) -> dict[str, Any]:
    """Return arrays of different lengths as two."""
    counts = np.array([len(array) for array in arrays], np.int64)
    joined = np.concatenate([np.empty(0), *arrays]).astype(np.float64)
    return {"counts": counts, "values": joined}


def _not_ragged(parts: Any, n: int) -> list[NDArray[np.float64]]:
    """Return the arrays that `_ragged` joined: n, each rising, perhaps with a NaN at the end."""
    what = "categories and bounds of columns"
    expect_keys(parts, ("counts", "values"), what)
    counts, values = parts["counts"], parts["values"]
    check_unless(
        isinstance(counts, np.ndarray)
        and isinstance(values, np.ndarray)
        and counts.dtype == np.int64
        and counts.shape == (n,)
        and ((counts >= 0) & (counts <= MAX_CATEGORIES + 1)).all()
        and values.dtype == np.float64
        and values.shape == (int(counts.sum()),),
        what,
    )
    arrays = np.split(values, np.cumsum(counts)[:-1]) if n else []
    for array in arrays:
        known = array[:-1] if len(array) and np.isnan(array[-1]) else array
        check_unless(bool(np.isfinite(known).all() and (np.diff(known) > 0).all()), what)
    return arrays


def _take_hist(model: Any) -> dict[str, Any]:
    encoder = model._preprocessor and model._preprocessor.named_transformers_["encoder"]
    n_categorical = 0 if encoder is None else len(encoder.categories_)
    return {
        "trees": take_boosted([tree for trees in model._predictors for tree in trees]),
        "categories": _ragged(list(encoder.categories_) if n_categorical else []),
        "bounds": _ragged(model._bin_mapper.bin_thresholds_[n_categorical:]),
        "baseline": model._baseline_prediction,
        "train_scores": model.train_score_,
        "validation_scores": model.validation_score_,
    }


def _give_hist(model: Any, parts: Mapping[str, Any], sizes: Sizes) -> None:
    from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper

    n_groups = sizes.n_classes if sizes.n_classes > 2 else 1
    trees = give_boosted(parts["trees"], sizes)
    check_unless(len(trees) % n_groups == 0, "trees and classes")
    is_first = np.sort(~sizes.is_categorical) == 0  # the library moves categories to the front
    n_first = int(is_first.sum())
    known = _not_ragged(parts["categories"], n_first)
    bounds = _not_ragged(parts["bounds"], sizes.n_columns - n_first)
    # the library learns its encoder of categories from rows that have them all
    rows = np.zeros((max([1, *map(len, known)]), sizes.n_columns))
    for column, codes in zip(np.flatnonzero(sizes.is_categorical), known, strict=True):
        is_code = np.isnan(codes) | ((codes >= 0) & (codes <= MAX_CATEGORIES))
        check_unless(len(codes) > 0 and bool(is_code.all()), "categories and bounds of columns")
        rows[:, column] = np.resize(codes, len(rows))
    _, categories = model._preprocess_X(rows, reset=True)
    bins = _BinMapper(
        n_bins=model.max_bins + 1,
        is_categorical=model._is_categorical_remapped,
        known_categories=categories,
        random_state=0,
        n_threads=1,
    )
    bins.is_categorical_ = is_first.astype(np.uint8)
    bins.missing_values_bin_idx_ = model.max_bins
    bins.bin_thresholds_ = [*(categories or [])[:n_first], *bounds]
    sizes_of = [len(some) for some in (categories or [])[:n_first]] + [len(b) + 1 for b in bounds]
    bins.n_bins_non_missing_ = np.array(sizes_of, np.uint32)
    _array("f", "1g")(parts["baseline"], sizes)
    check_unless(sizes["g"] == n_groups, "baseline and classes")
    for name in ("train_scores", "validation_scores"):
        _array("f", name[0])(parts[name], sizes)
    model.n_trees_per_iteration_ = n_groups
    model._bin_mapper, model._baseline_prediction = bins, parts["baseline"]
    model._predictors = [trees[i : i + n_groups] for i in range(0, len(trees), n_groups)]
    model.train_score_, model.validation_score_ = parts["train_scores"], parts["validation_scores"]
    model._n_features, model._scorer = sizes.n_columns, None
    model._use_validation_data = bool(model.do_early_stopping_)
    model._loss = model._get_loss(sample_weight=None)


def _take_xgboost(model: Any) -> dict[str, Any]:
    return {"booster": bytes(model.get_booster().save_raw("json"))}


def _give_xgboost(model: Any, parts: Mapping[str, Any], sizes: Sizes) -> None:
    model.load_model(bytearray(checked_xgboost(parts["booster"], sizes)))


def _take_lightgbm(model: Any) -> dict[str, Any]:
    booster = model.booster_
    return {
        "booster": booster.model_to_string(num_iteration=-1).encode(),
        "best_iteration": booster.best_iteration,
    }


def _give_lightgbm(model: Any, parts: Mapping[str, Any], sizes: Sizes) -> None:
    """Set what `fit` would: LightGBM's estimators cannot load a model."""
    from lightgbm import Booster

    text = checked_lightgbm(parts["booster"], sizes)
    booster = Booster(model_str=text)
    _integer(-1, booster.current_iteration())(parts["best_iteration"], sizes)
    booster.best_iteration = model._best_iteration = parts["best_iteration"]
    model._Booster, model._n_features = booster, sizes.n_columns
    model._n_features_in, model.fitted_ = sizes.n_columns, True


class _Form(NamedTuple):
    """What a model is besides attributes with rules, how to take it, and how to give it back."""

    parts: tuple[str, ...] = ()
    take: Callable[[Any], dict[str, Any]] = lambda model: {}
    give: Callable[[Any, Mapping[str, Any], Sizes], None] = lambda model, parts, sizes: None
    replaced: tuple[str, ...] = ()  # attributes that `take` covers


_HIST_ATTRIBUTES = (
    "is_categorical_", "_preprocessor", "_is_categorical_remapped", "_label_encoder",
    "n_trees_per_iteration_", "_random_seed", "_feature_subsample_rng", "_n_features", "_loss",
    "_use_validation_data", "_bin_mapper", "_baseline_prediction", "_predictors", "_scorer",
    "train_score_", "validation_score_",
)  # fmt: skip
_FOREST_ATTRIBUTES = (
    "estimator_",
    "estimators_",
    "_n_samples",
    "_sample_weight",
    "_n_samples_bootstrap",
)
_TREES_FORM = _Form(("trees",), _take_tree, _give_tree, ("tree_",))
_FOREST_FORM = _Form(
    ("trees", "seeds", "max_features"), _take_forest, _give_forest, _FOREST_ATTRIBUTES
)
_HIST_FORM = _Form(
    ("trees", "categories", "bounds", "baseline", "train_scores", "validation_scores"),
    _take_hist,
    _give_hist,
    _HIST_ATTRIBUTES,
)
_XGBOOST_FORM = _Form(("booster",), _take_xgboost, _give_xgboost)
_LIGHTGBM_FORM = _Form(("booster", "best_iteration"), _take_lightgbm, _give_lightgbm)
_FORMS: Mapping[str, _Form] = {
    **{name: _Form() for name in _RULES},
    "DecisionTreeClassifier": _TREES_FORM,
    "DecisionTreeRegressor": _TREES_FORM,
    "RandomForestClassifier": _FOREST_FORM,
    "RandomForestRegressor": _FOREST_FORM,
    "HistGradientBoostingClassifier": _HIST_FORM,
    "HistGradientBoostingRegressor": _HIST_FORM,
    "XGBClassifier": _XGBOOST_FORM,
    "XGBRegressor": _XGBOOST_FORM,
    "LGBMClassifier": _LIGHTGBM_FORM,
    "LGBMRegressor": _LIGHTGBM_FORM,
}


# --- from and to a file ------------------------------------------------------------------------


def take_library(estimator: Any, model: Any) -> dict[str, Any]:
    """Return a library's fitted model as plain values and arrays, by name.

    Parameters
    ----------
    estimator : TableEstimator
        The estimator that made it.
    model : object
        Its `model_`.

    Raises
    ------
    ModelFileError
        If it is not as the estimator makes it.
    """
    template = _template(estimator)
    kind = type(model).__name__
    if type(model) is not type(template) or kind not in _FORMS:
        raise ModelFileError(f"a {kind} cannot be saved; its estimator would make another model")
    form, rules = _FORMS[kind], _RULES.get(kind)
    params = _differing(model, template)
    learnt: dict[str, Any] = {}
    if rules is not None:
        own = vars(model).keys() - vars(template).keys() - {*form.replaced}
        learnt = {name: vars(model)[name] for name in sorted(own)}
    if odd := sorted((params.keys() - _FREE.keys()) | (learnt.keys() - (rules or {}).keys())):
        raise ModelFileError(f"'{odd[0]}' of a {kind} is not as its estimator sets it")
    return {"class": kind, "params": params, "learnt": learnt, "parts": form.take(model)}


def give_library(estimator: Any, node: Any, sizes: Sizes) -> Any:
    """Return the model that `take_library` took, once all of it has been checked.

    Raises
    ------
    ValueError, TypeError, KeyError
        If it has other parts, or they do not fit each other.
    """
    parts = expect_keys(node, ("class", "params", "learnt", "parts"), "a library's model")
    model = _template(estimator)
    kind = type(model).__name__
    if parts["class"] != kind:
        raise ValueError(f"expected a {kind}, got {str(parts['class'])[:60]!r}")
    form, rules = _FORMS[kind], _RULES.get(kind, {})
    params, learnt = parts["params"], parts["learnt"]
    for name, value in params.items():
        check_unless(name in _FREE and name in model.get_params(), "parameters and estimator")
        _FREE[name](value, sizes)
    model.set_params(**params)
    expected = [name for name in rules if sizes.n_classes or name not in _OF_CLASSES]
    expect_keys(learnt, expected, "a library's model")
    for name in expected:
        rules[name](learnt[name], sizes)
        setattr(model, name, learnt[name])
    if hasattr(model, "n_neighbors"):
        check_unless(model.n_neighbors <= sizes["r"], "neighbours and rows")
    form.give(model, expect_keys(parts["parts"], form.parts, "a library's model"), sizes)
    return model


def _template(estimator: Any) -> Any:
    """Return the unfitted model that an estimator makes for many rows."""
    if not hasattr(estimator, "_make"):
        raise ModelFileError(f"{type(estimator).__name__} has no model of a library")
    return estimator._make(_MANY_ROWS)


def _differing(model: Any, template: Any) -> dict[str, Any]:
    """Return the parameters of a fitted model that are not those of the template."""
    usual = template.get_params()
    own = {key: v for key, v in model.get_params().items() if key not in _FROM_BOOSTER}
    return {key: value for key, value in own.items() if not _equal(value, usual.get(key))}
