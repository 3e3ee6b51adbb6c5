"""LiteRT (TensorFlow Lite) files: one encoded row in, an answer out."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from zoo.export.graph import from_pixels, output_name, picture_shape
from zoo.export.prediction_graph import answer_of
from zoo.export.saved import write_matrix_model
from zoo.extras import require_module

__all__ = ["suits_integers", "to_litert"]

_DENSE = ("FULLY_CONNECTED", "CONV_2D")
_PLAIN = {
    "InputLayer", "Dense", "Dropout", "Flatten", "Reshape", "Conv2D", "MaxPooling2D",
}  # fmt: skip


def suits_integers(model: Any) -> bool:
    """Whether all of a network may be in 8 bits: a stack of dense layers on encoded columns.

    Embeddings of numbers, factors of members and codes of levels lose their steps in 8 bits.
    """
    network = model.to_keras()
    return {type(layer).__name__ for layer in network.layers} <= _PLAIN and not picture_shape(model)


def to_litert(model: Any, precision: str, rows: NDArray[np.float32] | None) -> bytes:
    """Return the file.

    Parameters
    ----------
    model : estimator
        Fitted.
    precision : {"float32", "int8", "int8 mixed"}
        int8: weights and activations. int8 mixed: those of dense layers and convolutions only.
    rows : ndarray of shape (n_rows, n_columns), optional
        Encoded rows, or pictures, whose activations set the steps of 8 bits.
    """
    require_module("ai_edge_litert.interpreter", "ai-edge-litert", "export")
    shape = picture_shape(model)
    answer = answer_of(model) if shape is None else from_pixels(model)
    width = (len(model.encoder_.is_categorical_),) if shape is None else shape
    spec = tf.TensorSpec((1, *width), tf.float32, name="row" if shape is None else "picture")
    with tempfile.TemporaryDirectory() as folder:
        write_matrix_model(answer, spec, output_name(model), Path(folder))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the converter, about its own parts
            return _convert(folder, precision, rows)


def _convert(folder: str, precision: str, rows: NDArray[np.float32] | None) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    if precision == "float32" or rows is None:
        return bytes(converter.convert())
    examples = _examples(rows)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = examples
    kinds = tf.lite.OpsSet
    converter.target_spec.supported_ops = [kinds.TFLITE_BUILTINS_INT8, kinds.TFLITE_BUILTINS]
    if precision == "int8":
        return bytes(converter.convert())
    schema = require_module("ai_edge_litert.schema_py_generated", "ai-edge-litert", "export")
    others = [name for name in vars(schema.BuiltinOperator) if name.isupper()]
    options = tf.lite.experimental.QuantizationDebugOptions(
        denylisted_ops=[name for name in others if name not in _DENSE]
    )
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=examples, debug_options=options
    )
    return bytes(debugger.get_nondebug_quantized_model())


def _examples(rows: NDArray[np.float32]) -> Callable[[], Iterator[list[NDArray[np.float32]]]]:
    def each() -> Iterator[list[NDArray[np.float32]]]:
        for row in rows:
            yield [row[None]]

    return each
