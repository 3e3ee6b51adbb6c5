"""Where tables come in: a frame of any library, an array or lists, as a frame of pandas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.interchange
from numpy.typing import NDArray
from scipy import sparse

from zoo.encoding.arrow_tables import frame_of_arrow, read_arrow
from zoo.errors import warn_caller

__all__ = ["as_array", "as_column", "as_frame", "has_names", "select_columns", "warn_of_names"]

# What frames of other libraries have: a lazy frame of Polars or narwhals, the Arrow PyCapsule
# protocol, the dataframe interchange protocol, and the older way to pandas.
_ARROW = ("__arrow_c_stream__", "__arrow_c_array__")
_PROTOCOLS = ("collect_schema", *_ARROW, "__dataframe__", "to_pandas")
_MOST_NAMED = 10  # columns in a message


def as_array(values: Any, name: str) -> NDArray[Any]:
    """Return an array; raise TypeError for sparse input, ValueError if it is ragged or complex."""
    if sparse.issparse(values):
        raise TypeError(f"{name} must be dense, got a sparse matrix; pass {name}.toarray()")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{name} must have rows of equal length, got a ragged {type(values).__name__}; "
            "pad or drop the short rows"
        ) from error
    _refuse_complex([array.dtype], name)
    return array


def _refuse_complex(dtypes: Iterable[Any], name: str) -> None:
    for dtype in dtypes:
        if dtype.kind == "c":
            raise ValueError(
                f"Complex data not supported: {name} must hold real numbers, got {dtype}; "
                "pass real and imaginary parts as separate columns"
            )


def has_names(X: Any) -> bool:
    """Return whether `X` is a frame, whose columns have names, of pandas or another library."""
    return isinstance(X, pd.DataFrame) or any(hasattr(X, name) for name in _PROTOCOLS)


def as_frame(X: Any) -> pd.DataFrame:
    """Return `X` as a data frame with unique column names; one of pandas is returned unchanged.

    Parameters
    ----------
    X : frame or array-like of shape (n_samples, n_features)
        A frame of pandas, Polars (a lazy one is collected), pyarrow, or any library with the Arrow
        PyCapsule or dataframe interchange protocol; an array, whose masked values are missing;
        lists.

    Raises
    ------
    ValueError
        If `X` is not two-dimensional, has no row or column, repeats a column name, is ragged or
        complex, or has a column of a type that cannot be read.
    TypeError
        If it is sparse, or a frame of a library without such a protocol.
    """
    if isinstance(X, list | tuple) and any(isinstance(row, np.ma.MaskedArray) for row in X):
        X = np.ma.array(X)
    values = _native(X) if has_names(X) else None
    if values is None:
        if hasattr(X, "columns"):
            raise TypeError(
                f"X must be a frame of pandas, Polars or pyarrow, or an array, got a "
                f"{type(X).__module__}.{type(X).__qualname__}; convert it to one of pandas"
            )
        values = as_array(X, "X")
    if isinstance(X, list | tuple) and values.ndim == 2 and values.dtype.kind in "biufUS":
        # numpy would turn numbers beside text into text, and long integers beside floats into
        # floats
        values = np.asarray(X, dtype=object)
    _check_shape(values)
    if isinstance(values, pd.DataFrame):
        _refuse_complex(values.dtypes, "X")
        if not values.columns.is_unique:
            twice = values.columns[values.columns.duplicated()].unique().tolist()
            raise ValueError(
                f"column names must be unique; these come twice: {twice}; rename or drop them"
            )
        return values
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        return _unmasked(X)
    return pd.DataFrame(values, columns=_numbered(values.shape[1]))


def _numbered(n_columns: int) -> list[str]:
    """Return the names of the columns of an array."""
    return [f"x{i}" for i in range(n_columns)]


def _native(X: Any) -> pd.DataFrame | None:
    """Return a frame of any library as one of pandas; None for a single column."""
    if isinstance(X, pd.DataFrame):
        return X
    if isinstance(X, pd.Series):
        return None
    if hasattr(X, "collect_schema") and hasattr(X, "collect"):
        X = X.collect()  # a lazy frame
    what = f"{type(X).__module__}.{type(X).__qualname__}"
    if what.startswith("polars.") and any(
        str(dtype) == "Object" for dtype in getattr(X, "dtypes", ())
    ):
        # which Polars hands over as addresses
        raise ValueError("X has a column of Python objects; cast it to numbers, text or times")
    try:
        if any(hasattr(X, name) for name in _ARROW):
            return frame_of_arrow(pa.table(X))
        if hasattr(X, "__dataframe__"):
            return frame_of_arrow(pa.interchange.from_dataframe(X))
    except (pa.ArrowException, TypeError, NotImplementedError) as error:
        if getattr(X, "ndim", 1) == 1 and not hasattr(X, "columns"):
            return None
        said = " ".join(str(error).split())[:200]
        raise ValueError(
            f"X is a {what} that cannot be read as an Arrow table ({said}); "
            "cast its columns to numbers, text or times"
        ) from error
    made = X.to_pandas()
    return made if isinstance(made, pd.DataFrame) else None


def as_column(values: Any, name: str) -> pd.Series[Any]:
    """Return a column of any library, a frame of one column, an array or a list as a Series.

    Raises
    ------
    ValueError
        If it does not have one value per row.
    """
    if isinstance(values, pd.Series):
        return values
    if has_names(values) and (frame := _native(values)) is not None:
        values = frame
    elif any(hasattr(values, protocol) for protocol in _ARROW):
        return read_arrow(pa.chunked_array(_chunks(values)), getattr(values, "name", None))
    if isinstance(values, pd.DataFrame) and values.shape[1] == 1:
        return values.iloc[:, 0]
    array = values if isinstance(values, pd.DataFrame) else as_array(values, name)
    is_column = array.ndim == 2 and array.shape[1] == 1
    if array.ndim != 1 and not is_column:
        raise ValueError(f"{name} must have one value per row, got the shape {array.shape}")
    if isinstance(values, np.ma.MaskedArray):
        return _unmasked(values.reshape(-1, 1)).iloc[:, 0].rename(None)
    if isinstance(values, list | tuple) and not is_column:
        exact = np.empty(len(values), object)  # numpy makes floats of some long integers
        exact[:] = values
        return pd.Series(exact) if array.dtype.kind == "f" else pd.Series(array)
    return pd.Series(array.ravel())


def _chunks(values: Any) -> Any:
    """Return a column with an Arrow protocol as what a chunked array is made of."""
    return values if hasattr(values, "__arrow_c_stream__") else [pa.array(values)]


def _check_shape(values: pd.DataFrame | NDArray[Any]) -> None:
    """Refuse what is no table, or has no row or column."""
    if values.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {values.ndim}D array instead; "
            "Reshape your data to (n_samples, n_features)"
        )
    names = (("sample", "row"), ("feature", "column"))
    for count, (what, part) in zip(values.shape, names, strict=True):
        if count == 0:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={values.shape}) while a minimum of 1 is "
                f"required. Pass at least one {part}"
            )


def _unmasked(X: np.ma.MaskedArray[Any, Any]) -> pd.DataFrame:
    """Return a masked array as a frame in which masked values are missing."""
    columns = {}
    for i, name in enumerate(_numbered(X.shape[1])):
        column = pd.Series(np.ma.getdata(X)[:, i])
        if (mask := np.ma.getmaskarray(X)[:, i]).any():
            if column.dtype.kind in "iub":
                column = column.convert_dtypes()  # as numpy has no missing integer
            column = column.mask(mask)
        columns[name] = column
    return pd.DataFrame(columns)


def _key(name: Any) -> Any:
    """Return a column name as one that can be looked up: missing ones are equal."""
    return None if pd.api.types.is_scalar(name) and pd.isna(name) else name


def select_columns(frame: pd.DataFrame, names: Sequence[Any]) -> pd.DataFrame:
    """Return the columns of these names, in this order; others are dropped.

    Names of any type are taken: True, 3 or ("a", "b") as well as text. Libraries whose names are
    text have "3" for the 3 of pandas.

    Raises
    ------
    ValueError
        If names are missing; the message has the most similar ones.
    """
    if len(names) == frame.shape[1] and all(
        a is b or (type(a) is type(b) and a == b) for a, b in zip(names, frame.columns, strict=True)
    ):
        return frame
    given = {_key(name): i for i, name in enumerate(frame.columns)}
    wanted = [_key(name) for name in names]
    if any(name not in given for name in wanted):
        as_text = [str(name) for name in names]
        of_text = {str(name): i for i, name in enumerate(frame.columns)}
        if len({*as_text}) == len(names) and len(of_text) == frame.shape[1]:
            absent = [name for name in as_text if name not in of_text]
            given, wanted = (of_text, as_text) if not absent else (given, wanted)
    absent = [name for name, key in zip(names, wanted, strict=True) if key not in given]
    if absent:
        raise ValueError(_lacks(absent, [name for name in frame.columns if name not in wanted]))
    return frame.iloc[:, [given[key] for key in wanted]]


def _lacks(absent: list[Any], others: list[Any]) -> str:
    """Return that columns are missing, and which of the others may be meant."""
    folded = {str(name).casefold().strip(): name for name in others}
    near = []
    for name in absent[:_MOST_NAMED]:
        found = get_close_matches(str(name).casefold().strip(), folded, n=1)
        near += [folded[key] for key in found if folded[key] not in near]
    shown = ", ".join(map(repr, absent[:_MOST_NAMED]))
    more = f" and {len(absent) - _MOST_NAMED} more" if len(absent) > _MOST_NAMED else ""
    if near:
        hint = f"did you mean {', '.join(map(repr, near))}?"
    elif others:
        more_others = "" if len(others) <= _MOST_NAMED else ", ..."
        shown_others = ", ".join(map(repr, others[:_MOST_NAMED]))
        hint = f"it has {shown_others}{more_others} instead; rename them as in training"
    else:
        hint = "add them"
    return f"X lacks columns that the model was fitted on: [{shown}]{more}; {hint}"


def warn_of_names(
    given: Sequence[Any] | None, fitted: Sequence[Any] | None, estimator: str
) -> None:
    """Warn, as scikit-learn does, if columns are matched by position since one side has no names.

    Names that are positions, as pandas gives them to an array, are none.

    Parameters
    ----------
    given, fitted : sequence or None
        The names of the columns now and in training.
    estimator : str
        Its class.
    """
    if (given is None) == (fitted is None):
        return
    names = [name for side in (given, fitted) if side is not None for name in side]
    if names in (_numbered(len(names)), [*range(len(names))]):
        return
    text = (
        f"X has feature names, but {estimator} was fitted without feature names"
        if fitted is None
        else f"X does not have valid feature names, but {estimator} was fitted with feature names"
    )
    warn_caller(f"{text}; columns are matched by position", UserWarning)
