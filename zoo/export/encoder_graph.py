"""The table encoder as a TensorFlow graph: raw numbers and category codes to the matrix."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray

from zoo.encoding.encoder import EncoderState, TableEncoder
from zoo.encoding.scaling import LARGEST, Scaling

__all__ = ["encode"]

_END, _SCALED_END = 5e307, 1e100  # as in the encoder
_SHORT_END = 1e15  # of scaled values in float32
_MIN_PROBABILITY = 1e-7
_DAY, _HOUR = 86400.0, 3600.0

# Wichura 1988, doi:10.2307/2347330 (AS 241): the normal quantile to 16 digits, highest powers first
_CENTRAL = (
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


def encode(encoder: TableEncoder, numbers: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
    """Return what `encoder.transform` would: (n_rows, n_columns_out), float32.

    Parameters
    ----------
    encoder : TableEncoder
        Fitted.
    numbers : tensor of shape (n_rows, n_raw_numbers), float64 or float32
        The columns that are not categories, in their order: dates as seconds since 1970, durations
        in seconds; NaN is missing.
    codes : tensor of shape (n_rows, n_category_columns), float64
        The code of each category, -1 where it is missing or unknown.
    """
    state = encoder.state()
    values, is_missing = _read(state, numbers)
    indicators = _indicators(encoder, is_missing, codes)
    if state.scale == "none":
        stays_missing = is_missing & tf.constant(~np.array(state.is_empty, bool)[None])
        values = tf.where(is_missing, tf.zeros_like(values), values)
        values = _bounded(_ranked(state, values), LARGEST)
        values = tf.where(stays_missing, tf.constant(np.nan, values.dtype), values)
    elif state.quantiles:
        quantiles = np.array(state.quantiles).reshape(values.shape[1], -1)
        values = _normal_scores(quantiles, values, is_missing)
    elif (scaling := state.number_scaling) is not None:
        values = _scaled(tf.where(is_missing, _filled(values, scaling.center), values), scaling)
    if state.indicator_scaling is not None and indicators.shape[1]:
        indicators = _scaled(indicators, state.indicator_scaling)
    is_flag = np.array(state.is_flag, bool)
    parts = [
        _taken(values, np.flatnonzero(~is_flag)),
        *_coded(encoder, codes),
        _taken(values, np.flatnonzero(is_flag)),
        indicators,
    ]
    parts = [part for part in parts if part.shape[1]]
    return tf.cast(tf.concat(parts, axis=1) if len(parts) > 1 else parts[0], tf.float32)


def _filled(like: tf.Tensor, value: ArrayLike) -> tf.Tensor:
    """Return a tensor of the shape of `like`, filled with a value or a row of them."""
    return tf.zeros_like(like) + tf.constant(value, like.dtype)


def _bounded(values: tf.Tensor, largest: float) -> tf.Tensor:
    """Return values clipped to an interval around 0."""
    end = _filled(values, largest)
    return tf.minimum(tf.maximum(values, -end), end)


def _ranked(state: EncoderState, values: tf.Tensor) -> tf.Tensor:
    """Return unscaled numbers, those that have knots as their normal scores."""
    if not any(state.knots):
        return values
    columns = [values[:, j : j + 1] for j in range(values.shape[1])]
    for j, knots in enumerate(state.knots):
        if knots:
            is_missing = tf.zeros_like(columns[j], tf.bool)
            columns[j] = _normal_scores(np.array([knots]), columns[j], is_missing)
    return tf.concat(columns, axis=1)


def _taken(values: tf.Tensor, columns: NDArray[np.intp]) -> tf.Tensor:
    """Return some columns; an operation that takes all or none would stay in the graph."""
    if len(columns) == values.shape[1]:
        return values
    if not len(columns):
        return tf.zeros_like(values[:, :0])
    return tf.gather(values, tf.constant(columns, tf.int32), axis=1)


def _read(state: EncoderState, numbers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return finite numbers, 0 where missing, and a mask of missing values; dates in four parts.

    Missing values are 0, not NaN: a converter may turn `tf.where` into products.
    """
    zeros = tf.zeros_like(numbers)
    known = tf.where(tf.math.is_nan(numbers), zeros, numbers)
    is_infinite = (
        tf.abs(known) > known.dtype.max
        if known.dtype == tf.float32  # LiteRT has no `is_inf`
        else tf.math.is_inf(known)
    )
    known = tf.where(is_infinite, zeros, known)
    is_missing = tf.math.is_nan(numbers) | is_infinite
    kinds = [kind for kind in state.kinds if kind != "category"]
    values, masks = [], []
    for i, kind in enumerate(kinds):
        column, mask = known[:, i : i + 1], is_missing[:, i : i + 1]
        values += _date_parts(column) if kind == "date" else [column]
        masks += [mask] * (4 if kind == "date" else 1)
    if "date" in kinds:
        known, is_missing = tf.concat(values, axis=1), tf.concat(masks, axis=1)
    if known.dtype == tf.float64:
        known = _bounded(known, _END)
    return known, is_missing | tf.constant(np.array(state.is_empty, bool)[None])


