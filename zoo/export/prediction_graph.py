"""What each model computes, as a TensorFlow function of its matrix, raw columns or images."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray

from zoo.encoding.encoder import FittedEstimator
from zoo.errors import ExportError
from zoo.export.encoder_graph import encode
from zoo.export.networks import network_of
from zoo.export.trees import Ensemble, has_trees, kind_of_model, read_trees

if TYPE_CHECKING:
    from sklearn.svm import SVC

__all__ = [
    "Predict", "from_columns", "from_pixels", "has_graph", "image_shape", "output_name",
    "prediction_function", "with_category_splits",
]  # fmt: skip

Predict = Callable[[tf.Tensor], tf.Tensor]
Floats = NDArray[np.float64]


def output_name(model: FittedEstimator) -> str:
    """Return the name of the output: probabilities, scores or value."""
    if not hasattr(model, "classes_"):
        return "value"
    return "probabilities" if hasattr(model, "predict_proba") else "scores"


def image_shape(model: FittedEstimator) -> tuple[int, int, int] | None:
    """Return height, width and channels if the table's columns are the pixels of an image."""
    if "image_shape" not in model.get_params() or not hasattr(model, "weights_"):
        return None
    shape: tuple[int, int, int] = model._config(model.n_inputs_).image_shape
    is_whole = math.prod(shape) == model.n_features_in_ == model.n_inputs_
    return shape if is_whole and {*model.encoder_.kinds_} == {"number"} else None


