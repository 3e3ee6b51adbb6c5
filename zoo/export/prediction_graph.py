"""What a model makes of a matrix, as a graph: probabilities, or numbers in the target's unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.errors import ExportError
from zoo.export.networks import network_of
from zoo.export.trees import Ensemble, is_of_trees, read_trees

__all__ = ["answer_of", "grow", "why_not"]

_WHY_NOT = "the zoo has no graph for what a {} computes"

Answer = Callable[[Any], Any]


def why_not(model: Any) -> str | None:
    """Return why a fitted model has no graph, or None."""
    if len(getattr(model, "classes_", "ab")) == 1 or _maker(model) is not None:
        return None
    inner = getattr(model, "model_", model)
    return _WHY_NOT.format(type(inner).__name__)


def answer_of(model: Any) -> Answer:
    """Return a function of a matrix (n_rows, n_columns) of 32 bits, for TensorFlow to trace.

    It gives probabilities (n_rows, n_classes), scores where the model has no probabilities, or
    numbers (n_rows, 1).

    Raises
    ------
    ExportError
        If there is none; see `why_not`.
    """
    if len(getattr(model, "classes_", "ab")) == 1:
        return lambda X: tf.ones_like(X[:, :1])
    maker = _maker(model)
    if maker is None:
        raise ExportError(f"{type(model).__name__} cannot be exported: {why_not(model)}")
    answer: Answer = maker(model)
    return answer


def _maker(model: Any) -> Callable[[Any], Answer] | None:
    if hasattr(model, "candidate_targets_"):
        return _neighbours_in_space
    if hasattr(model, "to_keras"):
        return _network
    if hasattr(model, "coef_") and not hasattr(model, "model_"):
        return lambda model: _linear(model.coef_.T, model.intercept_)
    if is_of_trees(model):
        return _trees
    return _MAKERS.get(type(getattr(model, "model_", None)).__name__)


def in_own_unit(model: Any, values: Any) -> Any:
    """Return standardised values (n_rows, 1) in the unit of the target."""
    if hasattr(model, "highest_"):
        values = tf.clip_by_value(values, model.lowest_, model.highest_)
    return values * model.target_scale_ + model.target_mean_


def _network(model: Any) -> Answer:
    made = network_of(model)
    network = made.keras_model
    if not hasattr(model, "classes_"):
        return lambda X: in_own_unit(model, network(X, training=False))
    if made.gives_shares:
        return lambda X: network(X, training=False)
    return lambda X: tf.nn.softmax(network(X, training=False))


def _linear(kernel: Any, bias: Any) -> Answer:
    # constants are made where they are traced: made before, converters take them for inputs
    W, b = (np.asarray(part, np.float32) for part in (kernel, bias))
    return lambda X: tf.matmul(X, tf.constant(W)) + tf.constant(b)


def _logistic(model: Any) -> Answer:
    library = model.model_
    sums = _linear(library.coef_.T, library.intercept_)
    if len(library.classes_) == 2:
        return lambda X: _of_two(tf.sigmoid(sums(X)))
    return lambda X: tf.nn.softmax(sums(X))


def _of_two(share: Any) -> Any:
    return tf.concat([1.0 - share, share], axis=1)


def _ridge(model: Any) -> Answer:
    sums = _linear(model.model_.coef_.reshape(-1, 1), np.ravel(model.model_.intercept_))
    return lambda X: in_own_unit(model, sums(X))


def _naive_bayes(model: Any) -> Answer:
    library = model.model_
    # log p = sum of -(x - mean)^2 / (2 var), multiplied out so that it is two matrix products
    center = library.theta_.mean(axis=0)
    means, inverse = library.theta_ - center, 1.0 / library.var_
    constant = np.log(library.class_prior_) - 0.5 * (
        np.log(2 * np.pi * library.var_) + means**2 * inverse
    ).sum(axis=1)
    square, line, start = -0.5 * inverse.T, (means * inverse).T, constant

    def answer(X: Any) -> Any:
        rows = _wide(X) - _as(X, center)
        logs = tf.matmul(rows * rows, _as(X, square)) + tf.matmul(rows, _as(X, line))
        return tf.cast(tf.nn.softmax(logs + _as(X, start)), tf.float32)

    return answer


def _dummy(model: Any) -> Answer:
    if hasattr(model, "classes_"):
        row = np.asarray(model.model_.class_prior_[None], np.float32)
        return lambda X: tf.zeros_like(X[:, :1]) + tf.constant(row)
    row = np.asarray(model.model_.constant_, np.float32).reshape(1, 1)
    return lambda X: in_own_unit(model, tf.zeros_like(X[:, :1]) + tf.constant(row))


def _type(X: Any) -> Any:
    """Return 64 bits, or 32 where rows come one by one: phones have no products of 64 bits."""
    return tf.float32 if X.shape[0] == 1 else tf.float64


def _wide(X: Any) -> Any:
    return tf.cast(X, _type(X))


def _as(X: Any, values: Any) -> Any:
    return tf.constant(values, _type(X))


def _squares(X: Any, places: Any) -> Any:
    """Return squared distances (n_rows, n_slots); multiplied out, but for rows one by one."""
    center = places.mean(axis=0)
    far, near = places - center, _wide(X) - _as(X, center)
    if X.shape[0] == 1:
        return tf.reduce_sum((_as(X, far) - near) ** 2, axis=1)[None]
    lengths, products = _as(X, (far**2).sum(axis=1)), tf.matmul(near, _as(X, far.T))
    found = tf.reduce_sum(near * near, axis=1, keepdims=True) - 2.0 * products + lengths
    return tf.maximum(found, tf.zeros_like(found))


def _kernel_svm(model: Any) -> Answer:
    library = model.model_
    vectors, gamma = np.asarray(library.support_vectors_, np.float64), float(library._gamma)
    if hasattr(model, "classes_") and len(library.classes_) > 2:
        weights, bias = _pairs(library)
    else:
        weights, bias = np.asarray(library.dual_coef_).T, np.ravel(library.intercept_)

    def margins(X: Any) -> Any:
        return tf.matmul(tf.exp(-gamma * _squares(X, vectors)), _as(X, weights)) + _as(X, bias)

    if not hasattr(model, "classes_"):
        return lambda X: in_own_unit(model, tf.cast(margins(X), tf.float32))
    if len(library.classes_) == 2:
        return lambda X: _of_two(tf.cast(tf.sigmoid(2.0 * margins(X)), tf.float32))
    votes = _votes(len(library.classes_))
    return lambda X: tf.cast(tf.nn.softmax(votes(margins(X))), tf.float32)


def _pairs(library: Any) -> tuple[Any, Any]:
    """Return weights (n_vectors, n_pairs) and bias of the machine of each pair of classes."""
    n = len(library.classes_)
    ends = np.cumsum(library.n_support_)
    of_class = [slice(end - size, end) for end, size in zip(ends, library.n_support_, strict=True)]
    columns = []
    for i in range(n):
        for j in range(i + 1, n):
            column = np.zeros(ends[-1])
            column[of_class[i]] = library.dual_coef_[j - 1, of_class[i]]
            column[of_class[j]] = library.dual_coef_[i, of_class[j]]
            columns.append(column)
    return np.array(columns).T, np.ravel(library.intercept_)


def _votes(n_classes: int) -> Answer:
    """Return what makes one score a class of the margins of pairs, as scikit-learn does.

    The votes of a class, and less than half a vote by the sum of its margins.
    """
    pairs = [(i, j) for i in range(n_classes) for j in range(i + 1, n_classes)]
    wins, sums = np.zeros((len(pairs), n_classes)), np.zeros((len(pairs), n_classes))
    loses = np.zeros((len(pairs), n_classes))
    for row, (i, j) in enumerate(pairs):
        wins[row, i], loses[row, j] = 1.0, 1.0
        sums[row, i], sums[row, j] = 1.0, -1.0

    def scores(margins: Any) -> Any:
        won = tf.cast(margins > 0.0, margins.dtype)
        won_by, lost_by, signs = (tf.constant(part, margins.dtype) for part in (wins, loses, sums))
        total = tf.matmul(margins, signs)
        votes = tf.matmul(won, won_by) + tf.matmul(1.0 - won, lost_by)
        return votes + total / (3.0 * (tf.abs(total) + 1.0))

    return scores


def _nearest(model: Any) -> Answer:
    library = model.model_
    places = np.asarray(library._fit_X, np.float64)
    if hasattr(model, "outcome_"):
        outcome, weight = np.asarray(model.outcome_), np.asarray(model.weight_)
    else:
        target = np.asarray(library._y)
        is_class = hasattr(model, "classes_")
        outcome = np.eye(len(model.classes_))[target] if is_class else target.reshape(-1, 1)
        weight = np.ones(len(places))
    scale = np.maximum((places**2).sum(axis=1).max(), 1e-30)

    def mean(X: Any) -> Any:
        found, rows = tf.math.top_k(-_squares(X, places), library.n_neighbors)
        squares = -found
        is_same = squares <= 1e-13 * scale
        is_any = tf.reduce_any(is_same, axis=1, keepdims=True)
        ones = tf.ones_like(squares)
        near = tf.where(is_same, ones, tf.zeros_like(squares))
        votes = tf.where(is_any, near, 1.0 / tf.sqrt(tf.where(is_same, ones, squares)))
        votes = votes * tf.gather(_as(X, weight), rows)
        share = tf.expand_dims(votes / tf.reduce_sum(votes, axis=1, keepdims=True), -1)
        return tf.cast(tf.reduce_sum(share * tf.gather(_as(X, outcome), rows), axis=1), tf.float32)

    if hasattr(model, "classes_"):
        return mean
    return lambda X: in_own_unit(model, mean(X))


def _neighbours_in_space(model: Any) -> Answer:
    """Return ModernNCA's answer: all its training rows, already embedded, are in the graph."""
    network = network_of(model).keras_model
    places = np.asarray(model.embedded_, np.float64)
    target = np.asarray(model.candidate_targets_)
    is_class = hasattr(model, "classes_")
    outcome = np.eye(len(model.classes_))[target] if is_class else target[:, None]
    weight = np.log(model.candidate_weights_)

    def mean(X: Any) -> Any:
        distance = tf.sqrt(_squares(network(X, training=False), places))
        shares = tf.nn.softmax(_as(X, weight) - distance / float(model.temperature))
        return tf.cast(tf.matmul(shares, _as(X, outcome)), tf.float32)

    return mean if is_class else lambda X: in_own_unit(model, mean(X))


