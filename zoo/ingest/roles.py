"""The columns with a role: the target and its task, groups and times; and the rows to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.errors import DataError
from zoo.ingest.clean_table import Column, ColumnNote, DecimalMark, TableWarning, Task, Topic
from zoo.ingest.kinds import find_kind
from zoo.ingest.transforms import as_labels, as_numbers, as_times
from zoo.prose import count

__all__ = ["Roles", "choose_metric", "keep_rows", "read_roles"]

_MIN_ROWS = 10
_FEW_VALUES = 10  # whole numbers with at most so many distinct values are taken as classes
_MAX_CLASSES = 1000
_RARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The target, groups and times of the rows that have all of them.

    Attributes
    ----------
    y : Series of shape (n_samples,)
        Labels as text or numbers as float.
    task, task_reason, metric, metric_reason : str
    groups, times : Series of shape (n_samples,) or None
    is_kept : ndarray of bool, shape (n_rows,)
        Rows in which none of them is missing.
    warnings : tuple of TableWarning
        About the rows that are dropped.
    """

    y: Column
    task: Task
    task_reason: str
    metric: str
    metric_reason: str
    groups: Column | None
    times: Column | None
    is_kept: NDArray[np.bool_]
    warnings: tuple[TableWarning, ...]


def read_roles(
    columns: Mapping[str, Column],
    named: Mapping[str, str],
    task: Task | None,
    decimal: DecimalMark | None,
) -> Roles:
    """Return target, groups and times, and the rows to keep.

    Parameters
    ----------
    columns : mapping of Series of shape (n_rows,)
        Each as `zoo.ingest.plain.as_plain` gives.
    named : mapping
        The column of each role: "target", and perhaps "group" and "time".
    task : {"classification", "regression"} or None
        As the user declared it; None: inferred.
    decimal : {".", ","} or None
        The decimal mark of the file.

    Raises
    ------
    DataError
        If the target cannot be predicted, groups or times cannot split rows, or too few rows are
        left.
    """
    given = {role: columns[name] for role, name in named.items()}
    found = {role: find_kind(given[role], decimal) for role in given if role != "group"}
    numbers = as_numbers(given["target"], found["target"].spec)
    labels = as_labels(given["target"] if numbers is None else numbers)  # 1, 1.0, "1" are one class
    sides = {"group": as_labels(given["group"])} if "group" in given else {}
    if "time" in given:
        sides["time"] = as_times(given["time"], found["time"].spec)
    task, reason = _task_of(numbers, labels, task, found["target"].note)
    y = _target(numbers, labels, task, named["target"])
    is_kept, warnings = _complete_rows(y, sides, named)
    y = keep_rows(y, is_kept)
    metric, metric_reason = choose_metric(y, task)
    sides = {role: keep_rows(side, is_kept) for role, side in sides.items()}
    return Roles(
        y=y,
        task=task,
        task_reason=reason,
        metric=metric,
        metric_reason=metric_reason,
        groups=sides.get("group"),
        times=sides.get("time"),
        is_kept=is_kept,
        warnings=warnings,
    )


def _complete_rows(
    y: Column, sides: Mapping[str, Column], named: Mapping[str, str]
) -> tuple[NDArray[np.bool_], tuple[TableWarning, ...]]:
    """Return which rows have a target, a group and a time, and warnings about the others."""
    is_kept, warnings = np.ones(len(y), bool), []
    for role, column in {"target": y, **sides}.items():
        is_lost = is_kept & column.isna().to_numpy(bool)
        if n_lost := int(is_lost.sum()):
            text = f"Rows without a {role} were left out: {n_lost}."
            warnings.append(TableWarning(about=Topic.DROPPED, text=text))
            is_kept &= ~is_lost
        if role in sides and column[is_kept].nunique() < 2:
            raise DataError(
                f"the {role} column '{named[role]}' has one value only; it cannot split rows"
            )
    if is_kept.sum() < _MIN_ROWS:
        raise DataError(
            f"{count(int(is_kept.sum()), 'row')} can be used; at least {_MIN_ROWS} are needed"
        )
    if y[is_kept].nunique() < 2:
        raise DataError(f"all rows that can be used have the target '{y[is_kept].iloc[0]}'")
    return is_kept, tuple(warnings)


