"""The kind of each column of a training table, and how columns of numbers and times are read.

Columns are plain: as `zoo.encoding.plain_columns.plain_column` gives them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.encoding import written
from zoo.encoding.categories import is_mostly
from zoo.encoding.plain_columns import EXACT, plain_column
from zoo.encoding.written import DecimalMark
from zoo.encoding.written_columns import CLOCK, Written, decimal_of_columns, how_written
from zoo.errors import warn_caller

__all__ = [
    "Kind", "Reading", "as_floats", "center_of", "find_readings", "read_numbers", "written_numbers",
]  # fmt: skip

Kind = Literal["number", "duration", "date", "category"]

_FARTHEST = 2**1000  # floats end at 2**1024
_SAMPLE = 5000  # rows that show how a column of text is written
_ISO = r"\d{4}-\d{2}-\d{2}"
_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,300}\s*")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a column is read, learnt from training rows.

    Attributes
    ----------
    kind : {"number", "duration", "date", "category"}
    formats : tuple of str
        How text was written: the decimal mark of numbers, the `strptime` formats of dates,
        "clock" for times of day. Empty if the column was not text.
    center : int
        Subtracted from integers beyond 2**53 before they become floats.
    """

    kind: Kind
    formats: tuple[str, ...] = ()
    center: int = 0

    def __post_init__(self) -> None:
        is_mark = self.kind != "number" or self.formats in {(), (".",), (",",)}
        if not is_mark or abs(self.center) >= _FARTHEST:
            raise ValueError(f"expected formats and a center of a {self.kind}, got {self}")


def find_readings(columns: Iterable[pd.Series[Any]]) -> list[Reading]:
    """Return how to read each column of training rows; warn of what is lost or ambiguous."""
    columns = [*columns]
    texts = [column for column in columns if isinstance(column.dtype, pd.StringDtype)]
    decimal = decimal_of_columns(texts)
    return [_find_reading(column, decimal) for column in columns]


