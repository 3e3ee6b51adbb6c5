"""Figures over the training rows: scores, family means, forecasts and mean ranks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo.metrics import metric as metric_of
from zoo.report.canvas import (
    FONT,
    Array,
    draw_curve,
    label_score_axis,
    limit_scores,
    size_axis,
    size_figure,
    write_head,
)
from zoo.report.labels import Label, label_ends
from zoo.report.style import FAMILY_COLOURS, FAMILY_NAMES, FAMILY_STYLES, Colours, model_colours

__all__ = ["draw_dataset", "draw_families", "draw_forecast", "draw_rank_over_size"]


def _arrays(rows: pd.DataFrame, *names: str) -> tuple[Array, ...]:
    """Return columns of rows sorted by size."""
    ordered = rows.sort_values("n_train")
    return tuple(ordered[name].to_numpy(np.float64) for name in names)


def _sizes(*frames: pd.DataFrame) -> list[int]:
    return sorted({int(size) for frame in frames for size in frame["n_train"]})


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
        Drawn as a line if the metric is the error rate.
    colours : mapping of str to str or None
        Of each model; None: from `model_colours`.
    """
    metric = metric_of(str(curves["metric"].iloc[0]))
    order = list(FAMILY_NAMES)
    models = sorted(
        {(row.model, row.family) for row in curves.itertuples()},
        key=lambda pair: (order.index(pair[1]) if pair[1] in order else len(order), pair[0]),
    )
    colours = colours or model_colours(curves)
    figure, axes = size_figure(_sizes(curves), legend=0.3)
    ends = []
    for model, family in models:
        rows = curves[curves["model"] == model]
        x, y, low, high = _arrays(rows, "n_train", "mean", "ci_low", "ci_high")
        colour = colours[model]
        draw_curve(axes, x, y, colour=colour, family=family)
        if family != "baseline":
            axes.fill_between(x, low, high, color=colour, alpha=0.1, lw=0)
        ends.append(Label(model, x[-1], y[-1], colour))
    means = curves["mean"].to_numpy(np.float64)
    if bayes_error is not None and metric.name == "error_rate":
        means = np.append(means, bayes_error)
        axes.axhline(bayes_error, color="#000000", linewidth=0.8)
        axes.annotate(
            "Bayes error", (0.01, bayes_error), xycoords=("axes fraction", "data"),
            xytext=(0, 3), textcoords="offset points", fontsize=FONT - 1, va="bottom",
        )  # fmt: skip
    limit_scores(axes, means, metric)
    label_score_axis(axes, metric)
    write_head(figure, title, "Mean over replicates; bands: 95% interval (Student's t)")
    _family_legend(axes, {family for _, family in models})
    label_ends(axes, ends, size=FONT)
    return figure


def _family_legend(axes: Axes, families: set[str]) -> None:
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
    """Return the headline figure: each family's mean curve over the data sets.

    Parameters
    ----------
    families : DataFrame
        From `zoo.curves.aggregate.family_frame`.
    """
    groups = [name for name in ("all", "large") if (families["group"] == name).any()]
    figure = Figure(figsize=(5.4 * len(groups) + 1.0, 5.2))
    panels = figure.subplots(1, len(groups), squeeze=False, sharey=True)[0]
    width = figure.get_figwidth()
    figure.subplots_adjust(
        left=0.8 / width, right=1 - 1.75 / width, top=0.8, bottom=0.11, wspace=0.5
    )
    low = float(families["mean"].min())
    for axes, group in zip(panels, groups, strict=True):
        part = families[families["group"] == group]
        size_axis(axes, _sizes(part))
        axes.set_ylim(min(0.0, low) - 0.02, 1.02)
        ends = []
        for family, name in FAMILY_NAMES.items():
            rows = part[part["family"] == family]
            if rows.empty:
                continue
            colour = FAMILY_COLOURS[family]
            x, y, below, above = _arrays(rows, "n_train", "mean", "ci_low", "ci_high")
            draw_curve(axes, x, y, colour=colour, family=family, width=2.2)
            axes.fill_between(x, below, above, color=colour, alpha=0.12, lw=0)
            ends.append(Label(name, x[-1], y[-1], colour))
        n = int(part["n_datasets"].iloc[0])
        count = f"{n} data sets" if n > 1 else "1 data set"
        largest = int(part["n_train"].max())
        which = count if group == "all" else f"the {count} with at least {largest:,} training rows"
        axes.set_title(which, fontsize=10, loc="left")
        label_ends(axes, ends, size=FONT)
    panels[0].set_ylabel("score: 0 = dummy, 1 = best mean of the data set")
    write_head(
        figure,
        "Performance against the amount of data, by family",
        "Mean over data sets of the mean of a family's models; bands: 95% interval over replicates",
    )
    return figure


