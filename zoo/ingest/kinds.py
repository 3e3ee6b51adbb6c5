"""The kind of each column of a table, and how the column is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from zoo.data.topics import MAX_FITTED, count_words, fit_topics
from zoo.encoding.column_reading import center_of, written_numbers
from zoo.encoding.written import (
    MISSING_LABELS,
    MISSING_WORDS,
    TRUE_WORDS,
    date_formats,
    is_day_known,
    is_missing,
    is_number,
    read_numbers,
)
from zoo.encoding.written_columns import Written, are_codes, are_truth_words, how_written
from zoo.ingest.clean_table import (
    Column,
    ColumnKind,
    ColumnNote,
    DecimalMark,
    Severity,
    TableWarning,
    Topic,
    TransformSpec,
)
from zoo.ingest.label_words import words_like_labels
from zoo.ingest.number_facts import NumberFacts, number_facts
from zoo.prose import count

__all__ = ["Finding", "confirm", "find_kind", "is_named_id"]

_SAMPLE = 5000  # texts that the kind is inferred from
_DAYS = (19000101, 21001231)  # between which a whole number may be a date
_MIN_IDS = 20  # with fewer rows identifiers and numbers look alike
_MAX_CATEGORIES = 1000  # models use the 254 most frequent
_ID_WORDS = {"id", "ids", "uuid", "guid", "key", "index", "idx", "nr", "rowid", "rownames"}
_ID_WORDS |= {"identifier", "rownumber", "serial", "unnamed"}
_AS_TEXT = "numbers written as text"
# Numbers of which a decimal point may not be one between thousands; 007 is a code.
_PLAIN = r"^-?(?:0|[1-9]\d*)(?:\.\d+)?$"
_DECIMAL = r"^-?(?:0\.\d+|[1-9]\d*\.(?:\d{1,2}|\d{4,})|[1-9]\d{3,}\.\d+)$"
_AS_DATE = "models see days since 1970, month, weekday and hour"


@dataclass(frozen=True, slots=True)
class Finding:
    """The kind of a column and how it is read.

    Attributes
    ----------
    note : ColumnNote
        Its `is_used` says whether models see the column.
    spec : TransformSpec or None
        How `zoo.ingest.transforms.transform` reads it. An identifier has one if it can be a target
        or a time: it is a number then.
    warnings : tuple of TableWarning
        About values that can be read in two ways.
    """

    note: ColumnNote
    spec: TransformSpec | None
    warnings: tuple[TableWarning, ...] = ()


def is_named_id(name: str) -> bool:
    """Return whether a name says that the column identifies something (customer_id, PatientID).

    A column without a name, which readers call "column 1", is often the index of a data frame.
    """
    if re.fullmatch(r"column \d+|level_\d+", name):
        return True
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return any(word.casefold() in _ID_WORDS for word in words)


def find_kind(
    column: Column, decimal: DecimalMark | None = None, facts: NumberFacts | None = None
) -> Finding:
    """Return the kind of a column.

    Numbers and dates that are written as text are recognised from a sample of the rows; `confirm`
    corrects the counts once the column is read.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        As `zoo.ingest.plain.as_plain` gives.
    decimal : {".", ","} or None
        The decimal mark of the other columns.
    facts : NumberFacts or None
        Of the column, where they are known.
    """
    if isinstance(column.dtype, pd.StringDtype):
        if decimal != "," and _is_plain(column):
            draft = _draft(column, 0, 0)  # `confirm` counts
            return _used(draft, "number", _AS_TEXT, decimal=".")
        known = column.dropna() if column.hasnans else column
        sample = _Texts(known.iloc[:: max(1, len(known) // _SAMPLE)], decimal)
        if (amount := sample.amount()) is not None:
            return amount
        if sample.is_long():
            return _free_text(column, sample.n_words())
        return _Texts(column, decimal).categories()
    return _kind_of_values(column, decimal, facts)


def _is_plain(column: Column) -> bool:
    """Return whether texts are decimal numbers without doubt, as most are; Arrow is quick."""
    texts = pa.array(column, pa.large_string()).drop_null()
    return (
        len(texts) > 0
        and pc.all(pc.match_substring_regex(texts, _PLAIN)).as_py()
        and pc.any(pc.match_substring_regex(texts, _DECIMAL)).as_py()
    )


def confirm(finding: Finding, column: Column) -> Finding:
    """Return the finding with the counts of the column as it was read.

    Numbers that were written as text may turn out to be an identifier.
    """
    note = finding.note
    if note.kind == "number" and note.note:
        as_number = find_kind(column.rename(note.name))
        if not as_number.note.is_used:
            return as_number
    n_missing, n_unique = int(column.isna().sum()), int(column.nunique())
    return replace(finding, note=replace(note, n_missing=n_missing, n_unique=n_unique))


def _kind_of_values(
    column: Column, decimal: DecimalMark | None, facts: NumberFacts | None
) -> Finding:
    """Return the kind of a column that is not of text."""
    kind = column.dtype.kind
    if kind in "iuf" and facts is None:
        wide = column if column.dtype in {np.dtype("f8"), np.dtype("i8")} else column.astype("f8")
        facts = number_facts({"": wide})[""]
    draft = (
        _draft(column, int(column.isna().sum()), int(column.nunique()))
        if facts is None
        else _draft(column, facts.n_missing, facts.n_unique)
    )
    if draft.n_unique == 0:
        return _unused(draft, "empty", "has no value")
    if draft.n_unique == 1 and not draft.n_missing:
        return _unused(draft, "constant", f"is {column.iloc[0]} in each row")
    if kind == "b":
        return _used(draft, "boolean", true=["true", "1", "yes"], false=["false", "0", "no"])
    if kind == "M":
        return _used(draft, "date", _AS_DATE, formats=["ISO8601"])
    if facts is None:
        counts = column.value_counts()
        return _category(draft, counts[counts > 0])
    return _number(column, draft, facts, decimal)


def _draft(column: Column, n_missing: int, n_unique: int) -> ColumnNote:
    name = str(column.name)
    return ColumnNote(name=name, kind="empty", n_missing=n_missing, n_unique=n_unique)


def _used(draft: ColumnNote, what: ColumnKind, note: str = "", **spec: object) -> Finding:
    spec = {"name": draft.name, "kind": what, **spec}
    return Finding(replace(draft, kind=what, is_used=True, note=note), spec)


def _unused(
    draft: ColumnNote, what: ColumnKind, note: str, spec: TransformSpec | None = None
) -> Finding:
    return Finding(replace(draft, kind=what, note=note), spec)


def _number(
    column: Column, draft: ColumnNote, facts: NumberFacts, decimal: DecimalMark | None
) -> Finding:
    if facts.is_whole:
        if (facts.low, facts.high) == (0.0, 1.0) and not draft.n_missing:
            return _used(draft, "boolean", "0 and 1", true=["1", "true"], false=["0", "false"])
        if why := _why_id(draft, facts, len(column)):
            return _unused(draft, "id", why)
        if facts.low >= _DAYS[0] and facts.high <= _DAYS[1]:
            known = column.dropna().to_numpy()
            texts = pd.Series(known[:_SAMPLE].astype(np.int64)).drop_duplicates().astype("str")
            if date_formats(texts, enough=1.0) == ("%Y%m%d",):
                note = f"written as {int(known[0])}; {_AS_DATE}"
                return _used(draft, "date", note, formats=["%Y%m%d"])
    note = "one value, missing in some rows" if draft.n_unique == 1 else ""
    center, notes = _long(column)
    note = "; ".join([note] * bool(note) + notes)
    return _used(draft, "number", note, decimal=decimal or ".", **center)


def _long(numbers: Column) -> tuple[dict[str, int], list[str]]:
    """Return what is subtracted from integers that floats would round, and notes about it."""
    center, is_rounded = center_of(numbers)
    notes = [f"less {center}, as floats do not hold integers that long"] if center else []
    notes += ["integers too long for floats are rounded"] if is_rounded else []
    return ({"center": center} if center else {}), notes


def _why_id(draft: ColumnNote, facts: NumberFacts, n_rows: int) -> str:
    """Return why whole numbers identify the rows; empty if they do not.

    Rows may have been removed since they were numbered, and a few may have been repeated or lost
    their number. Measured numbers that nearly fill their range would repeat much more often: of n
    that are drawn from 2n, a fifth do.
    """
    n_known, n_unique = n_rows - draft.n_missing, draft.n_unique
    if n_known < max(_MIN_IDS, 0.95 * n_rows):
        return ""
    if n_unique == n_known and facts.span == n_known - 1:
        return "counts the rows; it says nothing about new rows"
    is_named = is_named_id(draft.name)
    if n_unique == n_known and is_named:
        return "differs in each row and is named as an identifier"
    is_distinct = n_unique >= 0.95 * n_known and (n_known >= 50 or n_unique == n_known)
    density = n_unique / (facts.span + 1)
    if is_distinct and density >= (0.1 if is_named else 0.5):
        return "nearly counts the rows; it says nothing about new rows"
    if is_distinct and is_named and facts.is_rising:
        return "differs in nearly each row and is named as an identifier"
    return ""


def _category(draft: ColumnNote, counts: Column) -> Finding:
    """Return a categorical column; `counts` has the rows of each category."""
    most = counts.sort_values(ascending=False, kind="stable").index[:_MAX_CATEGORIES]
    note = count(len(counts), "category")
    if len(counts) > 254:
        note += "; models use the most frequent, the others count as missing"
    return _used(draft, "category", note, categories=sorted(map(str, most)))


def _free_text(column: Column, n_words: float) -> Finding:
    is_there = np.array(column.notna(), bool)
    is_there[is_there] = ~is_missing(column[is_there], MISSING_LABELS)
    known = column if is_there.all() else column[is_there]
    draft = _draft(column, len(column) - len(known), int(known.nunique()))
    note = f"free text of {n_words:.0f} words on average; models see topics"
    some = known if len(known) <= MAX_FITTED else known.sample(MAX_FITTED, random_state=0)
    return _used(draft, "text", note, topics=fit_topics(count_words(some)))


class _Texts:
    """The distinct texts of a column, and the kinds that it may be of."""

    def __init__(self, column: Column, decimal: DecimalMark | None) -> None:
        codes, texts = pd.factorize(column)
        self.column, self.decimal = column, decimal
        self.counts = np.bincount(codes[codes >= 0], minlength=len(texts))
        self.texts = pd.Series(texts, dtype="str").str.strip()
        self.is_label = ~is_missing(self.texts, MISSING_LABELS)
        self.kept: list[str] = []
        if words := {*self.texts[~self.is_label]} - {""}:
            self.kept = words_like_labels(words, {*self.texts[self.is_label]})
            self.is_label |= self.texts.isin(self.kept).to_numpy(bool)
        self.is_value = ~is_missing(self.texts, MISSING_WORDS)
        self.n_known = int(self.counts[self.is_label].sum())
        self.labels = self.texts[self.is_label]
        self.draft = _draft(column, len(column) - self.n_known, int(self.labels.nunique()))
        self.some = self.labels.iloc[:: max(1, len(self.labels) // _SAMPLE)]

    def amount(self) -> Finding | None:
        """Return the finding if the column holds numbers or dates, else None."""
        found = how_written(self.texts, self.counts, self.decimal)
        if found is None:
            return None
        texts = self.texts[found.is_value]
        if found.kind == "number":
            return self._number(texts, found)
        return self._date(texts, found.formats) if found.kind == "date" else self._clock()

    def categories(self) -> Finding:
        """Return the finding if the column does not hold numbers or dates."""
        draft = self.draft
        if not self.n_known:
            return _unused(draft, "empty", "has no value")
        if draft.n_unique == 1 and not draft.n_missing:
            return _unused(draft, "constant", f"is '{self.labels.iloc[0][:40]}' in each row")
        if are_truth_words(self.labels) and not draft.n_missing:
            words = frozenset(self.labels.str.casefold())
            true = sorted(words & TRUE_WORDS)
            # other programs write "1" and "0" for them
            spec = {"true": [*true, "1"], "false": [*sorted(words - TRUE_WORDS), "0"]}
            return _used(draft, "boolean", " and ".join(sorted({*self.labels})), **spec)
        return self._id_or_category()

    def _number(self, texts: Column, found: Written) -> Finding:
        mark: DecimalMark = "," if found.formats == (",",) else "."
        is_read, is_certain = found.is_read, found.is_certain
        notes = [_AS_TEXT + (" with a decimal comma" if mark == "," else "")]
        if not is_certain and texts.str.contains(",", regex=False).any():
            notes.append(f"'{mark}' was taken as the decimal mark")
        if not is_read.all():
            notes.append(f"not read: {', '.join(map(repr, texts[~is_read].iloc[:3]))}")
        notes += self._missing(self.is_value)
        center, long_notes = _long(written_numbers(texts[is_read], mark))
        notes += long_notes
        finding = _used(self.draft, "number", "; ".join(notes), decimal=mark, **center)
        return replace(finding, warnings=(*self._doubts(texts[is_read], mark, is_certain),))

    def _missing(self, is_there: NDArray[np.bool_]) -> list[str]:
        """Return the words for missing values, as part of a note."""
        words = sorted({*self.texts[~is_there]} - {""})
        return [f"missing: {', '.join(map(repr, words[:3]))}"] if words else []

    def _doubts(self, texts: Column, mark: DecimalMark, is_certain: bool) -> Iterator[TableWarning]:
        """Warn of numbers that can be read in two ways."""
        name = self.draft.name
        other: DecimalMark = "," if mark == "." else "."
        fits, fits_other = is_number(texts, mark), is_number(texts, other)
        has_mark = texts.str.contains(r"[.,]").to_numpy(bool)
        both = texts[fits & fits_other & has_mark]
        if len(only := texts[~fits]):
            text = (
                f"In '{name}' some numbers have a decimal point and some a decimal comma, such as "
                f"'{texts[fits].iloc[0]}' and '{only.iloc[0]}'; each was read by its own mark"
            )
            if len(both):
                text += f", and '{both.iloc[0]}', which fits both, with '{mark}'"
            text += ". Write all with the same mark."
            yield self._doubt(text, is_serious=bool(len(both)))
        elif len(both) and not (is_certain and (fits & ~fits_other).any()):
            value = read_numbers(both.iloc[:1], mark)[0]
            text = f"In '{name}' '{both.iloc[0]}' was read as {value:.15g}"
            is_mixed = both.str.contains(other, regex=False).nunique() == 2
            if not is_mixed and (is_certain or self.decimal == mark):
                if self.decimal == other:
                    groups = "point" if mark == "," else "comma"
                    text += f", unlike the other columns: the {groups} groups thousands here."
                    yield self._doubt(text, is_serious=True)
                return
            text += (
                f", with '{mark}' as the decimal mark, but the column fits '{other}' too. If that "
                "is wrong, write the numbers without a mark between thousands, or with one more "
                "decimal."
            )
            yield self._doubt(text, is_serious=is_mixed or bool((~has_mark).any()))

    def _doubt(self, text: str, *, is_serious: bool) -> TableWarning:
        severity = Severity.SERIOUS if is_serious else Severity.MINOR
        columns = (self.draft.name,)
        return TableWarning(about=Topic.READ, text=text, columns=columns, severity=severity)

    def _date(self, texts: Column, formats: tuple[str, ...]) -> Finding:
        note = f"written as {', '.join(formats)}; {_AS_DATE}"
        if not is_day_known(texts, formats):
            note += "; the values do not show whether the day or the month comes first"
        return _used(self.draft, "date", note, formats=[*formats])

    def _clock(self) -> Finding:
        note = "times as hours and minutes; models see seconds"
        return _used(self.draft, "number", note, kind="clock")

    def n_words(self) -> float:
        """Return the average number of words per text."""
        return float(self.some.str.count(r"\s+").mean()) + 1 if len(self.some) else 0.0

    def is_long(self) -> bool:
        """Return whether these are texts of several words, most of them different."""
        if is_named_id(self.draft.name) or self.draft.n_unique <= 10:
            return False
        return self.draft.n_unique >= 0.3 * self.n_known and self.n_words() >= 4

    def _id_or_category(self) -> Finding:
        n_unique, n_words = self.draft.n_unique, self.n_words()
        fraction = n_unique / self.n_known
        is_single = n_words < 1.5 or is_named_id(self.draft.name)
        is_single |= bool((~self.some.str.contains(r"[^\W\d_]")).mean() > 0.95)  # without letters
        if fraction >= 0.95 and self.n_known >= _MIN_IDS and is_single:
            spec = None
            if are_codes(self.labels) and self.labels.str.fullmatch(r"\d+").all():
                spec = {"name": self.draft.name, "kind": "number", "decimal": self.decimal or "."}
            note = f"{n_unique} different values; it identifies the rows"
            return _unused(self.draft, "id", note, spec)
        if fraction > 0.5 and n_unique > 100 and n_words >= 1.5:
            return _free_text(self.column, n_words)
        counts = pd.Series(self.counts[self.is_label], index=self.labels.to_numpy())
        finding = _category(self.draft, counts.groupby(level=0).sum())
        if not self.kept:
            missing = [finding.note.note, *self._missing(self.is_label)]
            return replace(finding, note=replace(finding.note, note="; ".join(missing)))
        shown = ", ".join(map(repr, self.kept))
        text = (
            f"In '{self.draft.name}' {shown} was taken as a category, as it looks like the others."
        )
        return replace(finding, warnings=(self._doubt(text, is_serious=False),))
