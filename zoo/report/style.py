"""Colours, line styles and labels of all figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "FAMILY_NAMES", "FAMILY_STYLES", "Colours", "label_ends", "label_points",
    "model_colours",
    "spread",
]  # fmt: skip

Colours = Mapping[str, str] | None  # of each model

# Okabe & Ito 2008, safe for colour-blind readers; yellow left out, for it is too light on white
_PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")

FAMILY_NAMES: Mapping[str, str] = {
    "classical": "older algorithms",
    "boosting": "boosting",
    "perceptron": "perceptron",
    "mlp": "multilayer perceptron",
    "deep": "deep networks",
    "baseline": "baseline",
}
FAMILY_STYLES: Mapping[str, Any] = {
    "classical": (0, (5, 2)),
    "boosting": "-",
    "perceptron": (0, (1, 1.5)),
    "mlp": (0, (6, 1.5, 1, 1.5)),
    "deep": (0, (8, 1.5, 1, 1.5, 1, 1.5)),
    "baseline": (0, (1, 4)),
}
FAMILY_COLOURS: Mapping[str, str] = dict(zip(FAMILY_NAMES, _PALETTE, strict=False)) | {
    "baseline": "#777777"
}


def model_colours(rows: pd.DataFrame) -> dict[str, str]:
    """Return a colour for each model: different ones within a family.

    Families start at different places of the palette; what they share, the line style tells apart.

    Parameters
    ----------
    rows : DataFrame
        model, family. Figures that are shown together need those of all.
    """
    colours: dict[str, str] = {}
    counts: dict[str, int] = {}
    order = list(FAMILY_NAMES)
    pairs = rows[["model", "family"]].drop_duplicates().sort_values(["family", "model"])
    for model, family in pairs.itertuples(index=False, name=None):
        if family == "baseline":
            colours[model] = "#777777"
            continue
        start = order.index(family) if family in order else 0
        position = counts.get(family, 0)
        counts[family] = position + 1
        colours[model] = _PALETTE[(start + position) % len(_PALETTE)]
    return colours


def spread(positions: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Return positions at least `gap` apart within [low, high], close to those given.

    When they cannot all fit at that distance they are spaced evenly.
    """
    if not positions:
        return []
    order = np.argsort(positions, kind="stable")
    wanted = np.asarray(positions, dtype=float)[order]
    n = len(wanted)
    if n * gap > high - low:
        placed = np.linspace(low, high, n)
    else:
        # Shift to remove the gaps, then the nearest non-decreasing sequence (pool adjacent
        # violators) is the least-squares answer.
        steps = np.arange(n) * gap
        placed = np.clip(_non_decreasing(wanted - steps), low, high - steps[-1]) + steps
    result = np.empty(n)
    result[order] = placed
    return [float(value) for value in result]


def _non_decreasing(values: Any) -> Any:
    means: list[float] = []
    sizes: list[int] = []
    for value in values:
        means.append(float(value))
        sizes.append(1)
        while len(means) > 1 and means[-2] > means[-1]:
            size = sizes[-2] + sizes[-1]
            means[-2:] = [(means[-2] * sizes[-2] + means[-1] * sizes[-1]) / size]
            sizes[-2:] = [size]
    return np.repeat(means, sizes)


def _places(
    axes: Any, points: Sequence[tuple[str, float, float, str]], *, size: float, lift: float
) -> tuple[list[Any], list[float]]:
    """Return points in shares of the axes, and heights for their labels, moved apart.

    Labels stay within the axes; they want to be `lift` lines above their points.
    """
    to_axes = axes.transAxes.inverted()
    at = [to_axes.transform(axes.transData.transform((x, y))) for _, x, y, _ in points]
    height_pt = axes.get_position().height * axes.figure.get_figheight() * 72
    line = 1.25 * size / height_pt
    heights = [min(max(float(y), 0.0), 1.0) + lift * line for _, y in at]
    return at, spread(heights, gap=line, low=0.0, high=1.0)


def label_ends(axes: Any, ends: Sequence[tuple[str, float, float, str]], *, size: float) -> None:
    """Write labels to the right of line ends, moved apart, each tied to its end by a thin line.

    Parameters
    ----------
    axes : matplotlib Axes
        With its final limits.
    ends : sequence of (label, x, y, colour)
    size : float
        Font size in points.
    """
    points, places = _places(axes, ends, size=size, lift=0.0)
    for (label, _, _, colour), (x, y), place in zip(ends, points, places, strict=True):
        axes.plot(
            [x, 1.03], [min(max(float(y), 0.0), 1.0), place], transform=axes.transAxes,
            color=colour, linewidth=0.6, alpha=0.6, clip_on=False,
        )  # fmt: skip
        axes.text(
            1.035, place, label, transform=axes.transAxes, color=colour, fontsize=size,
            va="center", ha="left",
        )  # fmt: skip


def label_points(
    axes: Any, points: Sequence[tuple[str, float, float, str]], *, size: float
) -> None:
    """Write a label beside each point, moved up or down so that none covers another.

    Labels lie beneath points and above what has a zorder of 1.

    Parameters
    ----------
    axes : matplotlib Axes
        With its final limits.
    points : sequence of (label, x, y, colour)
    size : float
        Font size in points.
    """
    from matplotlib.patheffects import withStroke

    around = [withStroke(linewidth=2, foreground="white")]  # readable across lines
    at, places = _places(axes, points, size=size, lift=0.6)
    for (label, _, _, colour), (x, _), place in zip(points, at, places, strict=True):
        is_right = x < 0.7
        axes.text(
            x + (0.02 if is_right else -0.02), place, label, transform=axes.transAxes,
            color=colour, fontsize=size, va="center", ha="left" if is_right else "right",
            path_effects=around, zorder=1.5,
        )  # fmt: skip
