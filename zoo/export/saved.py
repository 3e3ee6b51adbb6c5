"""SavedModel: raw columns in, levels as text; preprocessing is in the graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from zoo.export.encoder_spec import RawColumn, raw_columns
from zoo.export.graph import from_codes, from_pixels, output_name, picture_shape, split

__all__ = ["write_matrix_model", "write_saved_model"]


class _Served(tf.Module):  # type: ignore[misc]
    """Keeps what the traced functions need: lookup tables and, through them, networks."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.columns = raw_columns(model)
        self.numbers, self.categories = split(model)
        self.tables = [_table(column) for column in self.categories]

    def codes_of(self, values: dict[str, Any], n_rows: Any) -> Any:
        """Return the numbers (n_rows, n) and codes (n_rows, k) of columns (n_rows,)."""
        numbers = [values[column.key] for column in self.numbers]
        codes = [
            tf.cast(table.lookup(values[column.key]), tf.float64)
            for column, table in zip(self.categories, self.tables, strict=True)
        ]
        nothing = tf.zeros((n_rows, 0), tf.float64)
        return (
            tf.stack(numbers, axis=1) if numbers else nothing,
            tf.stack(codes, axis=1) if codes else nothing,
        )


def _table(column: RawColumn) -> Any:
    # a table wants one level at least
    levels = tf.constant(column.levels or [column.missing], tf.string)
    codes = tf.range(len(column.levels), dtype=tf.int64) if column.levels else [-1]
    filling = tf.lookup.KeyValueTensorInitializer(levels, tf.cast(codes, tf.int64))
    return tf.lookup.StaticHashTable(filling, -1)


def write_saved_model(model: Any, folder: Path) -> None:
    """Write a model with the signature `serving_default` to a folder."""
    served, name = _Served(model), output_name(model)
    shape = picture_shape(model)
    if shape is not None:
        answer = from_pixels(model)
        specs = [tf.TensorSpec((None, *shape), tf.float32, name="picture")]
        function = tf.function(lambda pictures: {name: answer(pictures)}, input_signature=specs)
    else:
        inner = from_codes(model)
        keys = [column.key for column in served.columns]
        specs = [
            tf.TensorSpec((None,), tf.string if column.kind == "category" else tf.float64, name=key)
            for key, column in zip(keys, served.columns, strict=True)
        ]

        def answer_columns(*columns: Any) -> dict[str, Any]:
            values = dict(zip(keys, columns, strict=True))
            return {name: inner(*served.codes_of(values, tf.shape(columns[0])[0]))}

        function = tf.function(answer_columns, input_signature=specs)
    _save(served, function, folder)


def write_matrix_model(answer: Any, spec: Any, name: str, folder: Path) -> None:
    """Write a function of one tensor as a SavedModel, on its way to another format."""
    module = tf.Module()
    _save(module, tf.function(lambda X: {name: answer(X)}, input_signature=[spec]), folder)


def _save(module: Any, function: Any, folder: Path) -> None:
    concrete = function.get_concrete_function()
    # the variables of a network are not attributes of anything that is saved, unless here
    module.kept = list(concrete.variables)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": concrete})
