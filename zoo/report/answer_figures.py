"""Figures of what the curves say: forecasts, ranks along the axis, cost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from zoo.metrics import metric as metric_of
from zoo.report.figures import limit_scores, size_axis, write_head
from zoo.report.style import (
    FAMILY_STYLES,
    Colours,
    label_ends,
    label_points,
    model_colours,
)

__all__ = ["draw_cost", "draw_critical_difference", "draw_forecast", "draw_rank_over_size"]

_FONT = 8.5


def draw_forecast(
    curves: pd.DataFrame, forecasts: pd.DataFrame, *, title: str, colours: Colours = None
) -> Figure:
    """Return measured curves, and after the last size a fan of what is forecast.

    Parameters
    ----------
    curves : DataFrame
        Headline rows of one data set and the models to draw, of
        `zoo.curves.aggregate.curve_frame`.
    forecasts : DataFrame
        Rows of `zoo.curves.curveset.CurveSet.forecasts` for the same.
    title : str
    """
    metric = str(curves["metric"].iloc[0])
    colours = colours or model_colours(curves)
    figure = Figure(figsize=(8.6, 5.2))
    axes = figure.subplots()
    figure.subplots_adjust(left=0.09, right=0.76, top=0.86, bottom=0.11)
    known = forecasts.dropna(subset=["mean"])
    sizes = sorted({*curves["n_train"], *known["n_train"]})
    size_axis(axes, [int(size) for size in sizes])
    ends = []
    for (model, family), line in curves.sort_values("n_train").groupby(["model", "family"]):
        colour, style = colours[model], FAMILY_STYLES.get(family, "-")
        x, y = line["n_train"].to_numpy(np.float64), line["mean"].to_numpy(np.float64)
        axes.plot(x, y, color=colour, lw=1.6, linestyle=style, marker="o", markersize=3)
        ahead = known[known["model"] == model].sort_values("n_train")
        at_x, at_y = x[-1], y[-1]
        if len(ahead):
            fan_x = np.append(x[-1:], ahead["n_train"])
            for level, alpha in (("90", 0.08), ("50", 0.14)):
                low, high = (
                    np.append(y[-1:], ahead[f"{side}_{level}"]) for side in ("low", "high")
                )
                axes.fill_between(fan_x, low, high, color=colour, alpha=alpha, lw=0)
            axes.plot(fan_x, np.append(y[-1:], ahead["mean"]), color=colour, lw=1.2, linestyle=":")
            at_x, at_y = float(fan_x[-1]), float(ahead["mean"].iloc[-1])
        ends.append((str(model), at_x, at_y, colour))
    axes.axvline(curves["n_train"].max(), color="#999999", lw=0.8)
    means = np.append(curves["mean"], known["mean"]).astype(np.float64)
    fans = known[["low_90", "high_90"]].to_numpy(np.float64).ravel()
    # a fan is shown whole, unless it comes so near 0 that nothing else could be seen
    limit_scores(axes, np.append(means, np.maximum(fans, means.min() / 2)), metric)
    known = metric_of(metric)
    axes.set_ylabel(f"test {known.label} ({known.direction} is better)")
    write_head(
        figure, title, "Right of the line: forecast with 50% and 90% intervals, checked on curves "
        "of other data sets",
    )  # fmt: skip
    label_ends(axes, ends, size=_FONT)
    return figure


def draw_rank_over_size(ranks: pd.DataFrame, *, colours: Colours = None) -> Figure:
    """Return each model's mean rank against the training rows, 1 at the top."""
    colours = colours or model_colours(ranks)
    figure = Figure(figsize=(8.6, 5.2))
    axes = figure.subplots()
    figure.subplots_adjust(left=0.07, right=0.76, top=0.86, bottom=0.11)
    size_axis(axes, sorted(int(size) for size in ranks["n_train"].unique()))
    ends = []
    for (model, family), line in ranks.sort_values("n_train").groupby(["model", "family"]):
        x, y = line["n_train"].to_numpy(np.float64), line["mean_rank"].to_numpy(np.float64)
        style = FAMILY_STYLES.get(family, "-")
        axes.plot(x, y, color=colours[model], lw=1.6, linestyle=style)
        axes.plot(x, y, "o", color=colours[model], markersize=3)
        ends.append((str(model), x[-1], y[-1], colours[model]))
    axes.set_ylim(float(ranks["mean_rank"].max()) + 0.3, 0.7)
    axes.set_ylabel("mean rank (1 is best)")
    counts = ranks.drop_duplicates("n_train").sort_values("n_train")
    sets = ", ".join(f"{row.n_datasets} at {row.n_train:,}" for row in counts.itertuples())
    write_head(
        figure, "Mean rank along the axis", f"Data sets: {sets}; ranks of different sets of data "
        "sets do not compare",
    )  # fmt: skip
    label_ends(axes, ends, size=_FONT)
    return figure


