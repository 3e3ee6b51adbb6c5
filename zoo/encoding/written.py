"""Numbers, dates and truth values as people write them, parsed from the distinct texts of a column.

All functions take the distinct texts, not the rows: 300,000 rows of 200 texts cost 200 parses.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pandas.tseries.api import guess_datetime_format

__all__ = [
    "FALSE_WORDS",
    "MISSING_LABELS",
    "MISSING_WORDS",
    "TRUE_WORDS",
    "TRUTH",
    "Column",
    "DecimalMark",
    "date_formats",
    "decimal_mark",
    "is_clock",
    "is_day_known",
    "is_missing",
    "is_number",
    "read_clock",
    "read_dates",
    "read_numbers",
]

Column: TypeAlias = "pd.Series[Any]"
DecimalMark = Literal[".", ","]

# Words for a missing label or category. "none" is not among them, as it is often a category
# (none, mild, severe).
_NO_VALUE = {"", "?", "??", "-", "--", "\u2013", "\u2014", "null", "nan", "-nan", "nat", "<na>"}
_NO_VALUE |= {r"\n"}  # as databases export it
_NOT_KNOWN = {"na", "n/a", "n.a.", "n. a.", "#n/a", "#na"}
_ERRORS = {"#null!", "#value!", "#ref!", "#div/0!", "#name?"}  # of spreadsheets
MISSING_LABELS = frozenset(_NO_VALUE | _NOT_KNOWN | _ERRORS)
# Words for a missing number or date.
MISSING_WORDS = MISSING_LABELS | {"none", "nil", "missing", "(missing)", "unknown"}
MISSING_WORDS |= {".", "..", "..."}

_LONGEST_MISSING = 40  # bytes, including blanks around the word

_YES = ("true", "t", "yes", "y", "on", "ja", "j", "oui", "si", "s\u00ed")
_NO = ("false", "f", "no", "n", "off", "nein", "n", "non", "no", "no")
TRUTH = frozenset(frozenset(pair) for pair in zip(_YES, _NO, strict=True))
TRUE_WORDS = frozenset(_YES)
FALSE_WORDS = frozenset(_NO)

# RE2 patterns, in which \x{20ac} is the euro sign.
_UNITS = (
    r"%|\x{2030}|\x{20ac}|\$|\x{a3}|\x{a5}|\x{20b9}|usd|eur|gbp|chf|jpy|inr|rs|"
    r"kr|sek|nok|dkk|pln|z\x{142}|"
    r"kg|mg|g|ct|lbs?|oz|km|cm|mm|m|mi|ft|in|ms|sec|s|min|hrs?|h|days?|years?|yrs?|"
    r"kwh|kw|w|mb|gb|kb|tb|ml|cl|l|\x{b0}c|\x{b0}f|\x{b0}"
)
_BEFORE = (
    r"^([-+(]?)\s*(?:us|ca|au|r)?"
    r"(?:\$|\x{20ac}|\x{a3}|\x{a5}|\x{20b9}|usd|eur|gbp|chf|inr|rs\.?)\s*"
)
_AFTER = rf"([\d.)])\s*(?:{_UNITS})$"
_SPACES = r"[\s'\x{2019}\x{a0}\x{202f}\x{2009}]"  # digit separators besides point and comma
_EXPONENT = r"(?:e[+-]?\d{1,3})?"


def _shape(decimal: str, other: str) -> str:
    d, o = re.escape(decimal), re.escape(other)
    plain = rf"(?:\d+{d}?\d*|{d}\d+){_EXPONENT}"
    grouped = rf"[1-9]\d{{0,2}}(?:(?:{o}\d{{3}})+|(?:{_SPACES}\d{{3}})+)(?:{d}\d*)?"
    return rf"[+-]?(?:{plain}|{grouped}|inf|infinity)"


_INDIAN = r"[+-]?[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d*)?"  # 1,23,456: a lakh and more
_SHAPES: dict[str, str] = {".": rf"{_shape('.', ',')}|{_INDIAN}", ",": _shape(",", ".")}


def _folded(texts: pa.Array) -> pa.Array:
    """Return texts in lower case, stripped of blanks."""
    # Arrow's kernels need a tenth of the time and memory of Python's strings
    return pc.utf8_trim_whitespace(pc.utf8_lower(texts))


def is_missing(texts: Column, words: Iterable[str] = MISSING_WORDS) -> NDArray[np.bool_]:
    """Return which texts stand for a missing value."""
    known = pa.array(sorted(words), pa.large_string())
    written = pa.array(texts, pa.large_string())
    is_short = pc.less_equal(pc.binary_length(written), _LONGEST_MISSING)
    found = np.zeros(len(texts), bool)
    found[np.asarray(is_short, bool)] = pc.is_in(_folded(written.filter(is_short)), value_set=known)
    return found


def _bare(texts: Column) -> pa.Array:
    """Return texts without blanks at the ends, currencies and units; (5) becomes -5."""
    bare = _folded(pa.array(texts, pa.large_string()))
    if not pc.all(pc.match_substring_regex(bare, r"^[\d.,+-]*$")).as_py():
        bare = pc.replace_substring(bare, "\u2212", "-")
        bare = pc.replace_substring_regex(bare, _BEFORE, r"\1")
        bare = pc.replace_substring_regex(bare, _AFTER, r"\1")
        bare = pc.replace_substring_regex(bare, r"^\((.*)\)$", r"-\1")
    return pc.replace_substring_regex(bare, r"^([\d.,]+)-$", r"-\1")  # as in accounts


def _is_number(bare: pa.Array, decimal: DecimalMark) -> NDArray[np.bool_]:
    return np.asarray(pc.match_substring_regex(bare, f"^(?:{_SHAPES[decimal]})$"), bool)


def decimal_mark(
    texts: Column, hint: DecimalMark | None = None
) -> tuple[DecimalMark, NDArray[np.bool_], bool]:
    """Return the decimal mark with which most of the texts are numbers, and which are numbers.

    Where each mark is followed by exactly three digits, both are possible ("1.234"). Beside whole
    numbers below 1,000 without a mark the mark groups thousands.

    Parameters
    ----------
    texts : Series of str, shape (n_texts,)
        Distinct, none missing.
    hint : {".", ","} or None
        The mark of the other columns; it decides where the texts do not.

    Returns
    -------
    tuple
        The mark; which texts are numbers, with it or surely with the other one (n_texts,); whether
        the texts alone decide.
    """
    bare = _bare(texts)
    points, commas = _is_number(bare, "."), _is_number(bare, ",")
    if points.sum() != commas.sum():
        return "." if points.sum() > commas.sum() else ",", points | commas, True
    mark, is_certain = _mark_by_thousands(bare.filter(pa.array(points & commas)))
    if mark is None or not is_certain:
        mark = hint or mark or "."
    return mark, points | commas, is_certain


def _mark_by_thousands(bare: pa.Array) -> tuple[DecimalMark | None, bool]:
    """Return the decimal mark if the other one seems to group thousands, and if it surely does.

    The texts are numbers with either mark. A program that groups thousands writes 846 beside 1.658;
    one that writes three decimals writes 846.000, and one that omits zeros at the end writes 1.65
    now and then.
    """
    groups = {mark: pc.match_substring(bare, mark) for mark in (".", ",")}
    n_with = {mark: pc.sum(has_it).as_py() or 0 for mark, has_it in groups.items()}
    if (n_with["."] > 0) == (n_with[","] > 0):
        return None, False
    decimal: DecimalMark = "," if n_with["."] else "."
    has_mark = groups["." if n_with["."] else ","]
    plain = bare.filter(pc.invert(has_mark))
    whole = plain.filter(pc.match_substring_regex(plain, r"^[+-]?\d{1,15}$"))
    sizes = np.unique(np.abs(np.asarray(pc.cast(pc.utf8_ltrim(whole, "+"), pa.int64()))))
    if not len(sizes) or sizes[-1] >= 1000:
        return None, False
    ends_in_zero = pc.any(pc.match_substring_regex(bare.filter(has_mark), "0$")).as_py()
    is_sure = len(sizes) >= 3 or bool(ends_in_zero and sizes[-1] >= 10)
    # a few small numbers may be codes, such as 0 or 9 for a missing value
    return (decimal if len(sizes) >= 2 or sizes[-1] >= 10 else None), is_sure


def is_number(texts: Column, decimal: DecimalMark) -> NDArray[np.bool_]:
    """Return which texts (n_texts,) are numbers with this decimal mark."""
    return _is_number(_bare(texts), decimal)


def read_numbers(texts: Column, decimal: DecimalMark) -> NDArray[np.float64]:
    """Return texts (n_texts,) as numbers; NaN for texts that are not numbers.

    A text that is a number only with the other mark is read with that one.
    """
    bare, values = _bare(texts), np.full(len(texts), np.nan)
    other: DecimalMark = "," if decimal == "." else "."
    for mark in (decimal, other):
        is_read = np.isnan(values) & _is_number(bare, mark)
        if not is_read.any():
            continue
        digits = bare.filter(pa.array(is_read))
        digits = pc.replace_substring_regex(digits, rf"^\+|{_SPACES}", "")
        digits = pc.replace_substring(digits, "," if mark == "." else ".", "")
        digits = pc.replace_substring(digits, ",", ".")
        values[is_read] = np.asarray(digits.cast(pa.float64()))
    return values


_DATE_LIKE = re.compile(
    r"(?=.*\d)(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{4}-\d{2}(?!\d)|\d{8}T?\d*|.*[a-z]{3}).*", re.I
)
_SHORT_YEAR = re.compile(
    r"\d{1,2}(?P<mark>[-/. ])(?:\d{1,2}|[a-z]{3})(?P=mark)\d{2}(?P<hours> \d{1,2}:\d{2})?", re.I
)
_CLOCK = r"\d{1,3}:\d{2}(?::\d{2}(?:\.\d+)?)?"
_SAMPLE = 200
_MAX_FORMATS = 8
_SWAPPED = {"%d": "%m", "%m": "%d"}


def date_formats(texts: Column, enough: float = 0.9) -> tuple[str, ...]:
    """Return the `strptime` formats that parse enough of the texts as dates, the commonest first.

    Of two formats that differ only in the order of day and month, the one that parses more texts is
    taken; in a tie the day comes first with dots, otherwise the month.

    Parameters
    ----------
    texts : Series of str, shape (n_texts,)
        Distinct, none missing.
    enough : float
        The fraction of texts that must be parsed; with fewer there are no formats.
    """
    texts = texts.str.strip()
    some = texts if len(texts) <= _SAMPLE else texts.sample(_SAMPLE, random_state=0)
    if not some.str.fullmatch(_DATE_LIKE).mean() >= enough or some.str.len().max() > 40:
        return ()
    found, left = _cover(some, [])
    if len(left) > (1 - enough) * len(some):
        return ()
    found, _ = _cover(texts, found)  # adds rare formats
    pairs = [(form, _swapped(form)) for form in found]
    best = [form if swapped is None else _best(texts, (form, swapped)) for form, swapped in pairs]
    return tuple(dict.fromkeys(form for form in best if form is not None))


def is_day_known(texts: Column, formats: Iterable[str]) -> bool:
    """Return whether the texts (n_texts,) determine which number is the day."""
    texts = texts.str.strip()
    pairs = [(form, _swapped(form)) for form in formats]
    return all(
        swapped is None or _parses(texts, form).sum() != _parses(texts, swapped).sum()
        for form, swapped in pairs
    )


def _cover(texts: Column, found: list[str]) -> tuple[list[str], Column]:
    """Return formats, `found` and more, and the texts that none of them parses."""
    left = texts
    for form in found:
        left = left[~_parses(left, form)]
    while len(left) and len(found) < _MAX_FORMATS:
        best = _best(left, {form for text in left.iloc[:20] for form in _formats_of(text)})
        if best is None:
            break
        found = [*found, best]
        left = left[~_parses(left, best)]
    return found, left


def _best(texts: Column, formats: Iterable[str]) -> str | None:
    """Return the format that parses most texts, in a tie the usual one; None if none parses any."""
    counts = [(int(_parses(texts, form).sum()), _is_usual(form), form) for form in formats]
    count, _, form = max(counts, default=(0, False, ""))
    return form if count else None


def _formats_of(text: str) -> set[str]:
    """Return the formats that a date may have, with the day or the month first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about the order of day and month
        guesses = {guess_datetime_format(text, dayfirst=is_first) for is_first in (True, False)}
    formats = {
        form if re.search("%[mbB]", form) else form.replace("%d", "%m")  # 2020-05 is a month
        for form in map(str, guesses - {None})
    }
    formats = {form for form in formats if re.search("%Y(?!.?%d)", form)}
    short = _SHORT_YEAR.fullmatch(text)
    if formats or not short:
        return formats
    mark, hours = short["mark"], " %H:%M" if short["hours"] else ""
    return {f"%d{mark}%m{mark}%y{hours}", f"%m{mark}%d{mark}%y{hours}", f"%d{mark}%b{mark}%y"}


