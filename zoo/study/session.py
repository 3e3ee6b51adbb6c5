"""One command on one table, from the cleaned rows to the answers, within its budget."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zoo.bench.pool import Pool
from zoo.bench.store import check_folder, has_results, set_aside
from zoo.data.kept import KeptFacts, facts_of, keep
from zoo.definitions import convert
from zoo.errors import DataError
from zoo.ingest.clean_table import OwnTable
from zoo.ingest.splitting import split_own
from zoo.study.budget import round_seconds
from zoo.study.candidates import (
    MOST_REPLICATES,
    Study,
    describe,
    models_for,
    sizes_for,
)
from zoo.study.choose import Ledger, LeftOut
from zoo.study.measuring import (
    Measuring,
    Outcome,
    expected_s,
    ledger_of,
)
from zoo.study.refit import Refit
from zoo.study.workers import default_workers

__all__ = ["Options", "Result", "conclude", "keep_own", "load_state", "make_study"]

Say = Callable[[str, bool], None]
"""Gets a line, and whether it is an answer (else it is progress)."""

_STATE = "curve.json"
_MOST_FOR_REFIT = 0.5  # of the budget
_START_S = 2.0  # of a worker
_REPORT_S = 3.5  # to write the report, on an ordinary machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for.

    Parameters
    ----------
    budget_s : float
    models : tuple of str
        Empty: the ladder.
    n_workers : int or None
        None: one a core.
    save_model : Path or None
    command : tuple of str
        That repeats it; empty from Python.
    writes_page : bool
        Whether time is kept for the report.
    """

    budget_s: float = 600.0
    models: tuple[str, ...] = ()
    n_workers: int | None = None
    save_model: Path | None = None
    command: tuple[str, ...] = ()
    writes_page: bool = True

    @property
    def workers(self) -> int:
        """Worker processes."""
        return self.n_workers or default_workers()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a command came to.

    Parameters
    ----------
    outcome : Outcome
    refit : Refit or None
    spent_s : float
    """

    outcome: Outcome
    refit: Refit | None
    spent_s: float


def keep_own(table: OwnTable, out: Path, say: Say = lambda line, is_answer: None) -> KeptFacts:
    """Keep a cleaned table and its splits in a results folder, unless it is there already.

    Records of another table, or of this one before it changed, are set aside, not lost.

    Raises
    ------
    StoreError
        If the folder holds something else than results.
    DataError
        If the table cannot be split as asked.
    """
    check_folder(out)
    there = facts_of(out) if out.is_dir() else None
    if there is not None and there.digest == table.digest:
        return there
    splits = [split_own(table, replicate) for replicate in range(MOST_REPLICATES)]
    n_train = min(len(split.train) for split in splits)
    sizes_for(n_train, table.y.nunique() if table.task == "classification" else 0)
    if has_results(out):
        moved = set_aside(out)
        say(f"{out} holds results of other data or options; they are now in {moved}", False)
    _claim(out)
    about = {
        "columns": [asdict(note) for note in table.columns],
        "notices": [asdict(notice) for notice in table.notices],
        "task_reason": table.task_reason,
        "metric": table.metric,
        "metric_reason": table.metric_reason,
        "n_rows_read": table.n_rows_read,
        "frame_mb": table.frame_mb,
        "has_groups": table.groups is not None,
        "has_times": table.times is not None,
        "recipe": dict(table.recipe),
    }
    return keep(
        out,
        table.X,
        table.y,
        splits,
        name=table.name,
        task=table.task,
        digest=table.digest,
        image_shape=table.image_shape,
        about=about,
    )


def _claim(out: Path) -> None:
    """Make the folder one of results, so that a kill before the first cell leaves it usable."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "cells.jsonl").touch()


def make_study(facts: KeptFacts, models: Sequence[str] = ()) -> Study:
    """Return what is to be found out about a kept table."""
    return Study(
        facts=facts,
        metric=str(facts.about["metric"]),
        models=models_for(facts.task, is_images=facts.image_shape is not None, chosen=models),
        sizes=sizes_for(facts.n_train, len(facts.classes)),
    )