def from_columns(model: FittedEstimator) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Return the prediction as a function of raw numbers and category codes; see `encode`."""
    predict = prediction_function(model)
    return lambda numbers, codes: predict(encode(model.encoder_, numbers, codes))


def from_pixels(model: FittedEstimator) -> Predict:
    """Return the prediction as a function of images (n, height, width, channels), float32."""
    of_columns = from_columns(model)
    return lambda images: of_columns(tf.reshape(images, (-1, model.n_features_in_)), None)


def has_graph(model: FittedEstimator) -> bool:
    """Whether there is a graph for what a fitted model computes."""
    return _builder(model) is not None


def prediction_function(model: FittedEstimator) -> Predict:
    """Return a function of a matrix (n_rows, n_columns), float32, for TensorFlow to trace.

    It returns probabilities (n_rows, n_classes), scores if the model has no probabilities, or
    values (n_rows, 1) in the unit of the target.

    Raises
    ------
    ExportError
        If there is none; see `has_graph`.
    """
    if (builder := _builder(model)) is None:
        raise ExportError(f"there is no graph for what a {type(model).__name__} computes")
    graph = builder(model)

    def predict(X: tf.Tensor) -> tf.Tensor:
        values = tf.cast(graph(X), tf.float32)
        if hasattr(model, "highest_"):
            values = tf.clip_by_value(values, model.lowest_, model.highest_)
        is_class = hasattr(model, "classes_")
        return values if is_class else values * model.target_scale_ + model.target_mean_

    return predict


def _builder(model: FittedEstimator) -> Callable[[FittedEstimator], Predict] | None:
    """Return what builds the graph of probabilities, scores or standardised values, if any."""
    if len(getattr(model, "classes_", ())) == 1:
        return lambda model: lambda X: tf.ones_like(X[:, :1])
    if hasattr(model, "candidate_targets_"):
        return _modern_nca
    if hasattr(model, "to_keras"):
        return _network
    if hasattr(model, "coef_") and not hasattr(model, "model_"):
        return lambda model: _linear(model.coef_.T, model.intercept_)
    if has_trees(model):
        return _trees
    return _BUILDERS.get(kind_of_model(model))


def _probabilities(sums: tf.Tensor) -> tf.Tensor:
    """Return a softmax of a sum per class, or the probabilities of two classes from one logit."""
    if sums.shape[1] > 1:
        return tf.nn.softmax(sums)
    probability = tf.sigmoid(sums)
    return tf.concat([1.0 - probability, probability], axis=1)


def _network(model: FittedEstimator) -> Predict:
    network, gives_probabilities = network_of(model)
    if gives_probabilities or not hasattr(model, "classes_"):
        return lambda X: network(X, training=False)
    return lambda X: tf.nn.softmax(network(X, training=False))


def _linear(kernel: ArrayLike, bias: ArrayLike) -> Predict:
    # constants are created while tracing: created before, converters take them for inputs
    W, b = (np.asarray(part, np.float32) for part in (kernel, bias))
    return lambda X: tf.matmul(X, tf.constant(W)) + tf.constant(b)


def _logistic(model: FittedEstimator) -> Predict:
    sums = _linear(model.model_.coef_.T, model.model_.intercept_)
    return lambda X: _probabilities(sums(X))


def _ridge(model: FittedEstimator) -> Predict:
    return _linear(model.model_.coef_.reshape(-1, 1), np.ravel(model.model_.intercept_))


def _naive_bayes(model: FittedEstimator) -> Predict:
    library = model.model_
    # log p = sum of -(x - mean)^2 / (2 var), multiplied out so that it is two matrix products
    center = library.theta_.mean(axis=0)
    means, inverse = library.theta_ - center, 1.0 / library.var_
    lengths = (np.log(2 * np.pi * library.var_) + means**2 * inverse).sum(axis=1)
    start = np.log(library.class_prior_) - 0.5 * lengths
    square, line = -0.5 * inverse.T, (means * inverse).T

    def predict(X: tf.Tensor) -> tf.Tensor:
        rows = tf.cast(X, _dtype(X)) - _constant(X, center)
        logs = tf.matmul(rows * rows, _constant(X, square)) + tf.matmul(rows, _constant(X, line))
        return tf.nn.softmax(logs + _constant(X, start))

    return predict


def _dummy(model: FittedEstimator) -> Predict:
    library = model.model_
    values = library.class_prior_ if hasattr(model, "classes_") else library.constant_
    row = np.asarray(values, np.float32).reshape(1, -1)
    return lambda X: tf.zeros_like(X[:, :1]) + tf.constant(row)


def _dtype(X: tf.Tensor) -> tf.DType:
    """Return float64, or float32 for a single row: LiteRT has no products of float64."""
    return tf.float32 if X.shape[0] == 1 else tf.float64


def _constant(X: tf.Tensor, values: ArrayLike) -> tf.Tensor:
    return tf.constant(values, _dtype(X))


def _squared_distances(X: tf.Tensor, points: Floats) -> tf.Tensor:
    """Return squared distances (n_rows, n_points); multiplied out unless X is a single row."""
    center = points.mean(axis=0)
    far, near = points - center, tf.cast(X, _dtype(X)) - _constant(X, center)
    if X.shape[0] == 1:
        return tf.reduce_sum((_constant(X, far) - near) ** 2, axis=1)[None]
    lengths, products = _constant(X, (far**2).sum(axis=1)), tf.matmul(near, _constant(X, far.T))
    found = tf.reduce_sum(near * near, axis=1, keepdims=True) - 2.0 * products + lengths
    return tf.maximum(found, tf.zeros_like(found))


def _kernel_svm(model: FittedEstimator) -> Predict:
    library = model.model_
    vectors, gamma = np.asarray(library.support_vectors_, np.float64), float(library._gamma)
    n_classes = len(getattr(library, "classes_", ()))
    bias = np.ravel(library.intercept_)
    weights = _one_against_one(library) if n_classes > 2 else np.asarray(library.dual_coef_).T

    def margins(X: tf.Tensor) -> tf.Tensor:
        kernel = tf.exp(-gamma * _squared_distances(X, vectors))
        return tf.matmul(kernel, _constant(X, weights)) + _constant(X, bias)

    if n_classes == 2:
        return lambda X: _probabilities(2.0 * margins(X))
    return (lambda X: tf.nn.softmax(_votes(margins(X), n_classes))) if n_classes else margins


def _one_against_one(library: SVC) -> Floats:
    """Return weights (n_vectors, n_pairs) for each pair of classes."""
    ends = np.cumsum(library.n_support_)
    of_class = [slice(end - size, end) for end, size in zip(ends, library.n_support_, strict=True)]
    columns = []
    for i, j in combinations(range(len(ends)), 2):
        column = np.zeros(ends[-1])
        column[of_class[i]] = library.dual_coef_[j - 1, of_class[i]]
        column[of_class[j]] = library.dual_coef_[i, of_class[j]]
        columns.append(column)
    return np.array(columns).T


def _votes(margins: tf.Tensor, n_classes: int) -> tf.Tensor:
    """Return one score per class from the margins of all pairs, as scikit-learn does.

    A score is the number of votes plus the sum of margins, transformed to less than half a vote.
    """
    first, second = (np.eye(n_classes)[of_pair] for of_pair in np.triu_indices(n_classes, 1))
    won = tf.cast(margins > 0.0, margins.dtype)
    won_by, lost_by, signs = (tf.constant(x, won.dtype) for x in (first, second, first - second))
    total = tf.matmul(margins, signs)
    votes = tf.matmul(won, won_by) + tf.matmul(1.0 - won, lost_by)
    return votes + total / (3.0 * (tf.abs(total) + 1.0))


def _nearest_neighbors(model: FittedEstimator) -> Predict:
    library = model.model_
    points = np.asarray(library._fit_X, np.float64)
    if hasattr(model, "outcome_"):
        outcome, weight = np.asarray(model.outcome_), np.asarray(model.weight_)
    else:
        outcome, weight = _outcomes(model, np.asarray(library._y)), np.ones(len(points))
    scale = np.maximum((points**2).sum(axis=1).max(), 1e-30)

    def mean_of_near(X: tf.Tensor) -> tf.Tensor:
        found, rows = tf.math.top_k(-_squared_distances(X, points), library.n_neighbors)
        squares = -found
        is_same = squares <= 1e-13 * scale
        is_any = tf.reduce_any(is_same, axis=1, keepdims=True)
        ones = tf.ones_like(squares)
        near = tf.where(is_same, ones, tf.zeros_like(squares))
        votes = tf.where(is_any, near, 1.0 / tf.sqrt(tf.where(is_same, ones, squares)))
        votes = votes * tf.gather(_constant(X, weight), rows)
        weights = tf.expand_dims(votes / tf.reduce_sum(votes, axis=1, keepdims=True), -1)
        outcomes = tf.gather(_constant(X, outcome), rows)
        return tf.reduce_sum(weights * outcomes, axis=1)

    return mean_of_near


def _outcomes(model: FittedEstimator, target: NDArray[Any]) -> Floats:
    """Return training targets as indicators of classes (n, n_classes), or values (n, 1)."""
    if hasattr(model, "classes_"):
        return np.asarray(np.eye(len(model.classes_))[target])
    return target.reshape(-1, 1)


def _modern_nca(model: FittedEstimator) -> Predict:
    """Return a softmax over distances to all training rows, whose embeddings are constants."""
    network, _ = network_of(model)
    points = np.asarray(model.embedded_, np.float64)
    outcome = _outcomes(model, np.asarray(model.candidate_targets_))
    weight = np.log(model.candidate_weights_)

    def mean_of_all(X: tf.Tensor) -> tf.Tensor:
        distance = tf.sqrt(_squared_distances(network(X, training=False), points))
        weights = tf.nn.softmax(_constant(X, weight) - distance / float(model.temperature))
        return tf.matmul(weights, _constant(X, outcome))

    return mean_of_all


def with_category_splits(ensemble: Ensemble, X: tf.Tensor) -> tf.Tensor:
    """Return `X` with a column for each split on categories: 0 where a row goes left."""
    if not ensemble.category_splits:
        return X
    longest = max(len(goes_left) for _, goes_left in ensemble.category_splits)
    goes_right = np.array(
        [[not left for left in goes_left] + [not goes_left[-1]] * (longest - len(goes_left))
         for _, goes_left in ensemble.category_splits], np.float32,
    )  # fmt: skip
    columns = tf.constant([column for column, _ in ensemble.category_splits], tf.int32)
    codes = tf.gather(X, columns, axis=1)
    codes = tf.where(tf.math.is_nan(codes), -tf.ones_like(codes), codes)
    index = tf.minimum(tf.cast(codes, tf.int32) + 1, longest - 1)
    start = tf.constant((np.arange(len(goes_right)) * longest)[None].astype(np.int32))
    found = tf.gather(tf.constant(goes_right.ravel()), start + index)
    return tf.concat([X, found], axis=1)


def _trees(model: FittedEstimator) -> Predict:
    """Return a function that descends all trees at once, one level per step."""
    ensemble = read_trees(model)
    links = [np.array(part, np.int32) for part in (ensemble.feature, ensemble.left, ensemble.right)]
    value = np.array(ensemble.value, np.float32)
    roots = np.array(ensemble.roots, np.int32)[None]

    def predict(X: tf.Tensor) -> tf.Tensor:
        feature, left, right = (tf.constant(part) for part in links)
        threshold = tf.constant(ensemble.threshold, tf.float32)
        missing = tf.constant(ensemble.missing_left, tf.bool)
        rows = with_category_splits(ensemble, X)
        node = tf.zeros_like(rows[:, :1], tf.int32) + tf.constant(roots)
        for _ in range(ensemble.depth):
            number = tf.gather(rows, tf.gather(feature, node), batch_dims=1)
            is_below = number <= tf.gather(threshold, node)
            goes_left = tf.where(tf.math.is_nan(number), tf.gather(missing, node), is_below)
            node = tf.where(goes_left, tf.gather(left, node), tf.gather(right, node))
        sums = tf.reduce_sum(tf.gather(tf.constant(value), node), axis=1)
        sums += tf.constant(ensemble.base, tf.float32)
        return _probabilities(sums) if ensemble.link in {"sigmoid", "softmax"} else sums

    return predict


_BUILDERS: Mapping[str, Callable[[FittedEstimator], Predict]] = {
    "LogisticRegression": _logistic,
    "Ridge": _ridge,
    "GaussianNB": _naive_bayes,
    "KNeighbors": _nearest_neighbors,
    "SVC": _kernel_svm,
    "SVR": _kernel_svm,
    "Dummy": _dummy,
}
