"""The columns with a role: the target and its task, groups and times; and the rows to keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from zoo.encoding.plain_columns import EXACT
from zoo.errors import DataError
from zoo.ingest.clean_table import (
    Column,
    ColumnNote,
    DecimalMark,
    Severity,
    TableWarning,
    Task,
    Topic,
)
from zoo.ingest.counts import Scale, scale_of
from zoo.ingest.kinds import find_kind
from zoo.ingest.label_words import LabelWords, label_words
from zoo.ingest.plain import value_text
from zoo.ingest.transforms import as_labels, as_numbers, as_times
from zoo.prose import count, plural

__all__ = ["Roles", "choose_metric", "keep_rows", "read_roles"]

_MIN_ROWS = 10
_FEW_VALUES = 10  # whole numbers with at most so many distinct values are taken as classes
_MAX_CLASSES = 1000
_RARE = 0.1
_MANY_LOST = 0.03  # of the rows; losing more may change the answer


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
        About the rows that are dropped, and words for missing values that are kept as labels.
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
    *,
    is_typed: bool = False,
    missing_words: Mapping[str, Mapping[str, int]] = MappingProxyType({}),
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
    is_typed, missing_words
        As in `RawTable`.

    Raises
    ------
    DataError
        If the target cannot be predicted, groups or times cannot split rows, or too few rows are
        left.
    """
    given = {role: columns[name] for role, name in named.items()}
    found = {role: find_kind(given[role], decimal) for role in given if role != "group"}
    words = {
        role: label_words(given[role], is_typed=is_typed, is_target=role == "target")
        for role in ("target", "group")
        if role in given
    }
    numbers = as_numbers(given["target"], found["target"].spec)
    # 1, 1.0 and "1" are one class; of long integers, floats would merge some
    is_number = numbers is not None and not (numbers.abs() >= EXACT).any()
    labels = as_labels(numbers if is_number else given["target"], words["target"].kept)
    sides = {"group": as_labels(given["group"], words["group"].kept)} if "group" in given else {}
    if "time" in given:
        sides["time"] = as_times(given["time"], found["time"].spec)
    lost = _lost_words(given["target"], labels.isna(), missing_words.get(named["target"], {}))
    declared = task
    task, reason = _task_of(numbers, labels, task, found["target"].note, lost)
    is_taken = declared is None and numbers is not None and task == "classification"
    unsure = [*_unsure(numbers, found["target"].note)] if is_taken else []
    y = _target(numbers, labels, task, named["target"])
    is_kept, warnings = _complete_rows({"target": y, **sides}, given, missing_words)
    if numbers is not None:
        words.pop("target")
        warnings += found["target"].warnings
    for role, one in words.items():
        warnings += _kept_words(role, named[role], one, len(y))
    if task == "regression" and numbers is not None and not is_number:
        warnings += _rounded(numbers, as_labels(given["target"]), named["target"])
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
        warnings=(*unsure, *warnings),
    )


def _unsure(numbers: Column, note: ColumnNote) -> Iterator[TableWarning]:
    """Warn of whole numbers that were taken as classes, though their order seems to matter."""
    if scale_of(numbers, note.name) is Scale.ORDERED:
        text = (
            f"The {note.n_unique} whole numbers of '{note.name}' were taken as classes without an "
            "order, but look like an amount or a rating. If so, add --task regression: a model "
            "then learns that 4 is nearer to 5 than to 9."
        )
        yield TableWarning(about=Topic.TASK, text=text, severity=Severity.SERIOUS)


def _rounded(numbers: Column, labels: Column, name: str) -> list[TableWarning]:
    """Warn if integers are so long that floats make different ones equal."""
    if numbers.nunique() == labels.nunique():
        return []
    text = (
        f"Floats do not hold integers as long as those of the target '{name}': different ones "
        "became equal. Subtract a constant from them."
    )
    serious = Severity.SERIOUS
    return [TableWarning(about=Topic.READ, text=text, columns=(name,), severity=serious)]


def _lost_words(given: Column, is_lost: Column, words: Mapping[str, int]) -> dict[str, int]:
    """Return what stands in rows where a role could not be read, and in how many rows.

    The words that were read as missing numbers are known of the whole column only.
    """
    n_lost = int(is_lost.sum())
    texts = given[is_lost & given.notna()].astype(object).map(value_text)
    known = words if sum(words.values()) + len(texts) <= n_lost else {}
    counts = {**known, **texts.value_counts().to_dict()}
    counts[""] = counts.get("", 0) + n_lost - sum(counts.values())
    return {word: n for word, n in sorted(counts.items(), key=lambda one: -one[1]) if n > 0}