def conclude(
    study: Study, out: Path, pool: Pool, options: Options, *, started: float, say: Say
) -> Result:
    """Measure, refit and note what was done; the report and the advice are read from the folder.

    Parameters
    ----------
    study : Study
    out : Path
    pool : Pool
        From `zoo.study.workers.open_pool`.
    options : Options
    started : float
        When the command started, of `time.monotonic`.
    say : callable

    Raises
    ------
    KeyboardInterrupt
        If it was stopped before anything was measured.
    DataError
        If no cell has a score.
    """
    end = started + options.budget_s
    ledger, n_kept = ledger_of(study, out)
    for line in describe(study, expected_s(ledger, options.workers), options.budget_s):
        say(line, True)

    # How many seconds pass for one that this process works: others may take of the cores. While
    # the workers load they do so too, and that will be over, so it counts by half.
    passed = (time.monotonic() - started) / max(time.process_time(), 0.5)
    busy = 1.0 + max(passed - 1.0, 0.0) / 2
    most = 0.5 * (end - time.monotonic())  # at least half of what is left is for measuring
    report_s = min(_report_s(options, busy), 0.5 * most)

    def reserve_s(known: Ledger) -> float:
        after = report_s
        if known.leader() is not None:
            after += _refit_reserve_s(known, options, busy)
        return min(after, most)

    measuring = Measuring(
        ledger,
        pool,
        out,
        end=end,
        started=started,
        reserve_s=reserve_s,
        tell=say,
    )
    outcome = measuring.run(n_kept)
    leader = ledger.leader()
    if leader is None and outcome.was_stopped:
        raise KeyboardInterrupt
    if leader is None:
        why = next(iter(ledger.failed.values()), "the time was up before the first fit was done")
        raise DataError(f"no model has a score: {why}; give a longer --budget or other --models")
    saved = None
    if options.save_model is not None:
        limit = end - report_s
        saved = _save(measuring, leader[0], options.save_model, limit, say, outcome)
    result = Result(outcome=outcome, refit=saved, spent_s=time.monotonic() - started)
    _write_state(out, study, options, result)
    return result


def _report_s(options: Options, busy: float) -> float:
    """Return how long the report may take on a machine that is so busy."""
    return min(_REPORT_S * busy, 0.2 * options.budget_s) if options.writes_page else 0.5


def _refit_s(ledger: Ledger, busy: float) -> float:
    """Return how long the refit may take: of the model in the lead, or of the first ones.

    A new worker may have to start for it, if the time was up for what both were at.
    """
    leader, n_rows = ledger.leader(), ledger.study.facts.n_rows
    names = [leader[0]] if leader else [n for n in ledger.study.first if n != "dummy"]
    need = max((ledger.pace.estimate_s(name, n_rows) for name in names), default=5.0)
    return _START_S * busy + 1.5 * need


def _refit_reserve_s(ledger: Ledger, options: Options, busy: float) -> float:
    """Return the time to keep for the refit; none if it would not be done anyway."""
    if options.save_model is None:
        return 0.0
    need = _refit_s(ledger, busy)
    return need if need <= _MOST_FOR_REFIT * options.budget_s else 0.0


def _save(
    measuring: Measuring, model: str, path: Path, limit: float, say: Say, outcome: Outcome
) -> Refit:
    n_rows = measuring.ledger.study.facts.n_rows
    need, left = _refit_s(measuring.ledger, 0.0), limit - time.monotonic()
    if need > 1.3 * left + 1.0:  # the estimate is on the safe side, and there is a deadline
        error = (
            f"a fit of {model} on all {n_rows:,} rows would take about {round_seconds(need)}, and "
            f"{round_seconds(max(left, 0.0))} were left; run the same command with more --budget"
        )
        return Refit(model=model, path=path, n_rows=n_rows, error=error)
    stop = "; Ctrl-C again leaves it out" if outcome.was_stopped else ""
    say(f"fitting {model} on all {n_rows:,} rows for {path}{stop}", False)
    try:
        failure = measuring.refit(model, path, deadline=limit)
    except KeyboardInterrupt:
        failure = "stopped by Ctrl-C"
    return Refit(model=model, path=path, n_rows=n_rows, error=failure)


def _write_state(out: Path, study: Study, options: Options, result: Result) -> None:
    outcome = result.outcome
    state: dict[str, Any] = {
        "command": list(options.command),
        "budget_s": options.budget_s,
        "spent_s": round(result.spent_s, 1),
        "first_answer_s": outcome.first_answer_s,
        "was_stopped": outcome.was_stopped,
        "n_measured": outcome.n_measured,
        "n_kept": outcome.n_kept,
        "left_out": [asdict(one) for one in outcome.left_out],
        "models": list(study.models),
        "sizes": list(study.sizes),
        "workers": options.workers,
        "saved": None,
    }
    if result.refit is not None:
        state["saved"] = {
            "model": result.refit.model,
            "path": str(result.refit.path),
            "n_rows": result.refit.n_rows,
            "error": result.refit.error,
        }
    part = out / f".{_STATE}.part"
    part.write_text(json.dumps(state, indent=1), encoding="utf-8")
    part.replace(out / _STATE)


def load_state(out: Path) -> dict[str, Any]:
    """Return what the last command on a results folder noted; `left_out` as `LeftOut`."""
    path = out / _STATE
    state: dict[str, Any] = {}
    if path.is_file():
        state = json.loads(path.read_text(encoding="utf-8"))
    state["left_out"] = [convert(one, LeftOut, str(path)) for one in state.get("left_out", [])]
    return state
