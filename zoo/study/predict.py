"""Predictions of a saved model for the rows of a file."""

from __future__ import annotations

import math
import uuid
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from zoo.errors import DataError, ModelFileError, ZooError

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

__all__ = ["check_table", "predict_file", "predict_frame"]

_ODD_TEXTS = ("", "1", "-1,5", "1.234,5", "x y", "yes", "2020-01-31", "31.12.2020 12:30", "12:30")


def predict_frame(model: BaseEstimator, table: dict[str, Any], frame: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions for the rows of a file.

    Parameters
    ----------
    model : estimator
        Fitted.
    table : dict
        The target, task and transform spec that are saved with it.
    frame : DataFrame of shape (n_samples, n_columns)
        The file as read, with the columns that the model was trained on; others are ignored.

    Returns
    -------
    DataFrame of shape (n_samples, 1 or 1 + n_classes)
        ``prediction``, and ``probability of <class>`` if the model predicts probabilities.

    Raises
    ------
    DataError
        If a column is missing or of another kind.
    """
    from zoo.ingest.transforms import apply_transform

    X = apply_transform(frame, table["transform"])
    try:
        found: dict[str, Any] = {"prediction": model.predict(X)}
        if table["task"] == "classification" and hasattr(model, "predict_proba"):
            for label, column in zip(model.classes_, model.predict_proba(X).T, strict=True):
                found[f"probability of {label}"] = column
    except ValueError as error:
        raise DataError(f"the rows do not fit the model: {' '.join(str(error).split())}") from error
    return pd.DataFrame(found)


def check_table(model: BaseEstimator, table: dict[str, Any]) -> None:
    """Refuse a transform spec that does not make the features that the model was fitted on.

    Raises
    ------
    ModelFileError
        If it fails on a few rows of odd text, or makes other features.
    """
    from zoo.ingest.transforms import apply_transform

    try:
        spec = table["transform"]
        task = "classification" if hasattr(model, "classes_") else "regression"
        if not isinstance(table["target"], str) or table["task"] != task:
            raise ValueError("the target has no name or is another's")
        if spec["kind"] not in {"table", "images"}:
            raise ValueError("the table has no kind")
        if spec["kind"] == "images":
            n_pixels = math.prod(map(int, spec["image_shape"]))
            is_other = not 0 < n_pixels == model.n_features_in_
        else:
            rows = {step["name"]: list(_ODD_TEXTS) for step in spec["columns"]}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they would be about the odd texts
                features = apply_transform(pd.DataFrame(rows, dtype="str"), spec)
                model.predict(features)
            is_other = [*features.columns] != [*model.feature_names_in_]
        if is_other:
            raise ValueError("it makes other features than the model was fitted on")
    except Exception as error:
        raise ModelFileError(
            f"the model's transform spec is not as zoo curve would write it ({error!r:.200}); "
            "save the model again, or get it again from a source you trust"
        ) from error


def predict_file(
    model_path: Path, data_path: Path, out: Path, *, sheet: str | None = None
) -> tuple[int, str]:
    """Write the predictions for a file; return the number of rows and the model's target.

    Raises
    ------
    ModelFileError
        If the model file is damaged, or was not saved by ``zoo curve``.
    ZooError
        If the data cannot be read, do not fit the model, or the result cannot be written.
    """
    from zoo.ingest.reading import read_frame
    from zoo.saving.model_file import load_model, load_table

    if out.is_dir() or not out.parent.is_dir():
        raise ZooError(f"'{out}' cannot be written; -o expects a file in a folder that exists")
    table = load_table(model_path)
    if table is None or "transform" not in table:
        raise ModelFileError(
            f"'{model_path}' holds a model without the transform spec of its table; use one "
            "that 'zoo curve --save-model' wrote, or zoo.load_model in Python"
        )
    model = load_model(model_path)
    check_table(model, table)
    frame = read_frame(data_path, sheet=sheet)
    scores = predict_frame(model, table, frame)
    part = out.with_name(f".{out.name}.{uuid.uuid4().hex}.part")
    try:
        scores.to_csv(part, index=False, lineterminator="\n")
        part.replace(out)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ZooError(f"'{out}' cannot be written ({error.strerror})") from error
    return len(scores), str(table["target"])
