"""The tables of a report, as CSV files and as rows for pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from zoo.metrics import metric

__all__ = ["failure_rows", "score_rows", "size_text", "write_tables"]


def write_tables(folder: Path, frames: dict[str, pd.DataFrame]) -> None:
    """Write each frame as ``tables/<name>.csv``."""
    target = folder / "tables"
    target.mkdir(exist_ok=True)
    for name, frame in frames.items():
        frame.to_csv(target / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")


def size_text(n_rows: int) -> str:
    """Return a number of rows with commas."""
    return f"{n_rows:,}"


def score_rows(curves: pd.DataFrame) -> tuple[list[int], list[dict[str, Any]]]:
    """Return the sizes, and one row a model with a cell a size: mean, half interval, is_best.

    Parameters
    ----------
    curves : DataFrame
        Headline rows of one data set; models come out best at their largest size first.
    """
    is_higher_better = metric(curves["metric"].iloc[0]).higher_is_better
    sizes = sorted(int(size) for size in curves["n_train"].unique())
    means = curves.pivot(index="model", columns="n_train", values="mean")
    best = means.max() if is_higher_better else means.min()
    order = means[sizes[::-1]].sort_values(sizes[::-1], ascending=not is_higher_better)
    families = dict(zip(curves["model"], curves["family"], strict=True))
    lookup = {(row.model, row.n_train): row for row in curves.itertuples()}
    rows = []
    for model in order.index:
        cells = []
        for size in sizes:
            point = lookup.get((model, size))
            if point is None:
                cells.append({"text": "", "is_best": False})
                continue
            half = (point.ci_high - point.ci_low) / 2
            spread = f" ± {half:.3f}" if np.isfinite(half) else ""
            is_best = bool(point.mean == best[size])
            cells.append({"text": f"{point.mean:.3f}{spread}", "is_best": is_best})
        rows.append({"model": model, "family": families[model], "cells": cells})
    return sizes, rows


def failure_rows(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """Return cells without a score, those of one reason together.

    Returns
    -------
    list of dict
        status, dataset, model, reason, sizes, count.
    """
    bad = cells[cells["status"] != "ok"]
    rows = []
    keys = ["status", "dataset", "model", "reason"]
    for (status, dataset, model, reason), group in bad.groupby(keys, dropna=False):
        sizes = ", ".join(size_text(int(size)) for size in sorted(group["n_train"].unique()))
        rows.append(
            {
                "status": status,
                "dataset": dataset,
                "model": model,
                "reason": reason,
                "sizes": sizes,
                "count": len(group),
            }
        )
    return sorted(rows, key=lambda row: (row["status"] == "skipped", row["dataset"], row["model"]))
