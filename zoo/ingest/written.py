"""Numbers, dates and truth values as people write them, read from the distinct texts of a column.

All functions take the distinct texts, not the rows: a column of 300,000 rows with 200 levels costs
200 readings.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pandas.tseries.api import guess_datetime_format

__all__ = [
    "GAP_WORDS",
    "LABEL_GAP_WORDS",
    "TRUTH",
    "Decimal",
    "date_formats",
    "decimal_mark",
    "is_clock",
    "is_day_sure",
    "is_gap",
    "read_clock",
    "read_dates",
    "read_numbers",
]

Decimal = Literal[".", ","]

# What stands for a missing label or level. "none" is not among them: it is a class of its own
# often enough (none, mild, severe).
_NO_VALUE = {"", "?", "??", "-", "--", "\u2013", "\u2014", "null", "nan", "-nan", "nat", "<na>"}
_NOT_KNOWN = {"na", "n/a", "n.a.", "n. a.", "#n/a", "#na"}
_NOT_WORKED_OUT = {"#null!", "#value!", "#ref!", "#div/0!", "#name?"}  # by a spreadsheet
LABEL_GAP_WORDS = frozenset(_NO_VALUE | _NOT_KNOWN | _NOT_WORKED_OUT)
# What stands for a missing number or date.
GAP_WORDS = LABEL_GAP_WORDS | {"none", "nil", "missing", "(missing)", "unknown", ".", "..", "..."}

_LONGEST_GAP = 40  # bytes, blanks around it included

_YES = ("true", "t", "yes", "y", "on", "ja", "j", "oui", "si", "s\u00ed")
_NO = ("false", "f", "no", "n", "off", "nein", "n", "non", "no", "no")
TRUTH = frozenset(frozenset(pair) for pair in zip(_YES, _NO, strict=True))
TRUE_WORDS = frozenset(_YES)

# These are patterns of RE2, in which \x{20ac} is the euro sign.
_UNITS = (
    r"%|\x{2030}|\x{20ac}|\$|\x{a3}|\x{a5}|usd|eur|gbp|chf|jpy|kr|sek|nok|dkk|pln|"
    r"kg|mg|g|ct|lbs?|oz|km|cm|mm|m|mi|ft|in|ms|sec|s|min|hrs?|h|days?|years?|yrs?|"
    r"kwh|kw|w|mb|gb|kb|tb|ml|cl|l|\x{b0}c|\x{b0}f|\x{b0}"
)
_BEFORE = r"^([-+(]?)\s*(?:us|ca|au)?(?:\$|\x{20ac}|\x{a3}|\x{a5}|usd|eur|gbp|chf)\s*"
_AFTER = rf"([\d.)])\s*(?:{_UNITS})$"
_SPACES = r"[\s'\x{2019}\x{a0}\x{202f}\x{2009}]"  # what groups digits besides point and comma
_EXPONENT = r"(?:e[+-]?\d{1,3})?"


def _shape(decimal: str, other: str) -> str:
    d, o = re.escape(decimal), re.escape(other)
    plain = rf"(?:\d+{d}?\d*|{d}\d+){_EXPONENT}"
    grouped = rf"[1-9]\d{{0,2}}(?:(?:{o}\d{{3}})+|(?:{_SPACES}\d{{3}})+)(?:{d}\d*)?"
    return rf"[+-]?(?:{plain}|{grouped}|inf|infinity)"


_SHAPES: dict[str, str] = {".": _shape(".", ","), ",": _shape(",", ".")}


def _folded(written: Any) -> Any:
    """Return an Arrow array of texts in small letters and without blanks at the ends."""
    # Arrow's kernels take a tenth of the time and memory of Python's strings
    return pc.utf8_trim_whitespace(pc.utf8_lower(written))


def is_gap(texts: pd.Series[Any], words: Iterable[str] = GAP_WORDS) -> NDArray[np.bool_]:
    """Return which texts stand for a missing value."""
    known = pa.array(sorted(words), pa.large_string())
    written = pa.array(texts, pa.large_string())
    is_short = pc.less_equal(pc.binary_length(written), _LONGEST_GAP)  # others need not be copied
    found = np.zeros(len(texts), bool)
    found[np.asarray(is_short, bool)] = pc.is_in(_folded(written.filter(is_short)), value_set=known)
    return found


def _bare(texts: pd.Series[Any]) -> Any:
    """Return texts without blanks at the ends, currencies and units; (5) becomes -5."""
    bare = _folded(pa.array(texts, pa.large_string()))
    if not pc.all(pc.match_substring_regex(bare, r"^[\d.,+-]*$")).as_py():
        bare = pc.replace_substring(bare, "\u2212", "-")
        bare = pc.replace_substring_regex(bare, _BEFORE, r"\1")
        bare = pc.replace_substring_regex(bare, _AFTER, r"\1")
        bare = pc.replace_substring_regex(bare, r"^\((.*)\)$", r"-\1")
    return bare


def _is_number(bare: Any, decimal: Decimal) -> NDArray[np.bool_]:
    return np.asarray(pc.match_substring_regex(bare, f"^(?:{_SHAPES[decimal]})$"), bool)


def decimal_mark(
    texts: pd.Series[Any], hint: Decimal | None = None
) -> tuple[Decimal, NDArray[np.bool_], bool]:
    """Return which decimal mark reads most of the texts.

    Parameters
    ----------
    texts : Series of str, shape (n_levels,)
        Distinct, without gaps.
    hint : {".", ","} or None
        What the other columns of the file show; it decides where both marks read all ("1,234").

    Returns
    -------
    decimal : {".", ","}
    is_number : ndarray of bool, shape (n_levels,)
    is_sure : bool
        Whether the texts themselves decide.
    """
    bare = _bare(texts)
    points, commas = _is_number(bare, "."), _is_number(bare, ",")
    if points.sum() > commas.sum():
        return ".", points, True
    if points.sum() < commas.sum():
        return ",", commas, True
    return (",", commas, False) if hint == "," else (".", points, False)


def read_numbers(texts: pd.Series[Any], decimal: Decimal) -> NDArray[np.float64]:
    """Return the numbers that texts (n_levels,) write; NaN for what is none."""
    bare = _bare(texts)
    is_number = _is_number(bare, decimal)
    digits = bare.filter(pa.array(is_number))
    digits = pc.replace_substring_regex(digits, rf"^\+|{_SPACES}", "")
    digits = pc.replace_substring(digits, "," if decimal == "." else ".", "")
    digits = pc.replace_substring(digits, ",", ".")
    values = np.full(len(texts), np.nan)
    values[is_number] = np.asarray(digits.cast(pa.float64()))
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
_TWINS = {"%d": "%m", "%m": "%d"}


def date_formats(texts: pd.Series[Any], enough: float = 0.9) -> tuple[str, ...]:
    """Return the formats that read enough of the texts as dates, the commonest first.

    Parameters
    ----------
    texts : Series of str, shape (n_levels,)
        Distinct, without gaps.
    enough : float
        The share of texts that must be read.

    Returns
    -------
    tuple of str
        Formats as of `strptime`; empty where the texts are no dates. Of two that differ only in
        whether the day or the month comes first, the one that reads more texts of that form
        stands first; with dots the day, otherwise the month, if that does not decide.
    """
    texts = texts.str.strip()
    some = texts if len(texts) <= _SAMPLE else texts.sample(_SAMPLE, random_state=0)
    if not some.str.fullmatch(_DATE_LIKE).mean() >= enough or some.str.len().max() > 40:
        return ()
    found, left = _cover(some, [])
    if len(left) > (1 - enough) * len(some):
        return ()
    found, _ = _cover(texts, found)  # forms that only few have
    return tuple(dict.fromkeys(_day_or_month(texts, form) for form in found))


def is_day_sure(texts: pd.Series[Any], formats: Iterable[str]) -> bool:
    """Return whether the texts (n_levels,) show which number is the day and which the month."""
    texts = texts.str.strip()
    pairs = [(form, _twin(form)) for form in formats]
    return all(
        twin is None or _reads(texts, form).sum() != _reads(texts, twin).sum()
        for form, twin in pairs
    )


def _cover(texts: pd.Series[Any], found: list[str]) -> tuple[list[str], pd.Series[Any]]:
    """Return formats, those that were found and more, and the texts that none of them reads."""
    left = texts
    for form in found:
        left = left[~_reads(left, form)]
    while len(left) and len(found) < _MAX_FORMATS:
        formats = {form for text in left.iloc[:20] for form in _formats_of(text)}
        best = max(
            ((int(_reads(left, form).sum()), _is_custom(form), form) for form in formats),
            default=(0, False, ""),
        )
        if not best[0]:
            break
        found = [*found, best[2]]
        left = left[~_reads(left, best[2])]
    return found, left


def _formats_of(text: str) -> set[str]:
    """Return the formats that one date may be in, the day or the month first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it is not in the order asked for
        guesses = {guess_datetime_format(text, dayfirst=is_first) for is_first in (True, False)}
    formats = {str(guess) for guess in guesses if guess is not None}
    formats = {
        form if re.search("%[mbB]", form) else form.replace("%d", "%m") for form in formats
    }  # 2020-05 is a month
    formats = {form for form in formats if re.search("%Y(?!.?%d)", form)}
    if formats:
        return formats
    if short := _SHORT_YEAR.fullmatch(text):
        mark, hours = short["mark"], " %H:%M" if short["hours"] else ""
        return {f"%d{mark}%m{mark}%y{hours}", f"%m{mark}%d{mark}%y{hours}", f"%d{mark}%b{mark}%y"}
    return set()


