"""Words such as "NA", "-" or "None" among labels: a missing value, or a label of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from zoo.encoding.written import FALSE_WORDS, MISSING_LABELS, MISSING_WORDS, TRUE_WORDS
from zoo.ingest.clean_table import Column

__all__ = ["LabelWords", "label_words", "words_like_labels"]

_DASHES = frozenset({"-", "--", "\u2013", "\u2014"})
# Never a class by their number only: written by programs, mostly where a missing value became text.
_BY_PROGRAMS = frozenset({"", "?", "??", "nan", "-nan", "nat", "<na>", "null", r"\n"}) | frozenset(
    word for word in MISSING_LABELS if word.startswith("#")
)
_PLUS = re.compile(r"[+\u00b1=/<>*#.]+|\+\d|\d\+|[+-]{2,3}|[+-]/[+-]")
_REGIONS = frozenset({"anz", "apac", "cis", "emea", "eu", "latam", "mena", "ssa"})


@dataclass(frozen=True, slots=True)
class LabelWords:
    """The words of a column that usually stand for a missing value.

    Attributes
    ----------
    kept : mapping of str to int
        Those that are labels here, and their rows.
    is_sure : bool
        Whether the other labels show that.
    dropped : mapping of str to int
        The others, and their rows.
    """

    kept: Mapping[str, int]
    is_sure: bool
    dropped: Mapping[str, int]


def label_words(column: Column, *, is_typed: bool = False, is_target: bool = False) -> LabelWords:
    """Return which words of a plain column are labels and which are missing values.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        As `zoo.ingest.plain.as_plain` gives.
    is_typed : bool
        Whether missing values are marked in another way, as in a frame or a Parquet file; "NA" and
        "-" are labels then.
    is_target : bool
        Whether a word is a label if it is the only other one; so is a dash that is the commonest.
    """
    if not isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype):
        return LabelWords({}, True, {})
    found = column.value_counts()
    found = found[found > 0]
    counts = found.groupby(found.index.astype("str").str.strip()).sum()
    folded = {word: word.casefold() for word in counts.index}
    words = [word for word in counts.index if folded[word] in MISSING_LABELS]
    others = [word for word in counts.index if folded[word] not in MISSING_LABELS]
    sure = words_like_labels(words, others)
    kept = {*sure}
    if is_typed and others:
        kept |= {word for word in words if folded[word] not in _BY_PROGRAMS}
    if is_target and words and others:
        commonest = counts.idxmax()
        kept |= {commonest} & {word for word in words if folded[word] in _DASHES}
        likely = [word for word in words if folded[word] not in _BY_PROGRAMS]
        kept |= {*likely} if len(others) == 1 and len(likely) == 1 else set()
    rows = {word: int(counts[word]) for word in counts.sort_values(ascending=False).index}
    also = [word for word in others if folded[word] in MISSING_WORDS]  # such as none, mild, severe
    return LabelWords(
        kept={word: n for word, n in rows.items() if word in kept or word in also},
        is_sure=kept <= {*sure},
        dropped={word: n for word, n in rows.items() if word in words and word not in kept},
    )


def words_like_labels(words: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return the words for a missing value that look like the other labels: NA beside EU and AS."""
    others = [*others]
    return [word for word in words if _is_like(word, others)]


def _is_like(word: str, others: list[str]) -> bool:
    """Return whether a word has the form of the labels beside it."""
    if word in _DASHES:
        return any(_PLUS.fullmatch(other) for other in others)
    if not word.isalpha() or not others:
        return False
    folded = {other.casefold() for other in others}
    if folded & (TRUE_WORDS | FALSE_WORDS) and len(others) <= 4:
        return False
    if word == "NA" and folded & _REGIONS:
        return True
    n_needed = {"NA": 2, "na": 4, "NAN": 5, "NULL": 8}.get(word, 8)
    is_any_length = word.istitle()  # a name: Null, Nan
    alike = [
        other
        for other in others
        if other.isalpha()
        and other.isascii()
        and _case(other) == _case(word)
        and (is_any_length or len(other) == len(word))
    ]
    return len(alike) >= max(n_needed, 0.8 * len(others))


def _case(word: str) -> str:
    return "upper" if word.isupper() else "lower" if word.islower() else "title"
