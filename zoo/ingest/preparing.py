"""A user's file, images or a table in memory as a table that models can use.

A column is read, its kind is inferred, it is transformed and checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from zoo.errors import DataError
from zoo.ingest.checks import check_table
from zoo.ingest.clean_table import (
    Column,
    ColumnNote,
    DecimalMark,
    OwnTable,
    RawTable,
    TableWarning,
    Task,
    Topic,
    TransformSpec,
    digest_of,
)
from zoo.ingest.images import CLASS, IMAGE, MAX_MEGAPIXELS, PixelPlan, plan_pixels, read_pixels
from zoo.ingest.kinds import Finding, confirm, find_kind
from zoo.ingest.leaks import is_copy
from zoo.ingest.new_rows import training_facts
from zoo.ingest.number_facts import NumberFacts, number_facts
from zoo.ingest.outline import name_columns
from zoo.ingest.plain import as_plain, decimal_of_file, plain_frame, plain_series, with_index
from zoo.ingest.reading import did_you_mean, read_table
from zoo.ingest.roles import Roles, choose_metric, keep_rows, read_roles
from zoo.ingest.transforms import VERSION, topics_of, transform, words_of
from zoo.prose import count

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["prepare", "read_own"]

_MIN_IMAGES = 10
_COPY = "is equivalent to the target"
_GROUP = "its rows stay together in splits; models do not see it, as new rows have new groups"


def read_own(
    path: Path,
    *,
    target: str | None = None,
    task: Task | None = None,
    group: str | None = None,
    time: str | None = None,
    sheet: str | None = None,
) -> OwnTable:
    """Return the table of a file, or of a folder of images, ready for models.

    Parameters
    ----------
    path : Path
        Any file or folder that `zoo.ingest.reading.read_table` reads.
    target : str or None
        The column to predict. Images need none: their class is the subfolder.
    task : {"classification", "regression"} or None
        None: it is inferred.
    group : str or None
        A column; rows with the same value are never split between training and test.
    time : str or None
        A column of dates or numbers; no model is trained on rows later than its test rows.
    sheet : str or None
        Of an Excel workbook.

    Raises
    ------
    DataError
        If the file cannot be read, a column is not in it, or the target cannot be predicted.
    MissingExtraError
        If a package for the format is not installed.
    """
    path = Path(path)
    asked = {"target": target, "group": group, "time": time}
    named = {role: " ".join(name.split()) for role, name in asked.items() if name is not None}
    raw = read_table(path, sheet=sheet, wanted={*named.values()}, roles={*named.values()})
    name = re.sub(r"[^\w-]+", "_", path.name.split(".")[0] or path.name).strip("_")[:60] or "table"
    if IMAGE in raw.frame and path.is_dir():
        if group is not None or time is not None:
            raise DataError(f"{path}: images have no columns that --group or --time could name")
        return _prepare_images(raw.frame, path, name, task)
    hint = "" if raw.has_header else "; the first line holds data, not names"
    if target is None:
        shown = ", ".join(map(str, raw.frame.columns[:30]))
        raise DataError(
            f"{path}: name the column to predict with --target; columns are: {shown}{hint}"
        )
    for role, wanted in named.items():
        if wanted not in raw.frame.columns:
            raise did_you_mean("column", asked[role] or "", raw.frame.columns, path, hint)
    if len({*named.values()}) < len(named):
        raise DataError(f"{path}: target, group and time must be different columns")
    columns, how = dict(raw.frame.items()), replace(raw, frame=pd.DataFrame())
    del raw  # so that each column is freed as soon as it is transformed
    return _prepare(columns, named, name=name, task=task, where=str(path), how=how)


def prepare(
    X: object,
    y: object,
    *,
    name: str = "table",
    task: Task | None = None,
    groups: object = None,
    times: object = None,
) -> OwnTable:
    """Return a table in memory, ready for models.

    Parameters
    ----------
    X : frame of any library or array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    name : str
    task : {"classification", "regression"} or None
        None: it is inferred.
    groups, times : array-like of shape (n_samples,) or None
        As the columns `group` and `time` of `read_own`.

    Raises
    ------
    DataError
        If they are no table, have different lengths, or the target cannot be predicted.
    """
    frame, remarks = with_index(plain_frame(X))
    frame = frame.set_axis(name_columns(list(frame.columns)), axis=1)
    named = {}
    for role, values in (("target", y), ("group", groups), ("time", times)):
        if values is None:
            continue
        column = plain_series(values, role)
        if len(column) != len(frame):
            raise DataError(
                f"X has {count(len(frame), 'row')} and {role} {len(column)}; give one value per row"
            )
        wanted = str(column.name) if column.name is not None else role
        named[role] = name_columns([*frame.columns, wanted])[-1]
        frame[named[role]] = column.array
    if "target" not in named:
        raise DataError("y is missing; give one value per row")
    how = RawTable(pd.DataFrame(), remarks=remarks, is_typed=True)
    return _prepare(
        dict(frame.items()), named, name=name, task=task, where=name, how=how, is_time_used=False
    )


def _prepare(
    columns: dict[str, Column],
    named: Mapping[str, str],
    *,
    name: str,
    task: Task | None,
    where: str,
    how: RawTable,
    is_time_used: bool = True,
) -> OwnTable:
    """Return the table; the mapping of columns is emptied. `how` says how they were read."""
    n_rows_read = len(columns[named["target"]])
    frame_mb = sum(one.memory_usage(deep=True, index=False) for one in columns.values()) / 1e6
    hidden = [role for role in named if role != "time" or not is_time_used]
    try:
        features, words, specs, notes, roles = _clean(columns, named, hidden, task, how)
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
    table = OwnTable(
        name=name,
        X=pd.DataFrame(features, copy=False),
        y=roles.y,
        task=roles.task,
        task_reason=roles.task_reason,
        metric=roles.metric,
        metric_reason=roles.metric_reason,
        target=named["target"],
        groups=roles.groups,
        times=roles.times,
        columns=tuple(notes),
        n_rows_read=n_rows_read,
        transform={"version": VERSION, "kind": "table", "columns": specs},
        words=words,
        frame_mb=frame_mb,
    )
    warnings = check_table(table, [*roles.warnings, *how.remarks])
    return replace(table, warnings=warnings, digest=digest_of(table))


def _clean(
    columns: dict[str, Column],
    named: Mapping[str, str],
    hidden: Iterable[str],
    task: Task | None,
    how: RawTable,
) -> tuple[dict[str, Column], dict[str, csr_matrix], list[TransformSpec], list[ColumnNote], Roles]:
    """Return features without the hidden roles, the words of texts, specs, notes and the roles."""
    for key, column in columns.items():
        columns[key] = as_plain(column)
    decimal = decimal_of_file(columns.values(), how.decimal)
    roles = read_roles(
        columns, named, task, decimal, is_typed=how.is_typed, missing_words=how.missing_words
    )
    for role in hidden:
        del columns[named[role]]
    cleaned: dict[str, Column] = {}
    words: dict[str, csr_matrix] = {}
    specs: list[TransformSpec] = []
    notes: list[ColumnNote] = []
    doubts: list[TableWarning] = []
    facts, ids = _drop_rows(columns, roles, decimal)
    n_labels = int(roles.y.nunique()) if roles.task == "classification" else None
    for key in list(columns):  # one by one, to save memory
        column, known = columns.pop(key), facts.get(key)
        finding = ids.get(key) or find_kind(column, decimal, known)
        if finding.note.kind == "text":
            words[key] = words_of(column)
        features = _features(column, finding, words.get(key))
        if key in features:
            finding = _checked(finding, features[key], roles, n_labels)
        notes.append(finding.note)
        doubts += finding.warnings
        if finding.note.is_used and finding.spec:
            seen = training_facts(column, features, finding.spec, known)
            specs.append({**finding.spec, "training": seen})
            cleaned.update(features)
        del column, features
        if known is None:  # it was of text, perhaps
            pa.default_memory_pool().release_unused()
    if not cleaned:
        shown = "; ".join(f"{note.name}: {note.kind}" for note in notes[:10])
        raise DataError(
            "no column is left that a model could learn from "
            f"({shown or 'there is the target only'})"
        )
    if roles.groups is not None:
        n_unique, group = int(roles.groups.nunique()), named["group"]
        notes.append(ColumnNote(name=group, kind="group", n_unique=n_unique, note=_GROUP))
    roles = replace(roles, warnings=(*roles.warnings, *doubts))
    return cleaned, words, specs, notes, roles


def _checked(finding: Finding, feature: Column, roles: Roles, n_labels: int | None) -> Finding:
    """Return the finding as the column turned out, which may be a copy of the target."""
    if finding.note.kind != "number" or finding.note.note:  # else its numbers are known
        finding = confirm(finding, feature)
    may_be_copy = finding.note.is_used and n_labels in {None, finding.note.n_unique}
    if may_be_copy and is_copy(feature, roles.y, roles.task):
        note = replace(finding.note, kind="copy", is_used=False, note=_COPY)
        finding = replace(finding, note=note)
    return finding


def _drop_rows(
    columns: dict[str, Column], roles: Roles, decimal: DecimalMark | None
) -> tuple[dict[str, NumberFacts], dict[str, Finding]]:
    """Keep the rows with all roles; return facts of their numbers, and the identifiers of rows.

    Identifiers are looked for in all rows that were read, as row numbers have no gaps there.
    """
    facts, ids = number_facts(columns), {}
    if roles.is_kept.all():
        return facts, {}
    for name, column in columns.items():
        if column.dtype.kind in "iuf" or isinstance(column.dtype, pd.StringDtype):
            finding = find_kind(column, decimal, facts.get(name))
            if finding.note.kind == "id":
                ids[name] = finding
        columns[name] = keep_rows(column, roles.is_kept)
    return number_facts(columns), ids


def _features(column: Column, finding: Finding, words: csr_matrix | None) -> dict[str, Column]:
    """Return the features of a column; none if it is not used."""
    if not (finding.spec and finding.note.is_used):
        return {}
    return transform(column, finding.spec) if words is None else topics_of(words, finding.spec)


def _prepare_images(frame: pd.DataFrame, folder: Path, name: str, task: str | None) -> OwnTable:
    """Return the table of images: one row per image, one column per pixel and channel."""
    if task == "regression":
        raise DataError(f"{folder}: images in subfolders have classes; regression needs numbers")
    if CLASS not in frame:
        raise DataError(f"{folder}: expected subfolders, one per class, found images only")
    n_rows_read = len(frame)
    plan = plan_pixels([*frame[IMAGE]])
    frame = frame[~frame[IMAGE].isin(plan.broken)].reset_index(drop=True)
    y = frame[CLASS].astype("str")
    if len(frame) < _MIN_IMAGES or y.nunique() < 2:
        found = f"{count(len(frame), 'image')} of {count(y.nunique(), 'class')}"
        raise DataError(
            f"{folder}: found {found}; expected at least {_MIN_IMAGES} in two subfolders"
        )
    height, width, channels = plan.image_shape
    X = read_pixels([*frame[IMAGE]], plan.image_shape)
    metric, metric_reason = choose_metric(y, "classification")
    pixels = f"{height} x {width} pixels, {'grey' if channels == 1 else 'in colour'}"
    note = ColumnNote(name=IMAGE, kind="number", n_unique=len(frame), is_used=True, note=pixels)
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
    warnings = check_table(table, _image_warnings(plan, folder))
    return replace(table, warnings=warnings, digest=digest_of(table))


def _image_warnings(plan: PixelPlan, folder: Path) -> Iterator[TableWarning]:
    """Warn of images that cannot be read or are resized."""
    if plan.broken:
        shown = ", ".join(str(Path(path).relative_to(folder)) for path in plan.broken[:3])
        more = f" and {len(plan.broken) - 3} more" if len(plan.broken) > 3 else ""
        text = (
            f"Images that cannot be read, or have over {MAX_MEGAPIXELS} megapixels, were left out"
        )
        text += f": {shown}{more}."
        yield TableWarning(about=Topic.DROPPED, text=text)
    if plan.is_resized:
        height, width, _ = plan.image_shape
        text = f"The images have {plan.n_sizes} sizes; all were made {height} x {width} pixels."
        if plan.n_sizes == 1:
            text = f"The images were resized to {height} x {width} pixels."
        yield TableWarning(about=Topic.READ, text=text)
