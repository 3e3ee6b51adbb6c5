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
from zoo.saving.lightgbm_text import checked_lightgbm
from zoo.saving.rules import (
    FREE,
    FROM_BOOSTER,
    OF_CLASSES,
    RULES,
    array_rule,
    integer_rule,
    is_equal,
)
from zoo.saving.sizes import MAX_CATEGORIES, Sizes, check_unless, expect_keys
from zoo.saving.tree_arrays import give_boosted, give_trees, read_array, take_boosted, take_trees
from zoo.saving.xgboost_json import checked_xgboost

__all__ = ["give_library", "take_library"]

_MANY_ROWS = 10**9
_MAX_CELLS = 1 << 27  # of the rows that the library learns categories from: 1 GiB


# --- models that are more than attributes ------------------------------------------------------


def _take_tree(model: Any) -> dict[str, Any]:
    return {"trees": take_trees([model.tree_])}


def _give_tree(model: Any, parts: Mapping[str, Any], sizes: Sizes) -> None:
    (model.tree_,) = give_trees(parts["trees"], 1, sizes)


def _take_forest(model: Any) -> dict[str, Any]:
    members = model.estimators_
    return {
        "trees": take_trees([member.tree_ for member in members]),
        "seeds": np.array([member.random_state for member in members], np.int64),
        "max_features": int(members[0].max_features_),
    }


def _give_forest(model: Any, parts: Mapping[str, Any], sizes: Sizes) -> None:
    trees = give_trees(parts["trees"], model.n_estimators, sizes)
    sizes.check((len(trees),), "t")
    seeds = array_rule("i", "t", 0, 2**32 - 1)(parts["seeds"], sizes)
    integer_rule(1, max(1, sizes.n_columns))(parts["max_features"], sizes)
    model._validate_estimator()
    model.estimators_ = []
    for tree, seed in zip(trees, seeds, strict=True):
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
    counts = read_array(parts["counts"], np.int64, (n,))
    check_unless(bool(((counts >= 0) & (counts <= MAX_CATEGORIES + 1)).all()), what)
    values = read_array(parts["values"], np.float64, (int(counts.sum()),))
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
        "is_weighted": hasattr(model, "_fitted_with_sw"),
        "train_scores": model.train_score_,
        "validation_scores": model.validation_score_,
    }


def _give_hist(model: Any, parts: Mapping[str, Any], sizes: Sizes) -> None:
    from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper

    n_groups = sizes.n_classes if sizes.n_classes > 2 else 1
    trees = give_boosted(parts["trees"], model.max_iter * n_groups, sizes)
    check_unless(len(trees) % n_groups == 0, "trees and classes")
    is_first = np.sort(~sizes.is_categorical) == 0  # the library moves categories to the front
    n_first = int(is_first.sum())
    known = _not_ragged(parts["categories"], n_first)
    bounds = _not_ragged(parts["bounds"], sizes.n_columns - n_first)
    # the library learns its encoder of categories from rows that have them all
    n_rows = max([1, *map(len, known)])
    check_unless(n_rows * sizes.n_columns < _MAX_CELLS, "memory and columns")
    rows = np.zeros((n_rows, sizes.n_columns))
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
    for name in ("train_score", "validation_score"):
        scores = parts[f"{name}s"]
        check_unless(scores.shape[0] <= model.max_iter + 1, "scores and trees")
        setattr(model, f"{name}_", array_rule("f", name[0])(scores, sizes))
    if parts["is_weighted"] is True:
        model._fitted_with_sw = True
    sizes.check((n_groups,), "g")
    model._baseline_prediction = array_rule("f", "1g")(parts["baseline"], sizes)
    model.n_trees_per_iteration_, model._bin_mapper = n_groups, bins
    model._predictors = [trees[i : i + n_groups] for i in range(0, len(trees), n_groups)]
    model._n_features, model._scorer = sizes.n_columns, None
    model._use_validation_data = bool(model.do_early_stopping_)
    model._loss = model._get_loss(sample_weight=None)


def _take_xgboost(model: Any) -> dict[str, Any]:
    return {"booster": bytes(model.get_booster().save_raw("json"))}


def _give_xgboost(model: Any, parts: Mapping[str, Any], sizes: Sizes) -> None:
    data = checked_xgboost(parts["booster"], model.max_depth, sizes)
    model.load_model(bytearray(data))


def _take_lightgbm(model: Any) -> dict[str, Any]:
    booster = model.booster_
    return {
        "booster": booster.model_to_string(num_iteration=-1).encode(),
        "best_iteration": booster.best_iteration,
    }


def _give_lightgbm(model: Any, parts: Mapping[str, Any], sizes: Sizes) -> None:
    """Set what `fit` would: LightGBM's estimators cannot load a model."""
    from lightgbm import Booster

    text = checked_lightgbm(parts["booster"], model.num_leaves, sizes)
    booster = Booster(model_str=text)
    integer_rule(-1, booster.current_iteration())(parts["best_iteration"], sizes)
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
    "train_score_", "validation_score_", "_fitted_with_sw",
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
    (
        "trees",
        "categories",
        "bounds",
        "baseline",
        "is_weighted",
        "train_scores",
        "validation_scores",
    ),
    _take_hist,
    _give_hist,
    _HIST_ATTRIBUTES,
)
_XGBOOST_FORM = _Form(("booster",), _take_xgboost, _give_xgboost)
_LIGHTGBM_FORM = _Form(("booster", "best_iteration"), _take_lightgbm, _give_lightgbm)
_FORMS: Mapping[str, _Form] = {
    **{name: _Form() for name in RULES},
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
    form, rules = _FORMS[kind], RULES.get(kind)
    params = _differing(model, template)
    learnt: dict[str, Any] = {}
    if rules is not None:
        own = vars(model).keys() - vars(template).keys() - {*form.replaced}
        learnt = {name: vars(model)[name] for name in sorted(own)}
    if odd := sorted((params.keys() - FREE.keys()) | (learnt.keys() - (rules or {}).keys())):
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
    form, rules = _FORMS[kind], RULES.get(kind, {})
    params, learnt = parts["params"], parts["learnt"]
    for name, value in params.items():
        check_unless(name in FREE and name in model.get_params(), "parameters and estimator")
        FREE[name](value, sizes)
    model.set_params(**params)
    expected = [name for name in rules if sizes.n_classes or name not in OF_CLASSES]
    expect_keys(learnt, expected, "a library's model")
    for name in expected:
        setattr(model, name, rules[name](learnt[name], sizes))
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
    own = {key: v for key, v in model.get_params().items() if key not in FROM_BOOSTER}
    return {key: value for key, value in own.items() if not is_equal(value, usual.get(key))}
