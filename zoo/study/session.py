"""A whole study: keeps the table, measures, refits the best model, and records the outcome."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zoo.bench.pool import Pool
from zoo.bench.store import check_folder, has_results, set_aside
from zoo.data.kept import KeptFacts, facts_of, keep
from zoo.definitions import convert
from zoo.errors import DataError, StoreError
from zoo.files import write_whole
from zoo.ingest.clean_table import OwnTable
from zoo.ingest.splitting import split_own
from zoo.study.delivery import Delivery
from zoo.study.design import MOST_REPLICATES, Study, describe, models_for, sizes_for
from zoo.study.left_out import LeftOut
from zoo.study.measuring import Measuring, Outcome, Say, expected_s, history_of
from zoo.study.refit import Refit
from zoo.study.resources import default_workers
from zoo.study.run_history import RunHistory

__all__ = ["Options", "Result", "keep_table", "load_state", "make_study", "run_study"]

_STATE = "curve.json"
_REPORT_S = 3.5  # to write the report, on an ordinary machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for."""

    budget_s: float
    models: tuple[str, ...] = ()  # empty: the default ones
    n_workers: int | None = None  # None: one per core
    save_model: Path | None = None
    command: tuple[str, ...] = ()  # the command line; empty from Python
    writes_page: bool = True  # which takes time that is reserved for it

    @property
    def workers(self) -> int:
        """Worker processes."""
        return self.n_workers or default_workers()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of a study."""

    outcome: Outcome
    refit: Refit | None
    spent_s: float


def keep_table(table: OwnTable, out: Path, say: Say = lambda line, is_answer: None) -> KeptFacts:
    """Keep a cleaned table and its splits in a results folder, unless it is there already.

    Results of another table, or of an earlier state of this one, are moved to a folder inside it.

    Raises
    ------
    StoreError
        If the folder holds something else than results.
    DataError
        If the table cannot be split as asked.
    """
    check_folder(out)
    kept = facts_of(out) if out.is_dir() else None
    if kept is not None and kept.digest == table.digest:
        return kept
    splits = [split_own(table, replicate) for replicate in range(MOST_REPLICATES)]
    n_train = min(len(split.train) for split in splits)
    sizes_for(n_train, table.y.nunique() if table.task == "classification" else 0)
    if has_results(out):
        moved = set_aside(out)
        say(f"{out} holds results of other data or options; they are now in {moved}", False)
    out.mkdir(parents=True, exist_ok=True)
    (out / "cells.jsonl").touch()  # a kill before the first cell leaves a usable results folder
    about = {
        "columns": [asdict(note) for note in table.columns],
        "warnings": [asdict(warning) for warning in table.warnings],
        "task_reason": table.task_reason,
        "metric": table.metric,
        "metric_reason": table.metric_reason,
        "n_rows_read": table.n_rows_read,
        "frame_mb": table.frame_mb,
        "has_groups": table.groups is not None,
        "has_times": table.times is not None,
        "transform": dict(table.transform),
    }
    return keep(
        out, table.X, table.y, splits, name=table.name, task=table.task, digest=table.digest,
        image_shape=table.image_shape, words=table.words, about=about,
    )  # fmt: skip


def make_study(facts: KeptFacts, models: Sequence[str] = ()) -> Study:
    """Return the study of a kept table."""
    return Study(
        facts=facts,
        metric=str(facts.about["metric"]),
        models=models_for(facts.task, is_images=facts.image_shape is not None, chosen=models),
        sizes=sizes_for(facts.n_train, len(facts.classes)),
        named=tuple(models),
    )


def run_study(
    study: Study, out: Path, pool: Pool, options: Options, *, started: float, say: Say
) -> Result:
    """Measure, refit and record the outcome; report and answers are made from the folder.

    Parameters
    ----------
    study : Study
    out : Path
    pool : Pool
        From `zoo.study.resources.open_pool`.
    options : Options
    started : float
        When the command started, on the clock of `time.monotonic`.
    say : Say

    Raises
    ------
    KeyboardInterrupt
        If it was stopped before anything was measured.
    DataError
        If no cell has a score.
    """
    end = started + options.budget_s
    history, n_kept = history_of(study, out)
    for line in describe(study, expected_s(history, options.workers), options.budget_s):
        say(line, True)

    # How busy the machine is: wall seconds per CPU second of this process. Part of the load are the
    # workers, which will have started soon, so only half of the slowdown counts.
    slowdown = (time.monotonic() - started) / max(time.process_time(), 0.5)
    busy = 1.0 + max(slowdown - 1.0, 0.0) / 2
    most = 0.5 * (end - time.monotonic())  # at least half of what is left is for measuring
    report_s = min(_REPORT_S * busy, 0.2 * options.budget_s) if options.writes_page else 0.5
    report_s = min(report_s, 0.5 * most)
    delivery = None
    if options.save_model is not None:
        delivery = Delivery(
            history, options.save_model, budget_s=options.budget_s, deadline=end - report_s,
            busy=busy,
        )  # fmt: skip

    def reserve_s(known: RunHistory) -> float:
        return report_s if delivery is None else report_s + delivery.reserve_s(most - report_s)

    measuring = Measuring(
        history, pool, out, end=end, started=started, reserve_s=reserve_s, say=say,
        delivery=delivery,
    )  # fmt: skip
    outcome = measuring.run(n_kept)
    if history.leader() is None:
        if outcome.was_stopped:
            raise KeyboardInterrupt
        raise DataError(_why_no_score(history))
    if delivery is not None:
        try:
            measuring.deliver()
        except KeyboardInterrupt:
            delivery.stop()
    refit = None if delivery is None else delivery.outcome(delivery.deadline - time.monotonic())
    result = Result(outcome=outcome, refit=refit, spent_s=time.monotonic() - started)
    _write_state(out, study, options, result)
    return result


def _why_no_score(history: RunHistory) -> str:
    """Return why no model has a score, and what to do."""
    if not history.learners():
        return "only a baseline was chosen, which learns nothing; name a model in --model"
    why = next(iter(history.failed.values()), "the time was up before the first fit was done")
    return f"no model has a score: {why}; give a longer --budget or other models in --model"


def _write_state(out: Path, study: Study, options: Options, result: Result) -> None:
    outcome, refit = result.outcome, result.refit
    state = {
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
        "saved": None if refit is None else {**asdict(refit), "path": str(refit.path)},
    }
    write_whole(out / _STATE, json.dumps(state, indent=1), StoreError)


def load_state(out: Path) -> dict[str, Any]:
    """Return what the last command on a results folder recorded; `left_out` as `LeftOut`."""
    path = out / _STATE
    state: dict[str, Any] = {}
    if path.is_file():
        state = json.loads(path.read_text(encoding="utf-8"))
    state["left_out"] = [convert(one, LeftOut, str(path)) for one in state.get("left_out", [])]
    return state