def _find_reading(column: pd.Series[Any], decimal: DecimalMark | None) -> Reading:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return Reading("category")
    if dtype.kind in "mM":
        return Reading("date" if dtype.kind == "M" else "duration")
    if not isinstance(dtype, pd.StringDtype):
        return Reading("number", (), _center_of(column))
    known = column.dropna()
    codes, distinct = pd.factorize(known.iloc[:: max(1, len(known) // _SAMPLE)])
    some = pd.Series(distinct, dtype="str").str.strip()
    found = how_written(some, np.bincount(codes, minlength=len(some)), decimal)
    if found is None:
        return Reading("category" if len(known) else "number")
    _warn_of_writing(column.name, some, found, decimal)
    if found.kind == "number":
        numbers = written_numbers(column, found.formats[0])
        return Reading("number", found.formats, _center_of(numbers))
    return Reading("date" if found.kind == "date" else "duration", found.formats)


def _warn_of_writing(
    name: object, texts: pd.Series[Any], found: Written, decimal: DecimalMark | None
) -> None:
    """Warn of text that is ambiguous, or counts as missing among numbers or times."""
    known = texts[found.is_value]
    if found.kind == "date" and not written.is_day_known(known, found.formats):
        warn_caller(
            f"the dates in the column {name!r} do not show whether the day or the month comes "
            f"first; they are read as {', '.join(found.formats)}. Pass dates instead of text"
        )
    unread = known[~found.is_read]
    if len(unread):
        shown = ", ".join(map(repr, unread.iloc[:3]))
        what = "numbers" if found.kind == "number" else "times"
        warn_caller(
            f"the column {name!r} is read as {what} written as text; other values count as "
            f"missing: {shown}. Make it categories if it is none: astype('category')"
        )
    is_settled = found.is_certain or found.formats == (decimal,)
    if found.kind == "number" and not is_settled and known.str.contains(r"[.,]").any():
        warn_caller(
            f"the numbers in the column {name!r} do not show what their decimal mark is; "
            f"{found.formats[0]!r} is taken. Pass numbers instead of text"
        )


# --- integers beyond what floats hold ---------------------------------------------------------


def center_of(column: pd.Series[Any]) -> tuple[int, bool]:
    """Return the middle of integers beyond 2**53, else 0; and whether floats round the rest."""
    if column.dtype.kind not in "iuO":
        return 0, False
    values = column.to_numpy() if isinstance(column.dtype, np.dtype) else column.dropna()
    if values.dtype.kind == "O":
        values = values[pd.notna(values)]
    if not len(values):
        return 0, False
    low, high = values.min(), values.max()
    is_whole = values.dtype.kind != "O" or all(isinstance(value, int) for value in values)
    if is_whole and low >= -EXACT and high <= EXACT:
        return 0, False
    center = (int(low) + int(high)) // 2 if is_whole else 0
    is_rounded = not is_whole or int(high) - int(low) > 2 * EXACT
    return (center if abs(center) < _FARTHEST else 0), is_rounded


def _center_of(column: pd.Series[Any]) -> int:
    center, is_rounded = center_of(column)
    if is_rounded:
        warn_caller(
            f"the column {column.name!r} has integers beyond 2**53 = {EXACT:,} that are too far "
            "apart for floats: they are rounded, and values close to each other become equal. "
            "Make it categories if they name something: astype('category')"
        )
    return center


def as_floats(column: pd.Series[Any], center: int) -> NDArray[Any]:
    """Return numbers (n_rows,) less the center; in their own dtype where that is one of numpy's."""
    dtype = column.dtype
    if not center and isinstance(dtype, np.dtype) and dtype.kind in "fiub":
        return np.asarray(column)
    if dtype.kind == "O" or (center and dtype.kind in "iu"):
        # Python's integers have no end
        is_known = column.notna().to_numpy(bool)
        shifted = np.full(len(column), np.nan)
        shifted[is_known] = [_float(value, center) for value in column[is_known]]
        return shifted
    return np.asarray(column.to_numpy(np.float64, na_value=np.nan) - center)


def _float(value: Any, center: int) -> float:
    whole = int(value) if isinstance(value, int | np.integer) else value
    try:
        return float(whole - center) if center else float(whole)
    except OverflowError:  # beyond 1e308
        return float("inf") if value > center else float("-inf")


# --- numbers and times --------------------------------------------------------------------------


def read_numbers(column: pd.Series[Any], reading: Reading) -> list[NDArray[Any]]:
    """Return the numbers of a column, (n_rows,) each: one, or four for a date; NaN is missing.

    Numbers and times may be given as text. What cannot be read is missing if the column was text
    in training.

    Raises
    ------
    ValueError
        If a value is not of the column's kind; the message names both.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = plain_column(column.astype(object))
    if reading.kind == "number":
        return [_read_floats(column, reading)]
    if reading.kind == "duration":
        return [_read_seconds(column, reading.formats)]
    times = _read_times(column, reading.formats)
    days = (times - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
    parts = (days, times.dt.month, times.dt.day_of_week, times.dt.hour)
    return [part.to_numpy(np.float64) for part in parts]


def _read_floats(column: pd.Series[Any], reading: Reading) -> NDArray[Any]:
    kind = column.dtype.kind
    if kind in "mM" and not column.isna().all():
        raise _not_a(column, "numbers", column.dropna().iloc[0])
    if kind in "mM":
        return np.full(len(column), np.nan)
    if not isinstance(column.dtype, pd.StringDtype):
        return as_floats(column, reading.center)
    if reading.formats:
        numbers = written_numbers(column, reading.formats[0])
        _warn_of_unread(column, numbers.isna().to_numpy(bool), "numbers")
        return as_floats(numbers, reading.center)
    numbers = pd.to_numeric(column.astype(object), errors="coerce")
    unread = column[numbers.isna() & column.notna()]
    for value in unread[~unread.str.strip().str.lower().isin(["", "nan"])]:
        raise _not_a(column, "numbers", value)
    exact = _exactly(column, numbers)
    return as_floats(exact, reading.center)


def written_numbers(column: pd.Series[Any], mark: str) -> pd.Series[Any]:
    """Return a column of text as numbers with this decimal mark; missing where it is none."""
    decimal: DecimalMark = "," if mark == "," else "."
    numbers = _by_text(column, lambda texts: written.read_numbers(texts, decimal), np.float64)
    return _exactly(column, numbers)


def _exactly(column: pd.Series[Any], numbers: pd.Series[Any]) -> pd.Series[Any]:
    """Return the numbers that a column of text holds, as integers where floats would round them."""
    if not (numbers.abs() >= EXACT).any():
        return numbers
    pairs = zip(column, numbers, strict=True)
    exact = np.empty(len(column), object)
    exact[:] = [
        int(text) if isinstance(text, str) and _WHOLE.fullmatch(text) else number
        for text, number in pairs
    ]
    return plain_column(pd.Series(exact, index=column.index, name=column.name))


def _by_text(
    column: pd.Series[Any], read: Callable[[pd.Series[Any]], Any], dtype: type | str
) -> pd.Series[Any]:
    """Return what `read` makes of each row's text; it gets the distinct texts, none missing."""
    codes, distinct = pd.factorize(column)
    none = np.datetime64("NaT", "us") if dtype == "datetime64[us]" else np.nan
    texts = pd.Series(distinct, dtype="str").str.strip()
    values = np.append(np.asarray(read(texts), dtype), np.array([none], dtype))
    return pd.Series(values[codes], index=column.index, name=column.name)


def _read_seconds(column: pd.Series[Any], formats: tuple[str, ...]) -> NDArray[np.float64]:
    """Return durations and times of day (n_rows,) in seconds."""
    if not isinstance(column.dtype, pd.StringDtype):
        if column.dtype.kind != "m":
            _refuse_values(column, "durations")
            return np.full(len(column), np.nan)
        return np.asarray(column.dt.total_seconds().to_numpy(np.float64))
    seconds = _by_text(column, _clock_or_duration, np.float64)
    is_unread = (seconds.isna() & column.notna()).to_numpy(bool)
    if CLOCK in formats:
        _warn_of_unread(column, seconds.isna().to_numpy(bool), "times")
    elif is_unread.any():
        raise _not_a(column, "durations", column[is_unread].iloc[0])
    return np.asarray(seconds, np.float64)


def _clock_or_duration(texts: pd.Series[Any]) -> pd.Series[Any]:
    spans = pd.to_timedelta(texts.astype(object), errors="coerce").dt.total_seconds()
    is_number = pd.to_numeric(texts, errors="coerce").notna()  # of what, the text does not say
    clock = pd.Series(written.read_clock(texts), index=texts.index)
    return spans.mask(is_number).fillna(clock)


def _read_times(column: pd.Series[Any], formats: tuple[str, ...]) -> pd.Series[Any]:
    """Return times (n_rows,) without a zone."""
    if column.dtype.kind == "M":
        return column
    if not isinstance(column.dtype, pd.StringDtype):
        _refuse_values(column, "dates")
        return pd.Series(np.datetime64("NaT", "us"), index=column.index)
    if formats:
        times = _by_text(column, lambda texts: _as_written(texts, formats), "datetime64[us]")
        _warn_of_unread(column, times.isna().to_numpy(bool), "dates")
        return times
    times = _by_text(column, _to_dates, "datetime64[us]")
    unread = column[times.isna() & column.notna()]
    if len(unread):
        raise _not_a(column, "dates", unread.iloc[0])
    return times


def _as_written(texts: pd.Series[Any], formats: tuple[str, ...]) -> NDArray[np.datetime64]:
    """Return dates as they were written in training, or in ISO 8601, which has one meaning."""
    times = written.read_dates(texts, formats)
    others = texts.where(np.isnat(times) & texts.str.match(_ISO).to_numpy(bool))
    iso = pd.to_datetime(others, format="ISO8601", utc=True, errors="coerce").dt.tz_localize(None)
    return np.where(np.isnat(times), iso.to_numpy(times.dtype), times)


def _to_dates(texts: pd.Series[Any]) -> pd.Series[Any]:
    """Return dates in UTC: all in ISO 8601, or as the texts show; NaT where they are none."""
    is_number = pd.to_numeric(texts, errors="coerce").notna()  # pandas counts nanoseconds
    texts = texts.mask(is_number & ~texts.str.fullmatch(r"\d{8}"))
    dates = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    if dates.isna().equals(texts.isna()):
        return dates.dt.tz_localize(None)
    known = texts.dropna()
    formats = written.date_formats(known, enough=0.0)
    if not written.is_day_known(known, formats):
        warn_caller(
            f"the dates {', '.join(map(repr, known.iloc[:3]))} do not show whether the day or the "
            f"month comes first; they are read as {', '.join(formats)}. Pass dates instead of text"
        )
    return pd.Series(written.read_dates(known, formats), index=known.index).reindex(texts.index)


def _refuse_values(column: pd.Series[Any], what: str) -> None:
    """Raise ValueError if a column of other values than times or text has any."""
    if not column.isna().all():
        raise _not_a(column, what, column.dropna().iloc[0])


def _not_a(column: pd.Series[Any], what: str, value: object) -> ValueError:
    value = value.item() if isinstance(value, np.generic) else value
    return ValueError(
        f"the column {column.name!r} held {what} in training, got {value!r}; "
        "correct it, or pass None for a missing value"
    )


def _warn_of_unread(column: pd.Series[Any], is_missing: NDArray[np.bool_], what: str) -> None:
    """Warn if most values of a column that was text in training cannot be read as then."""
    known = column[column.notna().to_numpy(bool)]
    n_known = len(known) - int(written.is_missing(known.str.strip()).sum()) if len(known) else 0
    n_unread = n_known - int((~is_missing).sum())
    if is_mostly(n_unread, n_known):
        example = column[is_missing & column.notna().to_numpy(bool)].iloc[0]
        warn_caller(
            f"the column {column.name!r} held {what} in training; {n_unread / n_known:.0%} of its "
            f"values cannot be read as written then and count as missing, such as {example!r}"
        )
