"""Targets: one column of labels or numbers, and the weights of classes and rows."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.class_weight import compute_class_weight

from zoo.encoding.frames import as_array
from zoo.encoding.plain_columns import EXACT
from zoo.errors import warn_caller
from zoo.training.types import Array, DoubleArray

__all__ = ["ClassWeight", "as_labels", "as_numbers", "class_weights", "relative_weights"]

_TOO_LARGE = 1e150  # squares of larger numbers are infinite
_LIGHTEST = 1e-30  # of the heaviest row's weight; float32 has no much smaller numbers

ClassWeight: TypeAlias = Mapping[Any, float] | Literal["balanced"] | None


def _as_column(y: ArrayLike | None, estimator: object) -> Array:
    """Return `y` as one column (n_samples,) of any type."""
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None; "
            "pass a label or number for each row of X"
        )
    if np.ma.is_masked(y):
        row = int(
            np.ma.getmaskarray(np.ma.asarray(y)).any(axis=tuple(range(1, np.ndim(y)))).argmax()
        )
        raise ValueError(
            f"y must be one column without missing values, got a masked value in row {row}; "
            "drop the rows without a label"
        )
    if hasattr(y, "collect_schema") and hasattr(y, "collect"):
        y = y.collect()  # a lazy frame
    column = as_array(y, "y")
    if isinstance(y, list | tuple) and column.dtype.kind == "f" and column.ndim == 1:
        exact = np.asarray(y, dtype=object)  # numpy makes floats of some long integers
        if any(value != number for value, number in zip(exact, column.tolist(), strict=True)):
            column = column if np.isnan(column).any() else exact
    if column.ndim == 2 and column.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape "
            "of y to (n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=5,
        )
        column = column.ravel()
    if column.ndim != 1:
        raise ValueError(
            f"y should be a 1d array, got an array of shape {column.shape} instead; pass one column"
        )
    return column


def as_labels(y: ArrayLike, estimator: object) -> Array:
    """Return class labels (n_samples,); refuse missing values and continuous numbers."""
    labels = _as_column(y, estimator)
    # in a list of strings, numpy would turn a missing value into the string "nan"
    given = np.asarray(y, dtype=object).ravel() if isinstance(y, list | tuple) else labels
    _refuse_missing(given)
    if labels.dtype.kind == "f":
        odd = ~np.isfinite(labels) | (labels != np.floor(labels))
    else:
        odd = (
            np.array([_is_fraction(label) for label in labels]) if labels.dtype == object else None
        )
    if odd is not None and odd.any():
        row = int(odd.argmax())
        raise ValueError(
            f"Unknown label type: continuous. y must hold classes, got {labels[row]} in row "
            f"{row}; use the regressor, or make classes of y, e.g. with pandas.cut"
        )
    return labels


def _refuse_missing(values: Array) -> None:
    is_missing = pd.isna(values)
    if is_missing.any():
        row = int(is_missing.argmax())
        raise ValueError(
            f"y must be one column without missing values, got {values[row]} in row {row}; "
            "drop the rows without a label"
        )


def _is_fraction(value: object) -> bool:
    """Return whether a Python object is a number, but not a whole one."""
    if isinstance(value, float | np.floating | Decimal | Fraction):
        return not math.isfinite(value) or value != math.floor(value)
    return False


def as_numbers(y: ArrayLike, estimator: object) -> DoubleArray:
    """Return a target of finite numbers (n_samples,)."""
    column = _as_column(y, estimator)
    if column.dtype == object:
        _refuse_missing(column)
    try:
        if column.dtype.kind in "mM":  # numpy would count ticks, whatever their length
            raise TypeError("times have no unit")
        numbers = column.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"y must be one column of finite numbers, got {column.dtype} ({error}); "
            "make numbers of it, e.g. with pandas.to_numeric"
        ) from error
    bad = ~(np.abs(numbers) < _TOO_LARGE)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"y must be one column of finite numbers, got {numbers[row]} in row {row}; "
            "drop or fill such rows, or choose a smaller unit"
        )
    if column.dtype.kind in "iuO" and (np.abs(numbers) >= EXACT).any():
        is_rounded = numbers.astype(object) != column.astype(object)
        if is_rounded.any():
            warn_caller(
                f"y has integers beyond 2**53 = {EXACT:,}, which floats cannot hold: "
                f"{column[int(is_rounded.argmax())]}, say, is rounded; subtract a constant first"
            )
    return numbers


def class_weights(
    class_weight: ClassWeight, classes: Array, labels: Array, weight: DoubleArray | None
) -> DoubleArray:
    """Return the factor for the weights of each class's rows, (n_classes,).

    Parameters
    ----------
    class_weight : mapping or "balanced"
        "balanced": the rows of each class get the same total weight.
    classes : ndarray of shape (n_classes,)
    labels : ndarray of shape (n_samples,)
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.

    Raises
    ------
    ValueError
        If it is neither of these, has a weight that is not a finite number from 0, or has an
        unknown class and lacks a known one.
    """
    if isinstance(class_weight, str) and class_weight == "balanced":
        options = {"classes": classes, "y": labels, "sample_weight": weight}
        balanced: DoubleArray = compute_class_weight("balanced", **options)
        return balanced
    if not isinstance(class_weight, Mapping):
        raise ValueError(
            f"class_weight must be a dict, 'balanced' or None, got {class_weight!r}; "
            "give a weight for each class"
        )
    for label, value in class_weight.items():
        if not (isinstance(value, int | float | np.number) and 0 <= value < np.inf):
            raise ValueError(
                f"class_weight must hold finite numbers from 0, got {value!r} for {label!r}; "
                "1 leaves a class as it is"
            )
    known = classes.tolist()
    odd = [label for label in class_weight if label not in known]
    # a small sample may lack classes: unknown ones are an error only if known ones lack weights
    if odd and any(label not in class_weight for label in known):
        raise ValueError(
            f"class_weight names the class {odd[0]!r}, which y does not have; "
            f"its classes are {', '.join(map(repr, known[:20]))}"
        )
    factors = np.array([class_weight.get(label, 1.0) for label in known], np.float64)
    return factors / (factors.max() or 1.0)  # products with weights must not overflow


def relative_weights(weight: DoubleArray) -> DoubleArray:
    """Return positive weights of rows (n_samples,) divided by their mean.

    Penalties and smallest leaves then act as on rows without weights, whatever the sum. Weights
    are rounded to 33 bits, so that those in another unit become the same to the last bit; one
    below 1e-30 of the heaviest counts as that.
    """
    if not weight.size:
        return weight
    lifted = np.maximum(weight / weight.max(), _LIGHTEST)
    mantissa, exponent = np.frexp(lifted / lifted.mean())
    relative: DoubleArray = np.ldexp(np.round(mantissa * 2.0**33), exponent - 33)
    return relative