def _shown(words: Mapping[str, int]) -> str:
    """Return words and their rows: 'NA' (46), empty (3)."""
    shown = [f"'{word}' ({n:,})" if word else f"empty ({n:,})" for word, n in words.items()]
    more = f" and {count(len(shown) - 4, 'other text')}" if len(shown) > 4 else ""
    return ", ".join(shown[:4]) + more


def _kept_words(role: str, name: str, words: LabelWords, n_rows: int) -> list[TableWarning]:
    """Warn of words for a missing value that were taken as labels."""
    if not words.kept:
        return []
    n_kept, what = sum(words.kept.values()), "class" if role == "target" else "group"
    taken = plural(len(words.kept), f"was taken as a {what}", f"were taken as {plural(2, what)}")
    text = (
        f"In the {role} '{name}' {_shown(words.kept)} {taken}: {n_kept:,} of "
        f"{n_rows:,} rows ({n_kept / n_rows:.1%}). If it stands for a missing value, leave those "
        "cells empty."
    )
    severity = Severity.MINOR if words.is_sure else Severity.SERIOUS
    return [TableWarning(about=Topic.READ, text=text, columns=(name,), severity=severity)]


def _complete_rows(
    read: Mapping[str, Column],
    given: Mapping[str, Column],
    missing_words: Mapping[str, Mapping[str, int]],
) -> tuple[NDArray[np.bool_], list[TableWarning]]:
    """Return which rows have a target, a group and a time, and warnings about the others."""
    y, warnings = read["target"], []
    is_kept = np.ones(len(y), bool)
    for role, column in read.items():
        name, is_lost = str(given[role].name), column.isna() & is_kept
        if is_lost.any():
            words = _lost_words(given[role], is_lost, missing_words.get(name, {}))
            warnings.append(_lost_rows(role, name, words, len(y)))
            is_kept &= ~is_lost.to_numpy(bool)
        if role != "target" and column[is_kept].nunique() < 2:
            raise DataError(f"the {role} column '{name}' has one value only; it cannot split rows")
    said = f" ({' '.join(one.text for one in warnings)})" if warnings else ""
    if is_kept.sum() < _MIN_ROWS:
        n_kept = count(int(is_kept.sum()), "row")
        raise DataError(f"{n_kept} can be used; at least {_MIN_ROWS} are needed{said}")
    if y[is_kept].nunique() < 2:
        raise DataError(f"all rows that can be used have the target '{y[is_kept].iloc[0]}'{said}")
    return is_kept, warnings


def _lost_rows(role: str, name: str, words: Mapping[str, int], n_rows: int) -> TableWarning:
    """Warn of rows that are left out, and name what stands in them."""
    n_lost = sum(words.values())
    text = f"Rows without a {role} were left out: {n_lost:,} of {n_rows:,} ({n_lost / n_rows:.1%})"
    if {*words} <= {""}:
        text += f"; '{name}' is empty there."
    else:
        text += f"; '{name}' holds there: {_shown(words)}."
        if role != "time":
            text += " If such a word is not a missing value, write another one in its place."
    severity = Severity.SERIOUS if n_lost > _MANY_LOST * n_rows else Severity.MINOR
    return TableWarning(about=Topic.DROPPED, text=text, columns=(name,), severity=severity)


def keep_rows(column: Column, is_kept: NDArray[np.bool_]) -> Column:
    """Return the rows (n_samples,) of a column (n_rows,) that are kept."""
    return column if is_kept.all() else column[is_kept].reset_index(drop=True)


def _task_of(
    numbers: Column | None,
    labels: Column,
    task: Task | None,
    note: ColumnNote,
    lost: Mapping[str, int],
) -> tuple[Task, str]:
    """Return the task, as it was declared or as the target makes it, and why."""
    n_values = int(labels.nunique())
    others = f" (the others hold: {_shown(lost)})" if lost else ""
    if not n_values:
        raise DataError(
            f"the target '{note.name}' is missing in each row{others}; choose another column"
        )
    if n_values == 1:
        raise DataError(
            f"the target '{note.name}' is '{labels.dropna().iloc[0]}' in each row that has "
            f"one{others}; there is nothing to predict"
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
        if scale_of(known, note.name) is Scale.COUNT:
            return "regression", (
                f"regression, because the target looks like a count: whole numbers from "
                f"{known.min():.0f} to {known.max():.0f}, the larger the rarer "
                "(--task classification takes them as classes)"
            )
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
