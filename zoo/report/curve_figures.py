"""Figures over the training rows: scores, family means, forecasts and mean ranks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo.curves.arrays import Array
from zoo.metrics import metric as metric_of
from zoo.prose import count
from zoo.report.canvas import draw_curve, score_axis, size_axis, size_figure, write_head
from zoo.report.labels import label_ends
from zoo.report.style import (
    FAMILY_COLOURS,
    FAMILY_NAMES,
    FAMILY_STYLES,
    FONT,
    Colours,
    model_colours,
)

__all__ = ["draw_dataset", "draw_families", "draw_forecast", "draw_rank_over_size"]


def _arrays(rows: pd.DataFrame, *names: str) -> tuple[Array, ...]:
    """Return columns of rows sorted by size."""
    ordered = rows.sort_values("n_train")
    return tuple(ordered[name].to_numpy(np.float64) for name in names)


def draw_dataset(
    curves: pd.DataFrame, *, title: str, bayes_error: float | None = None, colours: Colours = None
) -> Figure:
    """Return the figure of one data set: every model's mean score against the training rows.

    Parameters
    ----------
    curves : DataFrame
        Headline rows of `zoo.curves.aggregate.curve_frame` for one data set.
    title : str
    bayes_error : float or None
        Drawn as a line if the metric is the error rate.
    colours : mapping of str to str or None
        Of each model; by default from `model_colours`.
    """
    metric = metric_of(str(curves["metric"].iloc[0]))
    order = [*FAMILY_NAMES, *sorted(set(curves["family"]) - set(FAMILY_NAMES))]
    groups = dict(iter(curves.groupby(["family", "model"])))
    colours = colours or model_colours(curves)
    figure, axes = size_figure(curves["n_train"].unique(), legend=0.3)
    ends = []
    for family, model in sorted(groups, key=lambda pair: (order.index(pair[0]), pair[1])):
        x, y, low, high = _arrays(groups[family, model], "n_train", "mean", "ci_low", "ci_high")
        colour = colours[model]
        ends.append(draw_curve(axes, x, y, model, colour=colour, family=family))
        if family != "baseline":
            axes.fill_between(x, low, high, color=colour, alpha=0.1, lw=0)
    means = curves["mean"].to_numpy(np.float64)
    if bayes_error is not None and metric.name == "error_rate":
        means = np.append(means, bayes_error)
        axes.axhline(bayes_error, color="#000000", linewidth=0.8)
        axes.annotate(
            "Bayes error", (0.01, bayes_error), xycoords=("axes fraction", "data"),
            xytext=(0, 3), textcoords="offset points", fontsize=FONT - 1, va="bottom",
        )  # fmt: skip
    score_axis(axes, means, metric)
    write_head(figure, title, "Mean over replicates; bands: 95% interval (Student's t)")
    _family_legend(axes, set(curves["family"]))
    label_ends(axes, ends)
    return figure


def _family_legend(axes: Axes, families: set[str]) -> None:
    """Write the line style of each family below the axes."""
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
    """Return the headline figure, from the table of `zoo.curves.aggregate.family_frame`.

    It shows each family's mean curve over the data sets.
    """
    groups = [name for name in ("all", "large") if (families["group"] == name).any()]
    width = 5.4 * len(groups) + 1.0
    figure = Figure(figsize=(width, 5.2))
    panels = figure.subplots(1, len(groups), squeeze=False, sharey=True)[0]
    left, right = 0.8 / width, 1 - 1.75 / width
    figure.subplots_adjust(left=left, right=right, top=0.8, bottom=0.11, wspace=0.5)
    low = float(families["mean"].min())
    for axes, group in zip(panels, groups, strict=True):
        part = families[families["group"] == group]
        size_axis(axes, part["n_train"].unique())
        axes.set_ylim(min(0.0, low) - 0.02, 1.02)
        ends = []
        for family, name in FAMILY_NAMES.items():
            rows = part[part["family"] == family]
            if rows.empty:
                continue
            colour = FAMILY_COLOURS[family]
            x, y, below, above = _arrays(rows, "n_train", "mean", "ci_low", "ci_high")
            ends.append(draw_curve(axes, x, y, name, colour=colour, family=family, width=2.2))
            axes.fill_between(x, below, above, color=colour, alpha=0.12, lw=0)
        n = int(part["n_datasets"].iloc[0])
        number = count(n, "data set")
        largest = int(part["n_train"].max())
        which = (
            number if group == "all" else f"the {number} with at least {largest:,} training rows"
        )
        axes.set_title(which, fontsize=10, loc="left")
        label_ends(axes, ends)
    panels[0].set_ylabel("score: 0 = dummy, 1 = best mean of the data set")
    title = "Performance against the amount of data, by family"
    subtitle = (
        "Mean over data sets of the mean of a family's models; bands: 95% interval over replicates"
    )
    write_head(figure, title, subtitle)
    return figure


def draw_forecast(
    curves: pd.DataFrame, forecasts: pd.DataFrame, *, title: str, colours: Mapping[str, str]
) -> Figure:
    """Return measured curves, and their forecasts with intervals after the largest size.

    Parameters
    ----------
    curves, forecasts : DataFrame
        Rows of `zoo.curves.aggregate.curve_frame`, for the headline metric, and of
        `zoo.curves.curveset.CurveSet.forecasts`, both for one data set and the models to draw.
    title : str
    colours : mapping of str to str
        Of each model.
    """
    metric = metric_of(str(curves["metric"].iloc[0]))
    known = forecasts.dropna(subset=["mean"])
    figure, axes = size_figure(np.union1d(curves["n_train"], known["n_train"]))
    names = ("n_train", "mean", "low_90", "high_90", "low_50", "high_50")
    ends = []
    for (model, family), rows in curves.groupby(["model", "family"]):
        colour = colours[model]
        x, y = _arrays(rows, "n_train", "mean")
        end = draw_curve(axes, x, y, model, colour=colour, family=family)
        ahead = known[known["model"] == model]
        if len(ahead):
            last = dict.fromkeys(names, end.y) | {"n_train": end.x}
            joined = pd.concat([pd.DataFrame([last]), ahead[[*names]]])
            x, y, low_90, high_90, low_50, high_50 = _arrays(joined, *names)
            axes.fill_between(x, low_90, high_90, color=colour, alpha=0.08, lw=0)
            axes.fill_between(x, low_50, high_50, color=colour, alpha=0.14, lw=0)
            axes.plot(x, y, color=colour, lw=1.2, linestyle=":")
        ends.append(end._replace(x=x[-1], y=y[-1]))
    axes.axvline(curves["n_train"].max(), color="#999999", lw=0.8)
    means = np.append(curves["mean"], known["mean"]).astype(np.float64)
    bounds = known[["low_90", "high_90"]].to_numpy(np.float64).ravel()
    # intervals are shown whole, unless they come so near 0 that they would flatten the rest
    score_axis(axes, np.append(means, np.maximum(bounds, means.min() / 2)), metric)
    subtitle = "Right of the line: forecasts; 50% and 90% intervals, calibrated on public curves"
    write_head(figure, title, subtitle)
    label_ends(axes, ends)
    return figure


def draw_rank_over_size(ranks: pd.DataFrame, colours: Mapping[str, str]) -> Figure:
    """Return each model's mean rank against the training rows, rank 1 at the top."""
    figure, axes = size_figure(ranks["n_train"].unique())
    ends = []
    for (model, family), rows in ranks.groupby(["model", "family"]):
        x, y = _arrays(rows, "n_train", "mean_rank")
        ends.append(draw_curve(axes, x, y, model, colour=colours[model], family=family))
    axes.set_ylim(float(ranks["mean_rank"].max()) + 0.3, 0.7)
    axes.set_ylabel("mean rank (1 is best)")
    counts = ranks.drop_duplicates("n_train").sort_values("n_train")
    sets = ", ".join(f"{row.n_datasets} at {row.n_train:,}" for row in counts.itertuples())
    subtitle = f"Data sets: {sets} rows; ranks over different data sets are not comparable"
    write_head(figure, "Mean rank against training rows", subtitle)
    label_ends(axes, ends)
    return figure
