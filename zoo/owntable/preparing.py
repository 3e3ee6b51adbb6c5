"""A user's file, or a table in memory, cleaned and looked through."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from zoo.canonical import canonical_json
from zoo.errors import DataError
from zoo.owntable.cleaning import RECIPE_VERSION, labels_of, made_of, texts_of
from zoo.owntable.delimited import name_columns
from zoo.owntable.notices import Look, by_gravity, look_through, without_copies
from zoo.owntable.pictures import CLASS, PICTURE, PixelPlan, plan_pixels, read_pixels
from zoo.owntable.plain import as_plain, plain_frame
from zoo.owntable.profile import Finding, decimal_of_file, find_kind, with_facts
from zoo.owntable.reading import did_you_mean, read_frame
from zoo.owntable.table import ColumnNote, Notice, OwnTable
from zoo.owntable.task import choose_metric, read_target
from zoo.owntable.written import decimal_mark

__all__ = ["prepare", "read_own"]

Task = Literal["classification", "regression"]
_MIN_ROWS = 10


def read_own(
    path: Path,
    *,
    target: str | None = None,
    task: Task | None = None,
    group: str | None = None,
    time: str | None = None,
    sheet: str | None = None,
) -> OwnTable:
    """Return the table of a file, or of a folder of pictures, ready for models.

    Parameters
    ----------
    path : Path
        What `zoo.owntable.reading.read_frame` reads.
    target : str or None
        The column to predict. Pictures need none: their class is the subfolder.
    task : {"classification", "regression"} or None
        None: it is found.
    group : str or None
        A column; rows of one value never stand on both sides of a split.
    time : str or None
        A column of dates or numbers; no model is trained on what is later than its test rows.
    sheet : str or None
        Of an Excel workbook.

    Raises
    ------
    DataError
        If the file cannot be read, a column is not in it, or the target cannot be predicted.
    MissingExtraError
        If a package that reads it is not installed.
    """
    path = Path(path)
    frame = read_frame(path, sheet=sheet)
    name = _short_name(path)
    if PICTURE in frame and path.is_dir():
        if group is not None or time is not None:
            raise DataError(f"{path}: pictures have no columns that --group or --time could name")
        return _prepare_pictures(frame, path, name, task)
    if target is None:
        shown = ", ".join(map(str, frame.columns[:30]))
        raise DataError(f"{path}: name the column to predict with --target; columns are: {shown}")
    named = {
        what: _column(frame, wanted, path)
        for what, wanted in (("target", target), ("group", group), ("time", time))
        if wanted is not None
    }
    if len({*named.values()}) < len(named):
        raise DataError(f"{path}: target, group and time must be different columns")
    return _prepare(frame, named, name, task, str(path))


def prepare(
    X: Any,
    y: Any,
    *,
    name: str = "table",
    task: Task | None = None,
    groups: Any = None,
    times: Any = None,
) -> OwnTable:
    """Return a table in memory, ready for models.

    Parameters
    ----------
    X : DataFrame (pandas or Polars) or array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    name : str
    task : {"classification", "regression"} or None
        None: it is found.
    groups, times : array-like of shape (n_samples,) or None
        As the columns `group` and `time` of `read_own`.

    Raises
    ------
    DataError
        If they are no table, have different lengths, or the target cannot be predicted.
    """
    frame = plain_frame(X).reset_index(drop=True)
    frame = frame.set_axis(name_columns(list(frame.columns)), axis=1)
    named = {}
    for what, values in (("target", y), ("group", groups), ("time", times)):
        if values is None:
            continue
        column = _series(values, what)
        if len(column) != len(frame):
            raise DataError(
                f"X has {len(frame)} rows and {what} {len(column)}; give one value a row"
            )
        wanted = str(column.name) if column.name is not None else what
        named[what] = name_columns([*frame.columns, wanted])[-1]
        frame[named[what]] = column.to_numpy() if column.dtype.kind in "iufb" else column.array
    if "target" not in named:
        raise DataError("y is missing; give one value a row")
    return _prepare(frame, named, name, task, name)


def _series(values: Any, what: str) -> pd.Series[Any]:
    if not isinstance(values, pd.Series) and hasattr(values, "to_pandas"):
        values = values.to_pandas()
    if isinstance(values, pd.DataFrame) and values.shape[1] == 1:
        values = values.iloc[:, 0]
    array = values if isinstance(values, pd.Series) else np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"{what} must have one value a row, got the shape {array.shape}")
    return pd.Series(array).reset_index(drop=True)


def _short_name(path: Path) -> str:
    stem = path.name.split(".")[0] or path.name
    return re.sub(r"[^\w-]+", "_", stem).strip("_")[:60] or "table"


def _column(frame: pd.DataFrame, wanted: str, path: Path) -> str:
    bare = " ".join(wanted.split())
    if bare not in frame.columns:
        raise did_you_mean("column", wanted, frame.columns, path)
    return bare


def _prepare(
    frame: pd.DataFrame, named: Mapping[str, str], name: str, task: Task | None, where: str
) -> OwnTable:
    """Return the table; the frame is used up."""
    n_rows_read, frame_mb = len(frame), float(frame.memory_usage(deep=True).sum() / 1e6)
    notices = [Notice(about="read", text=text) for text in frame.attrs.get("read", ())]
    frame = pd.DataFrame({key: as_plain(frame.pop(key)) for key in list(frame.columns)})
    hint = decimal_of_file(frame)
    target = named["target"]
    try:
        found = read_target(frame.pop(target), task, hint)
        rows = _Rows(found.y)
        groups = rows.side(frame, named.get("group"), "group", hint)
        times = rows.side(frame, named.get("time"), "time", hint)
        y = rows.kept(found.y, found.task)
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
    if "group" in named:
        frame.pop(named["group"])  # new rows are of new groups
    groups, times = (None if one is None else rows.take(one) for one in (groups, times))
    findings: list[Finding] = []
    made: dict[str, pd.Series[Any]] = {}
    for key in list(frame.columns):  # one by one, for the sake of memory
        column = rows.take(frame.pop(key))
        finding = find_kind(column, hint)
        parts = {} if finding.step is None else made_of(column, finding.step)
        findings.append(with_facts(finding, parts))
        made |= {} if findings[-1].step is None else parts
    findings, copies = without_copies(made, y, findings, found.task)
    steps = [finding.step for finding in findings if finding.step is not None]
    if not steps:
        shown = "; ".join(f"{one.note.name}: {one.note.kind}" for one in findings[:10])
        raise DataError(f"{where}: no column is left that a model could learn from ({shown})")
    recipe = {"version": RECIPE_VERSION, "sort": "table", "columns": steps}
    X = pd.DataFrame(made, copy=False)
    columns = tuple(finding.note for finding in findings)
    metric, metric_reason = choose_metric(y, found.task)
    look = Look(X=X, y=y, task=found.task, columns=columns, groups=groups, times=times)
    notices = [*rows.notices, *copies, *look_through(look), *notices]
    return OwnTable(
        name=name,
        X=X,
        y=y,
        task=found.task,
        task_reason=found.reason,
        metric=metric,
        metric_reason=metric_reason,
        target=target,
        groups=groups,
        times=times,
        columns=(*columns, *_named_columns(named, groups)),
        notices=by_gravity(notices),
        n_rows_read=n_rows_read,
        recipe=recipe,
        frame_mb=frame_mb,
        digest=_digest(X, y, groups, times, recipe),
    )


class _Rows:
    """Which rows are kept: those with a target, a group and a time."""

    def __init__(self, y: pd.Series[Any]) -> None:
        self.is_kept = y.notna().to_numpy(bool)
        self.notices: list[Notice] = []
        n_missing = int((~self.is_kept).sum())
        if n_missing:
            self._dropped(n_missing, "target")

    def _dropped(self, n: int, what: str) -> None:
        rows = "1 row has" if n == 1 else f"{n} rows have"
        text = f"{rows} no {what} and took no part."
        self.notices.append(Notice(about="dropped", text=text))

    def side(
        self, frame: pd.DataFrame, name: str | None, what: str, hint: Any
    ) -> pd.Series[Any] | None:
        """Return the column of groups or times; rows where it is missing are not kept."""
        if name is None:
            return None
        values = labels_of(frame[name]) if what == "group" else _times_of(frame[name], hint)
        missing = values.isna().to_numpy(bool) & self.is_kept
        if missing.any():
            self._dropped(int(missing.sum()), what)
            self.is_kept &= ~missing
        return values

    def take(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Return the rows that are kept."""
        return values if self.is_kept.all() else values[self.is_kept].reset_index(drop=True)

    def kept(self, y: pd.Series[Any], task: str) -> pd.Series[Any]:
        """Return the target of the rows that are kept.

        Raises
        ------
        DataError
            If they are too few, or all the same.
        """
        y = self.take(y)
        if len(y) < _MIN_ROWS:
            raise DataError(f"{len(y)} rows can be used; at least {_MIN_ROWS} are needed")
        if y.nunique() < 2:
            raise DataError(f"all rows that can be used have the target '{y.iloc[0]}'")
        return y.astype("str") if task == "classification" else y


