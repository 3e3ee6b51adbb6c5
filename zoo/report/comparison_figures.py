"""Figures that compare models at one size: critical differences, and score against cost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from zoo.metrics import metric as metric_of
from zoo.prose import count, plain
from zoo.report.canvas import frame_axes, write_head
from zoo.report.labels import Label, label_points
from zoo.report.style import FONT, Colours, model_colours

__all__ = ["draw_cost", "draw_critical_difference"]

_COST_AXES: Mapping[str, str] = {
    "fit_s": "fit time (s)",
    "predict_s": "prediction time (s)",
    "fit_memory_mb": "memory added by the fit (MB)",
    "n_parameters": "parameters",
}


def draw_critical_difference(ranks: pd.DataFrame, colours: Mapping[str, str]) -> Figure:
    """Return a critical-difference diagram for each size.

    The bar covers models without a significant difference from the best one.

    References
    ----------
    Demšar (JMLR 7, 2006), figure 1; here each model has a row, since there are many.
    """
    groups = [(size, part.sort_values("mean_rank")) for size, part in ranks.groupby("n_train")]
    tallest = max(len(part) for _, part in groups)
    height = 0.24 * tallest + 1.7
    figure = Figure(figsize=(3.1 * len(groups) + 0.4, height))
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    bottom, top = 0.55 / height, 1 - 1.0 / height
    figure.subplots_adjust(left=0.02, right=0.98, top=top, bottom=bottom, wspace=0.1)
    highest = float(ranks["mean_rank"].max())
    for axes, (size, part) in zip(panels, groups, strict=True):
        _draw_ranks(axes, part, colours, highest)
        axes.set_ylim(tallest - 0.4, -0.6)
        n_datasets = part["n_datasets"].iloc[0]
        axes.set_title(
            f"{count(size, 'row')}, {count(n_datasets, 'data set')}", fontsize=FONT, loc="left"
        )
    subtitle = "Grey: no significant difference from the best model (Nemenyi test, 5%)"
    write_head(figure, "Critical differences of mean ranks", subtitle)
    return figure


def _draw_ranks(axes: Axes, part: pd.DataFrame, colours: Mapping[str, str], highest: float) -> None:
    """Draw the models at one size, best first, a row each."""
    distance = float(part["critical_difference"].iloc[0])
    best = float(part["mean_rank"].iloc[0])
    if np.isfinite(distance):
        axes.axvspan(best, min(best + distance, highest + 1), color="#eeeeee", lw=0)
    for row_number, row in enumerate(part.itertuples()):
        colour = colours[str(row.model)]
        axes.plot(row.mean_rank, row_number, "o", color=colour, markersize=4)
        is_late = row.mean_rank > (1 + highest) / 2
        axes.annotate(
            f"{plain(row.model)} {row.mean_rank:.1f}", (row.mean_rank, row_number), fontsize=7,
            xytext=(-5 if is_late else 5, 0), textcoords="offset points", va="center",
            ha="right" if is_late else "left", color=colour, parse_math=False,
        )  # fmt: skip
    axes.set_xlim(0.6, highest + 0.4)
    axes.set_yticks([])
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.set_xlabel("mean rank", fontsize=8)
    axes.tick_params(labelsize=7.5)


def draw_cost(cost: pd.DataFrame, *, title: str, colours: Colours = None) -> Figure:
    """Return score against each cost at the largest size, with the Pareto front.

    `cost` has the rows of `zoo.curves.cost.cost_frame` for one data set; by default the colours of
    models are those of `model_colours`.
    """
    largest = int(cost["n_train"].max())
    rows = cost[cost["n_train"] == largest]
    names = [name for name in _COST_AXES if (rows[name] > 0).sum() >= 2] or ["fit_s"]
    colours = colours or model_colours(rows)
    width = 3.4 * len(names) + 0.8
    figure = Figure(figsize=(width, 4.0))
    panels = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
    figure.subplots_adjust(left=0.75 / width, right=0.98, top=0.82, bottom=0.14, wspace=0.08)
    fronts = [
        _draw_cost_panel(axes, rows[rows[name] > 0].sort_values(name), name, colours)
        for axes, name in zip(panels, names, strict=True)
    ]
    for axes in panels:
        axes.autoscale_view()
    for axes, labels in zip(panels, fronts, strict=True):
        label_points(axes, labels, size=7)
    metric = metric_of(str(rows["metric"].iloc[0]))
    panels[0].set_ylabel(f"test {metric.label}\n({metric.direction} is better)", fontsize=FONT)
    subtitle = f"At {count(largest, 'row')}; filled and labelled: Pareto-optimal models"
    write_head(figure, title, subtitle)
    return figure


def _draw_cost_panel(
    axes: Axes, shown: pd.DataFrame, name: str, colours: Mapping[str, str]
) -> list[Label]:
    """Draw models by score and one cost; return the labels of those on the Pareto front."""
    front = shown[shown[f"on_front_{name}"]]
    axes.step(front[name], front["score"], where="post", color="#999999", lw=1, zorder=1)
    labels = []
    columns = (shown[key] for key in ("model", name, "score", f"on_front_{name}"))
    for model, x, y, is_front in zip(*columns, strict=True):
        colour = colours[model]
        fill = colour if is_front else "none"
        axes.plot(x, y, "o", color=colour, markersize=5, markerfacecolor=fill)
        if is_front:
            labels.append(Label(model, x, y, colour))
    if shown[name].max() > 10 * shown[name].min():
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel(_COST_AXES[name], fontsize=FONT)
    axes.margins(x=0.18)
    axes.tick_params(labelsize=7.5)
    frame_axes(axes)
    return labels
