"""Writes the report of a results folder: tables, figures, REPORT.md and report.html."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader

from zoo.bench.store import Results, Status, read
from zoo.curves.aggregate import (
    cell_frame,
    current_cells,
    curve_frame,
    family_frame,
)
from zoo.curves.curveset import CurveSet
from zoo.curves.headlines import cheapest_sentence, headline_sentence, verdict_rows
from zoo.errors import StoreError
from zoo.report.answer_figures import (
    draw_cost,
    draw_critical_difference,
    draw_forecast,
    draw_rank_over_size,
)
from zoo.report.figures import draw_dataset, draw_families, embed
from zoo.report.findings import dataset_finding, family_findings
from zoo.report.style import Colours, model_colours
from zoo.report.tables import failure_rows, score_rows, size_text, write_tables

__all__ = ["write_report"]


def write_report(folder: Path) -> Path:
    """Write tables, figures, REPORT.md and report.html into a results folder.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Path
        Of report.html, which needs no other file.

    Raises
    ------
    StoreError
        If the folder is not a results folder, or no cell in it has a score.
    """
    folder = Path(folder)
    stored = read(folder)
    results = Results([dict(cell) for cell in current_cells(stored.cells)], stored.environments)
    cells = cell_frame(results.cells)
    curves = curve_frame(cells)
    if curves.empty:
        said = cells["reason"].dropna()
        why = f"; the first reason: {said.iloc[0]}" if len(said) else ""
        raise StoreError(f"{folder}: no cell has a score, so there is nothing to draw{why}")
    curve_set = CurveSet(cells)
    tables = {"cells": cells, "curves": curves, "families": family_frame(cells)}
    tables |= curve_set.tables()
    write_tables(folder, tables)
    (folder / "figures").mkdir(exist_ok=True)
    parts = _parts(folder, results, curve_set, tables)
    n_old = len(stored.cells) - len(results.cells)
    if n_old:
        parts["warnings"].append(
            f"{n_old} cells of earlier versions of a model or data set are stored, but not shown."
        )
    page = folder / "report.html"
    _write(page, "report.html.jinja", parts, is_html=True)
    _write(folder / "REPORT.md", "REPORT.md.jinja", parts, is_html=False)
    return page


def _write(path: Path, template: str, parts: dict[str, Any], *, is_html: bool) -> None:
    loader = PackageLoader("zoo.report", "")
    environment = Environment(loader=loader, autoescape=is_html, trim_blocks=not is_html)
    text = environment.get_template(template).render(**parts)
    if not is_html:
        text = re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def _parts(
    folder: Path, results: Results, curve_set: CurveSet, tables: dict[str, pd.DataFrame]
) -> dict[str, Any]:
    cells, families, ranks = tables["cells"], tables["families"], tables["ranks"]
    facts = {cell["key"]["dataset"]: cell.get("facts", {}) for cell in results.cells}
    colours = model_colours(tables["curves"])
    figure = None
    if not families.empty:
        alt = "Mean curve of each family against training rows"
        figure = embed(draw_families(families), folder, "families", alt)
    n_ok = int((cells["status"] == Status.OK).sum())
    n_failed = int((~cells["status"].isin([Status.OK, Status.SKIPPED])).sum())
    n_skipped = int((cells["status"] == Status.SKIPPED).sum())
    suites = sorted({cell.get("run", {}).get("suite", "") for cell in results.cells} - {""})
    return {
        "title": f"Learning curves: {', '.join(suites) or folder.name}",
        "summary": (
            f"{cells['dataset'].nunique()} data sets, {cells['model'].nunique()} models, "
            f"{n_ok:,} cells with a score, {n_failed:,} failed, {n_skipped:,} skipped because the "
            "model is not made for the data. Every model saw the same rows; rows held out for "
            "early stopping count as training rows."
        ),
        "warnings": _warnings(cells),
        "families_figure": figure,
        "family_findings": family_findings(families),
        "datasets": [
            _dataset_part(folder, name, facts[name], curve_set, tables, colours)
            for name in _names(tables["curves"])
        ],
        "verdicts": verdict_rows(tables["verdicts"]),
        "ranks": _rank_rows(ranks),
        "rank_figures": _rank_figures(folder, ranks, colours),
        "failures": failure_rows(cells),
        "provenance": _provenance(results),
    }


def _names(curves: pd.DataFrame) -> list[str]:
    return sorted(curves["dataset"].unique())


def _dataset_part(
    folder: Path,
    name: str,
    facts: dict[str, Any],
    curve_set: CurveSet,
    tables: dict[str, pd.DataFrame],
    colours: Colours,
) -> dict[str, Any]:
    curves = tables["curves"]
    lines = curves[(curves["dataset"] == name) & curves["is_headline"]]
    title = facts.get("title") or name
    figure = draw_dataset(
        lines, title=f"{name}: {title}", bayes_error=facts.get("bayes_error"), colours=colours
    )
    sizes, rows = score_rows(lines)
    return {
        "name": name,
        "title": title,
        "headline": headline_sentence(curve_set, name),
        "finding": dataset_finding(lines),
        "cheapest": cheapest_sentence(tables["cost"], name),
        "figure": embed(figure, folder, name, f"Learning curves of every model on {name}"),
        "answers": _answer_figures(folder, name, lines, curve_set, tables, colours),
        "sizes": sizes,
        "rows": rows,
    }


def _answer_figures(
    folder: Path,
    name: str,
    lines: pd.DataFrame,
    curve_set: CurveSet,
    tables: dict[str, pd.DataFrame],
    colours: Colours,
) -> list[dict[str, str]]:
    """Draw forecast and cost of a data set where there are any."""
    found = []
    forecasts = tables["forecast"]
    best = curve_set.best_models(name)
    if best:
        ahead = forecasts[(forecasts["dataset"] == name) & forecasts["model"].isin(best)]
        shown = lines[lines["model"].isin(best)]
        figure = draw_forecast(
            shown, ahead, title=f"{name}: what more data would bring", colours=colours
        )
        found.append(embed(figure, folder, f"{name}-forecast", f"Forecasts on {name}"))
    cost = tables["cost"][tables["cost"]["dataset"] == name]
    if cost["fit_s"].gt(0).any():
        figure = draw_cost(cost, title=f"{name}: what a score costs", colours=colours)
        found.append(embed(figure, folder, f"{name}-cost", f"Score against cost on {name}"))
    return found


def _rank_figures(folder: Path, ranks: pd.DataFrame, colours: Colours) -> list[dict[str, str]]:
    if ranks.empty:
        return []
    over_size, diagram = (
        draw(ranks, colours=colours) for draw in (draw_rank_over_size, draw_critical_difference)
    )
    return [
        embed(over_size, folder, "ranks", "Mean rank of each model against training rows"),
        embed(diagram, folder, "critical-difference", "Critical-difference diagram of each size"),
    ]


def _rank_rows(ranks: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    for n_train, group in ranks.groupby("n_train"):
        text = ", ".join(f"{row.model} {row.mean_rank:.1f}" for row in group.itertuples())
        n_datasets = int(group["n_datasets"].iloc[0])
        rows.append({"size": size_text(int(n_train)), "n_datasets": n_datasets, "text": text})
    return rows


def _warnings(cells: pd.DataFrame) -> list[str]:
    """Say so when one curve mixes environments."""
    known = cells.dropna(subset=["environment"])
    mixed = known.groupby(["dataset", "model"])["environment"].nunique()
    mixed = mixed[mixed > 1]
    if mixed.empty:
        return []
    names = ", ".join(f"{model} on {dataset}" for dataset, model in mixed.index[:5])
    return [f"{len(mixed)} curves mix cells of different environments (see provenance): {names}."]


def _provenance(results: Results) -> list[tuple[str, str]]:
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
