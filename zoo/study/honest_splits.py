"""A user's table with honest splits: by the groups and times that are found in it.

Rows of one customer on both sides of a split, or training rows from the future of the test rows,
make scores too good. So where the user named neither groups nor times and the table seems to have
them, they are used, and that is said first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from zoo.errors import DataError
from zoo.ingest.clean_table import OwnTable, Severity, TableWarning, Topic
from zoo.ingest.groups import names_group
from zoo.ingest.kinds import is_named_id
from zoo.ingest.outline import name_columns
from zoo.ingest.plain import plain_frame
from zoo.ingest.preparing import prepare, read_own
from zoo.ingest.splitting import split_own
from zoo.metrics import Task

__all__ = ["SplitBy", "prepare_honestly", "read_honestly"]

SplitBy = Literal["auto", "random"]
"""Whether rows are split by groups and times that are found, or at random unless some are named."""

_FEWEST_TIMES = 20  # distinct ones, so that rows are hardly sorted by chance
_LEAST_LEFT = 0.5  # of the training rows of random splits
_Roles = dict[Literal["group", "time"], str]


def read_honestly(
    path: Path,
    *,
    target: str | None = None,
    task: Task | None = None,
    group: str | None = None,
    time: str | None = None,
    sheet: str | None = None,
    split: SplitBy = "auto",
) -> OwnTable:
    """Return `zoo.ingest.preparing.read_own`, with the groups or times that are found in it.

    Its parameters and errors are those of `read_own`; `split` is a `SplitBy`.
    """

    def read(roles: _Roles) -> OwnTable:
        return read_own(path, target=target, task=task, sheet=sheet, **roles)

    if split == "random" or group is not None or time is not None:
        return read_own(path, target=target, task=task, group=group, time=time, sheet=sheet)
    return _honest(read)


def prepare_honestly(
    X: Any,
    y: Any,
    *,
    name: str = "table",
    task: Task | None = None,
    groups: Any = None,
    times: Any = None,
    split: SplitBy = "auto",
) -> OwnTable:
    """Return `zoo.ingest.preparing.prepare`, with the groups or times that are found in `X`.

    Its parameters and errors are those of `prepare`; `split` is a `SplitBy`.
    """
    if split == "random" or groups is not None or times is not None:
        return prepare(X, y, name=name, task=task, groups=groups, times=times)
    frame = plain_frame(X)
    frame = frame.set_axis(name_columns(list(frame.columns)), axis=1)

    def read(roles: _Roles) -> OwnTable:
        given = {f"{role}s": frame[column] for role, column in roles.items()}
        hidden = [column for role, column in roles.items() if role == "group"]
        return prepare(frame.drop(columns=hidden), y, name=name, task=task, **given)

    return _honest(read)


def _honest(read: Callable[[_Roles], OwnTable]) -> OwnTable:
    """Return the table with the roles that are found in it, if it can be split by them."""
    table = read({})
    roles, n_train = _suspected(table), 0
    if roles:
        n_train = len(split_own(table, 0).train)
    alone: list[_Roles] = [{role: name} for role, name in roles.items()]
    for some in [roles, *alone] if len(roles) > 1 else alone:
        try:
            found = read(some)
            n_left = len(split_own(found, 0).train)
        except DataError:
            continue
        if len(found.y) == len(table.y) and n_left >= _LEAST_LEFT * n_train:
            return replace(found, warnings=(*_notes(some, table), *found.warnings))
    return table


def _suspected(table: OwnTable) -> _Roles:
    """Return the column that is named like groups, and the dates by which the rows are sorted."""
    roles: _Roles = {}
    for warning in table.warnings:
        if warning.about is Topic.GROUPS and warning.severity is Severity.SERIOUS:
            # a column that merely agrees with the target may be the best one to learn from
            named = [name for name in warning.columns if names_group(name) or is_named_id(name)]
            roles |= {"group": named[0]} if named else {}
        elif warning.about is Topic.TIME:
            dates = [name for name in warning.columns if _sorts_rows(table, name)]
            roles |= {"time": dates[0]} if dates else {}
    return roles


def _sorts_rows(table: OwnTable, name: str) -> bool:
    if name not in table.X:
        return False
    days = table.X[name]
    is_sorted = days.is_monotonic_increasing or days.is_monotonic_decreasing
    return bool(is_sorted and days.notna().all() and days.nunique() >= _FEWEST_TIMES)


def _notes(roles: _Roles, table: OwnTable) -> list[TableWarning]:
    """Return what was done with the roles that were found, and how to turn it off."""
    off = "--split random (split='random' in Python) turns this off."
    notes = []
    if name := roles.get("group"):
        text = (
            f"'{name}' seems to name groups of rows, so the rows of a group are on one side of "
            f"each split and models do not see '{name}': scores are those on new groups. If new "
            f"rows come from the same groups, {off}"
        )
        suspects = [one.columns for one in table.warnings if one.about is Topic.GROUPS]
        if others := [other for columns in suspects for other in columns if other != name]:
            shown = ", ".join(f"'{other}'" for other in others[:3])
            text += f" {shown} may name groups too; --group chooses another column."
        notes.append(TableWarning(about=Topic.GROUPS, text=text, columns=(name,)))
    if name := roles.get("time"):
        text = (
            f"The rows are sorted by the dates in '{name}', so models are tested on rows later "
            f"than their training rows: scores are those on the future. If the order means "
            f"nothing, {off}"
        )
        notes.append(TableWarning(about=Topic.TIME, text=text, columns=(name,)))
    return notes
