"""A model as a TensorFlow function from raw columns, or images, to predictions."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from zoo.encoding.encoder import FittedEstimator
from zoo.export.encoder_graph import encode
from zoo.export.prediction_graph import Predict, prediction_function

__all__ = ["from_columns", "from_pixels", "image_shape", "output_name"]


def output_name(model: FittedEstimator) -> str:
    """Return the name of the output: probabilities, scores or value."""
    if not hasattr(model, "classes_"):
        return "value"
    return "probabilities" if hasattr(model, "predict_proba") else "scores"


def image_shape(model: FittedEstimator) -> tuple[int, int, int] | None:
    """Return height, width and channels if the table's columns are the pixels of an image."""
    takes_images = "image_shape" in getattr(model, "get_params", dict)()
    if not takes_images or not hasattr(model, "weights_"):
        return None
    shape: tuple[int, int, int] = model._config(model.n_inputs_).image_shape
    is_whole = math.prod(shape) == model.n_features_in_ == model.n_inputs_
    return shape if is_whole and {*model.encoder_.kinds_} == {"number"} else None


def from_columns(
    model: FittedEstimator, predict: Predict | None = None
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Return a function of raw numbers and category codes, as `encode` takes them.

    `predict` maps the encoded matrix to the output; by default, to the model's predictions.
    """
    of_matrix = predict or prediction_function(model)
    return lambda numbers, codes: of_matrix(encode(model.encoder_, numbers, codes))


def from_pixels(model: FittedEstimator) -> Predict:
    """Return a function of images (n, height, width, channels), float32."""
    of_columns = from_columns(model)
    return lambda images: of_columns(tf.reshape(images, (-1, model.n_features_in_)), None)