def grow(ensemble: Ensemble, X: Any) -> Any:
    """Return `X` with a column for each split on levels: 0 where a row goes left."""
    if not ensemble.level_splits:
        return X
    longest = max(len(goes) for _, goes in ensemble.level_splits)
    table = np.array(
        [[not go for go in goes] + [not goes[-1]] * (longest - len(goes))
         for _, goes in ensemble.level_splits], np.float32,
    )  # fmt: skip
    columns = tf.constant([column for column, _ in ensemble.level_splits], tf.int32)
    codes = tf.gather(X, columns, axis=1)
    codes = tf.where(tf.math.is_nan(codes), -tf.ones_like(codes), codes)
    place = tf.minimum(tf.cast(codes, tf.int32) + 1, longest - 1)
    start = tf.constant((np.arange(len(table)) * longest)[None].astype(np.int32))
    return tf.concat([X, tf.gather(tf.constant(table.ravel()), start + place)], axis=1)


def linked(model: Any, ensemble: Ensemble, sums: Any) -> Any:
    """Return the answer for sums of leaves (n_rows, n_sums), the base not yet in them."""
    sums = sums + tf.constant(ensemble.base, tf.float32)
    if ensemble.link == "sigmoid":
        return _of_two(tf.sigmoid(sums))
    if ensemble.link == "softmax":
        return tf.nn.softmax(sums)
    return sums if ensemble.link == "shares" else in_own_unit(model, sums)


