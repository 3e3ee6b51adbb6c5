"""Whole numbers as a target: counts, ratings and codes of classes look alike."""

from __future__ import annotations

import re
from enum import StrEnum

import numpy as np

from zoo.ingest.clean_table import Column

__all__ = ["Scale", "scale_of"]

_WORDS = frozenset(
    """
    count counts n num number times visits claims children kids days nights accidents incidents
    goals purchases orders events calls clicks sales items visitors siblings admissions failures
    defects errors bikes rentals cases deaths births anzahl zahl haufigkeit besuche arztbesuche
    kinder tage unfalle nombre visites enfants jours cantidad numero visitas hijos numero dias
    """.split()  # noqa: SIM905 (words are read more easily)
)
_LEAST_VALUES, _LEAST_NAMED = 6, 4  # of a count; with a name that says so
_TAIL = 0.25  # of the commonest value's rows are at most of the largest value


class Scale(StrEnum):
    """What whole numbers measure, by their distribution."""

    CODES = "codes"
    COUNT = "count"
    ORDERED = "ordered"


def scale_of(numbers: Column, name: str) -> Scale:
    """Return whether few whole numbers are a count, an ordered scale or codes of classes.

    Counts begin with 0 or 1 and get rarer after their commonest value. Other numbers with one
    peak, such as ratings, are at least ordered. Codes are in no order, so their frequencies have
    several peaks, or are about equal.

    Parameters
    ----------
    numbers : Series of shape (n_samples,)
        Whole numbers; NaN is missing.
    name : str
        Of the column.
    """
    values, counts = np.unique(numbers.dropna().to_numpy(np.float64), return_counts=True)
    if values[0] < 0:
        return Scale.CODES
    words = {word.casefold() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+", name)}
    is_named = bool(words & _WORDS)
    if len(values) < (_LEAST_NAMED if is_named else _LEAST_VALUES) or not _has_one_peak(counts):
        return Scale.CODES
    has_tail = counts[-1] <= _TAIL * counts.max()
    is_early = counts.argmax() <= (len(values) - 1) / 2
    steps = np.diff(values[: max(2, len(values) - 2)])  # the largest values may be far apart
    if values[0] <= 1 and has_tail and is_early and (steps == 1).all():
        return Scale.COUNT
    return Scale.ORDERED if has_tail or is_named else Scale.CODES


def _has_one_peak(counts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> bool:
    """Return whether frequencies rise to one peak and fall again, up to chance.

    The last may stand for "so many or more".
    """
    if counts[-1] <= _TAIL * counts.max():
        counts = counts[:-1]
    peak, chance = int(counts.argmax()), 2 * np.sqrt(counts[1:] + counts[:-1])
    steps = np.diff(counts)
    return bool((steps[:peak] >= -chance[:peak]).all() and (steps[peak:] <= chance[peak:]).all())
