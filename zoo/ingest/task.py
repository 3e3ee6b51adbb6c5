"""What is to be predicted: classes or numbers, judged by which metric, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from zoo.errors import DataError
from zoo.ingest.cleaning import labels_of, of_levels
from zoo.ingest.profile import Finding, find_kind
from zoo.ingest.written import Decimal, decimal_mark, read_numbers

__all__ = ["Target", "choose_metric", "read_target"]

Task = Literal["classification", "regression"]
_FEW_VALUES = 10  # whole numbers of at most so many values are taken for classes
_MAX_CLASSES = 1000
_RARE = 0.1


@dataclass(frozen=True, slots=True)
class Target:
    """The target as models see it.

    Attributes
    ----------
    y : Series of shape (n_rows,)
        Labels as text or numbers as float; NaN where the row has no target.
    task, reason : str
    """

    y: pd.Series[Any]
    task: Task
    reason: str


def read_target(column: pd.Series[Any], task: Task | None, hint: Decimal | None) -> Target:
    """Return the target, and which task it makes.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        As `zoo.ingest.plain.as_plain` gives.
    task : {"classification", "regression"} or None
        What the user says; None: it is found.
    hint : {".", ","} or None
        The decimal mark of the file.

    Raises
    ------
    DataError
        If no row has a target, all have the same, or it is an identifier or a date.
    """
    name = str(column.name)
    labels = labels_of(column)
    if labels.isna().all():
        raise DataError(f"the target '{name}' is missing in each row; choose another column")
    if labels.nunique() == 1:
        raise DataError(
            f"the target '{name}' is '{labels.dropna().iloc[0]}' in each row that has one; there "
            "is nothing to predict"
        )
    found = find_kind(column, hint)
    numbers = _numbers_of(column, found, hint)
    if task is None:
        _refuse_odd(name, found)
        task, reason = _task_of(numbers, labels)
    else:
        reason = f"{task}, as you said"
    if task == "classification":
        return Target(_as_labels(labels, numbers, name), task, reason)
    if numbers is None:
        odd = labels.dropna()
        raise DataError(
            f"regression needs numbers, the target '{name}' holds '{odd.iloc[0]}'; "
            "choose --task classification or another column"
        )
    if numbers.nunique() < 2:
        raise DataError(f"the target '{name}' has one number only; there is nothing to predict")
    return Target(numbers.astype(np.float64).rename(name), task, reason)


def _numbers_of(
    column: pd.Series[Any], found: Finding, hint: Decimal | None
) -> pd.Series[Any] | None:
    """Return the target as numbers, or None if it is none."""
    kind = getattr(column.dtype, "kind", "O")
    if kind in "iuf":
        return column.astype(np.float64).replace([np.inf, -np.inf], np.nan)
    if kind in "bM":
        return None
    if found.note.kind in {"category", "text", "boolean", "date"}:
        return None
    marks = {"decimal": hint or "."} if found.step is None else found.step
    if found.step is None:  # an id or the like, which may be of numbers
        texts = pd.Series(labels_of(column).dropna().unique(), dtype="str")
        mark, is_number, _ = decimal_mark(texts, hint)
        if not is_number.all():
            return None
        marks = {"decimal": mark}
    return of_levels(column, lambda texts: read_numbers(texts, marks["decimal"]), np.float64)


def _refuse_odd(name: str, found: Finding) -> None:
    if found.note.kind == "id":
        raise DataError(
            f"the target '{name}' looks like an identifier ({found.note.note}); choose another "
            "column, or give --task"
        )
    if found.note.kind == "date":
        raise DataError(
            f"the target '{name}' holds dates; give a number to predict, such as days until then"
        )
    if found.note.kind == "text":
        raise DataError(
            f"the target '{name}' is free text ({found.note.n_unique} different values); choose "
            "a column of classes or numbers"
        )


def _task_of(numbers: pd.Series[Any] | None, labels: pd.Series[Any]) -> tuple[Task, str]:
    n_values = int(labels.nunique())
    if numbers is None:
        what = "two values" if n_values == 2 else f"{n_values} different texts"
        return "classification", f"classification, for the target has {what}"
    known = numbers.dropna()
    n_values = int(known.nunique())
    if bool((known == np.floor(known)).all()) and n_values <= _FEW_VALUES:
        return "classification", (
            f"classification, for the target has only {n_values} different whole numbers "
            "(--task regression takes them as amounts)"
        )
    if n_values == 2:
        return "classification", "classification, for the target has two values"
    return "regression", f"regression, for the target is a number with {n_values} different values"


def _as_labels(labels: pd.Series[Any], numbers: pd.Series[Any] | None, name: str) -> pd.Series[Any]:
    if numbers is not None:
        labels = labels_of(numbers)  # 1, 1.0 and "1" are one class
    n_classes = int(labels.nunique())
    if n_classes > min(_MAX_CLASSES, max(10, labels.notna().sum() // 2)):
        raise DataError(
            f"the target '{name}' has {n_classes} different values in {labels.notna().sum()} rows, "
            "too many for classes; choose --task regression or another column"
        )
    return labels.astype("str").rename(name)


def choose_metric(y: pd.Series[Any], task: Task) -> tuple[str, str]:
    """Return the headline metric of `zoo.metrics`, and why it was chosen.

    Parameters
    ----------
    y : Series of shape (n_samples,)
        Without gaps.
    task : {"classification", "regression"}
    """
    if task == "regression":
        return "rmse", "root mean squared error: in the target's own units, large errors count more"
    shares = y.value_counts(normalize=True)
    rarest, share = shares.index[-1], float(shares.iloc[-1])
    if len(shares) == 2:
        if share < _RARE:
            return "average_precision", (
                f"average precision: only {share:.1%} of the rows are '{rarest}', and it asks how "
                "many of those that a model points out are right"
            )
        return "roc_auc", (
            "area under the ROC curve: how well rows of the two classes are told apart, whatever "
            "the threshold"
        )
    if share * len(shares) < 2 * _RARE:
        return "balanced_accuracy", (
            f"balanced accuracy: the rarest of {len(shares)} classes, '{rarest}', has {share:.1%} "
            "of the rows, and each class counts the same"
        )
    return (
        "error_rate",
        f"error rate: the share of rows put into the wrong of {len(shares)} classes",
    )
