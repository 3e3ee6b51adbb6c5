"""Writes the report of a results folder: tables, figures, REPORT.md and report.html."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from zoo.bench.store import Results, Status, read
from zoo.curves.aggregate import cell_frame, current_cells, curve_frame, family_frame
from zoo.curves.curveset import CurveSet
from zoo.curves.headlines import cheapest_sentence, name_ties, verdict_rows
from zoo.errors import StoreError
from zoo.files import write_whole
from zoo.metrics import metric as metric_of
from zoo.prose import count, plain, plural
from zoo.report.canvas import embed
from zoo.report.comparison_figures import draw_cost, draw_critical_difference
from zoo.report.curve_figures import (
    draw_dataset,
    draw_families,
    draw_forecast,
    draw_rank_over_size,
)  # fmt: skip
from zoo.report.page_text import fill_html, fill_markdown
from zoo.report.style import FAMILY_NAMES, model_colours
from zoo.report.tables import failure_rows, score_rows, write_tables

__all__ = ["write_report"]


def write_report(folder: Path) -> Path:
    """Write tables, figures, REPORT.md and report.html into a results folder.

    Returns the path of report.html, which is self-contained. Each file is written whole, so two
    reports on one folder may be written at the same time.

    Raises
    ------
    StoreError
        If the folder is not a results folder, no cell in it has a score, or a file cannot be
        written.
    """
    folder = Path(folder)
    stored = read(folder)
    results = Results([dict(cell) for cell in current_cells(stored.cells)], stored.environments)
    cells = cell_frame(results.cells)
    curves = curve_frame(cells)
    if curves.empty:
        reasons = cells["reason"].dropna()
        why = f"; first reason: {plain(reasons.iloc[0])}" if len(reasons) else ""
        raise StoreError(f"{folder}: no cell has a score, so there is nothing to draw{why}")
    curve_set = CurveSet(cells)
    tables = {"cells": cells, "curves": curves, "families": family_frame(cells)}
    tables |= curve_set.tables()
    write_tables(folder, tables)
    parts = _parts(folder, results, curve_set, tables)
    parts["warnings"] += stored.warnings()
    n_old = len(stored.cells) - len(results.cells)
    if n_old:
        are = plural(n_old, "is", "are")
        parts["warnings"].append(
            f"{count(n_old, 'cell')} of earlier versions of a model or data set {are} stored but "
            "not shown."
        )
    write_whole(
        folder / "REPORT.md", fill_markdown("zoo.report", "REPORT.md.jinja", parts), StoreError
    )
    page = fill_html("zoo.report", "report.html.jinja", parts)
    return write_whole(folder / "report.html", page, StoreError)


def _parts(
    folder: Path, results: Results, curve_set: CurveSet, tables: dict[str, pd.DataFrame]
) -> dict[str, Any]:
    """Return what the templates need, and draw the figures."""
    cells, families, ranks = tables["cells"], tables["families"], tables["ranks"]
    facts = {cell["key"]["dataset"]: cell.get("facts", {}) for cell in results.cells}
    colours = model_colours(tables["curves"])
    families_figure, rank_figures = None, []
    if not families.empty:
        alt = "Mean curve of each family against training rows"
        families_figure = embed(draw_families(families), folder, "families", alt)
    if not ranks.empty:
        alt = "Mean rank of each model against training rows"
        rank_figures.append(embed(draw_rank_over_size(ranks, colours), folder, "ranks", alt))
        figure = draw_critical_difference(ranks, colours)
        alt = "Critical-difference diagram of each size"
        rank_figures.append(embed(figure, folder, "critical-difference", alt))
    suites = sorted({cell.get("run", {}).get("suite", "") for cell in results.cells} - {""})
    return {
        "title": f"Learning curves: {', '.join(suites) or folder.name}",
        "summary": _summary(cells),
        "warnings": _warnings(cells),
        "families_figure": families_figure,
        "family_findings": _family_findings(families),
        "datasets": [
            _dataset_part(folder, name, facts[name], curve_set, tables, colours)
            for name in sorted(tables["curves"]["dataset"].unique())
        ],
        "verdicts": verdict_rows(tables["verdicts"]),
        "ranks": [
            {
                "size": f"{n_train:,}",
                "n_datasets": rows["n_datasets"].iloc[0],
                "text": ", ".join(f"{row.model} {row.mean_rank:.1f}" for row in rows.itertuples()),
            }
            for n_train, rows in ranks.groupby("n_train")
        ],
        "rank_figures": rank_figures,
        "failures": failure_rows(cells),
        "provenance": _provenance(results),
    }


def _summary(cells: pd.DataFrame) -> str:
    """Return how much was measured."""
    n_ok = (cells["status"] == Status.OK).sum()
    n_skipped = (cells["status"] == Status.SKIPPED).sum()
    return (
        f"{count(cells['dataset'].nunique(), 'data set')}, "
        f"{count(cells['model'].nunique(), 'model')}, {count(n_ok, 'cell')} with a score, "
        f"{len(cells) - n_ok - n_skipped:,} failed, {n_skipped:,} "
        "skipped because the model does not support the data. Every model got the same rows; "
        "validation rows for early stopping count as training rows."
    )


def _dataset_part(
    folder: Path,
    name: str,
    facts: dict[str, Any],
    curve_set: CurveSet,
    tables: dict[str, pd.DataFrame],
    colours: dict[str, str],
) -> dict[str, Any]:
    """Return what the page shows of a data set, and draw its figures."""
    curves, comparisons, forecasts, cost = (
        tables[key][tables[key]["dataset"] == name] if len(tables[key]) else tables[key]
        for key in ("curves", "comparisons", "forecast", "cost")
    )
    lines = curves[curves["is_headline"]]
    title = facts.get("title") or name
    figure = draw_dataset(
        lines, title=f"{name}: {title}", bayes_error=facts.get("bayes_error"), colours=colours
    )
    more = []
    best = curve_set.best_models(name)
    if best:
        shown, ahead = (table[table["model"].isin(best)] for table in (lines, forecasts))
        heading = f"{name}: forecasts for more data"
        forecast = draw_forecast(shown, ahead, title=heading, colours=colours)
        more.append(embed(forecast, folder, f"{name}-forecast", f"Forecasts on {name}"))
    if cost["fit_s"].gt(0).any():
        costs = draw_cost(cost, title=f"{name}: score against cost", colours=colours)
        more.append(embed(costs, folder, f"{name}-cost", f"Score against cost on {name}"))
    sizes, rows = score_rows(lines)
    return {
        "name": name,
        "title": title,
        "headline": curve_set.headline(name),
        "finding": _dataset_finding(lines, comparisons),
        "cheapest": cheapest_sentence(cost),
        "figure": embed(figure, folder, name, f"Learning curves of every model on {name}"),
        "more_figures": more,
        "sizes": sizes,
        "rows": rows,
    }


def _family_findings(families: pd.DataFrame) -> list[str]:
    """Return a sentence per family: its mean score at the first and the last two sizes."""
    group = "large" if (families["group"] == "large").any() else "all"
    part = families[families["group"] == group]
    sentences = []
    for family, name in FAMILY_NAMES.items():
        line = part[part["family"] == family].sort_values("n_train")
        if len(line) < 2:
            continue
        first, before, last = line.iloc[0], line.iloc[-2], line.iloc[-1]
        start, end = count(first["n_train"], "row"), count(last["n_train"], "row")
        sentences.append(
            f"{name}: {first['mean']:.2f} with {start}, {last['mean']:.2f} with {end}; "
            f"{last['mean'] - before['mean']:+.3f} from {before['n_train']:,} to {end}."
        )
    return sentences


def _dataset_finding(curves: pd.DataFrame, comparisons: pd.DataFrame) -> str:
    """Return the best models of a data set at its smallest and largest size.

    Ties are named at the smallest size; those at the largest are part of the headline.
    """
    metric = metric_of(str(curves["metric"].iloc[0]))
    learned = curves[(curves["family"] != "baseline") | (curves["family"] == "baseline").all()]
    smallest, largest = learned["n_train"].min(), learned["n_train"].max()
    parts = []
    for size in dict.fromkeys((smallest, largest)):
        means = learned[learned["n_train"] == size].set_index("model")["mean"]
        best = means.idxmax() if metric.higher_is_better else means.idxmin()
        tests = comparisons[(comparisons["n_train"] == size) & (comparisons["best"] == best)]
        ties = name_ties(tests.dropna(subset=["p_value"])) if size < largest else ""
        tied = f", with no significant difference from {ties}" if ties else ""
        parts.append(
            f"With {count(size, 'row')} {best} has the best mean ({means[best]:.3f}){tied}."
        )
    return f"Metric: {metric.label}. {' '.join(parts)}"


def _warnings(cells: pd.DataFrame) -> list[str]:
    """Warn of curves that mix environments."""
    known = cells.dropna(subset=["environment"])
    mixed = known.groupby(["dataset", "model"])["environment"].nunique()
    mixed = mixed[mixed > 1]
    if mixed.empty:
        return []
    names = ", ".join(f"{model} on {dataset}" for dataset, model in mixed.index[:5])
    mix = plural(len(mixed), "mixes", "mix")
    what = f"{count(len(mixed), 'curve')} {mix} cells of different environments (see Provenance)"
    return [f"{what}: {names}."]


def _provenance(results: Results) -> list[tuple[str, str]]:
    """Return when, where and with which versions the cells were measured."""
    runs = [cell["run"] for cell in results.cells if "run" in cell]
    rows = []
    if runs:
        finished = sorted(run["finished"] for run in runs if "finished" in run)
        rows.append(("measured", f"{finished[0]} to {finished[-1]}"))
        for field in ("commit", "threads"):
            values = sorted({str(run[field]) for run in runs if field in run})
            rows.append((field, ", ".join(values)))
    protocols = sorted({cell["key"]["protocol"] for cell in results.cells})
    rows.append(("protocol", ", ".join(protocols)))
    for digest, environment in sorted(results.environments.items()):
        packages = ", ".join(f"{k} {v}" for k, v in environment.get("packages", {}).items())
        where = f"{environment.get('machine')}, {environment.get('system')}"
        text = f"{where}; Python {environment.get('python')}; {packages}"
        rows.append((f"environment {digest}", text))
    return rows
