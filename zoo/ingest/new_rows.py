"""New rows beside the table that a model was trained on: columns by name, values by what is read.

A transform spec makes a missing value of whatever it cannot read. In new rows that is silent unless
it is counted, so each column is compared with what training had.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.definitions import near_name
from zoo.encoding.written import (
    MISSING_LABELS,
    MISSING_WORDS,
    date_formats,
    decimal_mark,
    is_day_known,
    is_missing,
    is_number,
)
from zoo.errors import DataError
from zoo.ingest.clean_table import Column, DecimalMark, Severity, TableWarning, Topic, TransformSpec
from zoo.ingest.number_facts import NumberFacts, number_facts
from zoo.ingest.outline import name_columns
from zoo.ingest.plain import as_plain, value_text

__all__ = ["known_values", "match_columns", "training_facts", "unlike_training"]

_NOTABLE, _MOST = 0.02, 0.5  # fractions of a column's values
_EMPTIER = 0.2
_ENOUGH = 10  # values for which quantiles say more than the extremes
_SAMPLE = 5000  # distinct texts that a decimal mark or the formats of dates are looked for in


def known_values(column: Column, kind: str) -> NDArray[np.bool_]:
    """Return which cells of a plain column (n_rows,) are not missing; `kind` is its spec's."""
    found = np.array(column.notna(), bool)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("str")
    if isinstance(column.dtype, pd.StringDtype):
        words = MISSING_LABELS if kind in {"category", "text"} else MISSING_WORDS
        codes, texts = pd.factorize(column)
        is_word = np.append(is_missing(pd.Series(texts, dtype="str"), words), False)
        found &= ~is_word[codes]
    return found


def training_facts(
    column: Column,
    features: Mapping[str, Column],
    spec: TransformSpec,
    facts: NumberFacts | None = None,
) -> dict[str, Any]:
    """Return what new rows are compared with, as plain data for a column's transform spec.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Plain, as it was read.
    features : mapping of Series of shape (n_rows,)
        What the spec made of it.
    spec : TransformSpec
        Of this column.
    facts : NumberFacts or None
        Of `column`, if it is of numbers.

    Returns
    -------
    dict
        The fractions of rows that are missing, and of known values that are not read; in new rows
        about as many categories are unseen as training has categories of one row. Of numbers also
        quantiles.
    """
    if facts is not None and spec["kind"] == "number" and "center" not in spec:
        missing = facts.n_missing / len(column)
        return {"missing": missing, "unread": 0.0, "quantiles": [*facts.quantiles]}
    is_known = known_values(column, spec["kind"])
    n_known = max(1, int(is_known.sum()))
    said: dict[str, Any] = {"missing": 1.0 - float(is_known.mean())}
    values = features.get(spec["name"])
    if values is None:
        return {**said, "unread": 0.0}
    n_unread = int((values.isna().to_numpy(bool) & is_known).sum())
    if spec["kind"] == "category":
        n_unread += int((values.value_counts() == 1).sum())
    said["unread"] = n_unread / n_known
    if spec["kind"] == "number":
        said["quantiles"] = [*number_facts({"": values})[""].quantiles]
    return said


def match_columns(
    frame: pd.DataFrame, spec: TransformSpec, where: str = "the rows"
) -> tuple[pd.DataFrame, tuple[TableWarning, ...]]:
    """Return the frame with the column names of training, and warnings about those that differ.

    A column whose name differs in capital letters, blanks or punctuation is taken for the one of
    training if no other could be meant.

    Raises
    ------
    DataError
        If a column is missing; the nearest name is offered.
    """
    names = name_columns(list(frame.columns))
    wanted = [str(step["name"]) for step in spec.get("columns", ())]
    free = [name for name in names if name not in {*wanted}]
    taken: dict[str, str] = {}
    lacking: list[str] = []
    for name in (name for name in wanted if name not in {*names}):
        same = [one for one in free if _folded(one) == _folded(name)]
        rivals = [one for one in wanted if _folded(one) == _folded(name)]
        if len(same) == 1 and len(rivals) == 1 and _folded(name):
            taken[same[0]] = name
        else:
            lacking.append(name)
    if lacking:
        raise _lacking(lacking, [one for one in free if one not in taken], names, where)
    warnings = []
    if taken:
        pairs = [f"'{found}' was taken for '{name}'" for found, name in taken.items()]
        more = f" and {len(pairs) - 5} more" if len(pairs) > 5 else ""
        text = (
            f"Columns whose names are written otherwise than in training: {_listed(pairs)}{more}."
        )
        warnings.append(TableWarning(about=Topic.READ, text=text, columns=(*taken.values(),)))
    return frame.set_axis([taken.get(name, name) for name in names], axis=1), (*warnings,)


