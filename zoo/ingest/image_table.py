"""A folder of images as a table: one row per image, one column per pixel and channel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from zoo.errors import DataError
from zoo.ingest.checks import check_table
from zoo.ingest.clean_table import ColumnNote, OwnTable, TableWarning, Topic, digest_of
from zoo.ingest.images import CLASS, IMAGE, PixelPlan, plan_pixels, read_pixels
from zoo.ingest.roles import choose_metric
from zoo.ingest.transforms import VERSION

__all__ = ["prepare_images"]

_MIN_IMAGES = 10


def prepare_images(frame: pd.DataFrame, folder: Path, name: str, task: str | None) -> OwnTable:
    """Return the table of the images that `list_images` found in the folder.

    Raises
    ------
    DataError
        If they have no classes, or too few can be read.
    """
    if task == "regression":
        raise DataError(
            f"{folder}: images in subfolders have classes; regression has no target in them"
        )
    if CLASS not in frame:
        raise DataError(f"{folder}: expected subfolders, one per class, found images only")
    n_rows_read = len(frame)
    plan = plan_pixels([*frame[IMAGE]])
    frame = frame[~frame[IMAGE].isin(plan.broken)].reset_index(drop=True)
    y = frame[CLASS].astype("str")
    if len(frame) < _MIN_IMAGES or y.nunique() < 2:
        raise DataError(
            f"{folder}: found {len(frame)} images of {y.nunique()} classes; expected at least "
            f"{_MIN_IMAGES} in two subfolders"
        )
    height, width, channels = plan.image_shape
    X = read_pixels([*frame[IMAGE]], plan.image_shape)
    metric, metric_reason = choose_metric(y, "classification")
    note = ColumnNote(
        name=IMAGE,
        kind="number",
        n_unique=len(frame),
        is_used=True,
        note=f"{height} x {width} pixels, {'grey' if channels == 1 else 'in colour'}",
    )
    table = OwnTable(
        name=name,
        X=X,
        y=y,
        task="classification",
        task_reason=f"classification, because the images lie in {y.nunique()} subfolders",
        metric=metric,
        metric_reason=metric_reason,
        target=CLASS,
        image_shape=plan.image_shape,
        columns=(note,),
        n_rows_read=n_rows_read,
        transform={"version": VERSION, "kind": "images", "image_shape": [*plan.image_shape]},
        frame_mb=X.to_numpy().nbytes / 1e6,
    )
    warnings = check_table(table, _warnings(plan, folder))
    return replace(table, warnings=warnings, digest=digest_of(table))


def _warnings(plan: PixelPlan, folder: Path) -> list[TableWarning]:
    warnings = []
    if plan.broken:
        shown = ", ".join(str(Path(path).relative_to(folder)) for path in plan.broken[:3])
        more = f" and {len(plan.broken) - 3} more" if len(plan.broken) > 3 else ""
        text = f"{len(plan.broken)} images cannot be read and took no part: {shown}{more}."
        warnings.append(TableWarning(about=Topic.DROPPED, text=text))
    if plan.is_resized:
        height, width, _ = plan.image_shape
        text = f"The images have {plan.n_sizes} sizes; all were made {height} x {width} pixels."
        if plan.n_sizes == 1:
            text = f"The images were reduced to {height} x {width} pixels."
        warnings.append(TableWarning(about=Topic.READ, text=text))
    return warnings
