"""Categories: their names, and the codes of the rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.encoding.plain_columns import value_text
from zoo.errors import warn_caller

__all__ = ["categories_of", "is_mostly", "read_codes", "warn_of_unknown"]

_MAX_CATEGORIES = 254  # HistGradientBoosting takes 255; one of them is for unknown categories
_MOST_NAMED = 10  # columns in a message
_MANY_ROWS = 20
_PLAIN = re.compile(r"([+-]?)(0|[1-9]\d*)(?:\.(\d*?)0*)?")


def _as_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return categories as text, so that 1, 1.0, b"1" and " 1" are one category."""
    if not isinstance(column.dtype, pd.StringDtype):
        return column.astype(object).map(value_text, na_action="ignore")
    return column.str.strip().astype(object)


def categories_of(column: pd.Series[Any]) -> list[str]:
    """Return the most frequent categories of a column, sorted."""
    return sorted(_as_text(column).value_counts().index[:_MAX_CATEGORIES])


def read_codes(column: pd.Series[Any], known: dict[str, int]) -> NDArray[np.float32]:
    """Return the code of each row's category (n_rows,); NaN where it is missing or unknown.

    A number that is unknown as it is written is looked up by its value: "1.0" for "1".
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        # pandas codes a missing value as -1
        rows, distinct = column.cat.codes.to_numpy(), column.cat.categories
    else:
        rows, distinct = pd.factorize(_as_text(column))
    by_value: dict[str, float] = {}
    for name, code in known.items():
        if (value := _value_of(name)) is not None:
            by_value[value] = np.nan if value in by_value else code
    found = []
    for category in distinct:
        text = value_text(category)
        value = None if text in known else _value_of(text)
        found.append(known.get(text, np.nan) if value is None else by_value.get(value, np.nan))
    codes: NDArray[np.float32] = np.array([*found, np.nan], np.float32)[rows]
    return codes


def _value_of(text: str) -> str | None:
    """Return the number that a text is, written in one way; None for codes such as 01."""
    match = _PLAIN.fullmatch(text)
    if match is None:
        return None
    digits = match[2] + (f".{match[3]}" if match[3] else "")
    return f"-{digits}" if match[1] == "-" and digits != "0" else digits


def is_mostly(n_bad: int, n_known: int) -> bool:
    """Return whether so many of the known values show that a column is not as in training.

    In few rows a new value or two are usual.
    """
    is_all = n_bad == n_known > 1
    return is_all or (n_known >= _MANY_ROWS and n_bad > n_known / 2)


def warn_of_unknown(
    columns: Sequence[pd.Series[Any]],
    codes: Sequence[NDArray[Any]],
    known: Sequence[dict[str, int]],
) -> None:
    """Warn if columns hold other categories than in training in most of their rows."""
    told = []
    for column, found, names in zip(columns, codes, known, strict=True):
        is_known = column.notna().to_numpy(bool)
        is_unknown = np.isnan(found) & is_known
        n_known, n_unknown = int(is_known.sum()), int(is_unknown.sum())
        # of so many categories as a column may have, the rare ones are left out in training too
        is_cut = len(names) == _MAX_CATEGORIES and n_unknown < n_known
        if names and not is_cut and is_mostly(n_unknown, n_known):
            example = value_text(column[is_unknown].iloc[0])
            told.append(f"{column.name!r} ({n_unknown / n_known:.0%}, such as {example!r})")
    if told:
        more = f" and {len(told) - _MOST_NAMED} more" if len(told) > _MOST_NAMED else ""
        warn_caller(
            "categories that training did not have count as missing: "
            f"{', '.join(told[:_MOST_NAMED])}{more}; check that they are written as in training"
        )
