"""The rules of what a library's fitted model has learnt: which attributes, and what each may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from zoo.saving.archive import StoredArray
from zoo.saving.sizes import Sizes, are_within, check_unless, is_finite

__all__ = [
    "FREE", "FROM_BOOSTER", "OF_CLASSES", "RULES", "array_rule", "integer_rule", "is_equal",
]  # fmt: skip

Rule = Callable[[Any, Sizes], Any]  # returns a value, its array read, or raises ValueError


def array_rule(kinds: str, letters: str, low: float = -np.inf, high: float = np.inf) -> Rule:
    """Return the rule of an array of these kinds and this shape; its numbers are finite."""

    def checked(value: Any, sizes: Sizes) -> Any:
        is_array = isinstance(value, StoredArray) and value.dtype.kind in kinds
        check_unless(is_array, "an array and its kind")
        sizes.check(value.shape, letters)
        array = value.read()
        check_unless(are_within(array, low, high), "an array and its range")
        return array

    return checked


def _that(is_sound: Callable[[Any, Sizes], bool | np.bool_], what: str) -> Rule:
    """Return the rule of a plain value."""

    def checked(value: Any, sizes: Sizes) -> Any:
        check_unless(is_sound(value, sizes), what)
        return value

    return checked


def _same(expected: Callable[[Sizes], Any] | object) -> Rule:
    """Return the rule of a value that is always the same for a model of these sizes."""
    return _that(
        lambda value, sizes: is_equal(value, expected(sizes) if callable(expected) else expected),
        "a constant and its value",
    )


def _number(low: float, high: float = 1e300) -> Rule:
    return _that(
        lambda value, sizes: is_finite(value) and low <= float(value) <= high,
        "a number and its range",
    )


def integer_rule(low: int, high: int = 2**40) -> Rule:
    """Return the rule of a whole number from low to high."""
    return _that(
        lambda value, sizes: (
            isinstance(value, int | np.integer)
            and not isinstance(value, bool)
            and low <= value <= high
        ),
        "a whole number and its range",
    )


def _either(rule: Rule, other: Rule) -> Rule:
    def checked(value: Any, sizes: Sizes) -> Any:
        try:
            return rule(value, sizes)
        except ValueError:
            return other(value, sizes)

    return checked


def _class_codes(value: Any, sizes: Sizes) -> Any:
    """Return the codes of classes, which the estimators' own `classes_` name."""
    codes = array_rule("if", "k")(value, sizes)
    check_unless(np.array_equal(codes, np.arange(sizes.n_classes)), "codes of classes")
    return codes