def keep_rows(column: Column, is_kept: NDArray[np.bool_]) -> Column:
    """Return the rows (n_samples,) of a column (n_rows,) that are kept."""
    return column if is_kept.all() else column[is_kept].reset_index(drop=True)


def _task_of(
    numbers: Column | None, labels: Column, task: Task | None, note: ColumnNote
) -> tuple[Task, str]:
    """Return the task, as it was declared or as the target makes it, and why."""
    n_values = int(labels.nunique())
    if not n_values:
        raise DataError(f"the target '{note.name}' is missing in each row; choose another column")
    if n_values == 1:
        raise DataError(
            f"the target '{note.name}' is '{labels.dropna().iloc[0]}' in each row that has one; "
            "there is nothing to predict"
        )
    if task is not None:
        return task, f"{task}, as you said"
    odd = {
        "id": f"looks like an identifier ({note.note}); choose another column, or give --task",
        "date": "holds dates; give a number to predict, such as days until then",
        "text": f"is free text ({note.n_unique} different values); choose a column of classes or "
        "numbers",
    }
    if note.kind in odd:
        raise DataError(f"the target '{note.name}' {odd[note.kind]}")
    if numbers is None:
        what = "two values" if n_values == 2 else f"{n_values} different texts"
        return "classification", f"classification, because the target has {what}"
    known = numbers.dropna()
    if bool((known == np.floor(known)).all()) and n_values <= _FEW_VALUES:
        return "classification", (
            f"classification, because the target has only {n_values} different whole numbers "
            "(--task regression takes them as amounts)"
        )
    if n_values == 2:
        return "classification", "classification, because the target has two values"
    return "regression", (
        f"regression, because the target is a number with {n_values} different values"
    )


def _target(numbers: Column | None, labels: Column, task: Task, name: str) -> Column:
    """Return the target: labels or numbers, NaN where it is missing."""
    if task == "regression":
        if numbers is None:
            raise DataError(
                f"regression needs numbers, the target '{name}' holds '{labels.dropna().iloc[0]}'; "
                "choose --task classification or another column"
            )
        return numbers.rename(name)
    n_classes, n_known = int(labels.nunique()), int(labels.notna().sum())
    if n_classes > min(_MAX_CLASSES, max(10, n_known // 2)):
        raise DataError(
            f"the target '{name}' has {n_classes} different values in {n_known} rows, too many for "
            "classes; choose --task regression or another column"
        )
    return labels.astype("str").rename(name)


def choose_metric(y: Column, task: Task) -> tuple[str, str]:
    """Return the headline metric of `zoo.metrics` for a target (n_samples,), and the reason."""
    if task == "regression":
        return "rmse", (
            "root mean squared error: in the units of the target, large errors count more"
        )
    fractions = y.value_counts(normalize=True)
    n_classes, rarest, fraction = len(fractions), fractions.index[-1], float(fractions.iloc[-1])
    if n_classes == 2:
        if fraction < _RARE:
            return "average_precision", (
                f"average precision: only {fraction:.1%} of the rows are '{rarest}', and it "
                "measures how many of those that a model selects are right"
            )
        return "roc_auc", (
            "area under the ROC curve: how well a model ranks the rows of one class above those of "
            "the other, at any threshold"
        )
    if fraction * n_classes < 2 * _RARE:
        return "balanced_accuracy", (
            f"balanced accuracy: the rarest of {n_classes} classes, '{rarest}', has {fraction:.1%} "
            "of the rows, and each class counts the same"
        )
    return "error_rate", (
        f"error rate: the fraction of rows assigned to the wrong one of {n_classes} classes"
    )
