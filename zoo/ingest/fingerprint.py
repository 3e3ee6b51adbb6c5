"""A digest of a cleaned table: the same one for the same cells, names and options."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pandas as pd

from zoo.canonical import canonical_json

__all__ = ["table_digest"]


def table_digest(
    X: pd.DataFrame,
    y: pd.Series[Any],
    groups: pd.Series[Any] | None,
    times: pd.Series[Any] | None,
    recipe: Mapping[str, Any],
) -> str:
    """Return 16 hexadecimal digits that change with any cell, name, option or step of cleaning."""
    total = hashlib.sha256(canonical_json(recipe).encode())
    sides = [one for one in (y, groups, times) if one is not None]
    for column in [*(X[name] for name in X.columns), *sides]:
        total.update(f"{column.name}:{column.dtype}".encode())
        is_text = column.dtype.kind == "O"  # of which each level is hashed once
        hashes = pd.util.hash_pandas_object(
            column.astype("category") if is_text else column, index=False
        )
        total.update(hashes.to_numpy().tobytes())
    return total.hexdigest()[:16]