def draw_critical_difference(ranks: pd.DataFrame, *, colours: Colours = None) -> Figure:
    """Return a critical-difference diagram a size: mean ranks, and a bar of what is not told apart.

    References
    ----------
    Demšar (JMLR 7, 2006), figure 1; here models are rows, since there are many.
    """
    groups = [(size, part.sort_values("mean_rank")) for size, part in ranks.groupby("n_train")]
    tallest = max(len(part) for _, part in groups)
    figure = Figure(figsize=(3.1 * len(groups) + 0.4, 0.24 * tallest + 1.7))
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    bottom = 0.55 / figure.get_figheight()
    figure.subplots_adjust(left=0.02, right=0.98, top=1 - 1.0 / figure.get_figheight(),
                           bottom=bottom, wspace=0.1)  # fmt: skip
    highest = float(ranks["mean_rank"].max())
    colours = colours or model_colours(ranks)
    for axes, (size, part) in zip(panels, groups, strict=True):
        distance = float(part["critical_difference"].iloc[0])
        best = float(part["mean_rank"].iloc[0])
        if np.isfinite(distance):
            axes.axvspan(best, min(best + distance, highest + 1), color="#eeeeee", lw=0)
        for place, row in enumerate(part.itertuples()):
            colour = colours[str(row.model)]
            axes.plot(row.mean_rank, place, "o", color=colour, markersize=4)
            is_late = row.mean_rank > (1 + highest) / 2
            axes.annotate(
                f"{row.model} {row.mean_rank:.1f}", (row.mean_rank, place), fontsize=7,
                xytext=(-5 if is_late else 5, 0), textcoords="offset points", va="center",
                ha="right" if is_late else "left", color=colour,
            )  # fmt: skip
        axes.set_xlim(0.6, highest + 0.4)
        axes.set_ylim(tallest - 0.4, -0.6)
        axes.set_yticks([])
        for side in ("top", "left", "right"):
            axes.spines[side].set_visible(False)
        plural = f"{part['n_datasets'].iloc[0]} data sets"
        axes.set_title(f"{size:,} rows, {plural}", fontsize=8.5, loc="left")
        axes.set_xlabel("mean rank", fontsize=8)
        axes.tick_params(labelsize=7.5)
    write_head(
        figure, "Which leads are real across data sets",
        "Grey: within the critical difference of the best (Nemenyi, 5%), so not told apart from it",
    )  # fmt: skip
    return figure


_COST_AXES: Mapping[str, str] = {
    "fit_s": "fit time (s)",
    "predict_s": "prediction time (s)",
    "peak_rss_mb": "peak memory (MB)",
    "n_parameters": "parameters",
}


def draw_cost(cost: pd.DataFrame, *, title: str, colours: Colours = None) -> Figure:
    """Return score against each cost at the largest size, with the Pareto front.

    Parameters
    ----------
    cost : DataFrame
        Rows of `zoo.curves.cost.cost_frame` for one data set.
    title : str
    """
    largest = int(cost["n_train"].max())
    rows = cost[cost["n_train"] == largest]
    names = [name for name in _COST_AXES if (rows[name] > 0).sum() >= 2] or ["fit_s"]
    metric = str(rows["metric"].iloc[0])
    colours = colours or model_colours(rows)
    figure = Figure(figsize=(3.4 * len(names) + 0.8, 4.0))
    panels = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
    figure.subplots_adjust(left=0.75 / figure.get_figwidth(), right=0.98, top=0.82, bottom=0.14,
                           wspace=0.08)  # fmt: skip
    fronts = []
    for axes, name in zip(panels, names, strict=True):
        shown = rows[rows[name] > 0].sort_values(name)
        front = shown[shown[f"on_front_{name}"]]
        axes.step(front[name], front["score"], where="post", color="#999999", lw=1, zorder=1)
        points = zip(front["model"], front[name], front["score"], strict=True)
        fronts.append([(str(m), float(x), float(y), colours[str(m)]) for m, x, y in points])
        for row in shown.itertuples():
            is_front = bool(getattr(row, f"on_front_{name}"))
            colour, cost_of = colours[str(row.model)], float(getattr(row, name))
            axes.plot(cost_of, row.score, "o", color=colour, markersize=5,
                      markerfacecolor=colour if is_front else "none")  # fmt: skip
        if shown[name].max() > 10 * shown[name].min():
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlabel(_COST_AXES[name], fontsize=8.5)
        axes.margins(x=0.18)
        axes.tick_params(labelsize=7.5)
        axes.set_axisbelow(True)
        axes.grid(visible=True, color="#dddddd", linewidth=0.6)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    for axes in panels:
        axes.autoscale_view()
    for axes, points_of in zip(panels, fronts, strict=True):
        label_points(axes, points_of, size=7)
    known = metric_of(metric)
    panels[0].set_ylabel(f"test {known.label}\n({known.direction} is better)", fontsize=8.5)
    write_head(figure, title, f"At {largest:,} rows; filled and named: no model is better and "
                              "cheaper")  # fmt: skip
    return figure