def _is_usual(form: str) -> bool:
    """Return whether day and month stand in the usual order: with dots the day first."""
    order = re.search("%([dm])(.)%[dm]", form)
    return order is None or (order[1] == "d") == (order[2] == ".")


def _parses(texts: Column, form: str) -> Column:
    return pd.to_datetime(texts, format=form, errors="coerce", utc=True).notna()


def _swapped(form: str) -> str | None:
    """Return the format with day and month exchanged, if both are numbers."""
    if form.startswith("%Y") or not {"%d", "%m"} <= {*re.findall("%.", form)}:
        return None
    return re.sub("%[dm]", lambda part: _SWAPPED[part.group()], form)


def read_dates(texts: Column, formats: Iterable[str]) -> NDArray[np.datetime64]:
    """Return the times (n_texts,) of texts in any of the formats; NaT for those that are none.

    Times with an offset are converted to UTC; the result has no zone.
    """
    texts = texts.str.strip()
    times = np.full(len(texts), np.datetime64("NaT", "us"))
    for form in formats:
        left = np.isnat(times)
        read = pd.to_datetime(texts[left], format=form, errors="coerce", utc=True)
        times[left] = read.dt.tz_localize(None).to_numpy("datetime64[us]")
    return times


def is_clock(texts: Column) -> NDArray[np.bool_]:
    """Return which texts (n_texts,) are times of day or durations: 12:30, 100:05:59.5."""
    return np.asarray(texts.str.strip().str.fullmatch(_CLOCK), bool)


def read_clock(texts: Column) -> NDArray[np.float64]:
    """Return times of day or durations (n_texts,) in seconds; NaN for texts that are none."""
    parts = texts.str.strip().where(is_clock(texts)).astype(object).str.split(":", expand=True)
    parts = parts.reindex(columns=range(3)).apply(pd.to_numeric)
    seconds = parts[0] * 3600 + parts[1] * 60 + parts[2].fillna(0.0)
    return np.asarray(seconds, np.float64)
