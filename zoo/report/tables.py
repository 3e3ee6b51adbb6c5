"""The tables of a report, as CSV files and as rows for pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from zoo.bench.store import Status
from zoo.errors import StoreError
from zoo.files import one_line, write_whole
from zoo.metrics import metric as metric_of

__all__ = ["failure_rows", "score_rows", "write_tables"]


def write_tables(folder: Path, frames: dict[str, pd.DataFrame]) -> None:
    """Write each frame as ``tables/<name>.csv``.

    Raises
    ------
    StoreError
        If one cannot be written.
    """
    with one_line(folder / "tables", StoreError):
        (folder / "tables").mkdir(exist_ok=True)
    for name, frame in frames.items():
        text = frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
        write_whole(folder / "tables" / f"{name}.csv", text, StoreError)


@dataclass(frozen=True, slots=True)
class ScoreCell:
    """Mean and half of the 95% interval as text, and whether the mean is the best of its size."""

    text: str = ""
    is_best: bool = False


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The scores of one model, a cell for each size."""

    model: str
    family: str
    cells: tuple[ScoreCell, ...]


@dataclass(frozen=True, slots=True)
class FailureRow:
    """Cells without a score for the same reason."""

    status: str
    dataset: str
    model: str
    reason: str
    sizes: str
    count: int


def score_rows(curves: pd.DataFrame) -> tuple[list[int], list[ScoreRow]]:
    """Return the sizes, and a row per model, sorted by the score at the largest size.

    `curves` has the headline rows of one data set.
    """
    is_higher_better = metric_of(curves["metric"].iloc[0]).higher_is_better
    sizes = sorted(int(size) for size in curves["n_train"].unique())
    means = curves.pivot(index="model", columns="n_train", values="mean")
    best = means.max() if is_higher_better else means.min()
    order = means[sizes[::-1]].sort_values(sizes[::-1], ascending=not is_higher_better)
    families = dict(zip(curves["model"], curves["family"], strict=True))
    cells = {}
    for row in curves.itertuples():
        half = (row.ci_high - row.ci_low) / 2
        text = f"{row.mean:.3f} ± {half:.3f}" if np.isfinite(half) else f"{row.mean:.3f}"
        cells[row.model, row.n_train] = ScoreCell(text, bool(row.mean == best[row.n_train]))
    none = ScoreCell()
    return sizes, [
        ScoreRow(model, families[model], tuple(cells.get((model, size), none) for size in sizes))
        for model in order.index
    ]


def failure_rows(cells: pd.DataFrame) -> list[FailureRow]:
    """Return cells without a score, grouped by model and reason; skipped ones last."""
    bad = cells[cells["status"] != Status.OK]
    rows = []
    keys = ["status", "dataset", "model", "reason"]
    for (status, dataset, model, reason), group in bad.groupby(keys, dropna=False):
        sizes = ", ".join(f"{size:,}" for size in sorted(group["n_train"].unique()))
        rows.append(FailureRow(status, dataset, model, reason, sizes, len(group)))
    return sorted(rows, key=lambda row: (row.status == Status.SKIPPED, row.dataset, row.model))
