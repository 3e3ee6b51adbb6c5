"""Writes SavedModels, which take raw columns, and LiteRT files, which take one encoded row."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from zoo.encoding.encoder import FittedEstimator
from zoo.export.encoder_spec import RawColumn, raw_columns
from zoo.export.prediction_graph import (
    Predict,
    from_columns,
    from_pixels,
    image_shape,
    output_name,
    prediction_function,
)
from zoo.extras import require_module

__all__ = ["Precision", "suits_int8", "to_litert", "write_saved_model"]

Outputs = dict[str, tf.Tensor]
Precision = Literal["float32", "int8", "int8 mixed"]

_DENSE = {"FULLY_CONNECTED", "CONV_2D"}
_PLAIN = {"InputLayer", "Dense", "Dropout", "Flatten", "Reshape", "Conv2D", "MaxPooling2D"}


def _lookup_table(column: RawColumn) -> tf.lookup.StaticHashTable:
    # a table needs at least one entry
    names = tf.constant(column.categories or [column.missing], tf.string)
    codes = tf.range(len(column.categories), dtype=tf.int64) if column.categories else [-1]
    entries = tf.lookup.KeyValueTensorInitializer(names, tf.cast(codes, tf.int64))
    return tf.lookup.StaticHashTable(entries, -1)


def write_saved_model(model: FittedEstimator, folder: Path) -> None:
    """Write a model with the signature `serving_default` to a folder."""
    name, module = output_name(model), tf.Module()
    if (shape := image_shape(model)) is not None:
        spec = tf.TensorSpec((None, *shape), tf.float32, name="image")
        return _write_matrix_model(from_pixels(model), spec, name, folder)
    columns, of_columns = raw_columns(model), from_columns(model)
    tables = {column.key: _lookup_table(column) for column in columns if column.kind == "category"}
    module.tables = list(tables.values())
    keys = [column.key for column in columns]
    specs = [
        tf.TensorSpec((None,), tf.string if key in tables else tf.float64, name=key) for key in keys
    ]

    def predict_columns(*values: tf.Tensor) -> Outputs:
        given = dict(zip(keys, values, strict=True))
        numbers = [given[key] for key in keys if key not in tables]
        codes = [tf.cast(table.lookup(given[key]), tf.float64) for key, table in tables.items()]
        nothing = tf.zeros((tf.shape(values[0])[0], 0), tf.float64)
        parts = (tf.stack(part, axis=1) if part else nothing for part in (numbers, codes))
        return {name: of_columns(*parts)}

    return _save(module, predict_columns, specs, folder)


def _write_matrix_model(predict: Predict, spec: tf.TensorSpec, name: str, folder: Path) -> None:
    """Write a function of one tensor as a SavedModel, for a converter to read."""
    _save(tf.Module(), lambda X: {name: predict(X)}, [spec], folder)


def _save(
    module: tf.Module, function: Callable[..., Outputs], specs: list[tf.TensorSpec], folder: Path
) -> None:
    concrete = tf.function(function, input_signature=specs).get_concrete_function()
    module.network_variables = list(concrete.variables)  # only attributes are saved
    tf.saved_model.save(module, str(folder), signatures={"serving_default": concrete})


def suits_int8(model: FittedEstimator) -> bool:
    """Whether an entire network may be in int8: a stack of dense layers on encoded columns.

    Embeddings of numbers, factors of members and category codes would lose too much precision.
    """
    network = model.to_keras()
    return {type(layer).__name__ for layer in network.layers} <= _PLAIN and not image_shape(model)


def to_litert(
    model: FittedEstimator, precision: Precision, rows: NDArray[np.float32] | None
) -> bytes:
    """Return the content of a file.

    int8 is for weights and activations, int8 mixed for those of dense layers and convolutions
    only. `rows` are encoded rows (n_rows, n_columns), or images, whose activations calibrate the
    quantization.
    """
    require_module("ai_edge_litert.interpreter", "ai-edge-litert", "export")
    shape = image_shape(model)
    predict = prediction_function(model) if shape is None else from_pixels(model)
    width = (len(model.encoder_.is_categorical_),) if shape is None else shape
    spec = tf.TensorSpec((1, *width), tf.float32, name="row" if shape is None else "image")
    with tempfile.TemporaryDirectory() as folder:
        _write_matrix_model(predict, spec, output_name(model), Path(folder))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the converter's, about its own code
            return _convert(folder, precision, rows)


def _convert(folder: str, precision: Precision, rows: NDArray[np.float32] | None) -> bytes:
    """Convert a SavedModel, quantized if there are rows to calibrate on."""
    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    if precision == "float32" or rows is None:
        return bytes(converter.convert())

    def examples() -> Iterator[list[NDArray[np.float32]]]:
        return ([row[None]] for row in rows)

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = examples
    sets = tf.lite.OpsSet
    converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS_INT8, sets.TFLITE_BUILTINS]
    if precision == "int8":
        return bytes(converter.convert())
    schema = require_module("ai_edge_litert.schema_py_generated", "ai-edge-litert", "export")
    others = {name for name in vars(schema.BuiltinOperator) if name.isupper()} - _DENSE
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=sorted(others))
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=examples, debug_options=options
    )
    return bytes(debugger.get_nondebug_quantized_model())
