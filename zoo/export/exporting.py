"""A fitted model to a file of another runtime, and what stands beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from zoo.definitions import unknown
from zoo.errors import ExportError, ZooError
from zoo.export.writing import as_json, check_target, put_all, side_file

__all__ = ["FORMATS", "Export", "export_model", "why_not"]

FORMATS = ("litert", "onnx", "savedmodel")
_MAX_EXAMPLES = 500  # rows that set the steps of 8 bits


@dataclass(frozen=True, slots=True)
class Export:
    """What was written.

    Attributes
    ----------
    path : Path
        The model, a folder for a SavedModel.
    signature : Path
        JSON: inputs, outputs, classes.
    preprocessing : Path or None
        JSON: from raw columns to the matrix, where the format cannot carry it.
    precision : str
        "float32", "int8" (weights and activations), or "int8 mixed" (those of dense layers and
        convolutions; the rest, which would lose its steps, in float32).
    """

    path: Path
    signature: Path
    preprocessing: Path | None
    precision: str


def why_not(model: Any, to: str, precision: str = "float32") -> str | None:
    """Return why a fitted model cannot be written in a format, or None.

    Parameters
    ----------
    model : estimator
    to : {"litert", "onnx", "savedmodel"}
    precision : {"float32", "int8"}
    """
    from zoo.export.prediction_graph import why_not as no_graph

    reason = no_graph(model)
    if reason is not None or precision == "float32":
        return reason
    if to != "litert":
        return "int8 is for litert only"
    if not hasattr(model, "to_keras") or not hasattr(model, "weights_"):
        return "int8 is for networks whose answer is their last layer"
    return None


def export_model(
    model: Any,
    path: str | os.PathLike[str],
    *,
    to: str,
    precision: str = "float32",
    calibration: pd.DataFrame | NDArray[Any] | None = None,
    overwrite: bool = False,
) -> Export:
    """Write a fitted model as a file of another runtime.

    Probabilities, the mean over members and the unit of the target are part of the graph. ONNX
    and SavedModel take the table's raw columns; LiteRT takes a row that is encoded as the JSON
    beside it says, or the pixels of a picture.

    Parameters
    ----------
    model : estimator
        Of the zoo, fitted.
    path : path-like
        The file to write; a folder for a SavedModel. `m.onnx.signature.json` goes beside `m.onnx`.
    to : {"litert", "onnx", "savedmodel"}
    precision : {"float32", "int8"}
        int8 for LiteRT and networks only. Networks that embed numbers or have members keep all
        but their matrices in float32: "int8 mixed" then stands in the signature.
    calibration : DataFrame or array-like of shape (n_rows, n_features), optional
        Training rows, for int8: the first 500 set the steps.
    overwrite : bool
        Whether files that are there are replaced.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    ExportError
        If the model or `path` cannot be written so, or rows are missing or not of its table.
    MissingExtraError
        If a package of the extra 'export' is not installed.
    """
    check_is_fitted(model)
    if to not in FORMATS:
        raise unknown("format", to, FORMATS)
    if precision not in {"float32", "int8"}:
        raise unknown("precision", precision, ("float32", "int8"))
    reason = why_not(model, to, precision)
    if reason is not None:
        raise ExportError(f"{type(model).__name__} cannot be exported to {to}: {reason}")
    if precision == "int8" and calibration is None:
        raise ExportError(
            "int8 needs some training rows to measure its steps on; give a table as "
            "`calibration`, or --calibrate rows.csv"
        )
    target = Path(path)
    signature, recipe = side_file(target, "signature"), side_file(target, "preprocessing")
    is_folder = to == "savedmodel"
    check_target(target, [signature, recipe], overwrite=overwrite, is_folder=is_folder)
    rows = None if calibration is None else _examples(model, calibration)
    return _write(model, target, to, precision, rows)


def _examples(model: Any, table: Any) -> NDArray[np.float32]:
    """Return encoded rows, or pictures."""
    from zoo.export.graph import picture_shape

    head = table.iloc[:_MAX_EXAMPLES] if isinstance(table, pd.DataFrame) else table[:_MAX_EXAMPLES]
    try:
        matrix: NDArray[np.float32] = model._encode(head)
    except ValueError as error:
        raise ExportError(f"the rows to calibrate on are not of the model's table: {error}") from (
            error
        )
    shape = picture_shape(model)
    if shape is None:
        return matrix
    pixels = head[list(model.feature_names_in_)] if hasattr(model, "feature_names_in_") else head
    return np.asarray(pixels, np.float32).reshape(-1, *shape)


def _write(model: Any, path: Path, to: str, precision: str, rows: Any) -> Export:
    from zoo.export import litert
    from zoo.export.encoder_spec import recipe_of

    if precision == "int8" and not litert.suits_integers(model):
        precision = "int8 mixed"
    try:
        content, described = _content(model, to, precision, rows)
    except ZooError:
        raise
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise ExportError(
            f"{type(model).__name__} cannot be exported to {to}: the converter says "
            f"{type(error).__name__}: {why}"
        ) from error
    signature, recipe = side_file(path, "signature"), side_file(path, "preprocessing")
    parts: dict[Path, Any] = {}
    if needs_recipe := "preprocessing" in described:
        described["preprocessing"] = recipe.name
        parts[recipe] = as_json(recipe_of(model))
    put_all({**parts, signature: as_json(described), path: content})
    if not needs_recipe:
        recipe.unlink(missing_ok=True)  # of what was here before
    return Export(path, signature, recipe if needs_recipe else None, precision)


def _content(model: Any, to: str, precision: str, rows: Any) -> tuple[Any, dict[str, Any]]:
    """Return the bytes of a file, or what writes a folder, and its signature."""
    from zoo.export import litert, onnx_file, saved, signature

    if to == "litert":
        content = litert.to_litert(model, precision, rows)
        return content, signature.of_litert(model, content, precision)
    if to == "onnx":
        return onnx_file.to_onnx(model), signature.of_columns(model, to, ["n", 1])
    return partial(saved.write_saved_model, model), signature.of_columns(model, to, ["n"])
