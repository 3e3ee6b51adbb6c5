"""The table of comparisons, results/speed/ratios.csv, and its figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

__all__ = ["COLUMNS", "draw", "record"]

TARGET = Path(__file__).parents[2] / "results" / "speed"
COLUMNS = [
    "comparison", "ours", "peer", "unit", "ratio", "target", "score_ours", "score_peer",
]  # fmt: skip


def record(part: str, rows: list[dict[str, Any]]) -> None:
    """Replace the rows of one part of the table.

    Parameters
    ----------
    part : str
        The prefix of its comparisons: "engine", "curve", "growth", ...
    rows : list of dict
        With the keys of `COLUMNS`.
    """
    TARGET.mkdir(parents=True, exist_ok=True)
    path = TARGET / "ratios.csv"
    new = pd.DataFrame([{**row, "comparison": f"{part}: {row['comparison']}"} for row in rows])
    new = new.reindex(columns=COLUMNS)
    if path.exists():
        old = pd.read_csv(path)
        parts = old["comparison"].str.extract(r"^(\w+): ")[0]
        old = old[parts.notna() & (parts != part)]
        new = pd.concat([old, new]) if len(old) else new
    new = new.sort_values("comparison", kind="stable")
    new.to_csv(path, index=False, float_format="%.4g", lineterminator="\n")
    draw(new)


def draw(table: pd.DataFrame) -> None:
    """Draw how many times better ours is in each comparison, with its target as a mark."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    table = table[table["ratio"].notna()].iloc[::-1]
    colours = {"engine": "#3366aa", "curve": "#aa6633", "growth": "#558855", "published": "#884488"}
    figure, axes = plt.subplots(figsize=(11, 1.2 + 0.2 * len(table)), layout="constrained")
    positions = np.arange(len(table))
    parts = table["comparison"].str.split(":").str[0]
    axes.barh(positions, table["ratio"], color=[colours.get(part, "#888888") for part in parts])
    axes.plot(table["target"], positions, "|", color="black", markersize=9, label="target")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(positions, table["comparison"], fontsize=7)
    for position, ratio in zip(positions, table["ratio"], strict=True):
        axes.text(ratio * 1.03, position, f"{ratio:.2g}", va="center", fontsize=7)
    axes.set_ylim(-0.7, len(table) - 0.3)
    axes.set_xlabel("times better than the peer, or fraction of the peak")
    if table["target"].notna().any():
        axes.legend(loc="lower right", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    for ending in ("png", "svg"):
        figure.savefig(
            TARGET / f"ratios.{ending}",
            dpi=150,
            metadata={"Date": None} if ending == "svg" else None,
        )
    plt.close(figure)
