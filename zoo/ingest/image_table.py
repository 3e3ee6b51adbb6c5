"""A folder of pictures as a table: a row a picture, a column a pixel."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from zoo.errors import DataError
from zoo.ingest.clean_table import ColumnNote, OwnTable, TableWarning
from zoo.ingest.cleaning import RECIPE_VERSION
from zoo.ingest.fingerprint import table_digest
from zoo.ingest.images import CLASS, IMAGE, PixelPlan, plan_pixels, read_pixels
from zoo.ingest.table_warnings import Look, by_severity, look_through
from zoo.ingest.task import choose_metric

__all__ = ["prepare_images"]

_MIN_IMAGES = 10


def prepare_images(frame: pd.DataFrame, folder: Path, name: str, task: str | None) -> OwnTable:
    """Return the table of the pictures that `list_images` found in the folder.

    Raises
    ------
    DataError
        If they are not of classes, or too few can be read.
    """
    if task == "regression":
        raise DataError(
            f"{folder}: pictures in subfolders are of classes; regression has no target"
        )
    if CLASS not in frame:
        raise DataError(f"{folder}: expected subfolders, one a class, found pictures only")
    n_rows_read = len(frame)
    plan = plan_pixels([*frame[IMAGE]])
    frame = frame[~frame[IMAGE].isin(plan.broken)].reset_index(drop=True)
    y = frame[CLASS].astype("str")
    if len(frame) < _MIN_IMAGES or y.nunique() < 2:
        raise DataError(
            f"{folder}: found {len(frame)} pictures of {y.nunique()} classes; expected at least "
            f"{_MIN_IMAGES} of two subfolders"
        )
    height, width, channels = plan.image_shape
    recipe = {"version": RECIPE_VERSION, "sort": "pictures", "image_shape": [*plan.image_shape]}
    X = read_pixels([*frame[IMAGE]], plan.image_shape)
    metric, metric_reason = choose_metric(y, "classification")
    look = Look(X=X, y=y, task="classification", is_images=True)
    note = ColumnNote(
        name=IMAGE,
        kind="number",
        n_missing=0,
        n_unique=len(frame),
        is_used=True,
        note=f"{height} x {width} pixels, {'grey' if channels == 1 else 'in colour'}",
    )
    return OwnTable(
        name=name,
        X=X,
        y=y,
        task="classification",
        task_reason=f"classification, for the pictures lie in {y.nunique()} subfolders",
        metric=metric,
        metric_reason=metric_reason,
        target=CLASS,
        image_shape=plan.image_shape,
        columns=(note,),
        notices=by_severity([*_of_images(plan, folder), *look_through(look)]),
        n_rows_read=n_rows_read,
        recipe=recipe,
        frame_mb=X.to_numpy().nbytes / 1e6,
        digest=table_digest(X, y, None, None, recipe),
    )


def _of_images(plan: PixelPlan, folder: Path) -> list[TableWarning]:
    notices = []
    if plan.broken:
        shown = ", ".join(str(Path(path).relative_to(folder)) for path in plan.broken[:3])
        more = f" and {len(plan.broken) - 3} more" if len(plan.broken) > 3 else ""
        text = f"{len(plan.broken)} pictures cannot be read and took no part: {shown}{more}."
        notices.append(TableWarning(about="dropped", text=text))
    if plan.is_resized:
        height, width, _ = plan.image_shape
        text = f"The pictures have {plan.sizes} sizes; all were made {height} x {width} pixels."
        if plan.sizes == 1:
            text = f"The pictures were made smaller, to {height} x {width} pixels."
        notices.append(TableWarning(about="read", text=text))
    return notices
