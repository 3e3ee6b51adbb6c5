"""Figures that compare models at one size: critical differences, and score against cost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from zoo.metrics import metric as metric_of
from zoo.report.canvas import frame_axes, label_score_axis, write_head
from zoo.report.labels import Label, label_points
from zoo.report.style import Colours, model_colours

__all__ = ["draw_cost", "draw_critical_difference"]

_SMALL = 8.5
_COST_AXES: Mapping[str, str] = {
    "fit_s": "fit time (s)",
    "predict_s": "prediction time (s)",
    "peak_rss_mb": "peak memory (MB)",
    "n_parameters": "parameters",
}


def draw_critical_difference(ranks: pd.DataFrame, *, colours: Colours = None) -> Figure:
    """Return a critical-difference diagram for each size.

    The bar covers models without a significant difference from the best one.

    References
    ----------
    Demšar (JMLR 7, 2006), figure 1; here each model has a row, since there are many.
    """
    groups = [(size, part.sort_values("mean_rank")) for size, part in ranks.groupby("n_train")]
    tallest = max(len(part) for _, part in groups)
    figure = Figure(figsize=(3.1 * len(groups) + 0.4, 0.24 * tallest + 1.7))
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    height = figure.get_figheight()
    figure.subplots_adjust(
        left=0.02, right=0.98, top=1 - 1.0 / height, bottom=0.55 / height, wspace=0.1
    )
    highest = float(ranks["mean_rank"].max())
    colours = colours or model_colours(ranks)
    for axes, (size, part) in zip(panels, groups, strict=True):
        _draw_ranks(axes, part, colours, highest)
        axes.set_ylim(tallest - 0.4, -0.6)
        n_datasets = part["n_datasets"].iloc[0]
        axes.set_title(f"{size:,} rows, {n_datasets} data sets", fontsize=_SMALL, loc="left")
    write_head(
        figure,
        "Critical differences of mean ranks",
        "Grey: no significant difference from the best model (Nemenyi test, 5%)",
    )
    return figure


def _draw_ranks(axes: Axes, part: pd.DataFrame, colours: Mapping[str, str], highest: float) -> None:
    distance = float(part["critical_difference"].iloc[0])
    best = float(part["mean_rank"].iloc[0])
    if np.isfinite(distance):
        axes.axvspan(best, min(best + distance, highest + 1), color="#eeeeee", lw=0)
    for row_number, row in enumerate(part.itertuples()):
        colour = colours[str(row.model)]
        axes.plot(row.mean_rank, row_number, "o", color=colour, markersize=4)
        is_late = row.mean_rank > (1 + highest) / 2
        axes.annotate(
            f"{row.model} {row.mean_rank:.1f}", (row.mean_rank, row_number), fontsize=7,
            xytext=(-5 if is_late else 5, 0), textcoords="offset points", va="center",
            ha="right" if is_late else "left", color=colour,
        )  # fmt: skip
    axes.set_xlim(0.6, highest + 0.4)
    axes.set_yticks([])
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.set_xlabel("mean rank", fontsize=8)
    axes.tick_params(labelsize=7.5)


def draw_cost(cost: pd.DataFrame, *, title: str, colours: Colours = None) -> Figure:
    """Return score against each cost at the largest size, with the Pareto front.

    Parameters
    ----------
    cost : DataFrame
        Rows of `zoo.curves.cost.cost_frame` for one data set.
    title : str
    colours : mapping of str to str or None
        Of each model; None: from `model_colours`.
    """
    largest = int(cost["n_train"].max())
    rows = cost[cost["n_train"] == largest]
    names = [name for name in _COST_AXES if (rows[name] > 0).sum() >= 2] or ["fit_s"]
    colours = colours or model_colours(rows)
    figure = Figure(figsize=(3.4 * len(names) + 0.8, 4.0))
    panels = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
    left = 0.75 / figure.get_figwidth()
    figure.subplots_adjust(left=left, right=0.98, top=0.82, bottom=0.14, wspace=0.08)
    fronts = [
        _draw_cost_panel(axes, rows[rows[name] > 0].sort_values(name), name, colours)
        for axes, name in zip(panels, names, strict=True)
    ]
    for axes in panels:
        axes.autoscale_view()
    for axes, labels in zip(panels, fronts, strict=True):
        label_points(axes, labels, size=7)
    label_score_axis(panels[0], metric_of(str(rows["metric"].iloc[0])), separator="\n")
    panels[0].yaxis.label.set_size(_SMALL)
    subtitle = f"At {largest:,} rows; filled and labelled: Pareto-optimal models"
    write_head(figure, title, subtitle)
    return figure


def _draw_cost_panel(
    axes: Axes, shown: pd.DataFrame, name: str, colours: Mapping[str, str]
) -> list[Label]:
    """Draw models by score and one cost; return the labels of those on the Pareto front."""
    front = shown[shown[f"on_front_{name}"]]
    axes.step(front[name], front["score"], where="post", color="#999999", lw=1, zorder=1)
    labels = []
    for row in shown[["model", name, "score", f"on_front_{name}"]].itertuples(index=False):
        model, x, y, is_front = row
        colour = colours[str(model)]
        fill = colour if is_front else "none"
        axes.plot(x, y, "o", color=colour, markersize=5, markerfacecolor=fill)
        if is_front:
            labels.append(Label(str(model), float(x), float(y), colour))
    if shown[name].max() > 10 * shown[name].min():
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel(_COST_AXES[name], fontsize=_SMALL)
    axes.margins(x=0.18)
    axes.tick_params(labelsize=7.5)
    frame_axes(axes)
    return labels