def _listed(texts: list[str]) -> str:
    return ", ".join(texts[:5])


def _folded(name: str) -> str:
    """Return a name in lower case, of letters and digits only."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _lacking(lacking: list[str], free: list[str], names: list[str], where: str) -> DataError:
    """Return the error for missing columns, with the nearest names."""
    folded = {name.casefold(): name for name in reversed(free)}
    hints = []
    for name in lacking[:5]:
        if near := near_name(name.casefold(), folded):
            hints.append(
                f"'{folded[near]}' for '{name}'" if len(lacking) > 1 else f"'{folded[near]}'"
            )
    more = f" and {len(lacking) - 10} more" if len(lacking) > 10 else ""
    shown = ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
    return DataError(
        f"{where} lack{'s' * (where != 'the rows')} the column{'s' * (len(lacking) > 1)} "
        f"{', '.join(map(repr, lacking[:10]))}{more}, which the model was trained with; "
        f"columns are: {shown}" + (f"; did you mean {', '.join(hints)}?" if hints else "")
    )


def unlike_training(
    frame: pd.DataFrame, features: pd.DataFrame, spec: TransformSpec
) -> tuple[TableWarning, ...]:
    """Return a warning for each column that cannot be read as in training, the worst first.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Raw rows with the column names of training.
    features : DataFrame of shape (n_rows, n_features)
        What `zoo.ingest.transforms.apply_transform` made of them.
    spec : TransformSpec
        Of the table.
    """
    found = []
    for step in spec.get("columns", ()):
        column = as_plain(frame[step["name"]].reset_index(drop=True))
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype("str")
        found += [*_compare(column, features, step)]
    found.sort(key=lambda one: -one[0])
    return tuple(warning for _, warning in found)


def _compare(
    column: Column, features: pd.DataFrame, step: TransformSpec
) -> Iterator[tuple[float, TableWarning]]:
    """Yield at most one warning about a column, and the fraction of its values that it is about."""
    name, kind, facts = str(step["name"]), str(step["kind"]), dict(step.get("training", {}))
    is_known = known_values(column, kind)
    n_known = int(is_known.sum())
    n_missing = len(column) - n_known
    missing = n_missing / max(1, len(column))
    values = features.get(name)
    unread, text = 0.0, ""
    if values is not None and n_known:
        is_unread = is_known & values.isna().to_numpy(bool)
        unread = float(is_unread.sum() / n_known)
        if unread > 2 * float(facts.get("unread", 0.0)) + _NOTABLE:
            text = _unread_text(column[is_unread], int(is_unread.sum()), n_known, step)
    if not text and missing - float(facts.get("missing", 0.0)) > _EMPTIER:
        trained = float(facts.get("missing", 0.0))
        text = (
            f"{n_missing:,} of {len(column):,} values ({missing:.0%}) of '{name}' are missing; in "
            f"training {trained:.0%} were."
        )
        unread = missing
    if not text and values is not None:
        unread, text = _outside(column, values, facts, step)
    if text:
        severity = Severity.SERIOUS if unread > _MOST else Severity.MINOR
        yield unread, TableWarning(about=Topic.READ, text=text, columns=(name,), severity=severity)


def _unread_text(unread: Column, n_unread: int, n_known: int, step: TransformSpec) -> str:
    """Say how many values are not read as in training, with an example and what is known of it."""
    name, kind = step["name"], step["kind"]
    example = value_text(unread.value_counts().index[0])[:40]
    of = f"{n_unread:,} of {n_known:,} values ({n_unread / n_known:.0%}) of '{name}'"
    end = "they count as missing, and predictions for these rows are less sure."
    if kind in {"category", "boolean"}:
        known = [*map(str, step.get("categories", [*step.get("true", ()), *step.get("false", ())]))]
        if kind == "boolean" and len(known) > 2:
            known = [one for one in known if one not in {"0", "1"}]  # accepted beside the words
        same = [one for one in known if _folded(one) == _folded(example) and _folded(one)]
        near = f"such as '{example}' (training had {_listed([*map(repr, known)])}"
        near += f" and {len(known) - 5} more)" if len(known) > 5 else ")"
        if same:
            near = f"such as '{example}', which training had as '{same[0]}'"
        return f"{of} did not occur in training, {near}; {end}"
    hint = ""
    if kind == "date" and isinstance(unread.dtype, pd.StringDtype):
        formats = date_formats(pd.Series(unread.unique()[:_SAMPLE], dtype="str"))
        if formats:
            hint = f"; they look like {', '.join(formats)}"
        hint += f"; training had {', '.join(map(str, step['formats']))}"
    elif kind == "number" and isinstance(unread.dtype, pd.StringDtype):
        mark, is_read, _ = decimal_mark(pd.Series(unread.unique()[:_SAMPLE], dtype="str"))
        if mark != step["decimal"] and is_read.mean() > _MOST:
            hint = f"; they have the decimal mark '{mark}', training had '{step['decimal']}'"
    what = {"number": "a number", "date": "a date", "clock": "a time of day"}[kind]
    return f"{of} cannot be read as {what} as in training, such as '{example}'{hint}; {end}"


def _other_mark(texts: Column, mark: DecimalMark, step: TransformSpec) -> tuple[float, str]:
    """Return the fraction of numbers that were perhaps misread, and what to say of their mark."""
    usual: DecimalMark = "," if mark == "." else "."
    said = f"'{step['name']}' seems to have the decimal mark '{mark}', training had '{usual}'"
    fits_both = is_number(texts, mark) & is_number(texts, usual)
    unclear = texts[fits_both & texts.str.contains(r"[.,]").to_numpy(bool)]
    if not len(unclear):
        return _EMPTIER, f"{said}; each number was read by its own mark."
    return 1.0, (
        f"{said}; {len(unclear) / len(texts):.0%} of its values fit both, such as "
        f"'{unclear.iloc[0]}', and were read with '{usual}'. Write them as in training."
    )


def _outside(
    column: Column, values: Column, facts: dict[str, Any], step: TransformSpec
) -> tuple[float, str]:
    """Return how many numbers are unlike training, and what to say; of dates their order."""
    name, kind = step["name"], step["kind"]
    is_text = isinstance(column.dtype, pd.StringDtype)
    if is_text and kind in {"number", "date"}:
        texts = pd.Series(column.dropna().unique()[:_SAMPLE], dtype="str")
        texts = texts[~is_missing(texts)]
        if kind == "number" and len(texts):
            mark, is_read, is_certain = decimal_mark(texts, step["decimal"])
            if mark != step["decimal"] and is_certain and is_read.mean() > 0.9:
                return _other_mark(texts, mark, step)
        if kind == "date" and len(texts):
            formats = date_formats(texts)
            if formats and not {*formats} & {*step["formats"]} and is_day_known(texts, formats):
                said = f"'{name}' seems to be written as {', '.join(formats)}, and was read as "
                return 1.0, said + f"{', '.join(step['formats'])} as in training: check it."
    if not facts.get("quantiles") or values.dtype == bool:
        return 0.0, ""
    known = values.to_numpy(np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return 0.0, ""
    least, low, high, most = map(float, facts["quantiles"])
    if len(known) < _ENOUGH:
        low, high = least, most
    outside = max(float((known < low).mean()), float((known > high).mean()))
    if outside <= _MOST:
        return 0.0, ""
    side = f"below {low:g}" if (known < low).mean() > _MOST else f"above {high:g}"
    training = "all values" if len(known) < _ENOUGH else "95% of them"
    return outside, (
        f"{outside:.0%} of the values of '{name}' are {side}, such as {float(np.median(known)):g}; "
        f"in training {training} were between {low:g} and {high:g}. Is the unit the same?"
    )
