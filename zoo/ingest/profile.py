"""What each column of a table is, and how it is to be read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from zoo.ingest.clean_table import ColumnNote
from zoo.ingest.topics import learn_words
from zoo.ingest.written import (
    GAP_WORDS,
    LABEL_GAP_WORDS,
    TRUE_WORDS,
    TRUTH,
    Decimal,
    date_formats,
    decimal_mark,
    is_clock,
    is_day_sure,
    is_gap,
)

__all__ = ["Finding", "decimal_of_file", "find_kind", "is_named_id", "with_facts"]

_SAMPLE = 5000  # texts that are looked at
_DAYS = (19000101, 21001231)  # between which a number may be a date
_MIN_IDS = 20  # of fewer rows one cannot tell an identifier from a number
_MAX_LEVELS = 1000  # models use the 254 most frequent
_ID_WORDS = {"id", "ids", "uuid", "guid", "key", "index", "idx", "nr", "rowid", "rownames"}
_ID_WORDS |= {"identifier", "rownumber", "serial", "unnamed"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a column is, and the step of the recipe that reads it; None: models do not see it."""

    note: ColumnNote
    step: Mapping[str, Any] | None


def is_named_id(name: str) -> bool:
    """Return whether a name says that the column identifies something (customer_id, PatientID)."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return any(word.casefold() in _ID_WORDS for word in words)


def decimal_of_file(columns: Iterable[pd.Series[Any]]) -> Decimal | None:
    """Return the decimal mark that most text columns show beyond doubt, or None."""
    votes = {".": 0, ",": 0}
    for column in columns:
        if isinstance(column.dtype, pd.StringDtype):
            texts = pd.Series(column.iloc[:_SAMPLE].dropna().unique(), dtype="str")
            texts = texts[~is_gap(texts)]
            if len(texts):
                mark, is_number, is_sure = decimal_mark(texts)
                votes[mark] += is_sure and is_number.mean() >= 0.9
    if votes["."] == votes[","]:
        return None
    return "," if votes[","] > votes["."] else "."


def find_kind(column: pd.Series[Any], hint: Decimal | None = None) -> Finding:
    """Return what a column is.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        As `zoo.ingest.plain.as_plain` gives.
    hint : {".", ","} or None
        The decimal mark of the other columns.

    Returns
    -------
    Finding
        Numbers and dates that are written as text are told from a part of the rows: what is
        missing, and how many values there are, is known when they are read.
    """
    if isinstance(column.dtype, pd.StringDtype):
        known = column.dropna() if column.hasnans else column
        some = known.iloc[:: max(1, len(known) // _SAMPLE)]
        sample = _Words(some, hint)
        if (amount := sample.amount()) is not None:
            return amount
        if sample.is_long_text():
            return _find_text(column, sample.n_words())
        return _Words(column, hint).levels()
    n_missing, n_unique = int(column.isna().sum()), int(column.nunique())
    facts = {"name": str(column.name), "n_missing": n_missing, "n_unique": n_unique}
    if n_unique == 0:
        return _unused(facts, "empty", "has no value")
    if n_unique == 1 and not n_missing:
        return _unused(facts, "constant", f"is {column.iloc[0]} in each row")
    find = {"b": _find_boolean, "M": _find_date, "O": _find_levels}
    kind = getattr(column.dtype, "kind", "O")
    return find[kind](column, facts) if kind in find else _find_number(column, facts, hint)


def with_facts(finding: Finding, made: Mapping[str, pd.Series[Any]]) -> Finding:
    """Return a finding with what is known now that its column was read, into `made`.

    Numbers that were written as text may turn out to be an identifier.
    """
    note = finding.note
    if note.name not in made or note.kind not in {"number", "date", "category"}:
        return finding
    column = made[note.name].rename(note.name)
    if note.kind == "number" and note.note:
        as_numbers = find_kind(column)
        if as_numbers.step is None:
            return as_numbers
    n_missing, n_unique = int(column.isna().sum()), int(column.nunique())
    return Finding(replace(note, n_missing=n_missing, n_unique=n_unique), finding.step)


_AS_DATE = "models see days since 1970, month, weekday and hour"


def _used(facts: Mapping[str, Any], kind: str, note: str, **how: Any) -> Finding:
    step = {"name": facts["name"], "kind": kind, **how}
    return Finding(ColumnNote(**facts, kind=kind, is_used=True, note=note), step)


def _unused(facts: Mapping[str, Any], kind: str, note: str) -> Finding:
    return Finding(ColumnNote(**facts, kind=kind, is_used=False, note=note), None)


def _find_boolean(column: pd.Series[Any], facts: Mapping[str, Any]) -> Finding:
    del column
    return _used(facts, "boolean", "", true=["true", "1", "yes"], false=["false", "0", "no"])


def _find_date(column: pd.Series[Any], facts: Mapping[str, Any]) -> Finding:
    del column
    return _used(facts, "date", _AS_DATE, formats=["ISO8601"])


def _find_levels(column: pd.Series[Any], facts: Mapping[str, Any]) -> Finding:
    counts = column.value_counts()
    return _levels(facts, counts[counts > 0])


def _find_number(column: pd.Series[Any], facts: Mapping[str, Any], hint: Decimal | None) -> Finding:
    values = column.to_numpy()
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    is_whole = bool((known == np.floor(known)).all())
    if is_whole and not facts["n_missing"]:
        low, high = float(known.min()), float(known.max())
        if (low, high) == (0.0, 1.0):
            return _used(facts, "boolean", "0 and 1", true=["1", "true"], false=["0", "false"])
        if facts["n_unique"] == len(column) >= _MIN_IDS:
            if high - low == len(column) - 1:
                return _unused(facts, "id", "counts the rows; it would not help with new ones")
            if is_named_id(facts["name"]):
                return _unused(facts, "id", "differs in each row, and is named as an identifier")
    if is_whole and known.min() >= _DAYS[0] and known.max() <= _DAYS[1]:
        texts = pd.Series(known[:_SAMPLE].astype(np.int64)).drop_duplicates().astype("str")
        if date_formats(texts, enough=1.0) == ("%Y%m%d",):
            note = f"written as {int(known[0])}; {_AS_DATE}"
            return _used(facts, "date", note, formats=["%Y%m%d"])
    note = "one value apart from the gaps" if facts["n_unique"] == 1 else ""
    return _used(facts, "number", note, decimal=hint or ".")


def _levels(facts: Mapping[str, Any], counts: pd.Series[Any]) -> Finding:
    """Return a column of levels; `counts` has the rows of each."""
    kept = sorted(map(str, counts.sort_values(ascending=False, kind="stable").index[:_MAX_LEVELS]))
    note = f"{len(counts)} levels"
    if len(counts) > 254:
        note += "; models use the most frequent, the others count as missing"
    return _used(facts, "category", note, levels=kept)


def _find_text(column: pd.Series[Any], n_words: float) -> Finding:
    is_there = np.array(column.notna(), bool)
    is_there[is_there] = ~is_gap(column[is_there], LABEL_GAP_WORDS)
    known = column if is_there.all() else column[is_there]
    facts = {
        "name": str(column.name),
        "n_missing": len(column) - len(known),
        "n_unique": int(known.nunique()),
    }
    note = f"free text of {n_words:.0f} words on average; models see topics"
    return _used(facts, "text", note, learnt=learn_words(known))


class _Words:
    """A column of text.

    Parameters
    ----------
    column : Series of str, shape (n_rows,)
    hint : {".", ","} or None
    """

    def __init__(self, column: pd.Series[Any], hint: Decimal | None) -> None:
        codes, levels = pd.factorize(column)
        self.column, self.hint = column, hint
        self.counts = np.bincount(codes[codes >= 0], minlength=len(levels))
        self.texts = pd.Series(levels, dtype="str").str.strip()
        self.is_level = ~is_gap(self.texts, LABEL_GAP_WORDS)
        self.is_value = ~is_gap(self.texts, GAP_WORDS)
        self.n_known = int(self.counts[self.is_level].sum())
        known = self.texts[self.is_level]
        self.facts: dict[str, Any] = {
            "name": str(column.name),
            "n_missing": len(column) - self.n_known,
            "n_unique": int(known.nunique()),
        }
        # of telephone numbers, postal codes and the like
        some = known.iloc[:: max(1, len(known) // _SAMPLE)]
        self.is_code = bool(some.str.fullmatch(r"\d+").all() and some.str.match(r"0\d").any())

    def amount(self) -> Finding | None:
        """Return the finding if the column is of numbers or dates, else None."""
        if self.is_code or not self.is_value.any() or self._is_truth():
            return None
        return self._number() or self._date() or self._clock()

    def levels(self) -> Finding:
        """Return the finding, where the column is not of numbers or dates."""
        if not self.n_known:
            return _unused(self.facts, "empty", "has no value")
        known = self.texts[self.is_level]
        if self.facts["n_unique"] == 1 and not self.facts["n_missing"]:
            return _unused(self.facts, "constant", f"is '{known.iloc[0][:40]}' in each row")
        if self._is_truth() and not self.facts["n_missing"]:
            words = frozenset(known.str.casefold())
            true = sorted(words & TRUE_WORDS)
            # "1" and "0" are what other programs make of it
            how = {"true": [*true, "1"], "false": [*sorted(words - TRUE_WORDS), "0"]}
            return _used(self.facts, "boolean", " and ".join(sorted({*known})), **how)
        return self._words(known)

    def _is_truth(self) -> bool:
        known = self.texts[self.is_level]
        return len(known) <= 6 and frozenset(known.str.casefold()) in TRUTH

    def _number(self) -> Finding | None:
        texts, counts = self.texts[self.is_value], self.counts[self.is_value]
        mark, is_number, is_sure = decimal_mark(texts, self.hint)
        of_rows, of_levels = counts[is_number].sum() / counts.sum(), is_number.mean()
        is_one_word = (~is_number).sum() == 1  # which stands for a gap, then
        if not (of_rows >= 0.95 or (of_levels >= 0.9 and of_rows >= (0.2 if is_one_word else 0.8))):
            return None
        notes = ["numbers written as text" + (" with a decimal comma" if mark == "," else "")]
        if not is_sure and texts.str.contains(",", regex=False).any():
            notes.append(f"'{mark}' was taken for the decimal mark")
        if not is_number.all():
            notes.append(f"not read: {', '.join(map(repr, texts[~is_number].iloc[:3]))}")
        gaps = {*self.texts[~self.is_value & (self.texts != "").to_numpy(bool)]}
        if gaps:
            notes.append(f"missing: {', '.join(map(repr, sorted(gaps)[:3]))}")
        return _used(self.facts, "number", "; ".join(notes), decimal=mark)

    def _date(self) -> Finding | None:
        texts = self.texts[self.is_value]
        formats = date_formats(texts)
        if not formats:
            return None
        note = f"written as {', '.join(formats)}; {_AS_DATE}"
        if not is_day_sure(texts, formats):
            note += "; whether the day or the month comes first cannot be told from the values"
        return _used(self.facts, "date", note, formats=[*formats])

    def _clock(self) -> Finding | None:
        if not is_clock(self.texts[self.is_value]).mean() >= 0.9:
            return None
        note = "times as hours and minutes; models see seconds"
        found = _used(self.facts, "number", note)
        return Finding(found.note, {"name": self.facts["name"], "kind": "clock"})

    def n_words(self) -> float:
        """Return how many words a text has on average."""
        known = self.texts[self.is_level]
        some = known.iloc[:: max(1, len(known) // _SAMPLE)]
        return float(some.str.count(r"\s+").mean()) + 1 if len(some) else 0.0

    def is_long_text(self) -> bool:
        """Return whether these are texts of several words, most of them different."""
        if is_named_id(self.facts["name"]) or self.facts["n_unique"] <= 10:
            return False
        return self.facts["n_unique"] >= 0.3 * self.n_known and self.n_words() >= 4

    def _words(self, known: pd.Series[Any]) -> Finding:
        n_levels = self.facts["n_unique"]
        share = n_levels / self.n_known
        some = known.iloc[:: max(1, len(known) // _SAMPLE)]
        n_words = self.n_words()
        is_single = n_words < 1.5 or is_named_id(self.facts["name"])
        is_single |= bool((~some.str.contains(r"[^\W\d_]")).mean() > 0.95)  # no letter: a number
        if share >= 0.95 and self.n_known >= _MIN_IDS and is_single:
            return _unused(self.facts, "id", f"{n_levels} different values; it names the rows")
        if share > 0.5 and n_levels > 100 and n_words >= 1.5:
            return _find_text(self.column, n_words)
        counts = pd.Series(self.counts[self.is_level], index=known.to_numpy())
        return _levels(self.facts, counts.groupby(level=0).sum())