def _is_custom(form: str) -> bool:
    """Return whether the order of day and month is what one expects: with dots the day first."""
    order = re.search("%([dm])(.)%[dm]", form)
    return order is None or (order[1] == "d") == (order[2] == ".")


def _reads(texts: pd.Series[Any], form: str) -> pd.Series[Any]:
    return pd.to_datetime(texts, format=form, errors="coerce", utc=True).notna()


def _twin(form: str) -> str | None:
    """Return the format with day and month in the other order, if both are numbers."""
    if form.startswith("%Y") or not {"%d", "%m"} <= {*re.findall("%.", form)}:
        return None
    return re.sub("%[dm]", lambda part: _TWINS[part.group()], form)


def _day_or_month(texts: pd.Series[Any], form: str) -> str:
    """Return the format or its twin, whichever reads more of all texts."""
    twin = _twin(form)
    if twin is None:
        return form
    return max((int(_reads(texts, one).sum()), _is_custom(one), one) for one in (form, twin))[2]


def read_dates(texts: pd.Series[Any], formats: Iterable[str]) -> NDArray[np.datetime64]:
    """Return the times (n_levels,) that texts write in any of the formats; NaT for what is none.

    Times with an offset are in UTC, and none has one.
    """
    texts = texts.str.strip()
    times = np.full(len(texts), np.datetime64("NaT", "us"))
    for form in formats:
        left = np.isnat(times)
        if not left.any():
            break
        read = pd.to_datetime(texts[left], format=form, errors="coerce", utc=True)
        times[left] = read.dt.tz_localize(None).to_numpy("datetime64[us]")
    return times


def is_clock(texts: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return which texts (n_levels,) are times of the day or durations: 12:30, 100:05:59.5."""
    return np.asarray(texts.str.strip().str.fullmatch(_CLOCK), bool)


def read_clock(texts: pd.Series[Any]) -> NDArray[np.float64]:
    """Return the seconds (n_levels,) of texts as of `is_clock`; NaN for what is none."""
    parts = texts.str.strip().where(is_clock(texts)).astype(object).str.split(":", expand=True)
    parts = parts.reindex(columns=range(3)).apply(pd.to_numeric)
    seconds = parts[0] * 3600 + parts[1] * 60 + parts[2].fillna(0.0)
    return np.asarray(seconds, np.float64)
