"""From raw columns to those that models see, as a recipe of plain data says.

A recipe is what was decided on the user's table (which columns, read how); it holds no code, so it
can go to a file and be applied to new rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.errors import DataError
from zoo.ingest.delimited import name_columns
from zoo.ingest.images import IMAGE, read_pixels
from zoo.ingest.plain import as_plain, level_text
from zoo.ingest.topics import word_features
from zoo.ingest.written import LABEL_GAP_WORDS, is_gap, read_clock, read_dates, read_numbers

__all__ = ["RECIPE_VERSION", "apply_recipe", "labels_of", "made_of", "of_levels", "texts_of"]

RECIPE_VERSION = 1
_BLOCK = 50_000  # rows whose texts are worked on at a time, for the sake of memory


def apply_recipe(frame: pd.DataFrame, recipe: Mapping[str, Any]) -> pd.DataFrame:
    """Return the columns that models see, made of raw rows.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_raw_columns)
        As `zoo.ingest.reading.read_frame` gives; columns that the recipe does not know are left.
    recipe : mapping
        `OwnTable.recipe`, perhaps through JSON and back.

    Returns
    -------
    DataFrame of shape (n_rows, n_features)
        The columns and dtypes of `OwnTable.X`. What cannot be read as what its column holds, and
        levels that the table did not have, are missing; a column of truth values with a gap is of
        floats.

    Raises
    ------
    DataError
        If columns are missing, a picture cannot be read, or the recipe is not sound.
    """
    frame = frame.set_axis(name_columns(list(frame.columns)), axis=1)
    try:
        if recipe["version"] != RECIPE_VERSION:
            raise DataError(
                f"the recipe is of version {recipe['version']}, this program knows {RECIPE_VERSION}"
            )
        if recipe["sort"] == "pictures":
            _require([IMAGE], frame)
            height, width, channels = map(int, recipe["image_shape"])
            return read_pixels([*map(str, frame[IMAGE])], (height, width, channels))
        _require([step["name"] for step in recipe["columns"]], frame)
        made: dict[str, Any] = {}
        for step in recipe["columns"]:
            made.update(made_of(frame[step["name"]].reset_index(drop=True), step))
    except (KeyError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise DataError(f"the recipe is not a sound one: {type(error).__name__} {said}") from error
    return pd.DataFrame(made, index=pd.RangeIndex(len(frame)), copy=False)


def made_of(column: pd.Series[Any], step: Mapping[str, Any]) -> dict[str, pd.Series[Any]]:
    """Return what one step of a recipe makes of its raw column: a column of `X`, or several."""
    return _MAKERS[step["kind"]](column, step)


def _require(names: Iterable[str], frame: pd.DataFrame) -> None:
    absent = [name for name in names if name not in frame.columns]
    if absent:
        shown = ", ".join(f"'{name}'" for name in absent[:10])
        more = f" and {len(absent) - 10} more" if len(absent) > 10 else ""
        raise DataError(
            f"the rows lack the column{'s' * (len(absent) > 1)} {shown}{more}, which the model was "
            f"trained with; columns are: {', '.join(map(str, frame.columns[:30]))}"
        )


def texts_of(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a plain column as text, numbers as written shortest; gaps stay."""
    if isinstance(column.dtype, pd.StringDtype):
        return column
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype("str")
    return of_levels(column, lambda levels: levels, object).astype("str")


def of_levels(
    column: pd.Series[Any], read: Callable[[pd.Series[Any]], Any], dtype: Any
) -> pd.Series[Any]:
    """Return for each row what `read` makes of its text; `read` gets distinct texts, without gaps.

    Rows that are missing get the missing value of the dtype.
    """
    found = np.empty(len(column), dtype)
    none: Any = np.datetime64("NaT", "us") if dtype == "datetime64[us]" else np.nan
    for start in range(0, len(column), _BLOCK):
        block = column.iloc[start : start + _BLOCK]
        if isinstance(block.dtype, pd.CategoricalDtype):
            codes, levels = block.cat.codes.to_numpy(), block.cat.categories
        else:
            codes, levels = pd.factorize(block)
        texts = pd.Series(levels)
        if not isinstance(texts.dtype, pd.StringDtype):
            texts = texts.astype(object).map(level_text).astype("str")
        values = np.append(np.asarray(read(texts), dtype), np.array([none], dtype))
        found[start : start + _BLOCK] = values[codes]
    return pd.Series(found, index=column.index, name=column.name)


