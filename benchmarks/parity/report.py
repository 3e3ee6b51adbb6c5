"""results/parity/parity.csv and docs/parity.md from the cells that were measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["CELLS", "read_cells", "write_report"]

ROOT = Path(__file__).parents[2]
CELLS = ROOT / "results" / "parity" / "cells.jsonl"
COLUMNS = [
    "dataset", "model", "n_train", "metric", "ours", "peer", "difference", "ci_low", "ci_high",
    "seeds", "fit_s_ours", "fit_s_peer",
]  # fmt: skip


def read_cells() -> list[dict[str, Any]]:
    """Return the cells; a later one with the same key stands for an earlier one."""
    found: dict[Any, dict[str, Any]] = {}
    if CELLS.exists():
        for line in CELLS.read_text().splitlines():
            cell = json.loads(line)
            found[cell["dataset"], cell["model"], cell["side"], cell["seed"]] = cell
    return list(found.values())


def write_report() -> None:
    """Write what can be said so far."""


if __name__ == "__main__":
    write_report()
