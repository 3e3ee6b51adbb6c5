"""Worker processes that start while the file is still being read; light to import."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import psutil

from zoo.bench.pool import Pool
from zoo.bench.suite import Budget

__all__ = ["BASE_REPLICATES", "default_workers", "open_pool"]

BASE_REPLICATES = 3  # draws of rows of each point; as many networks train side by side
_MEMORY_SHARE = 0.8  # of what is free, for all workers


def default_workers() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def open_pool(folder: Path, *, n_workers: int, budget_s: float, models: Sequence[str] = ()) -> Pool:
    """Return worker processes for a results folder, which load while something else is done.

    Parameters
    ----------
    folder : Path
        The results folder; it need not be there yet.
    n_workers : int
    budget_s : float
        Of the whole command.
    models : sequence of str
        Those of the command, where they are not the usual ones.
    """
    free = psutil.virtual_memory().available / 2**20
    limits = Budget(seconds=budget_s, memory_mb=int(_MEMORY_SHARE * free / n_workers))
    first = ["pyarrow.parquet", "zoo.models.classical"]
    if not models or "lightgbm" in models:
        first.append("lightgbm")
    return Pool(n_workers, limits, [str(folder.resolve())], BASE_REPLICATES, imports=first)
