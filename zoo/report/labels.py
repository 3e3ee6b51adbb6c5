"""Places the labels of curves and points so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from scipy.optimize import isotonic_regression

from zoo.prose import plain
from zoo.report.style import FONT

__all__ = ["Label", "label_ends", "label_points", "spread"]


class Label(NamedTuple):
    """A text for the point (x, y) in data coordinates."""

    text: str
    x: float
    y: float
    colour: str


def spread(positions: Sequence[float], *, distance: float, low: float, high: float) -> list[float]:
    """Return the nearest positions within [low, high] that are at least `distance` apart.

    They are spaced evenly if there is no room for that distance.
    """
    if not positions:
        return []
    order = np.argsort(positions, kind="stable")
    wanted = np.asarray(positions, dtype=float)[order]
    n = len(wanted)
    placed = np.empty(n)
    if n * distance > high - low:
        placed[order] = np.linspace(low, high, n)
    else:
        # with the distances subtracted, the least-squares answer is isotonic regression
        steps = np.arange(n) * distance
        nearest = isotonic_regression(wanted - steps).x
        placed[order] = np.clip(nearest, low, high - steps[-1]) + steps
    return [float(value) for value in placed]


def _positions(
    axes: Axes, labels: Sequence[Label], *, size: float, lift: float
) -> list[tuple[float, float, float]]:
    """Return x and y of each point and the height of its label, in fractions of the axes.

    Labels stay within the axes; the preferred height is `lift` lines above the point.
    """
    to_axes = axes.transAxes.inverted()
    points = [to_axes.transform(axes.transData.transform((one.x, one.y))) for one in labels]
    clipped = [(float(x), min(max(float(y), 0.0), 1.0)) for x, y in points]
    line = 1.25 * size / (72 * axes.bbox.height / axes.figure.dpi)
    heights = spread([y + lift * line for _, y in clipped], distance=line, low=0.0, high=1.0)
    return [(x, y, height) for (x, y), height in zip(clipped, heights, strict=True)]


def label_ends(axes: Axes, labels: Sequence[Label]) -> None:
    """Write labels to the right of line ends, each connected to its end by a thin line.

    The axes must have their final limits.
    """
    positions = _positions(axes, labels, size=FONT, lift=0.0)
    for label, (x, y, height) in zip(labels, positions, strict=True):
        axes.plot(
            [x, 1.03], [y, height], transform=axes.transAxes, color=label.colour, linewidth=0.6,
            alpha=0.6, clip_on=False,
        )  # fmt: skip
        axes.text(
            1.035, height, plain(label.text), transform=axes.transAxes, color=label.colour,
            fontsize=FONT, va="center", ha="left", parse_math=False,
        )  # fmt: skip


def label_points(axes: Axes, labels: Sequence[Label], *, size: float) -> None:
    """Write a label beside each point, moved up or down so that none covers another.

    The axes must have their final limits; `size` is in points. Labels lie below points and above
    artists with a zorder of 1.
    """
    outline = [withStroke(linewidth=2, foreground="white")]  # readable across lines
    positions = _positions(axes, labels, size=size, lift=0.6)
    for label, (x, _, height) in zip(labels, positions, strict=True):
        is_right = x < 0.7
        axes.text(
            x + (0.02 if is_right else -0.02), height, plain(label.text), transform=axes.transAxes,
            color=label.colour, fontsize=size, va="center", ha="left" if is_right else "right",
            path_effects=outline, zorder=1.5, parse_math=False,
        )  # fmt: skip