def draw_forecast(
    curves: pd.DataFrame, forecasts: pd.DataFrame, *, title: str, colours: Colours = None
) -> Figure:
    """Return measured curves, and their forecasts with intervals after the largest size.

    Parameters
    ----------
    curves : DataFrame
        Headline rows of one data set and the models to draw, of
        `zoo.curves.aggregate.curve_frame`.
    forecasts : DataFrame
        Rows of `zoo.curves.curveset.CurveSet.forecasts` for the same.
    title : str
    colours : mapping of str to str or None
        Of each model; None: from `model_colours`.
    """
    metric = metric_of(str(curves["metric"].iloc[0]))
    colours = colours or model_colours(curves)
    known = forecasts.dropna(subset=["mean"])
    figure, axes = size_figure(_sizes(curves, known))
    ends = []
    for (model, family), rows in curves.groupby(["model", "family"]):
        colour = colours[model]
        x, y = _arrays(rows, "n_train", "mean")
        draw_curve(axes, x, y, colour=colour, family=family)
        last_x, last_y = x[-1], y[-1]
        ahead = known[known["model"] == model]
        if len(ahead):
            names = ("n_train", "mean", "low_90", "high_90", "low_50", "high_50")
            starts = (last_x, *[last_y] * 5)
            x, y, low_90, high_90, low_50, high_50 = (
                np.append(start, column)
                for start, column in zip(starts, _arrays(ahead, *names), strict=True)
            )
            axes.fill_between(x, low_90, high_90, color=colour, alpha=0.08, lw=0)
            axes.fill_between(x, low_50, high_50, color=colour, alpha=0.14, lw=0)
            axes.plot(x, y, color=colour, lw=1.2, linestyle=":")
        ends.append(Label(str(model), x[-1], y[-1], colour))
    axes.axvline(curves["n_train"].max(), color="#999999", lw=0.8)
    means = np.append(curves["mean"], known["mean"]).astype(np.float64)
    bounds = known[["low_90", "high_90"]].to_numpy(np.float64).ravel()
    # intervals are shown whole, unless they come so near 0 that they would flatten the rest
    limit_scores(axes, np.append(means, np.maximum(bounds, means.min() / 2)), metric)
    label_score_axis(axes, metric)
    subtitle = "Right of the line: forecasts; 50% and 90% intervals, calibrated on public curves"
    write_head(figure, title, subtitle)
    label_ends(axes, ends, size=FONT)
    return figure


def draw_rank_over_size(ranks: pd.DataFrame, *, colours: Colours = None) -> Figure:
    """Return each model's mean rank against the training rows, rank 1 at the top."""
    colours = colours or model_colours(ranks)
    figure, axes = size_figure(_sizes(ranks))
    ends = []
    for (model, family), rows in ranks.groupby(["model", "family"]):
        x, y = _arrays(rows, "n_train", "mean_rank")
        draw_curve(axes, x, y, colour=colours[model], family=family)
        ends.append(Label(str(model), x[-1], y[-1], colours[model]))
    axes.set_ylim(float(ranks["mean_rank"].max()) + 0.3, 0.7)
    axes.set_ylabel("mean rank (1 is best)")
    counts = ranks.drop_duplicates("n_train").sort_values("n_train")
    sets = ", ".join(f"{row.n_datasets} at {row.n_train:,}" for row in counts.itertuples())
    subtitle = f"Data sets: {sets} rows; ranks over different data sets are not comparable"
    write_head(figure, "Mean rank against training rows", subtitle)
    label_ends(axes, ends, size=FONT)
    return figure
