"""Predictions of a saved model for a file as it comes."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pandas as pd

from zoo.errors import DataError, ModelFileError, ZooError

__all__ = ["predict_file", "predict_frame"]


def predict_frame(model: Any, table: dict[str, Any], frame: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions for the rows of a frame, as it was read from a file.

    Parameters
    ----------
    model : estimator
        Fitted.
    table : dict
        What its file says of its table: target, task, transform spec.
    frame : DataFrame of shape (n_samples, n_columns)
        With the columns of the file that the model was made from; others are ignored.

    Returns
    -------
    DataFrame of shape (n_samples, 1 or 1 + n_classes)
        ``prediction``, and for classes ``probability of <class>`` where the model has them.

    Raises
    ------
    DataError
        If a column is missing or holds something else.
    """
    from zoo.ingest.transforms import apply_transform

    X = apply_transform(frame, table["transform"])
    try:
        found: dict[str, Any] = {"prediction": model.predict(X)}
        if table["task"] == "classification" and hasattr(model, "predict_proba"):
            shares = model.predict_proba(X)
            for place, label in enumerate(model.classes_):
                found[f"probability of {label}"] = shares[:, place]
    except ValueError as error:
        raise DataError(f"the rows do not fit the model: {' '.join(str(error).split())}") from error
    return pd.DataFrame(found)


def predict_file(
    model_path: Path, data_path: Path, out: Path, *, sheet: str | None = None
) -> tuple[int, str]:
    """Write the predictions for a file; return the number of rows and the model's target.

    Raises
    ------
    ModelFileError
        If the model's file is not sound, or holds no transform spec.
    ZooError
        If the data cannot be read, do not fit, or the result cannot be written.
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
