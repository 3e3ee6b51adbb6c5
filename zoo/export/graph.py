"""A model as a function of a table's raw columns, or of its matrix, for TensorFlow to trace."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from zoo.export.encoder_graph import encode
from zoo.export.encoder_spec import RawColumn, raw_columns
from zoo.export.prediction_graph import answer_of

__all__ = ["from_codes", "output_name", "picture_shape"]


def output_name(model: Any) -> str:
    """Return what the output is called: probabilities, scores or value."""
    if not hasattr(model, "classes_"):
        return "value"
    return "probabilities" if hasattr(model, "predict_proba") else "scores"


def picture_shape(model: Any) -> tuple[int, int, int] | None:
    """Return height, width and channels where the table's columns are the pixels of a picture."""
    network = "image_shape" in getattr(model, "get_params", dict)()
    if not network or not hasattr(model, "weights_"):
        return None
    shape: tuple[int, int, int] = model._config(model.n_inputs_).image_shape
    is_whole = math.prod(shape) == model.n_features_in_ == model.n_inputs_
    return shape if is_whole and {*model.encoder_.kinds_} == {"number"} else None


def from_codes(model: Any, answer: Callable[[Any], Any] | None = None) -> Callable[..., Any]:
    """Return a function of raw numbers and codes of levels, as `encode` takes them."""
    given = answer or answer_of(model)
    return lambda numbers, codes: given(encode(model.encoder_, numbers, codes))


def from_pixels(model: Any) -> Callable[[Any], Any]:
    """Return a function of pictures (n, height, width, channels) of 32 bits."""
    inner = from_codes(model)

    def answer(pictures: Any) -> Any:
        flat = tf.reshape(pictures, (-1, model.n_features_in_))
        return inner(flat, None)

    return answer


def split(model: Any) -> tuple[list[RawColumn], list[RawColumn]]:
    """Return the columns that are not categories, and those that are."""
    columns = raw_columns(model)
    return (
        [column for column in columns if column.kind != "category"],
        [column for column in columns if column.kind == "category"],
    )
