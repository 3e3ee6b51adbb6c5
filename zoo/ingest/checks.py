"""What the user should know about a table before believing its scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.ingest.clean_table import ColumnNote, OwnTable, Severity, TableWarning, Topic
from zoo.ingest.kinds import is_named_id
from zoo.ingest.leaks import lone_score, may_be_leak
from zoo.prose import count, plural, quoted

__all__ = ["check_table"]

_LEAK = 0.97  # on the scale from chance to perfection
_SMALL = 200
_ORDER: list[str] = [*Severity, *Topic]


def check_table(table: OwnTable, known: Iterable[TableWarning]) -> tuple[TableWarning, ...]:
    """Return the warnings about a table, and those that are known, the most serious first."""
    found = [*known, *_imbalance(table), *_small(table), *_duplicates(table)]
    if table.image_shape is None:  # pixels are not checked one by one
        found += [*_leaks(table), *_unused(table), *_groups(table), *_time(table)]
    found.sort(key=lambda one: (_ORDER.index(one.severity), _ORDER.index(one.about)))
    return tuple(found)


def _list(names: Sequence[str], most: int = 5) -> str:
    return quoted(names, most=most)


def _leaks(table: OwnTable) -> Iterator[TableWarning]:
    """Warn of columns that alone predict the target almost perfectly."""
    scores = {
        str(name): lone_score(table.X[name], table.y, table.task)
        for name in table.X.columns
        if may_be_leak(table.X[name], table.y, table.task)
    }
    leaks = [name for name in sorted(scores, key=lambda n: -scores[n]) if scores[name] >= _LEAK]
    if leaks:
        text = (
            f"{_list(leaks)} alone {plural(len(leaks), 'predicts', 'predict')} the target almost "
            f"perfectly ({scores[leaks[0]]:.1%} on "
            "a scale from chance to perfection). If it is known only after the outcome, or made "
            "from it, remove it from the file: the scores would be too good to be true."
        )
        yield _serious(Topic.LEAK, text, leaks)


def _serious(about: Topic, text: str, columns: Sequence[str]) -> TableWarning:
    return TableWarning(about=about, text=text, columns=(*columns,), severity=Severity.SERIOUS)


def _unused(table: OwnTable) -> Iterator[TableWarning]:
    """Warn of copies of the target and of identifiers, which were left out."""
    if copies := [one.name for one in table.columns if one.kind == "copy"]:
        equal, left = plural(len(copies), "is", "are"), plural(len(copies), "was", "were")
        text = f"{_list(copies)} {equal} equivalent to the target in each row and {left} left out."
        yield TableWarning(about=Topic.LEAK, text=text, columns=tuple(copies))
    if ids := [one.name for one in table.columns if one.kind == "id"]:
        text = (
            f"{_list(ids)} {plural(len(ids), 'identifies', 'identify')} the rows (nearly every "
            f"value is unique) and {plural(len(ids), 'was', 'were')} left out: models would "
            f"memorise {plural(len(ids), 'it', 'them')}."
        )
        yield TableWarning(about=Topic.ID, text=text, columns=tuple(ids))


def _imbalance(table: OwnTable) -> list[TableWarning]:
    """Warn of classes that are alike, rare or imbalanced."""
    if table.task != "classification":
        return []
    counts = table.y.value_counts()
    fractions, texts = counts / counts.sum(), []
    same: dict[str, list[str]] = {}
    for label in counts.index:
        same.setdefault(label.casefold(), []).append(label)
    if alike := next((labels for labels in same.values() if len(labels) > 1), None):
        texts.append(
            f"The classes {_list(alike)} differ in capital letters only and count as different "
            "classes; write them the same way if they are one."
        )
    if lone := [*counts.index[counts == 1]]:
        texts.append(
            f"{_classes(lone, 'a single row')}: it is in training and never tested. Merge "
            f"{plural(len(lone), 'it', 'them')} with another class, or collect more rows."
        )
    if rare := [*counts.index[(counts > 1) & (counts < 10)]]:
        texts.append(
            f"{_classes(rare, 'fewer than 10 rows')}; {plural(len(rare), 'its', 'their')} scores "
            "rest on one or two test rows."
        )
    if fractions.iloc[-1] * len(fractions) < 0.4:
        most, least = fractions.index[0], fractions.index[-1]
        texts.append(
            f"The classes are imbalanced: '{most}' has {fractions.iloc[0]:.1%} of the rows, "
            f"'{least}' {fractions.iloc[-1]:.1%}. Accuracy would say little: always predicting "
            f"'{most}' reaches {fractions.iloc[0]:.1%}."
        )
    return [TableWarning(about=Topic.IMBALANCE, text=text) for text in texts]


def _classes(labels: Sequence[str], what: str) -> str:
    """Return the start of a sentence: which classes have something each."""
    if len(labels) == 1:
        return f"The class {_list(labels)} has {what}"
    return f"The classes {_list(labels)} have {what} each"


def _small(table: OwnTable) -> Iterator[TableWarning]:
    """Warn of few rows."""
    n_rows, n_columns = table.X.shape
    if n_rows < _SMALL:
        text = f"There are {n_rows} rows; scores on a quarter of them are imprecise."
        yield TableWarning(about=Topic.SMALL, text=text)
    if n_columns > n_rows and table.image_shape is None:
        text = (
            f"There are more columns ({n_columns}) than rows ({n_rows}): some columns will fit "
            "the target by chance. Models with few free parameters are the safer choice."
        )
        yield TableWarning(about=Topic.SMALL, text=text)


def _duplicates(table: OwnTable) -> Iterator[TableWarning]:
    """Warn of rows that repeat another row."""
    hashes = pd.util.hash_pandas_object(table.X, index=False)
    of_y = pd.factorize(table.y)[0].astype(np.uint64)
    if n_same := int((hashes * np.uint64(31) + of_y).duplicated().sum()):
        fraction = n_same / len(table.X)
        text = (
            f"{count(n_same, 'row')} ({fraction:.1%}) {plural(n_same, 'repeats', 'repeat')} "
            "another row. A row in both training and test makes scores look better; remove rows "
            "that are not independent observations."
        )
        severity = Severity.SERIOUS if fraction > 0.05 else Severity.MINOR
        yield TableWarning(about=Topic.DUPLICATES, text=text, severity=severity)


def _groups(table: OwnTable) -> Iterator[TableWarning]:
    """Warn of columns that may name the group of a row."""
    if table.groups is not None:
        return
    if names := [one.name for one in table.columns if one.is_used and _is_group(table, one)]:
        text = (
            f"{_list(names)} {plural(len(names), 'seems', 'seem')} to name a group of rows (a "
            "customer, a patient, a device). If "
            f"new rows come from new groups, add --group '{names[0]}'; otherwise the model is "
            "tested on groups that it has seen."
        )
        yield _serious(Topic.GROUPS, text, names)


def _is_group(table: OwnTable, note: ColumnNote) -> bool:
    """Return whether the name or the labels of equal values suggest groups of rows."""
    column, n_rows, n_values = table.X.get(note.name), len(table.y), note.n_unique
    if note.kind not in {"number", "category"} or note.n_missing:
        return False
    if not 10 <= n_values <= n_rows / 1.5:
        return False
    if note.kind == "number" and (column % 1).any():
        return False
    if is_named_id(note.name):
        return True
    if table.task != "classification" or n_values < n_rows / 20 or n_values < 20:
        return False
    codes, labels = pd.factorize(column)[0], pd.factorize(table.y)[0]
    fractions = np.bincount(labels) / n_rows
    return _agreement(codes, labels) >= 0.95 and float((fractions**2).sum()) < 0.8


def _agreement(codes: NDArray[np.intp], labels: NDArray[np.intp]) -> float:
    """Return how often two rows of one group have the same label."""
    pairs = pd.DataFrame({"group": codes, "label": labels})
    sizes, same = pairs["group"].value_counts(), pairs.value_counts()
    n_pairs = float((sizes * (sizes - 1)).sum())
    return float((same * (same - 1)).sum()) / n_pairs if n_pairs else 0.0


def _time(table: OwnTable) -> Iterator[TableWarning]:
    """Warn of dates by which rows should perhaps be split."""
    dates = [one.name for one in table.columns if one.kind == "date" and one.is_used]
    if dates and table.times is None:
        in_order = [name for name in dates if table.X[name].dropna().is_monotonic_increasing]
        first = (in_order or dates)[0]
        is_sorted = ", by which the rows are sorted" if in_order else ""
        text = (
            f"'{first}' holds dates{is_sorted}. If the model is to predict the future, add --time "
            f"'{first}': it is then tested on rows later than its training rows."
        )
        yield TableWarning(about=Topic.TIME, text=text, columns=tuple(dates))