def _times_of(column: pd.Series[Any], hint: Any) -> pd.Series[Any]:
    """Return a column as times or numbers.

    Raises
    ------
    DataError
        If it holds something else.
    """
    if column.dtype.kind in "iufM":
        return column
    step = find_kind(column, hint).step
    if step is None:  # a time in each row looks like an identifier
        texts = texts_of(column).dropna()
        mark, is_number, _ = decimal_mark(texts, hint)
        step = {"kind": "number", "name": column.name, "decimal": mark}
        if not is_number.all():
            step = {"kind": "none"}
    if step["kind"] not in {"date", "number"}:
        raise DataError(
            f"expected dates or numbers in the time column '{column.name}', found "
            f"'{column.dropna().iloc[0] if column.notna().any() else 'nothing'}'"
        )
    return made_of(column, step)[str(column.name)]


def _named_columns(
    named: Mapping[str, str], groups: pd.Series[Any] | None
) -> tuple[ColumnNote, ...]:
    if groups is None:
        return ()
    note = "splits keep its rows together; models do not see it, for new rows are of new groups"
    return (
        ColumnNote(
            name=named["group"],
            kind="id",
            n_missing=0,
            n_unique=int(groups.nunique()),
            is_used=False,
            note=note,
        ),
    )


def _digest(
    X: pd.DataFrame,
    y: pd.Series[Any],
    groups: pd.Series[Any] | None,
    times: pd.Series[Any] | None,
    recipe: Mapping[str, Any],
) -> str:
    """Return 16 hexadecimal digits that change with any cell, name, option or step of cleaning."""
    total = hashlib.sha256(canonical_json(recipe).encode())
    sides = [one for one in (y, groups, times) if one is not None]
    for column in [*(X[name] for name in X.columns), *sides]:
        total.update(f"{column.name}:{column.dtype}".encode())
        is_text = column.dtype.kind == "O"  # of which each level is hashed once
        hashes = pd.util.hash_pandas_object(
            column.astype("category") if is_text else column, index=False
        )
        total.update(hashes.to_numpy().tobytes())
    return total.hexdigest()[:16]