def _number(column: pd.Series[Any], step: Mapping[str, Any]) -> dict[str, pd.Series[Any]]:
    column = as_plain(column)
    kind = getattr(column.dtype, "kind", "O")
    if kind in "iub":
        values = column.astype(np.float64)
    elif kind == "f":
        values = column
    elif kind == "M":
        values = pd.Series(np.nan, index=column.index)
    else:
        values = of_levels(column, lambda texts: read_numbers(texts, step["decimal"]), np.float64)
    is_wild = np.isinf(values.to_numpy())
    return {step["name"]: values.mask(is_wild) if is_wild.any() else values}


def _boolean(column: pd.Series[Any], step: Mapping[str, Any]) -> dict[str, pd.Series[Any]]:
    truth = dict.fromkeys(step["true"], 1.0) | dict.fromkeys(step["false"], 0.0)
    plain = as_plain(column)
    if plain.dtype == bool:
        plain = plain.map({True: "true", False: "false"})
        truth |= {"true": 1.0, "false": 0.0}
    values = of_levels(plain, lambda texts: texts.str.strip().str.casefold().map(truth), np.float64)
    return {step["name"]: values if values.isna().any() else values.astype(bool)}


def labels_of(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a plain column as labels without blanks at the ends; what stands for a gap is NaN."""

    def read(texts: pd.Series[Any]) -> NDArray[Any]:
        stripped = texts.str.strip()
        bare = stripped.astype(object)
        bare[is_gap(stripped, LABEL_GAP_WORDS)] = np.nan
        found: NDArray[Any] = bare.to_numpy(object)
        return found

    return of_levels(column, read, object)


def _category(column: pd.Series[Any], step: Mapping[str, Any]) -> dict[str, pd.Series[Any]]:
    column = as_plain(column)
    levels = {level: code for code, level in enumerate(step["levels"])}
    codes = of_levels(column, lambda texts: texts.str.strip().map(levels), np.float64)
    values = pd.Categorical.from_codes(
        codes.fillna(-1).astype(np.int32), pd.Index(step["levels"], dtype="str")
    )
    return {step["name"]: pd.Series(values, index=column.index)}


def _date(column: pd.Series[Any], step: Mapping[str, Any]) -> dict[str, pd.Series[Any]]:
    column = as_plain(column)
    if getattr(column.dtype, "kind", "O") != "M":
        formats = [str(form) for form in step["formats"]]
        column = of_levels(column, lambda texts: read_dates(texts, formats), "datetime64[us]")
    return {step["name"]: column}


def _clock(column: pd.Series[Any], step: Mapping[str, Any]) -> dict[str, pd.Series[Any]]:
    return {step["name"]: of_levels(as_plain(column), read_clock, np.float64)}


def _text(column: pd.Series[Any], step: Mapping[str, Any]) -> dict[str, pd.Series[Any]]:
    texts = texts_of(as_plain(column)).fillna("")
    found = word_features(texts, step["learnt"])
    name = step["name"]
    names = [*(f"{name}: topic {i}" for i in range(1, found.shape[1])), f"{name}: words"]
    return {one: pd.Series(found[:, i]) for i, one in enumerate(names)}


_MAKERS: dict[str, Callable[[pd.Series[Any], Mapping[str, Any]], dict[str, pd.Series[Any]]]] = {
    "number": _number,
    "boolean": _boolean,
    "category": _category,
    "date": _date,
    "clock": _clock,
    "text": _text,
}
