"""The parts that figures are made of: axes, heads, curves, files."""

from __future__ import annotations

import base64
import io
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator
from PIL import Image

from zoo.curves.arrays import Array
from zoo.errors import StoreError
from zoo.files import file_name, one_line, write_whole
from zoo.metrics import Metric
from zoo.prose import plain
from zoo.report.labels import Label
from zoo.report.style import FAMILY_STYLES, FONT

__all__ = [
    "draw_curve", "embed", "frame_axes", "score_axis", "size_axis", "size_figure", "write_head",
]  # fmt: skip

_COMMAS = FuncFormatter(lambda value, _: f"{value:,.0f}")
_SHORT = FuncFormatter(lambda value, _: f"{value:g}")


def embed(figure: Figure, folder: Path, name: str, alt: str) -> dict[str, str]:
    """Save a figure as ``figures/<name>.png`` and ``.svg``, and return what a page needs.

    The same figure gives the same bytes. The files are written whole.

    Returns
    -------
    dict
        alt: text for readers who do not see the figure; path: of the PNG, relative to `folder`;
        data: the PNG as a data URL.

    Raises
    ------
    StoreError
        If a file cannot be written.
    """
    path = f"figures/{file_name(name)}.png"
    png, svg, small = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # a script without a font: boxes
        figure.savefig(png, format="png", dpi=130, metadata={"Software": None})
        figure.savefig(svg, format="svg", metadata={"Date": None})
    with Image.open(png) as image:  # 256 colours are enough, and a third of the bytes
        palette = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    palette.save(small, format="png", optimize=True)
    with one_line(folder / "figures", StoreError):
        (folder / "figures").mkdir(exist_ok=True)
    write_whole(folder / path, small.getvalue(), StoreError)
    write_whole((folder / path).with_suffix(".svg"), svg.getvalue(), StoreError)
    data = base64.b64encode(small.getvalue()).decode("ascii")
    return {"alt": alt, "path": path, "data": f"data:image/png;base64,{data}"}


def frame_axes(axes: Axes) -> None:
    """Draw a grid, and no frame at the top and the right."""
    axes.set_axisbelow(True)
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def size_axis(axes: Axes, sizes: Array) -> None:
    """Make x the training rows, on a log scale with a tick at each size."""
    axes.set_xscale("log")
    axes.set_xticks(sorted(sizes))
    axes.xaxis.set_major_formatter(_COMMAS)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("training rows")
    frame_axes(axes)
    if len(sizes) > 1:
        axes.set_xlim(sizes.min() / 1.1, sizes.max() * 1.03)


def size_figure(sizes: Array, *, legend: float = 0.0) -> tuple[Figure, Axes]:
    """Return a figure with one size axis, and `legend` inches below it."""
    height = 5.2 + legend
    figure = Figure(figsize=(8.6, height))
    axes = figure.subplots()
    bottom, top = (0.57 + legend) / height, 1 - 0.72 / height
    figure.subplots_adjust(left=0.09, right=0.76, top=top, bottom=bottom)
    size_axis(axes, sizes)
    return figure, axes


def draw_curve(
    axes: Axes, x: Array, y: Array, name: str, *, colour: str, family: str, width: float = 1.6
) -> Label:
    """Draw a line in the style of a family, with a dot at each size; return its end's label."""
    axes.plot(x, y, color=colour, linestyle=FAMILY_STYLES.get(family, "-"), lw=width)
    axes.plot(x, y, "o", color=colour, markersize=1.1 + width)
    return Label(name, x[-1], y[-1], colour)


def score_axis(axes: Axes, values: Array, metric: Metric) -> None:
    """Make y the score, with the limits of `values`: intervals can be too wide to show whole."""
    axes.set_ylabel(f"test {metric.label} ({metric.direction} is better)")
    low, high = float(values.min()), float(values.max())
    if not metric.higher_is_better and low > 0 and high / low > 3:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.15, high * 1.15)
        axes.yaxis.set_major_formatter(_SHORT)
        axes.yaxis.set_minor_formatter(FuncFormatter(_twos_and_fives))
        axes.tick_params(axis="y", which="both", labelsize=FONT)
        return
    margin = 0.06 * ((high - low) or abs(high) or 1.0)
    axes.set_ylim(low - margin, high + margin)


def _twos_and_fives(value: float, _: object) -> str:
    """Label the minor ticks of a log axis that begin with 2 or 5."""
    digit = round(value / 10 ** np.floor(np.log10(value)))
    return f"{value:g}" if digit in (2, 5) else ""


def write_head(figure: Figure, title: str, subtitle: str) -> None:
    """Write title and subtitle at the top left, the same distance from the top in every figure."""
    height = figure.get_figheight()
    write = partial(figure.text, 0.02, va="top", parse_math=False)
    write(1 - 0.2 / height, plain(title), fontsize=12, weight="bold")
    write(1 - 0.49 / height, subtitle, fontsize=FONT, color="#555555")
