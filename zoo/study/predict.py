"""Predictions of a saved model for the rows of a file."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from zoo.errors import DataError, ModelFileError
from zoo.output_file import check_output, writing

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from zoo.ingest.clean_table import TableWarning

__all__ = ["Predictions", "check_table", "predict_file", "predict_frame"]

_ODD_TEXTS = ("", "1", "-1,5", "1.234,5", "x y", "yes", "2020-01-31", "31.12.2020 12:30", "12:30")


class Predictions(NamedTuple):
    """What a model says about new rows.

    Attributes
    ----------
    scores : DataFrame of shape (n_samples, 1 or 1 + n_classes)
        ``prediction``, and ``probability of <class>`` if the model predicts probabilities.
    warnings : tuple of TableWarning
        Columns that cannot be read as in training, the worst first.
    """

    scores: pd.DataFrame
    warnings: tuple[TableWarning, ...]


def predict_frame(
    model: BaseEstimator, table: dict[str, Any], frame: pd.DataFrame, where: str = "the rows"
) -> Predictions:
    """Return the predictions for the rows of a file.

    Parameters
    ----------
    model : estimator
        Fitted.
    table : dict
        The target, task and transform spec that are saved with it.
    frame : DataFrame of shape (n_samples, n_columns)
        The file as read, with the columns that the model was trained on; others are ignored.
    where : str
        What the rows are called in an error.

    Raises
    ------
    DataError
        If a column is missing or of another kind.
    """
    from zoo.ingest.new_rows import match_columns, unlike_training
    from zoo.ingest.transforms import apply_transform

    frame, renamed = match_columns(frame, table["transform"], where)
    X = apply_transform(frame, table["transform"])
    try:
        found: dict[str, Any] = {"prediction": model.predict(X)}
        if table["task"] == "classification" and hasattr(model, "predict_proba"):
            for label, column in zip(model.classes_, model.predict_proba(X).T, strict=True):
                found[f"probability of {label}"] = column
    except ValueError as error:
        raise DataError(f"the rows do not fit the model: {' '.join(str(error).split())}") from error
    unlike = unlike_training(frame, X, table["transform"])
    return Predictions(pd.DataFrame(found), (*unlike, *renamed))


def check_table(model: BaseEstimator, table: dict[str, Any]) -> None:
    """Refuse a transform spec that does not make the features that the model was fitted on.

    Raises
    ------
    ModelFileError
        If it fails on a few rows of odd text, or makes other features.
    """
    from zoo.ingest.new_rows import unlike_training
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
            unlike_training(pd.DataFrame(rows, dtype="str"), features, spec)
        if is_other:
            raise ValueError("it makes other features than the model was fitted on")
    except Exception as error:
        raise ModelFileError(
            f"the model's transform spec is not as zoo curve would write it ({error!r:.200}); "
            "save the model again, or get it again from a source you trust"
        ) from error


def predict_file(
    model_path: Path, data_path: Path, out: Path, *, sheet: str | None = None
) -> tuple[int, str, tuple[TableWarning, ...]]:
    """Write the predictions for a file; return their number, the model's target, and warnings.

    Raises
    ------
    ModelFileError
        If the model file is damaged, or was not saved by ``zoo curve``.
    ZooError
        If the data cannot be read, do not fit the model, or the result cannot be written.
    """
    from zoo.ingest.reading import read_frame
    from zoo.saving.model_file import load_model, load_table

    check_output(out, "-o", is_stream_allowed=True)
    table = load_table(model_path)
    if table is None or "transform" not in table:
        raise ModelFileError(
            f"'{model_path}' holds a model without the transform spec of its table; use one "
            "that 'zoo curve --save-model' wrote, or zoo.load_model in Python"
        )
    model = load_model(model_path)
    check_table(model, table)
    frame = read_frame(data_path, sheet=sheet)
    scores, warnings = predict_frame(model, table, frame, str(data_path))
    with writing(out) as file:
        scores.to_csv(file, index=False, lineterminator="\n")
    return len(scores), str(table["target"]), warnings
