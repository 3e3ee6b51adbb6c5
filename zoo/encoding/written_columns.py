"""The rule what text is a number, a date or a time of day; all other text is categories.

Own tables and estimators read columns by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.encoding.written import (
    MISSING_LABELS,
    MISSING_WORDS,
    TRUTH,
    Column,
    DecimalMark,
    date_formats,
    decimal_mark,
    is_clock,
    is_missing,
    is_number,
)

__all__ = ["CLOCK", "Written", "are_codes", "are_truth_words", "decimal_of_columns", "how_written"]

CLOCK = "clock"
_SAMPLE = 5000  # texts that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How amounts are written in a column of text.

    Attributes
    ----------
    kind : {"number", "date", "clock"}
        A clock shows a time of day or a duration.
    formats : tuple of str
        The decimal mark of numbers, the `strptime` formats of dates, `CLOCK`.
    is_certain : bool
        Whether the texts decide on the decimal mark.
    is_read : ndarray of bool, shape (n_texts,)
        Of the texts that are no words for a missing value: those that can be read.
    is_value : ndarray of bool, shape (n_texts,)
        The texts that are no words for a missing value.
    """

    kind: Literal["number", "date", "clock"]
    formats: tuple[str, ...]
    is_certain: bool
    is_read: NDArray[np.bool_]
    is_value: NDArray[np.bool_]


def are_codes(labels: Column) -> bool:
    """Return whether labels (n,) are digits that may begin with 0, such as postal codes."""
    some = labels.iloc[:: max(1, len(labels) // _SAMPLE)]
    return bool(some.str.fullmatch(r"\d+").all() and some.str.match(r"0\d").any())


def are_truth_words(labels: Column) -> bool:
    """Return whether labels (n,) are a pair such as yes and no."""
    return len(labels) <= 6 and frozenset(labels.str.casefold()) in TRUTH


def how_written(
    texts: Column, counts: NDArray[np.int64], decimal: DecimalMark | None
) -> Written | None:
    """Return how a column's texts write amounts; None if they are categories.

    Parameters
    ----------
    texts : Series of str, shape (n_texts,)
        Distinct, without blanks at the ends.
    counts : ndarray of shape (n_texts,)
        How many rows have each.
    decimal : {".", ","} or None
        The decimal mark of the other columns.
    """
    is_value = ~is_missing(texts, MISSING_WORDS)
    labels = texts[~is_missing(texts, MISSING_LABELS)]
    if not is_value.any() or are_codes(labels) or are_truth_words(labels):
        return None
    known, counts = texts[is_value], counts[is_value]
    mark, is_number, is_certain = decimal_mark(known, decimal)
    of_rows, of_texts = counts[is_number].sum() / counts.sum(), is_number.mean()
    is_one_word = (~is_number).sum() == 1  # which then stands for a missing value
    if of_rows >= 0.95 or (of_texts >= 0.9 and of_rows >= (0.2 if is_one_word else 0.8)):
        return Written(
            kind="number",
            formats=(mark,),
            is_certain=is_certain,
            is_read=is_number,
            is_value=is_value,
        )
    all_read = np.ones(len(known), bool)
    if formats := date_formats(known):
        return Written(
            kind="date", formats=formats, is_certain=True, is_read=all_read, is_value=is_value
        )
    if (is_time := is_clock(known)).mean() >= 0.9:
        return Written(
            kind="clock", formats=(CLOCK,), is_certain=True, is_read=is_time, is_value=is_value
        )
    return None


def decimal_of_columns(
    columns: Iterable[Column], known: DecimalMark | None = None
) -> DecimalMark | None:
    """Return the decimal mark that most columns of text use unambiguously, or None.

    `known` is the mark of columns that were parsed before.
    """
    if known == ",":
        return known
    votes = {".": 0, ",": 0}
    for column in columns:
        texts = pd.Series(column.iloc[:_SAMPLE].dropna().unique(), dtype="str")
        texts = texts[~is_missing(texts)]
        if len(texts):
            mark, is_read, is_certain = decimal_mark(texts)
            is_shown = known is None or not is_number(texts, known).all()
            votes[mark] += is_certain and is_shown and is_read.mean() >= 0.9
    if votes["."] == votes[","]:
        return None if votes["."] else known
    return "," if votes[","] > votes["."] else "."