def _prepare_pictures(frame: pd.DataFrame, folder: Path, name: str, task: Task | None) -> OwnTable:
    if task == "regression":
        raise DataError(
            f"{folder}: pictures in subfolders are of classes; regression has no target"
        )
    if CLASS not in frame:
        raise DataError(f"{folder}: expected subfolders, one a class, found pictures only")
    n_rows_read = len(frame)
    plan = plan_pixels([*frame[PICTURE]])
    frame = frame[~frame[PICTURE].isin(plan.broken)].reset_index(drop=True)
    y = frame[CLASS].astype("str")
    if len(frame) < _MIN_ROWS or y.nunique() < 2:
        raise DataError(
            f"{folder}: found {len(frame)} pictures of {y.nunique()} classes; expected at least "
            f"{_MIN_ROWS} of two subfolders"
        )
    height, width, channels = plan.image_shape
    recipe = {"version": RECIPE_VERSION, "sort": "pictures", "image_shape": [*plan.image_shape]}
    X = read_pixels([*frame[PICTURE]], plan.image_shape)
    metric, metric_reason = choose_metric(y, "classification")
    look = Look(X=X, y=y, task="classification", is_pictures=True)
    note = ColumnNote(
        name=PICTURE,
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
        notices=by_gravity([*_of_pictures(plan, folder), *look_through(look)]),
        n_rows_read=n_rows_read,
        recipe=recipe,
        frame_mb=X.to_numpy().nbytes / 1e6,
        digest=_digest(X, y, None, None, recipe),
    )


def _of_pictures(plan: PixelPlan, folder: Path) -> list[Notice]:
    notices = []
    if plan.broken:
        shown = ", ".join(str(Path(path).relative_to(folder)) for path in plan.broken[:3])
        more = f" and {len(plan.broken) - 3} more" if len(plan.broken) > 3 else ""
        text = f"{len(plan.broken)} pictures cannot be read and took no part: {shown}{more}."
        notices.append(Notice(about="dropped", text=text))
    if plan.is_resized:
        height, width, _ = plan.image_shape
        text = f"The pictures have {plan.sizes} sizes; all were made {height} x {width} pixels."
        if plan.sizes == 1:
            text = f"The pictures were made smaller, to {height} x {width} pixels."
        notices.append(Notice(about="read", text=text))
    return notices
