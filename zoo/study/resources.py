"""Worker processes of a study: how many, with how much memory; light to import.

They start while the user's file is still being read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import psutil

from zoo.bench.pool import Pool
from zoo.bench.suite import Budget

__all__ = ["BASE_REPLICATES", "default_workers", "open_pool"]

BASE_REPLICATES = 3  # of each model and size; as many networks train side by side
_MEMORY_FRACTION = 0.8  # of the free memory, for all workers


def default_workers() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def open_pool(folder: Path, *, n_workers: int, budget_s: float, models: Sequence[str] = ()) -> Pool:
    """Start the worker processes for a results folder.

    Parameters
    ----------
    folder : Path
        The results folder; it need not exist yet.
    n_workers : int
    budget_s : float
        Of the whole command.
    models : sequence of str
        Those of the command, if not the default ones.
    """
    free_mb = psutil.virtual_memory().available / 2**20
    limits = Budget(seconds=budget_s, memory_mb=int(_MEMORY_FRACTION * free_mb / n_workers))
    imports = ["pyarrow.parquet", "zoo.models.classical"]
    if not models or "lightgbm" in models:
        imports.append("lightgbm")
    return Pool(n_workers, limits, [str(folder.resolve())], BASE_REPLICATES, imports=imports)
