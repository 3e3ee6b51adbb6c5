"""The report on a user's table: one self-contained HTML page, made from a results folder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from zoo.curves.aggregate import curve_frame
from zoo.curves.curveset import CurveSet
from zoo.data.kept import KeptFacts, facts_of
from zoo.errors import StoreError
from zoo.files import write_whole
from zoo.ingest.clean_table import Severity
from zoo.metrics import metric as metric_of
from zoo.prose import count, plain
from zoo.report.canvas import embed
from zoo.report.comparison_figures import draw_cost
from zoo.report.curve_figures import draw_dataset, draw_forecast
from zoo.report.page_text import fill_html
from zoo.report.style import model_colours
from zoo.report.tables import failure_rows, score_rows, write_tables
from zoo.study.advice import advise
from zoo.study.answer_text import next_steps
from zoo.study.answers import Advice
from zoo.study.elimination import MEASURED_ERROR
from zoo.study.left_out import LeftOut, Reason
from zoo.study.session import load_state
from zoo.study.wording import milliseconds, round_seconds, score_text

__all__ = ["advice_of", "steps_of", "write_page"]

_FORECAST_FACTORS = (2, 4, 10)
_MOST_COLUMNS = 200
_FILTERS = {
    "count": "{:,}".format, "score": score_text, "seconds": round_seconds,
    "milliseconds": milliseconds,
}  # fmt: skip


def advice_of(folder: Path) -> Advice | None:
    """Return the answers of a results folder of a user's table; None without a score.

    Raises
    ------
    StoreError
        If it holds no table.
    """
    return _advise(CurveSet.from_folder(folder), _facts(folder), load_state(folder))


def steps_of(folder: Path, advice: Advice) -> list[str]:
    """Return the next steps that a results folder and its answers suggest."""
    warnings, state = _facts(folder).about["warnings"], load_state(folder)
    return next_steps(
        advice,
        has_warnings=any(one["severity"] == Severity.SERIOUS for one in warnings),
        left_out=state["left_out"],
        was_stopped=bool(state.get("was_stopped")),
    )


def _facts(folder: Path) -> KeptFacts:
    facts = facts_of(folder)
    if facts is None:
        raise StoreError(f"{folder} holds no table; 'zoo curve FILE --out {folder}' makes one")
    return facts


def _advise(curves: CurveSet, facts: KeptFacts, state: Mapping[str, Any]) -> Advice | None:
    return advise(
        curves, n_rows=facts.n_rows, n_test=facts.n_test, n_train=facts.n_train,
        models=state.get("models", ()),
        is_clustered=bool(facts.about.get("has_groups") or facts.about.get("has_times")),
    )  # fmt: skip


def write_page(folder: Path) -> Path:
    """Write ``report.html``, its figures and tables into a results folder of a user's table.

    Raises
    ------
    StoreError
        If it holds no table, no cell has a score, or a file cannot be written.
    """
    facts, state = _facts(folder), load_state(folder)
    curves = CurveSet.from_folder(folder)
    advice = _advise(curves, facts, state)
    if advice is None:
        raise StoreError(f"{folder}: no model has a score, so there is nothing to report")
    frame = curve_frame(curves.cells)
    tables = {"cost": curves.cost(), "comparisons": curves.comparisons()}
    write_tables(folder, {"cells": curves.cells, "curves": frame, **tables})
    sizes, rows = score_rows(frame[frame["is_headline"]])
    columns = facts.about["columns"]
    values = {
        "facts": facts,
        "about": facts.about,
        "state": state,
        "advice": advice,
        "metric": metric_of(advice.metric).label,
        "steps": steps_of(folder, advice),
        "left_out": [one for one in state["left_out"] if one.reason is not Reason.FAILED],
        "elimination": _elimination(state["left_out"]),
        "figures": _figures(folder, facts, curves, advice, frame),
        "sizes": sizes,
        "rows": rows,
        "columns": columns[:_MOST_COLUMNS],
        "n_more_columns": max(0, len(columns) - _MOST_COLUMNS),
        "failures": failure_rows(curves.cells),
        "commands": _commands(folder, state),
        "spent": _spent(state),
        "environments": sorted({str(v) for v in curves.cells["environment"].dropna()}),
    }
    text = fill_html("zoo.study", "study.html.jinja", values, **_FILTERS)
    return write_whole(folder / "report.html", text, StoreError)


def _elimination(left_out: Sequence[LeftOut]) -> str:
    """Return how often models are left out in error, if some were left out by their forecasts."""
    is_any = any(one.reason is Reason.ELIMINATED for one in left_out)
    return MEASURED_ERROR if is_any else ""


def _spent(state: Mapping[str, Any]) -> str:
    if "spent_s" not in state:
        return ""
    spent = f"{round_seconds(state['spent_s'])} of a budget of {round_seconds(state['budget_s'])}"
    return spent + (", stopped by Ctrl-C" if state["was_stopped"] else "")


def _commands(folder: Path, state: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return useful commands, each after what it does."""
    found = {"Write this report again": ["zoo", "report", str(folder)]}
    if command := state.get("command"):
        found = {"Repeat or resume the study; nothing is measured twice": command, **found}
    if (saved := state.get("saved")) and not saved["error"]:
        found["Predict new rows"] = ["zoo", "predict", saved["path"], "new.csv", "-o", "scores.csv"]
    return [(what, plain(shlex.join(words))) for what, words in found.items()]


def _figures(
    folder: Path, facts: KeptFacts, curves: CurveSet, advice: Advice, frame: pd.DataFrame
) -> dict[str, dict[str, str]]:
    colours = model_colours(frame)
    lines = frame[frame["is_headline"]]
    metric, best = metric_of(advice.metric).label, advice.best
    figure = draw_dataset(lines, title=f"{facts.name}: learning curves", colours=colours)
    alt = (
        f"Learning curves: test {metric} of {count(lines['model'].nunique(), 'model')} against "
        f"training rows, from {lines['n_train'].min():,} to {lines['n_train'].max():,}. At "
        f"{best.n_train:,} rows {best.model} is best with {score_text(best.score)}. The table "
        "below has the numbers."
    )
    found = {"curves": embed(figure, folder, f"{facts.name}-curves", alt)}
    shown, ahead = _forecasts(curves, facts.name)
    if len(ahead):
        title = f"{facts.name}: forecast for more rows"
        known = lines[lines["model"].isin(shown)]
        figure = draw_forecast(known, ahead, title=title, colours=colours)
        alt = (
            f"Forecast of {', '.join(shown)} up to {int(ahead['n_train'].max()):,} training rows, "
            "with 50% and 90% intervals. The answers above have the numbers of the best model."
        )
        found["forecast"] = embed(figure, folder, f"{facts.name}-forecast", alt)
    cost = curves.cost()
    if len(cost) and cost["fit_s"].gt(0).any():
        figure = draw_cost(cost, title=f"{facts.name}: cost of a score", colours=colours)
        alt = f"Test {metric} against time and memory of each model; the table has the times."
        found["cost"] = embed(figure, folder, f"{facts.name}-cost", alt)
    return found


def _forecasts(curves: CurveSet, dataset: str) -> tuple[list[str], pd.DataFrame]:
    """Return the best models, and their forecasts."""
    names = curves.best_models(dataset)
    last = curves.scores.groupby("model")["n_train"].max()
    top = int(last.max())
    parts = []
    for model in names:
        factors = (1, *_FORECAST_FACTORS) if last[model] < top else _FORECAST_FACTORS
        found = curves.forecast(dataset, model, [factor * top for factor in factors])
        if found.reason is None:
            parts.append(found.frame.assign(model=model))
    return names, pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