def _date_parts(seconds: tf.Tensor) -> list[tf.Tensor]:
    """Return days since 1970, month, weekday and hour of seconds since 1970 (UTC)."""
    days = tf.floor(seconds / _DAY)
    weekday = (days + 3.0) - 7.0 * tf.floor((days + 3.0) / 7.0)  # 1970-01-01 was a Thursday
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


def _scaled(values: tf.Tensor, scaling: Scaling) -> tf.Tensor:
    center, factor = (tf.constant(x, values.dtype) for x in (scaling.center, scaling.factor))
    made = (values - center) * factor
    made = _bounded(made, _SCALED_END if made.dtype == tf.float64 else _SHORT_END)
    third = made / 3.0
    return made / tf.sqrt(third * third + 1.0)


def _indicators(encoder: TableEncoder, is_missing: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
    """Return indicators of missing values, signs and one-hot columns."""
    missing = tf.cast(is_missing, tf.float64 if codes is None else codes.dtype)
    parts = [_taken(missing, np.flatnonzero(encoder.has_indicator_))]
    for i, layout in enumerate(encoder.layouts_):
        column, n_categories = codes[:, i : i + 1], len(encoder.category_codes_[i])
        if layout == "sign":
            parts.append(tf.where(column < 0.0, tf.zeros_like(column), 2.0 * column - 1.0))
        elif layout == "onehot" and n_categories:
            known = tf.constant(np.arange(n_categories, dtype=np.float64)[None])
            parts.append(tf.cast(tf.equal(column, known), tf.float64))
    parts = [part for part in parts if part.shape[1]]
    return tf.concat(parts, axis=1) if parts else missing[:, :0]


def _coded(encoder: TableEncoder, codes: tf.Tensor) -> list[tf.Tensor]:
    """Return columns of codes, (n_rows, 1) each."""
    parts, start = [], 0
    for i, known in enumerate(encoder.category_codes_):
        column = codes[:, i : i + 1]
        if encoder.categories == "ordinal":
            parts.append(tf.where(column < 0.0, tf.constant(np.nan, column.dtype), column))
        elif encoder.layouts_[i] == "code":
            parts.append(column + (1.0 + start))  # -1 is missing, and becomes the first code
            start += len(known) + 1
    return parts


def _normal_scores(
    quantiles: NDArray[np.float64], values: tf.Tensor, is_missing: tf.Tensor
) -> tf.Tensor:
    """Return normal scores of values (n_rows, n) by quantiles (n, n_quantiles)."""
    n_columns, count = quantiles.shape
    if not n_columns:
        return values
    is_zero = is_missing | tf.constant((quantiles[:, 0] == quantiles[:, -1])[None])
    known = tf.where(is_zero, tf.zeros_like(values), values)
    flat = tf.constant(quantiles.ravel())
    start = tf.constant((np.arange(n_columns) * count).astype(np.int32)[None])

    def fraction(is_passed: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
        """Return the fraction of training rows up to each value, interpolated between quantiles.

        A binary search for the last quantile that is passed: a position advances by halving steps.
        """
        position = tf.zeros_like(known, tf.int32)
        step = 1 << max(0, math.ceil(math.log2(count)) - 1)
        while step:
            tried = tf.minimum(position + step, count - 2)
            position = tf.where(is_passed(tf.gather(flat, start + tried)), tried, position)
            step //= 2
        left, right = tf.gather(flat, start + position), tf.gather(flat, start + position + 1)
        width = right - left
        is_wide = width > 0.0
        part = (known - left) / tf.where(is_wide, width, tf.ones_like(width))
        part = tf.minimum(tf.maximum(part, tf.zeros_like(part)), tf.ones_like(part))
        # equal quantiles at the ends are passed together or not at all
        part = tf.where(is_wide, part, tf.cast(is_passed(right), tf.float64))
        return (tf.cast(position, tf.float64) + part) / (count - 1.0)

    rank = (fraction(lambda q: q <= known) + fraction(lambda q: q < known)) / 2.0
    lowest, highest = (_filled(rank, end) for end in (_MIN_PROBABILITY, 1 - _MIN_PROBABILITY))
    rank = tf.minimum(tf.maximum(rank, lowest), highest)
    return tf.where(is_zero, tf.zeros_like(values), _normal_quantile(rank))


def _ratio(powers: tuple[tuple[float, ...], tuple[float, ...]], x: tf.Tensor) -> tf.Tensor:
    """Return a ratio of polynomials by Horner's rule."""
    upper, lower = (_filled(x, part[0]) for part in powers)
    for a, b in zip(powers[0][1:], powers[1][1:], strict=True):
        upper, lower = upper * x + a, lower * x + b
    return upper / lower


def _normal_quantile(probability: tf.Tensor) -> tf.Tensor:
    """Return the quantile function of the normal distribution (AS 241)."""
    from_middle = probability - 0.5
    central = from_middle * _ratio(_CENTRAL, 0.180625 - from_middle * from_middle)
    root = tf.sqrt(-tf.math.log(tf.minimum(probability, 1.0 - probability)))
    tail = tf.where(root <= 5.0, _ratio(_NEAR, root - 1.6), _ratio(_FAR, root - 5.0))
    tail = tf.where(from_middle < 0.0, -tail, tail)
    return tf.where(tf.abs(from_middle) <= 0.425, central, tail)
