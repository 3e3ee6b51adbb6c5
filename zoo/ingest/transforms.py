"""From raw columns to features, as a transform spec says.

The spec holds what was inferred from the user's table (which columns, read how) as plain data
without code, so it can be stored in a file and applied to new rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from zoo.data.topics import count_words, topic_features, topic_names
from zoo.encoding.column_reading import as_floats, written_numbers
from zoo.encoding.written import MISSING_LABELS, is_missing, read_clock, read_dates, read_numbers
from zoo.errors import DataError
from zoo.ingest.clean_table import Column, TransformSpec
from zoo.ingest.images import IMAGE, read_pixels
from zoo.ingest.outline import name_columns
from zoo.ingest.plain import as_plain, value_text, with_index
from zoo.prose import plural

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = [
    "VERSION", "apply_transform", "as_labels", "as_numbers", "as_times", "columns_of", "topics_of",
    "transform", "words_of",
]  # fmt: skip

VERSION = 1
_BLOCK = 50_000  # rows whose texts are parsed at a time, to save memory


def apply_transform(frame: pd.DataFrame, spec: TransformSpec) -> pd.DataFrame:
    """Return the features of raw rows.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_raw_columns)
        As `zoo.ingest.reading.read_frame` gives; columns that are not in the spec are ignored.
    spec : TransformSpec
        `OwnTable.transform`, perhaps through JSON and back.

    Returns
    -------
    DataFrame of shape (n_rows, n_features)
        The columns and dtypes of `OwnTable.X`. Values that cannot be read, and categories that the
        table did not have, are missing; a boolean column with a missing value is of floats.

    Raises
    ------
    DataError
        If columns are missing, an image cannot be read, or the spec is not valid.
    """
    try:
        if spec["version"] != VERSION:
            raise DataError(f"expected transform spec version {VERSION}, got {spec['version']}")
        is_images, names = spec["kind"] == "images", columns_of(spec)
        frame, _ = with_index(frame, names)
        frame = frame.set_axis(name_columns(list(frame.columns)), axis=1)
        if absent := [f"'{name}'" for name in names if name not in frame.columns]:
            more = f" and {len(absent) - 10} more" if len(absent) > 10 else ""
            raise DataError(
                f"the rows lack the {plural(len(absent), 'column')} {', '.join(absent[:10])}{more},"
                " which the model was trained with; columns are: "
                f"{', '.join(map(str, frame.columns[:30]))}"
            )
        if is_images:
            height, width, channels = map(int, spec["image_shape"])
            return read_pixels([*map(str, frame[IMAGE])], (height, width, channels))
        features: dict[str, Column] = {}
        for step in spec["columns"]:
            column = as_plain(frame[step["name"]].reset_index(drop=True))
            features |= transform(column, step)
    except (KeyError, TypeError, ValueError) as error:
        said = " ".join([type(error).__name__, *str(error).split()])
        raise DataError(f"the transform spec is not valid: {said}") from error
    return pd.DataFrame(features, index=pd.RangeIndex(len(frame)), copy=False)


def columns_of(spec: TransformSpec) -> list[str]:
    """Return the names of the raw columns that a valid spec reads."""
    return [IMAGE] if spec["kind"] == "images" else [step["name"] for step in spec["columns"]]


def transform(column: Column, spec: TransformSpec) -> dict[str, Column]:
    """Return the features of a plain column: one of its name, or several of free text."""
    if spec["kind"] == "text":
        return topics_of(words_of(column), spec)
    return {spec["name"]: _READERS[spec["kind"]](column, spec)}


def as_labels(column: Column, kept: Collection[str] = ()) -> Column:
    """Return a plain column as labels without blanks at the ends; missing ones are NaN.

    The words `kept` are labels, although they usually stand for a missing value.
    """

    def read(texts: Column) -> Column:
        labels = texts.str.strip()
        is_none = is_missing(labels, MISSING_LABELS) & ~labels.isin([*kept]).to_numpy(bool)
        return labels.astype(object).mask(is_none, np.nan)

    return _parse(column, read, object)


def as_numbers(column: Column, spec: TransformSpec | None) -> Column | None:
    """Return a plain column as float64; None if neither its dtype nor its spec is of numbers."""
    if column.dtype.kind in "iuf":
        spec = {"kind": "number"}
    if column.dtype.kind in "bM" or spec is None or spec["kind"] not in {"number", "clock"}:
        return None
    raw = {key: value for key, value in spec.items() if key != "center"}
    return _READERS[spec["kind"]](column, raw).astype(np.float64)


def as_times(column: Column, spec: TransformSpec | None) -> Column:
    """Return a plain column as times or numbers.

    Raises
    ------
    DataError
        If it holds something else.
    """
    if column.dtype.kind in "iufM":
        return column
    if spec is None or spec["kind"] not in {"date", "number"}:
        raise DataError(
            f"expected dates or numbers in the time column '{column.name}', found "
            f"'{column.dropna().iloc[0] if column.notna().any() else 'nothing'}'"
        )
    return _READERS[spec["kind"]](column, spec)


def _parse(column: Column, read: Callable[[Column], ArrayLike], dtype: type | str) -> Column:
    """Return `read` applied to the text of each row; it gets distinct texts, none missing.

    Missing rows get the missing value of the dtype.
    """
    found = np.empty(len(column), dtype)
    none = np.datetime64("NaT", "us") if dtype == "datetime64[us]" else np.nan
    for start in range(0, len(column), _BLOCK):
        block = column.iloc[start : start + _BLOCK]
        if isinstance(block.dtype, pd.CategoricalDtype):
            codes, distinct = block.cat.codes.to_numpy(), block.cat.categories
        else:
            codes, distinct = pd.factorize(block)
        texts = pd.Series(distinct)
        if not isinstance(texts.dtype, pd.StringDtype):
            texts = texts.astype(object).map(value_text).astype("str")
        values = np.append(np.asarray(read(texts), dtype), np.array([none], dtype))
        found[start : start + _BLOCK] = values[codes]
    return pd.Series(found, index=column.index, name=column.name)


def _number(column: Column, spec: TransformSpec) -> Column:
    if "center" in spec:  # floats do not hold integers that long
        is_text = isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype)
        exact = written_numbers(column.astype("str"), spec["decimal"]) if is_text else column
        return pd.Series(as_floats(exact, int(spec["center"])), index=column.index)
    if column.dtype.kind in "iubf":
        values = column.astype(np.float64)
    elif column.dtype.kind == "M":
        values = pd.Series(np.nan, index=column.index)
    else:
        values = _parse(column, lambda texts: read_numbers(texts, spec["decimal"]), np.float64)
    is_infinite = np.isinf(values.to_numpy())
    return values.mask(is_infinite) if is_infinite.any() else values


def _boolean(column: Column, spec: TransformSpec) -> Column:
    truth = dict.fromkeys(spec["true"], 1.0) | dict.fromkeys(spec["false"], 0.0)
    if column.dtype == bool:
        column = column.map({True: "true", False: "false"})
        truth |= {"true": 1.0, "false": 0.0}
    if column.dtype.kind in "iuf":  # quicker than their texts
        numbers = column.to_numpy(np.float64)
        one, zero = (np.where(numbers == n, truth.get(str(n), np.nan), 0.0) for n in (1, 0))
        both = np.where((numbers == 1) | (numbers == 0), one + zero, np.nan)
        values = pd.Series(both, index=column.index, name=column.name)
        return values if np.isnan(both).any() else values.astype(bool)
    values = _parse(column, lambda texts: texts.str.strip().str.casefold().map(truth), np.float64)
    return values if values.isna().any() else values.astype(bool)


def _category(column: Column, spec: TransformSpec) -> Column:
    known = {category: code for code, category in enumerate(spec["categories"])}
    codes = _parse(column, lambda texts: texts.str.strip().map(known), np.float64)
    values = pd.Categorical.from_codes(
        codes.fillna(-1).astype(np.int32), pd.Index(spec["categories"], dtype="str")
    )
    return pd.Series(values, index=column.index)


def _date(column: Column, spec: TransformSpec) -> Column:
    if column.dtype.kind == "M":
        return column
    formats = [*map(str, spec["formats"])]
    return _parse(column, lambda texts: read_dates(texts, formats), "datetime64[us]")


def words_of(column: Column) -> csr_matrix:
    """Return the counts of the words of a plain column of text, see `count_words`."""
    if not isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype):
        column = _parse(column, lambda texts: texts, object)
    return count_words(column.astype("str").fillna(""))


def topics_of(counts: csr_matrix, spec: TransformSpec) -> dict[str, Column]:
    """Return the topics of a text column and its number of words."""
    found = topic_features(counts, spec["topics"])
    names = topic_names(spec["name"], found.shape[1] - 1)
    return dict(zip(names, map(pd.Series, found.T), strict=True))


_READERS: Mapping[str, Callable[[Column, TransformSpec], Column]] = {
    "number": _number,
    "boolean": _boolean,
    "category": _category,
    "date": _date,
    "clock": lambda column, spec: _parse(column, read_clock, np.float64),
}
