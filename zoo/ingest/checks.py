"""What the user should know about a table before believing its scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from zoo.ingest.clean_table import OwnTable, Severity, TableWarning, Topic
from zoo.ingest.groups import find_groups
from zoo.ingest.leaks import Screen, lone_score
from zoo.ingest.made_from import find_lags, find_origins
from zoo.ingest.repeats import count_repeats
from zoo.prose import count, plural, quoted

__all__ = ["check_table"]

_LEAK = 0.97  # on the scale from chance to perfection
_RIVAL, _MOST_RIVALS = 0.9, 4  # the best score of the others, and how many of them are looked at
_LEAST_COLUMNS = 4  # to compare a column with
_SMALL = 200
_ADVICE = (
    "If it is known only after the outcome, or made from it, remove it from the file: the scores "
    "would be too good to be true."
)
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
    """Warn of columns that alone predict the target almost perfectly, or from which it is made."""
    suspects, pairs = Screen(table.y, table.task).search(table.X)
    scores = {name: lone_score(table.X[name], table.y, table.task) for name in suspects}
    leaks = [name for name in sorted(scores, key=lambda n: -scores[n]) if scores[name] >= _LEAK]
    if leaks:
        text = (
            f"{_list(leaks)} alone {plural(len(leaks), 'predicts', 'predict')} the target almost "
            f"perfectly ({scores[leaks[0]]:.1%} on a scale from chance to perfection). {_ADVICE}"
        )
        yield _serious(Topic.LEAK, text, leaks)
    if table.task == "classification":
        if table.X.shape[1] >= _LEAST_COLUMNS:
            yield from _pairs(table, pairs, leaks)
    else:
        yield from _origins(table, leaks)
    for name, lag in find_lags(table.X, table.y, table.task).items():
        rows = f"{count(abs(lag), 'row')} {'before' if lag > 0 else 'below'}"
        text = (
            f"'{name}' holds the target of the row that is {rows}. If that is not known yet when "
            "a row is to be predicted, remove the column."
        )
        yield _serious(Topic.LEAK, text, [name])


def _pairs(
    table: OwnTable, suspects: Mapping[tuple[str, str], Sequence[str]], known: Sequence[str]
) -> Iterator[TableWarning]:
    """Warn of columns that alone separate two of several classes almost perfectly.

    Where other columns nearly do so as well, the classes are merely easy.
    """
    warned: dict[str, list[str]] = {}
    for pair, some in suspects.items():
        if len(some) > _MOST_RIVALS:
            continue
        rows = table.y.isin(pair).to_numpy(bool)
        y = table.y[rows].reset_index(drop=True)
        names = {
            name: lone_score(table.X[name][rows].reset_index(drop=True), y, table.task)
            for name in some
        }
        best = max(names, key=lambda name: names[name])
        rivals = [score for name, score in names.items() if name != best]
        if names[best] >= _LEAK and max(rivals, default=0.0) < _RIVAL and best not in known:
            warned.setdefault(best, []).append(f"'{pair[0]}' and '{pair[1]}'")
    for name, pairs in warned.items():
        more = f" and {len(pairs) - 3} more pairs" if len(pairs) > 3 else ""
        text = (
            f"'{name}' alone separates the classes {'; '.join(pairs[:3])}{more} almost perfectly, "
            f"and no other column nearly does. {_ADVICE}"
        )
        yield _serious(Topic.LEAK, text, [name])


def _origins(table: OwnTable, known: Sequence[str]) -> Iterator[TableWarning]:
    """Warn of columns whose sum, difference, product or ratio is the target."""
    columns = [name for name in table.X.columns if str(name) not in known]
    for one in find_origins(table.X[columns], table.y):
        text = (
            f"{_list(one.columns)} together give the target almost exactly, as "
            f"{one.formula.value} ({one.explained:.2%} of its variance). {_ADVICE}"
        )
        yield _serious(Topic.LEAK, text, one.columns)


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
    """Warn of rows that repeat another row, more of them than by chance."""
    n_same, by_chance = count_repeats(table.X, table.y)
    n_more = n_same - by_chance
    if n_more <= 3 * by_chance**0.5:
        return
    fraction = n_more / len(table.X)
    text = (
        f"{count(n_same, 'row')} ({n_same / len(table.X):.1%}) "
        f"{plural(n_same, 'repeats', 'repeat')} another row. "
    )
    if by_chance >= 1:
        text = (
            f"{count(n_same, 'row')} ({n_same / len(table.X):.1%}) "
            f"{plural(n_same, 'repeats', 'repeat')} another row; about {by_chance:.0f} would by "
            "chance, as the columns have few distinct values. "
        )
    text += (
        "A row in both training and test makes scores look better; remove rows that are not "
        "independent observations."
    )
    is_serious = fraction > 0.05 and by_chance < n_same / 4  # related columns repeat more often
    severity = Severity.SERIOUS if is_serious else Severity.MINOR
    yield TableWarning(about=Topic.DUPLICATES, text=text, severity=severity)


def _groups(table: OwnTable) -> Iterator[TableWarning]:
    """Warn of columns that may name the group of a row."""
    if table.groups is None and (names := find_groups(table)):
        text = (
            f"{_list(names)} {plural(len(names), 'seems', 'seem')} to name a group of rows (a "
            "customer, a patient, a device). If "
            f"new rows come from new groups, add --group '{names[0]}'; otherwise the model is "
            "tested on groups that it has seen."
        )
        yield _serious(Topic.GROUPS, text, names)


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
