"""The parts that figures are made of: axes, heads, curves, files."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator
from numpy.typing import NDArray
from PIL import Image

from zoo.metrics import Metric
from zoo.report.style import FAMILY_STYLES

__all__ = [
    "FONT", "Array", "draw_curve", "embed", "frame_axes", "label_score_axis", "limit_scores",
    "size_axis", "size_figure", "write_head",
]  # fmt: skip

Array = NDArray[np.float64]
FONT = 8.5
_COMMAS = FuncFormatter(lambda value, _: f"{value:,.0f}")
_SHORT = FuncFormatter(lambda value, _: f"{value:g}")


def embed(figure: Figure, folder: Path, name: str, alt: str) -> dict[str, str]:
    """Save a figure as ``figures/<name>.png`` and ``.svg``, and return what a page needs.

    The same figure gives the same bytes.

    Returns
    -------
    dict
        alt: text for readers who do not see the figure; path: of the PNG, relative to `folder`;
        data: the PNG as a data URL.
    """
    from matplotlib import rc_context

    path = f"figures/{name}.png"
    png = folder / path
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(png, dpi=130, metadata={"Software": None})
        figure.savefig(png.with_suffix(".svg"), metadata={"Date": None})
    with Image.open(png) as image:  # 256 colours are enough, and a third of the bytes
        palette = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    palette.save(png, optimize=True)
    data = base64.b64encode(png.read_bytes()).decode("ascii")
    return {"alt": alt, "path": path, "data": f"data:image/png;base64,{data}"}


def frame_axes(axes: Axes) -> None:
    """Draw a grid, and no frame at the top and the right."""
    axes.set_axisbelow(True)
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def size_axis(axes: Axes, sizes: Sequence[int]) -> None:
    """Make x the training rows, on a log scale with a tick at each size."""
    axes.set_xscale("log")
    axes.set_xticks(sorted(sizes))
    axes.xaxis.set_major_formatter(_COMMAS)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("training rows")
    frame_axes(axes)
    if len(sizes) > 1:
        axes.set_xlim(min(sizes) / 1.1, max(sizes) * 1.03)


def size_figure(sizes: Sequence[int], *, legend: float = 0.0) -> tuple[Figure, Axes]:
    """Return a figure with one size axis, and `legend` inches below it."""
    figure = Figure(figsize=(8.6, 5.2 + legend))
    axes = figure.subplots()
    height = figure.get_figheight()
    figure.subplots_adjust(
        left=0.09, right=0.76, top=1 - 0.72 / height, bottom=(0.57 + legend) / height
    )
    size_axis(axes, sizes)
    return figure, axes


def draw_curve(
    axes: Axes, x: Array, y: Array, *, colour: str, family: str, width: float = 1.6
) -> None:
    """Draw a line in the style of a family, with a dot at each size."""
    axes.plot(x, y, color=colour, linestyle=FAMILY_STYLES.get(family, "-"), lw=width)
    axes.plot(x, y, "o", color=colour, markersize=1.1 + width)


def label_score_axis(axes: Axes, metric: Metric, *, separator: str = " ") -> None:
    """Name the metric beside the y axis, and which direction is better."""
    axes.set_ylabel(f"test {metric.label}{separator}({metric.direction} is better)")


def limit_scores(axes: Axes, values: Array, metric: Metric) -> None:
    """Set the limits of y from values, since an interval of three replicates can be very wide."""
    low, high = float(values.min()), float(values.max())
    if not metric.higher_is_better and low > 0 and high / low > 3:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.15, high * 1.15)
        axes.yaxis.set_major_formatter(_SHORT)
        axes.yaxis.set_minor_formatter(FuncFormatter(_sparse_minor))
        axes.tick_params(axis="y", which="both", labelsize=FONT)
        return
    margin = 0.06 * ((high - low) or abs(high) or 1.0)
    axes.set_ylim(low - margin, high + margin)


def _sparse_minor(value: float, _: object) -> str:
    digit = round(value / 10 ** np.floor(np.log10(value)))
    return f"{value:g}" if digit in (2, 5) else ""


def write_head(figure: Figure, title: str, subtitle: str) -> None:
    """Write title and subtitle at the top left, the same distance from the top in every figure."""
    height = figure.get_figheight()
    figure.text(
        0.02, 1 - 0.2 / height, title, fontsize=12, weight="bold", va="top", parse_math=False
    )
    figure.text(0.02, 1 - 0.49 / height, subtitle, fontsize=FONT, color="#555555", va="top")
