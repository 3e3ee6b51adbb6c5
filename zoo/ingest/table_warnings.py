"""What the user should know of a table before its scores are believed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from zoo.ingest.clean_table import ColumnNote, TableWarning
from zoo.ingest.leaks import is_copy, lone_score, may_be_leak
from zoo.ingest.profile import Finding, is_named_id

__all__ = ["Look", "by_severity", "look_through", "without_copies"]

_LEAK = 0.97  # of the way from chance to perfection
_SMALL = 200
_ORDER = ("leak", "groups", "time", "duplicates", "imbalance", "small", "id", "dropped", "read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is looked through.

    Attributes
    ----------
    X : DataFrame of shape (n_samples, n_features)
    y : Series of shape (n_samples,)
    task : {"classification", "regression"}
    columns : sequence of ColumnNote
    groups, times : Series or None
    is_images : bool
        Whether the columns are pixels, which are not looked at one by one.
    """

    X: pd.DataFrame
    y: pd.Series[Any]
    task: str
    columns: Sequence[ColumnNote] = ()
    groups: pd.Series[Any] | None = None
    times: pd.Series[Any] | None = None
    is_images: bool = False


def by_severity(notices: Iterable[TableWarning]) -> tuple[TableWarning, ...]:
    """Return notices, those first that may make the scores wrong."""
    return tuple(sorted(notices, key=lambda one: (not one.is_grave, _ORDER.index(one.about))))


def without_copies(
    made: dict[str, pd.Series[Any]], y: pd.Series[Any], findings: Sequence[Finding], task: str
) -> tuple[list[Finding], list[TableWarning]]:
    """Return the findings with the target's copies unused, and a notice of them.

    Parameters
    ----------
    made : dict of Series
        The columns that models are to see; copies are taken out.
    y : Series of shape (n_samples,)
    findings : sequence of Finding, a column each
    task : {"classification", "regression"}
    """
    kept, copies = [], []
    for finding in findings:
        name = finding.note.name
        if finding.step is not None and name in made and is_copy(made[name], y, task):
            copies.append(name)
            made.pop(name)
            note = replace(finding.note, is_used=False, note="says the same as the target")
            kept.append(Finding(note, None))
        else:
            kept.append(finding)
    if not copies:
        return kept, []
    text = f"{_list(copies)} says the same as the target in each row, and was left out."
    return kept, [TableWarning(about="leak", text=text, columns=tuple(copies))]


def look_through(look: Look) -> list[TableWarning]:
    """Return what was seen in a table."""
    notices = [*_imbalance(look), *_small(look), *_duplicates(look)]
    if not look.is_images:
        notices += [*_leaks(look), *_ids(look), *_groups(look), *_time(look)]
    return notices


