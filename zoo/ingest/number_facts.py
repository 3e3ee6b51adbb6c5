"""Counts and quantiles of many columns of numbers at once: thousands of columns take a second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.ingest.clean_table import Column

__all__ = ["QUANTILES", "NumberFacts", "blocks_of_numbers", "number_facts"]

QUANTILES = (0.0, 0.025, 0.975, 1.0)
_CELLS = 1 << 21  # of a block


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """What a column of numbers holds.

    Attributes
    ----------
    n_missing, n_unique : int
        NaN is missing and no value.
    is_whole : bool
        Whether all known values are whole numbers.
    low, high : float
        The least and the largest known value; NaN if none is known.
    span : float
        Their difference, exact for whole numbers.
    is_rising : bool
        Whether the known values rise, or stay, from row to row.
    quantiles : tuple of float
        At `QUANTILES`, of the finite values; empty if there is none.
    """

    n_missing: int
    n_unique: int
    is_whole: bool
    low: float
    high: float
    span: float
    is_rising: bool
    quantiles: tuple[float, ...]


def blocks_of_numbers(
    columns: Mapping[str, Column], n_rows: int
) -> Iterator[tuple[list[str], NDArray[Any]]]:
    """Yield names and values (n_columns, n_rows) of the float64 and int64 columns, block by block.

    Whole numbers stay integers, so that large ones are exact.
    """
    n_columns = max(1, _CELLS // max(1, n_rows))
    for dtype in (np.dtype(np.float64), np.dtype(np.int64)):
        names = [name for name, column in columns.items() if column.dtype == dtype]
        for start in range(0, len(names), n_columns):
            some = names[start : start + n_columns]
            yield some, np.stack([columns[name].to_numpy() for name in some])


def number_facts(columns: Mapping[str, Column]) -> dict[str, NumberFacts]:
    """Return the facts of each column (n_rows,) of float64 or int64; others are left out."""
    n_rows = len(next(iter(columns.values()), ()))
    found: dict[str, NumberFacts] = {}
    if not n_rows:
        return found
    for some, values in blocks_of_numbers(columns, n_rows):
        ordered = np.sort(values, axis=1)  # NaN comes last
        is_known: NDArray[np.bool_] = ~np.isnan(ordered)
        is_new = is_known.copy()
        is_new[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
        with np.errstate(invalid="ignore"):
            is_whole = np.all((ordered == np.floor(ordered)) | ~is_known, axis=1)
        n_known, n_unique = is_known.sum(axis=1), is_new.sum(axis=1)
        last = ordered[np.arange(len(ordered)), np.maximum(n_known - 1, 0)]
        with np.errstate(invalid="ignore"):
            is_rising = np.all(~(np.diff(values, axis=1) < 0), axis=1)  # NaN counts as rising
        is_rising, is_whole = np.atleast_1d(is_rising), np.atleast_1d(is_whole)
        n_low = np.isneginf(ordered).sum(axis=1)
        n_finite = np.isfinite(ordered).sum(axis=1)
        quantiles = _quantiles(ordered, n_low, n_finite)
        for i, name in enumerate(some):
            found[name] = NumberFacts(
                n_missing=n_rows - int(n_known[i]),
                n_unique=int(n_unique[i]),
                is_whole=bool(is_whole[i]),
                low=float(ordered[i, 0]),
                high=float(last[i]),
                span=float(last[i].item() - ordered[i, 0].item()),
                is_rising=bool(is_rising[i]),
                quantiles=tuple(quantiles[i].tolist()) if n_finite[i] else (),
            )
    return found


def _quantiles(
    ordered: NDArray[Any],
    n_low: NDArray[np.int64],
    n_finite: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return quantiles (n_columns, 4) of sorted rows, of which `n_finite` from `n_low` on count."""
    at = n_low[:, None] + np.array(QUANTILES) * np.maximum(n_finite - 1, 0)[:, None]
    below = np.floor(at).astype(np.int64)
    above = np.minimum(below + 1, (n_low + np.maximum(n_finite - 1, 0))[:, None])
    rows = np.arange(len(ordered))[:, None]
    low, high = ordered[rows, below].astype(np.float64), ordered[rows, above].astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(low + (high - low) * (at - below), np.float64)
