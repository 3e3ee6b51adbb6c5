"""Turns the raw frame of a source into the table that the card describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from zoo.data.cards import Card
from zoo.errors import DataError, DefinitionError

__all__ = ["Table", "prepare"]

_TRUTH = {"t": True, "true": True, "yes": True, "1": True, "1.0": True}
_TRUTH |= {"f": False, "false": False, "no": False, "0": False, "0.0": False}
_LATE_MINUTES = 15  # the US Department of Transportation's "on time" ends 15 minutes late


@dataclass(frozen=True, slots=True)
class Table:
    """A data set in memory.

    Attributes
    ----------
    X : DataFrame of shape (n_samples, n_features)
        Numbers are int or float, two-valued columns bool, text `category`; a missing value is NaN.
    y : Series of shape (n_samples,)
        Labels as text (classification) or numbers as float (regression).
    card : Card
        Where the data come from and what they mean.
    """

    X: pd.DataFrame
    y: pd.Series[Any]
    card: Card


def prepare(frame: pd.DataFrame, card: Card) -> Table:
    """Return the table that the card describes.

    Parameters
    ----------
    frame : DataFrame of shape (n_samples, n_raw_columns)
        What the source holds.
    card : Card

    Raises
    ------
    DataError
        If a column is missing, or its values do not fit the card.
    DefinitionError
        If the card names a preparation that does not exist.
    """
    if card.prepare is not None:
        if card.prepare not in _PREPARE:
            raise DefinitionError(
                f"{card.path}: the key 'prepare' is '{card.prepare}'; "
                f"expected one of: {', '.join(_PREPARE)}"
            )
        frame = _PREPARE[card.prepare](frame)
    columns = card.columns
    named = {card.target, *columns.drop, *columns.bounds, *columns.codes}
    named |= {*columns.boolean, *columns.categorical, *columns.dates}
    if absent := sorted(named - set(frame.columns)):
        raise DataError(
            f"{card.name}: expected the columns {', '.join(absent)}, which the source does not "
            f"hold; correct {card.path} or install the pinned version of the package"
        )
    y = _target(frame[card.target], card)
    X = frame.drop(columns=[card.target, *columns.drop]).reset_index(drop=True)
    if card.kind == "image":
        return Table(X, y, card)
    converted = {name: _convert(X[name], str(name), card) for name in X.columns}
    return Table(pd.DataFrame(converted), y, card)


def _flights(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the flights that landed, with times in minutes, the weekday and the target."""
    frame = frame[frame["arr_delay"].notna()].reset_index(drop=True)
    departure, arrival = frame["sched_dep_time"], frame["sched_arr_time"]
    return frame.assign(
        weekday=pd.to_datetime(frame[["year", "month", "day"]]).dt.day_name(),
        sched_dep_minute=departure // 100 * 60 + departure % 100,
        sched_arr_minute=arrival // 100 * 60 + arrival % 100,
        arrives=np.where(frame["arr_delay"] > _LATE_MINUTES, "late", "on time"),
    )


def _lfw_subset(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the images with their labels: the first half are faces, the second half not."""
    half = len(frame) // 2
    return frame.assign(target=["face"] * half + ["other"] * (len(frame) - half))


_PREPARE: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "flights": _flights,
    "lfw_subset": _lfw_subset,
}


def _target(column: pd.Series[Any], card: Card) -> pd.Series[Any]:
    """Return labels as text, or numbers as float, without missing values."""
    column = column.reset_index(drop=True).rename(card.target)
    if n_missing := column.isna().sum():
        raise DataError(f"{card.name}: the target {card.target} has {n_missing} missing values")
    if card.task == "regression":
        return _number_target(column, card)
    text = column.astype(object).map(_as_text)
    if card.labels:
        other = card.labels.get("*")
        text = text.map(lambda label: card.labels.get(label, other))
        if text.isna().any():
            raise DataError(f"{card.name}: a label has no word in [labels] of {card.path}")
    return text.astype("str")


def _number_target(column: pd.Series[Any], card: Card) -> pd.Series[Any]:
    try:
        values = column.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{card.name}: the target {card.target} is not a number in each row: {error}"
        ) from error
    if not card.log_target:
        return values
    if values.min() <= 0:
        raise DataError(
            f"{card.name}: log_target needs a target {card.target} above 0 in each row, "
            f"found {values.min()}"
        )
    # Rounded, because logarithms differ in the last bit between processors.
    return values.map(np.log).round(10)


def _as_text(value: object) -> str:
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode().strip()
    return str(value).strip()


def _convert(column: pd.Series[Any], name: str, card: Card) -> pd.Series[Any]:
    """Return one column of `X`, cleaned and in its final dtype."""
    columns, where = card.columns, f"{card.name}: {name}"
    if name in columns.dates:
        return _as_dates(column, where)
    is_text = not pd.api.types.is_numeric_dtype(column.dtype)
    is_category = is_text or name in columns.categorical or name in columns.codes
    if is_category:
        column = column.astype(object).map(_as_text, na_action="ignore")
        if columns.missing:
            column = column.mask(column.isin(columns.missing))
    if is_text and name in columns.bounds:
        raise DataError(f"{where}: expected numbers, for it has bounds in {card.path}, found text")
    if name in columns.codes:
        words = columns.codes[name]
        if unknown := sorted(set(column.dropna()) - set(words)):
            raise DataError(f"{where}: no word for {unknown} in {card.path}")
        column = column.map(words)
    if name in columns.boolean:
        return _as_bool(column, where)
    if is_category:
        return column.astype("str").astype("category")
    if name in columns.bounds:
        low, high = columns.bounds[name]
        column = column.where((column >= low) & (column <= high))
    return column


def _as_dates(column: pd.Series[Any], where: str) -> pd.Series[Any]:
    try:
        return pd.to_datetime(column, utc=True).dt.tz_localize(None)
    except (ValueError, TypeError) as error:
        said = " ".join(str(error).split())
        raise DataError(f"{where}: expected dates, found something else: {said}") from error


def _as_bool(column: pd.Series[Any], where: str) -> pd.Series[Any]:
    truth = column.astype(object).map(lambda value: _TRUTH.get(_as_text(value).lower()))
    if truth.isna().any():
        odd = sorted({_as_text(value) for value in column[truth.isna()]})
        raise DataError(f"{where}: expected t/f, yes/no or 1/0, found {odd[:5]}")
    return truth.astype(bool)
