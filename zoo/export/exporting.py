"""Exports a fitted model to a file of another runtime, with JSON files that describe it."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from zoo.definitions import unknown
from zoo.encoding.encoder import FittedEstimator
from zoo.encoding.frames import as_frame, has_names, select_columns
from zoo.errors import ExportError, ZooError
from zoo.export.atomic_files import Content, as_json, check_target, side_files, write_all

if TYPE_CHECKING:
    from zoo.export.tensorflow_files import Precision

__all__ = ["FORMATS", "Export", "Refusal", "export_model", "why_not"]

Rows = NDArray[np.float32]
FORMATS = ("litert", "onnx", "savedmodel")
_FLOAT32 = np.finfo(np.float32)
_SMALLEST_SCALE = 1000.0 * float(_FLOAT32.tiny)
_MAX_EXAMPLES = 500  # rows that calibrate int8


class Refusal(enum.StrEnum):
    """Why a fitted model cannot be exported; the value says it in words."""

    NO_GRAPH = "there is no graph for what it computes"
    LONG_INTEGERS = (
        "a column of its table has integers beyond 2**53, which the float64 of an input cannot hold"
    )
    TARGET = (
        "its predictions are too close to each other, or too large, for the float32 of an output; "
        "fit it on the target minus its mean, in a suitable unit"
    )
    INT8_FORMAT = "int8 is for litert only"
    INT8_MODEL = "int8 is for networks whose prediction is their last layer"


@dataclass(frozen=True, slots=True)
class Export:
    """The files of an export.

    Attributes
    ----------
    path : Path
        The model; a folder for a SavedModel.
    signature : Path
        JSON: inputs, outputs, classes.
    preprocessing : Path or None
        JSON: the encoder spec, from raw columns to the matrix, if the format cannot hold it.
    precision : str
        "float32", "int8" (weights and activations), or "int8 mixed" (int8 in dense layers and
        convolutions; float32 elsewhere, where int8 would lose too much precision).
    """

    path: Path
    signature: Path
    preprocessing: Path | None
    precision: Precision


def why_not(model: FittedEstimator, to: str, precision: str = "float32") -> Refusal | None:
    """Return why a fitted model cannot be exported to a format and precision, or None."""
    if precision != "float32":
        if to != "litert":
            return Refusal.INT8_FORMAT
        if not (hasattr(model, "to_keras") and hasattr(model, "weights_")):
            return Refusal.INT8_MODEL
    from zoo.export.prediction_graph import has_graph  # imports TensorFlow

    if not has_graph(model):
        return Refusal.NO_GRAPH
    if any(reading.center for reading in model.encoder_.readings_):
        return Refusal.LONG_INTEGERS
    if hasattr(model, "target_scale_") and not _suits_float32(model):
        return Refusal.TARGET
    return None


def _suits_float32(model: FittedEstimator) -> bool:
    """Return whether float32 keeps the predictions of a regressor at least three digits apart."""
    mean, scale = float(model.target_mean_), float(model.target_scale_)
    largest = abs(mean) + 100.0 * scale
    is_normal = scale > _SMALLEST_SCALE and largest < float(_FLOAT32.max)
    return is_normal and largest * float(_FLOAT32.eps) < scale / 1000.0


def export_model(
    model: FittedEstimator,
    path: str | os.PathLike[str],
    *,
    to: str,
    precision: Literal["float32", "int8"] = "float32",
    calibration: pd.DataFrame | NDArray[Any] | None = None,
    overwrite: bool = False,
) -> Export:
    """Export a fitted model to a file of another runtime.

    Softmax, the mean over members and the unit of the target are part of the graph. ONNX and
    SavedModel take the table's raw columns; LiteRT takes a row encoded by the rules in the JSON
    file beside it, or the pixels of an image.

    Parameters
    ----------
    model : estimator
        Of the zoo, fitted.
    path : path-like
        The file to write; a folder for a SavedModel. `m.onnx.signature.json` goes beside `m.onnx`.
    to : {"litert", "onnx", "savedmodel"}
    precision : {"float32", "int8"}
        int8 for LiteRT and networks only. Networks that embed numbers or have members keep all
        but their matrices in float32; their `Export.precision` is "int8 mixed".
    calibration : DataFrame or array-like of shape (n_rows, n_features), optional
        Training rows, for int8: the first 500 set the ranges of the quantization.
    overwrite : bool
        Whether to replace existing files.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    ExportError
        If the model or `path` is not suitable, or calibration rows are missing or of another table.
    MissingExtraError
        If a package of the extra 'export' is not installed.
    """
    check_is_fitted(model)
    if to not in FORMATS:
        raise unknown("format", to, FORMATS)
    if precision not in ("float32", "int8"):
        raise unknown("precision", precision, ("float32", "int8"))
    target = Path(path)
    check_target(target, overwrite=overwrite, is_folder=to == "savedmodel")
    if (refusal := why_not(model, to, precision)) is not None:
        inner = type(getattr(model, "model_", model)).__name__
        detail = f" (a fitted {inner})" if refusal is Refusal.NO_GRAPH else ""
        raise ExportError(f"{type(model).__name__} cannot be exported to {to}: {refusal}{detail}")
    if precision == "int8" and calibration is None:
        raise ExportError(
            "int8 needs some training rows to calibrate on; pass a table as `calibration`, "
            "or --calibrate rows.csv"
        )
    rows = None if calibration is None else _examples(model, calibration)
    return _export(model, target, to, precision, rows)


def _examples(model: FittedEstimator, table: pd.DataFrame | NDArray[Any]) -> Rows:
    """Return the first rows of a table, encoded, or as images if its model takes them."""
    from zoo.export.prediction_graph import image_shape

    head = as_frame(table).iloc[:_MAX_EXAMPLES] if has_names(table) else table[:_MAX_EXAMPLES]
    try:
        matrix: Rows = model._encode(head)
    except ValueError as error:
        raise ExportError(f"the calibration rows are not of the model's table: {error}") from error
    if (shape := image_shape(model)) is None:
        return matrix
    names = getattr(model, "feature_names_in_", None)
    pixels = head if names is None else select_columns(as_frame(head), names)
    return np.asarray(pixels, np.float32).reshape(-1, *shape)


def _export(
    model: FittedEstimator, path: Path, to: str, precision: Precision, rows: Rows | None
) -> Export:
    """Convert a model and write all files."""
    from zoo.export.encoder_spec import encoder_spec
    from zoo.export.prediction_graph import image_shape
    from zoo.export.tensorflow_files import suits_int8

    if precision == "int8" and not suits_int8(model):
        precision = "int8 mixed"
    content, signature = _converted(model, to, precision, rows)
    beside, spec = side_files(path)
    if to != "litert" or image_shape(model) is not None:
        write_all({beside: as_json(signature), path: content})
        spec.unlink(missing_ok=True)  # of an export that was here before
        return Export(path, beside, None, precision)
    described = as_json(signature | {"preprocessing": spec.name})
    write_all({spec: as_json(encoder_spec(model)), beside: described, path: content})
    return Export(path, beside, spec, precision)


def _converted(
    model: FittedEstimator, to: str, precision: Precision, rows: Rows | None
) -> tuple[Content, dict[str, Any]]:
    """Return the content of a file, or a function that writes a folder, and its signature."""
    from zoo.export import onnx_file, tensorflow_files
    from zoo.export.signature import signature_of_columns, signature_of_litert

    try:
        if to == "litert":
            content = tensorflow_files.to_litert(model, precision, rows)
            return content, signature_of_litert(model, content, precision)
        if to == "onnx":
            return onnx_file.to_onnx(model), signature_of_columns(model, to, ["n", 1])
        write = partial(tensorflow_files.write_saved_model, model)
        return write, signature_of_columns(model, to, ["n"])
    except ZooError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise ExportError(
            f"{type(model).__name__} cannot be exported to {to}: the converter raised {what}"
        ) from error