def _list(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def _leaks(look: Look) -> list[TableWarning]:
    scores = {
        str(name): lone_score(look.X[name], look.y, look.task)
        for name in look.X.columns
        if may_be_leak(look.X[name], look.y, look.task)
    }
    leaks = sorted((name for name in scores if scores[name] >= _LEAK), key=lambda n: -scores[n])
    if not leaks:
        return []
    what = "tells the classes apart" if look.task == "classification" else "explains the target"
    text = (
        f"{_list(leaks)} alone {what} almost perfectly ({scores[leaks[0]]:.1%} of the way from "
        "chance to perfection). If it is only known after the outcome, or made from it, remove "
        "it from the file: the scores would be too good to be true."
    )
    return [TableWarning(about="leak", text=text, columns=tuple(leaks), is_grave=True)]


def _ids(look: Look) -> list[TableWarning]:
    names = [one.name for one in look.columns if one.kind == "id" and not one.is_used]
    if not names:
        return []
    text = (
        f"{_list(names)} names the rows (a value of its own in almost each) and was left out: "
        "models would learn it by heart."
    )
    return [TableWarning(about="id", text=text, columns=tuple(names))]


def _imbalance(look: Look) -> list[TableWarning]:
    if look.task != "classification":
        return []
    counts = look.y.value_counts()
    shares = counts / counts.sum()
    notices = [*_same_labels(counts.index)]
    lone = [str(label) for label in counts.index[counts == 1]]
    if lone:
        text = (
            f"The class {_list(lone)} has a single row: it is trained on and never tested. Merge "
            "it with another, or collect more."
        )
        notices.append(TableWarning(about="imbalance", text=text))
    rare = [str(label) for label in counts.index[(counts > 1) & (counts < 10)]]
    if rare:
        text = (
            f"The class {_list(rare)} has fewer than 10 rows; what is said of it rests on one or "
            "two tested rows."
        )
        notices.append(TableWarning(about="imbalance", text=text))
    if shares.iloc[-1] * len(shares) < 0.4:
        text = (
            f"The classes are imbalanced: '{shares.index[0]}' has {shares.iloc[0]:.1%} of the "
            f"rows, '{shares.index[-1]}' {shares.iloc[-1]:.1%}. The share of right answers would "
            f"say little: {shares.iloc[0]:.1%} of them come from always guessing "
            f"'{shares.index[0]}'."
        )
        notices.append(TableWarning(about="imbalance", text=text))
    return notices


def _same_labels(labels: Iterable[Any]) -> list[TableWarning]:
    """TableWarning labels that differ in capital letters only."""
    forms: dict[str, list[str]] = {}
    for label in map(str, labels):
        forms.setdefault(label.casefold(), []).append(label)
    alike = [form for form in forms.values() if len(form) > 1]
    if not alike:
        return []
    text = (
        f"The classes {_list(alike[0])} differ in capital letters only and are taken for different "
        "ones; write them the same way if they are one."
    )
    return [TableWarning(about="imbalance", text=text)]


def _small(look: Look) -> list[TableWarning]:
    n_rows, n_columns = look.X.shape
    notices = []
    if n_rows < _SMALL:
        text = f"There are {n_rows} rows; scores on a quarter of them are rough."
        notices.append(TableWarning(about="small", text=text))
    if n_columns > n_rows and not look.is_images:
        text = (
            f"There are more columns ({n_columns}) than rows ({n_rows}): some columns will fit "
            "the target by luck. Models with few free parameters are the safer choice."
        )
        notices.append(TableWarning(about="small", text=text))
    return notices


def _duplicates(look: Look) -> list[TableWarning]:
    hashes = pd.util.hash_pandas_object(look.X, index=False)
    of_y = pd.factorize(look.y)[0].astype(np.uint64)
    n_same = int((hashes * np.uint64(31) + of_y).duplicated().sum())
    if not n_same:
        return []
    share = n_same / len(look.X)
    text = (
        f"{n_same} rows ({share:.1%}) repeat another row. A row that is trained on and tested "
        "makes scores look better; remove those that are not observations of their own."
    )
    return [TableWarning(about="duplicates", text=text, is_grave=share > 0.05)]


def _groups(look: Look) -> list[TableWarning]:
    """Suspect columns that name what several rows belong to."""
    if look.groups is not None:
        return []
    used = {one.name: one for one in look.columns if one.is_used}
    suspects = [name for name, note in used.items() if _is_group(look, name, note)]
    if not suspects:
        return []
    text = (
        f"{_list(suspects)} seems to name what several rows belong to (a customer, a patient, a "
        f"device). If new rows are of new ones, add --group '{suspects[0]}', or scores are of "
        "ones that the model has seen."
    )
    return [TableWarning(about="groups", text=text, columns=tuple(suspects), is_grave=True)]


def _is_group(look: Look, name: str, note: ColumnNote) -> bool:
    if note.kind not in {"number", "category"}:
        return False
    column, n_rows = look.X[name], len(look.y)
    if not 10 <= note.n_unique <= n_rows / 1.5 or note.n_missing:
        return False
    codes = pd.factorize(column)[0]
    n_values = int(codes.max()) + 1
    if note.kind == "number" and not _is_whole(column):
        return False
    if is_named_id(name):
        return True
    if look.task != "classification" or n_values < n_rows / 20 or n_values < 20:
        return False
    labels = pd.factorize(look.y)[0]
    shares = np.bincount(labels) / n_rows
    return _agreement(codes, labels) >= 0.95 and float((shares**2).sum()) < 0.8


def _is_whole(column: pd.Series[Any]) -> bool:
    values = column.to_numpy(np.float64)
    return bool((values == np.floor(values)).all())


def _agreement(codes: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> float:
    """Return how often two rows of one group have one label."""
    pairs = pd.DataFrame({"group": codes, "label": labels})
    sizes = pairs.groupby("group").size()
    same = pairs.groupby(["group", "label"]).size()
    n_pairs = float((sizes * (sizes - 1)).sum())
    return float((same * (same - 1)).sum()) / n_pairs if n_pairs else 0.0


def _time(look: Look) -> list[TableWarning]:
    if look.times is not None:
        return []
    dates = [one.name for one in look.columns if one.kind == "date" and one.is_used]
    if not dates:
        return []
    sorted_ones = [name for name in dates if look.X[name].dropna().is_monotonic_increasing]
    first = (sorted_ones or dates)[0]
    is_sorted = ", by which the rows are sorted" if sorted_ones else ""
    text = (
        f"'{first}' holds dates{is_sorted}. If the model is to predict what comes later, add "
        f"--time '{first}': it is then tested on later rows than it was trained on."
    )
    return [TableWarning(about="time", text=text, columns=tuple(dates))]
