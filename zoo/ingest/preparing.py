"""A user's file, or a table in memory, cleaned and looked through."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from zoo.errors import DataError
from zoo.ingest.clean_table import ColumnNote, OwnTable, TableWarning
from zoo.ingest.cleaning import RECIPE_VERSION, labels_of, made_of, texts_of
from zoo.ingest.delimited import name_columns
from zoo.ingest.fingerprint import table_digest
from zoo.ingest.image_table import prepare_images
from zoo.ingest.images import IMAGE
from zoo.ingest.plain import as_plain, plain_frame
from zoo.ingest.profile import Finding, decimal_of_file, find_kind, with_facts
from zoo.ingest.reading import did_you_mean, read_frame
from zoo.ingest.table_warnings import Look, by_severity, look_through, without_copies
from zoo.ingest.task import choose_metric, read_target
from zoo.ingest.written import decimal_mark

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
        What `zoo.ingest.reading.read_frame` reads.
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
    if IMAGE in frame and path.is_dir():
        if group is not None or time is not None:
            raise DataError(f"{path}: pictures have no columns that --group or --time could name")
        return prepare_images(frame, path, name, task)
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
    columns, attrs = dict(frame.items()), frame.attrs
    del frame  # so that each column is freed as soon as it was cleaned
    return _prepare(columns, named, name=name, task=task, where=str(path), attrs=attrs)


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
    columns = dict(frame.items())
    return _prepare(columns, named, name=name, task=task, where=name, is_file=False)


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
    columns: dict[Any, pd.Series[Any]],
    named: Mapping[str, str],
    *,
    name: str,
    task: Task | None,
    where: str,
    attrs: Mapping[Any, Any] = MappingProxyType({}),
    is_file: bool = True,
) -> OwnTable:
    """Return the table; the columns are used up."""
    target = named["target"]
    n_rows_read = len(columns[target])
    frame_mb = sum(one.memory_usage(deep=True, index=False) for one in columns.values()) / 1e6
    notices = [TableWarning(about="read", text=text) for text in attrs.get("read", ())]
    for key, column in columns.items():
        columns[key] = as_plain(column)
    hint = attrs.get("decimal") or decimal_of_file(columns.values())
    try:
        found = read_target(columns.pop(target), task, hint)
        rows = _Rows(found.y)
        groups = rows.side(columns, named.get("group"), "group", hint)
        times = rows.side(columns, named.get("time"), "time", hint)
        y = rows.kept(found.y, found.task)
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
    if "group" in named:
        columns.pop(named["group"])  # new rows are of new groups
    if "time" in named and not is_file:
        columns.pop(named["time"])  # it was given beside the columns
    groups, times = (None if one is None else rows.take(one) for one in (groups, times))
    findings: list[Finding] = []
    made: dict[str, pd.Series[Any]] = {}
    for key in list(columns):  # one by one, for the sake of memory
        column = rows.take(columns.pop(key))
        finding = find_kind(column, hint)
        pa.default_memory_pool().release_unused()
        parts = {} if finding.step is None else made_of(column, finding.step)
        findings.append(with_facts(finding, parts))
        made |= {} if findings[-1].step is None else parts
        del column
        pa.default_memory_pool().release_unused()
    findings, copies = without_copies(made, y, findings, found.task)
    steps = [finding.step for finding in findings if finding.step is not None]
    if not steps:
        shown = "; ".join(f"{one.note.name}: {one.note.kind}" for one in findings[:10])
        raise DataError(
            f"{where}: no column is left that a model could learn from "
            f"({shown or 'there is the target only'})"
        )
    recipe = {"version": RECIPE_VERSION, "sort": "table", "columns": steps}
    X = pd.DataFrame(made, copy=False)
    notes = tuple(finding.note for finding in findings)
    metric, metric_reason = choose_metric(y, found.task)
    look = Look(X=X, y=y, task=found.task, columns=notes, groups=groups, times=times)
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
        columns=(*notes, *_named_columns(named, groups)),
        notices=by_severity(notices),
        n_rows_read=n_rows_read,
        recipe=recipe,
        frame_mb=frame_mb,
        digest=table_digest(X, y, groups, times, recipe),
    )


class _Rows:
    """Which rows are kept: those with a target, a group and a time."""

    def __init__(self, y: pd.Series[Any]) -> None:
        self.is_kept = np.array(y.notna(), bool)
        self.notices: list[TableWarning] = []
        n_missing = int((~self.is_kept).sum())
        if n_missing:
            self._dropped(n_missing, "target")

    def _dropped(self, n: int, what: str) -> None:
        rows = "1 row has" if n == 1 else f"{n} rows have"
        text = f"{rows} no {what} and took no part."
        self.notices.append(TableWarning(about="dropped", text=text))

    def side(
        self, columns: Mapping[Any, pd.Series[Any]], name: str | None, what: str, hint: Any
    ) -> pd.Series[Any] | None:
        """Return the column of groups or times; rows where it is missing are not kept."""
        if name is None:
            return None
        values = labels_of(columns[name]) if what == "group" else _times_of(columns[name], hint)
        missing = values.isna().to_numpy(bool) & self.is_kept
        if missing.any():
            self._dropped(int(missing.sum()), what)
            self.is_kept &= ~missing
        if values[self.is_kept].nunique() < 2:
            raise DataError(f"the {what} column '{name}' has one value only; it cannot split rows")
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
