"""The figures of a report, each as PNG and SVG."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator
from numpy.typing import NDArray
from PIL import Image

from zoo.metrics import metric as metric_of
from zoo.report.style import (
    FAMILY_COLOURS,
    FAMILY_NAMES,
    FAMILY_STYLES,
    Colours,
    label_ends,
    model_colours,
)

__all__ = [
    "draw_dataset", "draw_families", "embed", "limit_scores", "save", "size_axis", "write_head",
]  # fmt: skip

_FONT = 8.5


def save(figure: Figure, path: Path) -> list[Path]:
    """Write ``path.png`` and ``path.svg``, the same bytes for the same figure; return both."""
    from matplotlib import rc_context

    files = []
    with rc_context({"svg.hashsalt": path.name, "svg.fonttype": "none"}):
        for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
            target = path.with_name(path.name + suffix)
            figure.savefig(target, dpi=130, metadata=metadata)
            files.append(target)
    with Image.open(files[0]) as picture:  # 256 colours are enough, and a third of the bytes
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(files[0], optimize=True)
    return files


def embed(figure: Figure, folder: Path, name: str, alt: str) -> dict[str, str]:
    """Save a figure in `folder`'s figures, and return what a page needs to show it.

    Returns
    -------
    dict
        alt: what it shows, for those who do not see it; path: of the PNG, from `folder`; data: the
        PNG as a URL that needs no file.
    """
    png = save(figure, folder / "figures" / name)[0]
    data = base64.b64encode(png.read_bytes()).decode("ascii")
    path = f"figures/{name}.png"
    return {"alt": alt, "path": path, "data": f"data:image/png;base64,{data}"}


def size_axis(axes: Any, sizes: Sequence[int]) -> None:
    """Make x the training rows, on a log scale with a tick at each size."""
    axes.set_xscale("log")
    axes.set_xticks(sorted(sizes))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("training rows")
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if len(sizes) > 1:
        axes.set_xlim(min(sizes) / 1.1, max(sizes) * 1.03)


def draw_dataset(
    curves: pd.DataFrame,
    *,
    title: str,
    bayes_error: float | None = None,
    colours: Colours = None,
) -> Figure:
    """Return the figure of one data set: every model's mean score against the training rows.

    Parameters
    ----------
    curves : DataFrame
        Headline rows of `zoo.curves.aggregate.curve_frame` for one data set.
    title : str
    bayes_error : float or None
        Drawn as a line where the metric is the error rate.
    colours : mapping of str to str or None
        Of each model; None: from `model_colours`.
    """
    metric = curves["metric"].iloc[0]
    order = list(FAMILY_NAMES)
    models = sorted(
        {(row.model, row.family) for row in curves.itertuples()},
        key=lambda pair: (order.index(pair[1]) if pair[1] in order else 99, pair[0]),
    )
    colours = colours or model_colours(curves)
    figure = Figure(figsize=(8.6, 5.8))
    axes = figure.subplots()
    figure.subplots_adjust(left=0.09, right=0.76, top=0.88, bottom=0.15)
    size_axis(axes, sorted(curves["n_train"].unique()))
    ends = []
    for model, family in models:
        line = curves[curves["model"] == model].sort_values("n_train")
        x, y = line["n_train"].to_numpy(), line["mean"].to_numpy()
        axes.plot(x, y, color=colours[model], linestyle=FAMILY_STYLES.get(family, "-"), lw=1.6)
        axes.plot(x, y, "o", color=colours[model], markersize=2.6)
        bounds = line[["ci_low", "ci_high"]].to_numpy(np.float64)
        if family != "baseline":
            axes.fill_between(x, bounds[:, 0], bounds[:, 1], color=colours[model], alpha=0.1, lw=0)
        ends.append((model, x[-1], y[-1], colours[model]))
    means = curves["mean"].to_numpy(np.float64)
    if bayes_error is not None and metric == "error_rate":
        means = np.append(means, bayes_error)
        axes.axhline(bayes_error, color="#000000", linewidth=0.8)
        axes.annotate(
            "least possible error", (0.01, bayes_error), xycoords=("axes fraction", "data"),
            xytext=(0, 3), textcoords="offset points", fontsize=_FONT - 1, va="bottom",
        )  # fmt: skip
    limit_scores(axes, means, metric)
    known = metric_of(metric)
    axes.set_ylabel(f"test {known.label} ({known.direction} is better)")
    write_head(figure, title, "Mean over replicates; bands: 95% interval (Student's t)")
    _family_legend(axes, {family for _, family in models})
    label_ends(axes, ends, size=_FONT)
    return figure


def limit_scores(axes: Any, means: NDArray[np.float64], metric: str) -> None:
    """Let the means decide the limits: an interval of three values can be very wide."""
    low, high = float(means.min()), float(means.max())
    if not metric_of(metric).higher_is_better and low > 0 and high / low > 3:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.15, high * 1.15)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(FuncFormatter(_sparse_minor))
        axes.tick_params(axis="y", which="both", labelsize=_FONT)
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
    figure.text(0.02, 1 - 0.49 / height, subtitle, fontsize=_FONT, color="#555555", va="top")


def _family_legend(axes: Any, families: set[str]) -> None:
    handles = [
        axes.plot([], [], color="#333333", linestyle=FAMILY_STYLES[family], lw=1.6, label=name)[0]
        for family, name in FAMILY_NAMES.items()
        if family in families
    ]
    axes.figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.01, 0.0), ncols=len(handles),
        fontsize=7.5, frameon=False, handlelength=3.2, columnspacing=1.2,
    )  # fmt: skip


def draw_families(families: pd.DataFrame) -> Figure:
    """Return the headline figure: each family's mean curve across the data sets.

    Parameters
    ----------
    families : DataFrame
        From `zoo.curves.aggregate.family_frame`.
    """
    groups = [name for name in ("all", "large") if (families["group"] == name).any()]
    figure = Figure(figsize=(5.4 * len(groups) + 1.0, 5.2))
    panels = figure.subplots(1, len(groups), squeeze=False, sharey=True)[0]
    figure.subplots_adjust(
        left=0.8 / figure.get_figwidth(),
        right=1 - 1.75 / figure.get_figwidth(),
        top=0.8,
        bottom=0.11,
        wspace=0.5,
    )
    low = float(families["mean"].min())
    for axes, group in zip(panels, groups, strict=True):
        part = families[families["group"] == group]
        size_axis(axes, sorted(part["n_train"].unique()))
        axes.set_ylim(min(0.0, low) - 0.02, 1.02)
        ends = []
        for family, name in FAMILY_NAMES.items():
            line = part[part["family"] == family].sort_values("n_train")
            if line.empty:
                continue
            colour = FAMILY_COLOURS[family]
            x, y = line["n_train"].to_numpy(), line["mean"].to_numpy()
            axes.plot(x, y, color=colour, linestyle=FAMILY_STYLES[family], lw=2.2)
            axes.plot(x, y, "o", color=colour, markersize=4)
            axes.fill_between(
                x, line["ci_low"].to_numpy(), line["ci_high"].to_numpy(), color=colour, alpha=0.12,
                lw=0,
            )  # fmt: skip
            ends.append((name, x[-1], y[-1], colour))
        n = int(part["n_datasets"].iloc[0])
        plural = f"{n} data sets" if n > 1 else "1 data set"
        largest = int(part["n_train"].max())
        what = plural if group == "all" else f"the {plural} that reach {largest:,} rows"
        axes.set_title(what, fontsize=10, loc="left")
        label_ends(axes, ends, size=_FONT)
    panels[0].set_ylabel("score: 0 = dummy, 1 = best point of the data set")
    write_head(
        figure,
        "Performance against the amount of data, by family",
        "Mean over data sets of the mean of a family's models; bands: 95% interval over replicates",
    )
    return figure
