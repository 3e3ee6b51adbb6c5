"""The encoder as a graph: raw numbers and codes of levels to the matrix that a model takes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.encoding.encoder import TableEncoder

__all__ = ["encode"]

_LARGEST = 1e38  # as the encoder has it
_LEAST_SHARE = 1e-7
_DAY, _HOUR = 86400.0, 3600.0

# Wichura 1988, doi:10.2307/2347330 (AS 241): the normal quantile to 16 digits, highest power first
_MIDDLE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
_NEAR = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177,
     1.27045825245236838258, 3.64784832476320460504, 5.7694972214606914055,
     4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966,
     0.14810397642748007459, 0.68976733498510000455, 1.6763848301838038494,
     2.05319162663775882187, 1.0),
)  # fmt: skip
_FAR = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386,
     0.026532189526576123093, 0.29656057182850489123, 1.7848265399172913358,
     5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5,
     7.868691311456132591e-4, 0.0148753612908506148525, 0.13692988092273580531,
     0.59983220655588793769, 1.0),
)  # fmt: skip


def encode(encoder: TableEncoder, numbers: Any, codes: Any) -> Any:
    """Return what `encoder.transform` would: (n_rows, n_columns_out), in 32 bits.

    Parameters
    ----------
    encoder : TableEncoder
        Fitted.
    numbers : tensor of shape (n_rows, n_raw_numbers), float64 or float32
        Columns that are not categories, in their order: dates as seconds since 1970, durations in
        seconds; NaN is missing.
    codes : tensor of shape (n_rows, n_categories), float64
        Positions among the levels of each category; -1 is missing or unknown.
    """
    data = encoder.to_data()
    values, is_missing = _read(data, numbers)
    rest = _rest(encoder, data, is_missing, codes)
    if data["scale"] == "none":
        is_gap = is_missing & tf.constant(~np.array(data["is_empty"], bool)[None])
        values = tf.where(is_missing, tf.zeros_like(values), values)
        values = tf.where(is_gap, tf.constant(np.nan, values.dtype), values)
    elif data["scale"] == "quantile":
        quantiles = np.array(data["numbers"][0]).reshape(values.shape[1], -1)
        values = _quantiles(quantiles, values, is_missing)
    else:
        center, factor = (np.array(part) for part in data["numbers"])
        values = _scaled(tf.where(is_missing, _like(values, center), values), center, factor)
    if data["rest"] is not None and rest.shape[1]:
        rest = _scaled(rest, *(np.array(part) for part in data["rest"]))
    is_flag = np.array(data["is_flag"], bool)
    parts = [
        _taken(values, np.flatnonzero(~is_flag)),
        *_coded(encoder, data, codes),
        _taken(values, np.flatnonzero(is_flag)),
        rest,
    ]
    parts = [part for part in parts if part.shape[1]]
    return tf.cast(tf.concat(parts, axis=1) if len(parts) > 1 else parts[0], tf.float32)


def _like(values: Any, filling: Any) -> Any:
    return tf.zeros_like(values) + tf.constant(filling, values.dtype)


def _taken(values: Any, columns: np.ndarray[Any, Any]) -> Any:
    if len(columns) == values.shape[1]:
        return values
    if not len(columns):
        return tf.zeros_like(values[:, :0])
    return tf.gather(values, tf.constant(columns, tf.int32), axis=1)


def _read(data: dict[str, Any], numbers: Any) -> tuple[Any, Any]:
    """Return finite numbers with dates in four parts, 0 where they are missing, and where that is.

    A converter may write a choice as products, in which what is not chosen must not be NaN.
    """
    zeros = tf.zeros_like(numbers)
    known = tf.where(tf.math.is_nan(numbers), zeros, numbers)
    is_endless = (
        tf.abs(known) > known.dtype.max
        if known.dtype == tf.float32  # LiteRT has no other way to ask
        else tf.math.is_inf(known)
    )
    known = tf.where(is_endless, zeros, known)
    gone = tf.math.is_nan(numbers) | is_endless
    kinds = [kind for kind in data["kinds"] if kind != "category"]
    values, gaps = [], []
    for i, kind in enumerate(kinds):
        column, gap = known[:, i : i + 1], gone[:, i : i + 1]
        values += _date_parts(column) if kind == "date" else [column]
        gaps += [gap] * (4 if kind == "date" else 1)
    if "date" in kinds:
        known, gone = tf.concat(values, axis=1), tf.concat(gaps, axis=1)
    largest = _like(known, _LARGEST)
    known = tf.minimum(tf.maximum(known, -largest), largest)
    return known, gone | tf.constant(np.array(data["is_empty"], bool)[None])


def _date_parts(seconds: Any) -> list[Any]:
    """Return days since 1970, month, weekday and hour of seconds since 1970 (UTC)."""
    days = tf.floor(seconds / _DAY)
    weekday = (days + 3.0) - 7.0 * tf.floor((days + 3.0) / 7.0)  # the first day was a Thursday
    hour = tf.floor((seconds - days * _DAY) / _HOUR)
    # Hinnant, "chrono-compatible low-level date algorithms": eras of 400 years from 1 March
    since = days + 719468.0
    day = since - 146097.0 * tf.floor(since / 146097.0)
    leaps = tf.floor(day / 1460.0) - tf.floor(day / 36524.0) + tf.floor(day / 146096.0)
    year = tf.floor((day - leaps) / 365.0)
    of_year = day - (365.0 * year + tf.floor(year / 4.0) - tf.floor(year / 100.0))
    from_march = tf.floor((5.0 * of_year + 2.0) / 153.0)
    late = tf.cast(from_march >= 10.0, tf.float64)
    return [seconds / _DAY, from_march + 3.0 - 12.0 * late, weekday, hour]


def _scaled(values: Any, center: Any, factor: Any) -> Any:
    made = (values - tf.constant(center, values.dtype)) * tf.constant(factor, values.dtype)
    third = made / 3.0
    return made / tf.sqrt(third * third + 1.0)


def _rest(encoder: TableEncoder, data: dict[str, Any], is_missing: Any, codes: Any) -> Any:
    """Return signs of missing values and one-hot columns, as the encoder orders them."""
    gaps = np.flatnonzero(data["has_gaps"])
    missing = tf.cast(is_missing, tf.float64 if codes is None else codes.dtype)
    parts = []
    if not (data["scale"] == "none" and data["categories"] == "ordinal"):
        parts.append(_taken(missing, gaps))
    for i, levels in enumerate(encoder.categories_):
        if encoder._is_coded(levels):
            continue
        column = codes[:, i : i + 1]
        if data["categories"] == "mixed" and len(levels) == 2:
            sign = tf.where(column < 0.0, tf.zeros_like(column), 2.0 * column - 1.0)
            parts.append(sign)
        elif levels:
            known = tf.constant(np.arange(len(levels), dtype=np.float64)[None])
            parts.append(tf.cast(tf.equal(column, known), tf.float64))
    parts = [part for part in parts if part.shape[1]]
    return tf.concat(parts, axis=1) if parts else missing[:, :0]


def _coded(encoder: TableEncoder, data: dict[str, Any], codes: Any) -> list[Any]:
    """Return columns of codes, (n_rows, 1) each."""
    parts, start = [], 0
    for i, levels in enumerate(encoder.categories_):
        column = codes[:, i : i + 1]
        if data["categories"] == "ordinal":
            parts.append(tf.where(column < 0.0, tf.constant(np.nan, column.dtype), column))
        elif encoder._is_coded(levels):
            parts.append(column + (1.0 + start))  # a missing level is -1, and becomes 0
            start += len(levels) + 1
    return parts


def _quantiles(quantiles: np.ndarray[Any, Any], values: Any, is_missing: Any) -> Any:
    """Return normal scores of values (n_rows, n) by quantiles (n, n_quantiles)."""
    n_columns, count = quantiles.shape
    if not n_columns:
        return values
    is_gone = is_missing | tf.constant((quantiles[:, 0] == quantiles[:, -1])[None])
    known = tf.where(is_gone, tf.zeros_like(values), values)
    flat = tf.constant(quantiles.ravel())
    base = tf.constant((np.arange(n_columns) * count).astype(np.int32)[None])
    below = _share(flat, base, count, known, lambda q: q <= known)
    above = _share(flat, base, count, known, lambda q: q < known)
    share = (below + above) / 2.0
    share = tf.minimum(
        tf.maximum(share, _like(share, _LEAST_SHARE)), _like(share, 1 - _LEAST_SHARE)
    )
    return tf.where(is_gone, tf.zeros_like(values), _normal_quantile(share))


def _share(flat: Any, base: Any, count: int, values: Any, is_passed: Any) -> Any:
    """Return the share of training rows up to a value: the last quantile that is passed, and on.

    A binary search: a position moves on by halves while the quantile there is passed.
    """
    place = tf.zeros_like(values, tf.int32)
    step = 1 << max(0, math.ceil(math.log2(count)) - 1)
    while step:
        tried = tf.minimum(place + step, count - 2)
        place = tf.where(is_passed(tf.gather(flat, base + tried)), tried, place)
        step //= 2
    left, right = tf.gather(flat, base + place), tf.gather(flat, base + place + 1)
    width = right - left
    is_wide = width > 0.0
    part = tf.where(is_wide, (values - left) / tf.where(is_wide, width, tf.ones_like(width)), 0.0)
    part = tf.minimum(tf.maximum(part, tf.zeros_like(part)), tf.ones_like(part))
    # where the first or the last quantiles are the same, they are passed or not as a whole
    part = tf.where(is_wide, part, tf.cast(is_passed(right), tf.float64))
    return (tf.cast(place, tf.float64) + part) / (count - 1.0)


def _ratio(powers: tuple[tuple[float, ...], tuple[float, ...]], x: Any) -> Any:
    upper, lower = (_like(x, part[0]) for part in powers)
    for a, b in zip(powers[0][1:], powers[1][1:], strict=True):
        upper, lower = upper * x + a, lower * x + b
    return upper / lower


def _normal_quantile(share: Any) -> Any:
    from_middle = share - 0.5
    middle = from_middle * _ratio(_MIDDLE, 0.180625 - from_middle * from_middle)
    root = tf.sqrt(-tf.math.log(tf.minimum(share, 1.0 - share)))
    tail = tf.where(root <= 5.0, _ratio(_NEAR, root - 1.6), _ratio(_FAR, root - 5.0))
    tail = tf.where(from_middle < 0.0, -tail, tail)
    return tf.where(tf.abs(from_middle) <= 0.425, middle, tail)