def is_equal(value: Any, other: Any) -> bool:
    """Whether two plain values are the same; arrays by content."""
    if isinstance(value, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(value, other)
    if isinstance(value, np.generic):
        value = value.item()
    # NaN, an option of XGBoost, is not equal to itself
    return type(value) is type(other) and (value == other or str(value) == str(other) == "nan")


def _rows(value: Any, sizes: Sizes) -> Any:
    """Return the number of rows, which arrays after it must have."""
    sizes.check((integer_rule(1)(value, sizes),), "r")
    return value


def _labels(value: Any, sizes: Sizes) -> Any:
    """Return the targets of neighbours: codes of classes, or numbers."""
    if sizes.n_classes:
        return array_rule("i", "r", 0, sizes.n_classes - 1)(value, sizes)
    return array_rule("f", "r")(value, sizes)


def _support_counts(value: Any, sizes: Sizes) -> Any:
    """Return how many support vectors each class has; a regressor has two numbers."""
    counts = array_rule("i", "k" if sizes.n_classes else "2", 0)(value, sizes)
    check_unless(counts.dtype == np.int32, "support vectors")
    if sizes.n_classes:
        sizes.check((int(counts.sum(dtype=np.int64)),), "v")
    return counts


_SOLVERS = ("cholesky", "svd", "lsqr", "sparse_cg", "sag", "saga", "lbfgs")
_COLUMNS = _same(lambda sizes: sizes.n_columns)
_CLASSES = _same(lambda sizes: sizes.n_classes)
_FOREST = {
    "n_features_in_": _COLUMNS, "n_outputs_": _same(1), "classes_": _class_codes,
    "n_classes_": _CLASSES,
}  # fmt: skip
_TREE = {**_FOREST, "max_features_": integer_rule(1)}
_BOOSTED = {
    "n_features_in_": _COLUMNS,
    "classes_": _class_codes,
    "do_early_stopping_": _either(_same(True), _same(False)),
}
_VECTORS = {
    "n_features_in_": _COLUMNS,
    "classes_": _class_codes,
    "class_weight_": array_rule("f", "k"),
    "_n_support": _support_counts,  # before the vectors that it counts
    "support_vectors_": array_rule("f", "vc"),
    "support_": array_rule("i", "v", 0),
    "dual_coef_": array_rule("f", "dv"),
    "_dual_coef_": array_rule("f", "dv"),
    "intercept_": array_rule("f", "p"),
    "_intercept_": array_rule("f", "p"),
    "_probA": array_rule("f", "0"),
    "_probB": array_rule("f", "0"),
    "_gamma": _number(0.0),
    "_sparse": _same(False),
    "_effective_probability": _same(False),
    "fit_status_": integer_rule(0, 1),
    "shape_fit_": _that(
        lambda value, sizes: (
            type(value) is tuple and len(value) == 2 and all(type(n) is int for n in value)
        ),
        "shapes",
    ),
    "n_iter_": _either(integer_rule(-1), array_rule("i", "p")),
    "_num_iter": array_rule("i", "p"),
}
_NEIGHBORS = {
    "n_features_in_": _COLUMNS,
    "n_samples_fit_": _rows,
    "_fit_X": array_rule("f", "rc"),
    "_y": _labels,
    "classes_": _class_codes,
    "outputs_2d_": _same(False),
    "effective_metric_params_": _same({}),
    "effective_metric_": _same("euclidean"),
    "_fit_method": _same("brute"),
    "_tree": _same(None),
}
RULES: Mapping[str, Mapping[str, Rule]] = {  # of the learnt attributes of a library's class
    "DummyClassifier": {
        "n_features_in_": _COLUMNS,
        "_strategy": _same("prior"),
        "sparse_output_": _same(False),
        "n_outputs_": _same(1),
        "classes_": _class_codes,
        "n_classes_": _CLASSES,
        "class_prior_": array_rule("f", "k", 0.0, 1.0),
    },
    "DummyRegressor": {
        "n_features_in_": _COLUMNS,
        "n_outputs_": _same(1),
        "constant_": array_rule("f", "11"),
    },
    "LogisticRegression": {
        "n_features_in_": _COLUMNS,
        "classes_": _class_codes,
        "n_iter_": array_rule("i", "1"),
        "coef_": array_rule("f", "mc"),
        "intercept_": array_rule("f", "m"),
    },
    "Ridge": {
        "n_features_in_": _COLUMNS,
        "coef_": array_rule("f", "c"),
        "n_iter_": _either(_same(None), array_rule("i", "1")),
        "solver_": _that(lambda value, sizes: value in _SOLVERS, "solver"),
        "intercept_": _number(-1e300),
    },
    "GaussianNB": {
        "n_features_in_": _COLUMNS,
        "classes_": _class_codes,
        "epsilon_": _number(0.0),
        "theta_": array_rule("f", "kc"),
        "var_": array_rule("f", "kc", np.nextafter(0, 1)),
        "class_count_": array_rule("f", "k", 0.0),
        "class_prior_": array_rule("f", "k", np.nextafter(0, 1), 1.0),
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
OF_CLASSES = {"classes_", "n_classes_", "class_weight_", "outputs_2d_", "_label_encoder"}
FREE: Mapping[str, Rule] = {  # parameters that training rows and chance decide
    "random_state": integer_rule(0, 2**32 - 1),
    "n_neighbors": integer_rule(1),
    "gamma": _number(0.0),
    "var_smoothing": _number(0.0),
    "min_samples_leaf": integer_rule(1, 20),
    "min_child_samples": integer_rule(1, 20),
    "early_stopping_rounds": _same(None),
    "early_stopping": _same(False),
}


FROM_BOOSTER = {
    "booster",
    "objective",
    "base_score",
}  # parameters that loading XGBoost's booster sets