def _trees(model: Any) -> Answer:
    """Return the answer by going down all trees at once, a level of them a step."""
    ensemble = read_trees(model)
    links = [np.array(part, np.int32) for part in (ensemble.feature, ensemble.left, ensemble.right)]
    value = np.array(ensemble.value, np.float32)
    roots = np.array(ensemble.roots, np.int32)[None]

    def answer(X: Any) -> Any:
        feature, left, right = (tf.constant(part) for part in links)
        threshold = tf.constant(ensemble.threshold, tf.float32)
        missing = tf.constant(ensemble.missing_left, tf.bool)
        rows = grow(ensemble, X)
        place = tf.zeros_like(rows[:, :1], tf.int32) + tf.constant(roots)
        for _ in range(ensemble.depth):
            asked = tf.gather(rows, tf.gather(feature, place), batch_dims=1)
            goes = tf.where(
                tf.math.is_nan(asked),
                tf.gather(missing, place),
                asked <= tf.gather(threshold, place),
            )
            place = tf.where(goes, tf.gather(left, place), tf.gather(right, place))
        return linked(model, ensemble, tf.reduce_sum(tf.gather(tf.constant(value), place), axis=1))

    return answer


_MAKERS: Mapping[str, Callable[[Any], Answer]] = {
    "LogisticRegression": _logistic,
    "Ridge": _ridge,
    "GaussianNB": _naive_bayes,
    "KNeighborsClassifier": _nearest,
    "KNeighborsRegressor": _nearest,
    "SVC": _kernel_svm,
    "SVR": _kernel_svm,
    "DummyClassifier": _dummy,
    "DummyRegressor": _dummy,
}
