"""Writes SavedModels: raw columns in, categories as text; preprocessing is in the graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from zoo.encoding.encoder import FittedEstimator
from zoo.export.encoder_spec import RawColumn, raw_columns
from zoo.export.prediction_graph import Predict, from_columns, from_pixels, image_shape, output_name

__all__ = ["write_matrix_model", "write_saved_model"]

Outputs = dict[str, tf.Tensor]


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
        return write_matrix_model(from_pixels(model), spec, name, folder)
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


def write_matrix_model(predict: Predict, spec: tf.TensorSpec, name: str, folder: Path) -> None:
    """Write a function of one tensor as a SavedModel, for a converter to read."""
    _save(tf.Module(), lambda X: {name: predict(X)}, [spec], folder)


def _save(
    module: tf.Module, function: Callable[..., Outputs], specs: list[tf.TensorSpec], folder: Path
) -> None:
    concrete = tf.function(function, input_signature=specs).get_concrete_function()
    module.network_variables = list(concrete.variables)  # only attributes are saved
    tf.saved_model.save(module, str(folder), signatures={"serving_default": concrete})
