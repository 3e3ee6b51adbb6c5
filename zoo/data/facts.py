"""The facts of a data set, recomputed from its content."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd

from zoo.data.cards import Facts
from zoo.data.prepare import Table
from zoo.errors import DataError

__all__ = ["compute_facts", "differences", "fingerprint", "verify_shape"]


def compute_facts(table: Table) -> Facts:
    """Return the facts of the table, its fingerprint included."""
    return Facts(
        rows=len(table.X),
        features=table.X.shape[1],
        classes=int(table.y.nunique()) if table.card.task == "classification" else None,
        missing=int(table.X.isna().to_numpy().sum()),
        fingerprint=fingerprint(table),
        bayes_error=table.card.facts.bayes_error,
    )


def fingerprint(table: Table) -> str:
    """Return 16 hexadecimal digits that change with any cell, name or order of rows or columns.

    Numbers are digested as little-endian float64 with one NaN, text as the sorted categories
    and one code per row. So neither the width of an int nor the version of pandas matters.
    """
    total = hashlib.sha256()
    for name in table.X.columns:
        _digest_column(total, str(name), table.X[name])
    _digest_column(total, table.card.target, table.y)
    return total.hexdigest()[:16]


def _digest_column(total: Any, name: str, column: pd.Series[Any]) -> None:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        column = (column - pd.Timestamp("1970-01-01")) / pd.Timedelta(seconds=1)
    is_number = pd.api.types.is_numeric_dtype(column.dtype)  # true of bool as well
    total.update(json.dumps([name, "number" if is_number else "text"]).encode())
    if is_number:
        values = column.to_numpy(np.float64, na_value=np.nan) + 0.0  # -0.0 becomes 0.0
        values[np.isnan(values)] = np.nan
        total.update(values.astype("<f8").tobytes())
        return
    codes, categories = pd.factorize(column.astype(object).to_numpy(), sort=True)
    total.update(json.dumps([str(category) for category in categories]).encode())
    total.update(codes.astype("<i8").tobytes())


def verify_shape(table: Table) -> None:
    """Raise a DataError if the numbers of rows or features are not those of the card."""
    for fact, value in zip(("rows", "features"), table.X.shape, strict=True):
        expected = getattr(table.card.facts, fact)
        if value != expected:
            raise DataError(
                f"{table.card.name}: expected {expected} {fact}, found {value}; the source has "
                "changed: install the pinned version of its package or clear the cache, or correct "
                f"{fact} and raise revision in {table.card.path}"
            )


def differences(table: Table, *, with_unchecked: bool = True) -> list[str]:
    """Return the facts of the card that differ from the data, one line each.

    A fact that the card leaves out counts if `with_unchecked`.
    """
    found, lines = compute_facts(table), []
    for fact in ("rows", "features", "classes", "missing", "fingerprint"):
        expected, value = getattr(table.card.facts, fact), getattr(found, fact)
        if expected is None and value is not None and with_unchecked:
            lines.append(
                f"{table.card.name}: {fact} is unchecked, the card has none; found {value}: "
                f"add it to [facts] in {table.card.path}"
            )
        elif expected is not None and expected != value:
            lines.append(
                f"{table.card.name}: {fact}: expected {expected}, found {value}; restore the "
                f"source, or correct the card and raise its revision: {table.card.path}"
            )
    return lines
