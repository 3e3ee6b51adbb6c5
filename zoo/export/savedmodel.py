"""Writes SavedModels: raw columns in, categories as text; preprocessing is in the graph."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from zoo.encoding.encoder import FittedEstimator
from zoo.export.encoder_spec import RawColumn, raw_columns
from zoo.export.prediction_graph import Predict, from_columns, from_pixels, image_shape, output_name

__all__ = ["write_matrix_model", "write_saved_model"]


def _lookup_table(column: RawColumn) -> tf.lookup.StaticHashTable:
    # a table needs at least one entry
    names = tf.constant(column.categories or [column.missing], tf.string)
    codes = tf.range(len(column.categories), dtype=tf.int64) if column.categories else [-1]
    entries = tf.lookup.KeyValueTensorInitializer(names, tf.cast(codes, tf.int64))
    return tf.lookup.StaticHashTable(entries, -1)


def write_saved_model(model: FittedEstimator, folder: Path) -> None:
    """Write a model with the signature `serving_default` to a folder."""
    name, shape, module = output_name(model), image_shape(model), tf.Module()
    if shape is not None:
        predict = from_pixels(model)
        specs = [tf.TensorSpec((None, *shape), tf.float32, name="image")]
        function = tf.function(lambda images: {name: predict(images)}, input_signature=specs)
        return _save(module, function, folder)
    columns, of_columns = raw_columns(model), from_columns(model)
    tables = {column.key: _lookup_table(column) for column in columns if column.kind == "category"}
    module.tables = list(tables.values())  # only attributes are saved
    keys = [column.key for column in columns]
    specs = [
        tf.TensorSpec((None,), tf.string if key in tables else tf.float64, name=key) for key in keys
    ]

    def predict_columns(*values: tf.Tensor) -> dict[str, tf.Tensor]:
        given = dict(zip(keys, values, strict=True))
        numbers = [given[key] for key in keys if key not in tables]
        codes = [tf.cast(table.lookup(given[key]), tf.float64) for key, table in tables.items()]
        nothing = tf.zeros((tf.shape(values[0])[0], 0), tf.float64)
        parts = (tf.stack(part, axis=1) if part else nothing for part in (numbers, codes))
        return {name: of_columns(*parts)}

    return _save(module, tf.function(predict_columns, input_signature=specs), folder)


def write_matrix_model(predict: Predict, spec: tf.TensorSpec, name: str, folder: Path) -> None:
    """Write a function of one tensor as a SavedModel, for a converter to read."""
    function = tf.function(lambda X: {name: predict(X)}, input_signature=[spec])
    _save(tf.Module(), function, folder)


def _save(
    module: tf.Module, function: tf.types.experimental.PolymorphicFunction, folder: Path
) -> None:
    concrete = function.get_concrete_function()
    module.network_variables = list(concrete.variables)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": concrete})
