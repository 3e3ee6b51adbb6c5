"""A digest of a cleaned table, the same for the same cells, names and options."""

from __future__ import annotations

import hashlib

import pandas as pd

from zoo.canonical import canonical_json
from zoo.ingest.clean_table import OwnTable

__all__ = ["table_digest"]


def table_digest(table: OwnTable) -> str:
    """Return 16 hexadecimal digits that change with any cell, name, option or transform spec."""
    total = hashlib.sha256(canonical_json(table.transform).encode())
    sides = [one for one in (table.y, table.groups, table.times) if one is not None]
    for column in [*(table.X[name] for name in table.X.columns), *sides]:
        total.update(f"{column.name}:{column.dtype}".encode())
        is_text = column.dtype.kind == "O"  # each category is hashed once
        hashes = pd.util.hash_pandas_object(
            column.astype("category") if is_text else column, index=False
        )
        total.update(hashes.to_numpy().tobytes())
    return total.hexdigest()[:16]
