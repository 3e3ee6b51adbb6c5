"""Measures a user's table within a budget; what was measured before is taken as it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo import registry
from zoo.bench.plan import Job
from zoo.bench.pool import Pool, Worker
from zoo.bench.run import provenance, write_cell
from zoo.bench.store import CellWriter, has_results, pack, read
from zoo.study.budget import round_seconds
from zoo.study.candidates import Study, cell_of
from zoo.study.choose import Ledger, LeftOut, left_out, next_jobs
from zoo.study.pace import Pace
from zoo.study.refit import REFIT

__all__ = [
    "Measuring",
    "Outcome",
    "expected_s",
    "ledger_of",
]

_SUITE = "own table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What measuring came to.

    Parameters
    ----------
    n_measured, n_kept : int
        Cells measured now, and cells that were there.
    left_out : tuple of LeftOut
    first_answer_s : float or None
        From the start of the command to the first answer.
    was_stopped : bool
        By Ctrl-C.
    """

    n_measured: int
    n_kept: int
    left_out: tuple[LeftOut, ...]
    first_answer_s: float | None
    was_stopped: bool


def ledger_of(study: Study, folder: Path) -> tuple[Ledger, int]:
    """Return what the folder knows of a study, and how many cells that is."""
    pace = Pace(study.facts.n_features, len(study.facts.classes))
    ledger, count = Ledger(study=study, pace=pace), 0
    if not has_results(folder):
        return ledger, 0
    for cell in read(folder).cells:
        key = cell["key"]
        wanted = study.job(key["model"], key["n_train"], key["replicate"]).key
        if key["model"] not in study.models or wanted != key:
            continue
        count += 1
        ledger.take(cell)
        run = cell.get("run", {})
        if "job_s" in run:
            pace.learn(key["model"], key["n_train"], run["job_s"], n_together=run["job_cells"])
    return ledger, count


def expected_s(ledger: Ledger, n_workers: int) -> float:
    """Return how long the base replicates of all that is not measured yet may take."""
    study, total = ledger.study, 0.0
    for model in study.models:
        if model in ledger.beaten:
            continue
        for size in study.sizes:
            missing = sum(ledger.is_open((model, size, r)) for r in range(study.base_replicates))
            total += missing * ledger.pace.estimate_s(model, size)
    return total / n_workers


@dataclass(slots=True)
class _Sent:
    """Jobs that a worker is at."""

    at: float
    count: int
    worker: Worker
    is_its_first: bool

    def took_s(self) -> float:
        """Return the seconds so far, without those that the process itself took to start."""
        begin, start_s = self.at, self.worker.first_began_s
        if self.is_its_first and start_s is not None:
            begin = max(begin, self.worker.born + start_s)
        return time.monotonic() - begin


class Measuring:
    """The loop: idle workers get the next cells, answers go to the store and the ledger.

    Parameters
    ----------
    ledger : Ledger
    pool : Pool
        From `open_pool`.
    folder : Path
        Keeps the table; gets the cells.
    end, started : float
        When the command has to end and when it started, of `time.monotonic`.
    reserve_s : callable
        Gets what is known; returns the seconds to keep for what comes after measuring.
    tell : callable
        Gets a line, and whether it is an answer rather than progress.
    """

    def __init__(
        self,
        ledger: Ledger,
        pool: Pool,
        folder: Path,
        *,
        end: float,
        started: float,
        reserve_s: Callable[[Ledger], float],
        tell: Callable[[str, bool], None],
    ) -> None:
        self.ledger, self._folder, self._tell = ledger, folder, tell
        self._final, self._started, self._reserve_s = end, started, reserve_s
        self._writer = CellWriter(folder)
        self._origin = provenance(_SUITE, 1, self._writer)
        self._pool = pool
        self._sent: dict[int, _Sent] = {}
        self._homes: dict[int, set[str]] = {}
        self._alone: list[Job] = []
        self._first_answer_s: float | None = None
        self._n_measured = 0

    @property
    def end(self) -> float:
        """When measuring has to end, as far as is known: what comes after it takes its time too."""
        return self._final - self._reserve_s(self.ledger)

    def _worker_for(self, model: str) -> Worker:
        """Return the idle worker that served the model before, or another network; else any."""
        idle = self._pool.idle()
        kind = "network" if registry.spec(model).trains_together else model
        for wanted in (model, kind):
            for worker in idle:
                if wanted in self._homes.get(id(worker), ()):
                    return worker
        return idle[0]

    def _send(self) -> bool:
        left = self.end - time.monotonic()
        jobs = [self._alone.pop()] if self._alone else next_jobs(self.ledger, left)
        if not jobs or left <= 0:
            return False
        worker = self._worker_for(jobs[0].key["model"])
        sent = _Sent(time.monotonic(), len(jobs), worker, worker.first_began_s is None)
        worker.send(jobs)
        home = self._homes.setdefault(id(worker), set())
        home.add(jobs[0].key["model"])
        if jobs[0].trains_together:
            home.add("network")
        for job in jobs:
            self.ledger.in_flight.add(cell_of(job))
            self._sent[id(job)] = sent
        return True

    def _take(self, job: Job, answer: dict[str, Any] | None) -> None:
        place, sent = cell_of(job), self._sent.pop(id(job))
        if answer is None:
            self._alone.append(job)  # still in flight: nobody else is to measure it
            return
        self.ledger.in_flight.discard(place)
        took = sent.took_s()
        if answer.pop("is_late", False):
            self.ledger.late[place[0]] = (place[1], took)
            return
        answer.pop("has_no_data", None)
        origin = {**self._origin, "job_s": round(took, 3), "job_cells": sent.count}
        cell = write_cell(self._writer, job, answer, origin)
        self.ledger.take(cell)
        self.ledger.pace.learn(place[0], place[1], took, n_together=sent.count)
        self._n_measured += 1
        said = "" if answer["status"] == "ok" else f" {answer['status']}: {answer['reason']}"
        self._say(f"{place[0]} at {place[1]:,} rows{said}")

    def _say(self, line: str) -> None:
        seconds = time.monotonic() - self._started
        self._tell(f"{seconds:6.0f} s  {line}", False)
        if self._first_answer_s is None and _has_first_answer(self.ledger):
            self._first_answer_s = seconds
            known = _standing(self.ledger)
            self._tell(f"first answer, after {round_seconds(seconds)}: {known}", True)

    def run(self, n_kept: int) -> Outcome:
        """Go on until nothing is of use, nothing fits in the time left, or Ctrl-C is pressed."""
        was_stopped = False
        try:
            self._go_on()
        except KeyboardInterrupt:
            was_stopped = True
        finally:
            self._writer.close()
        if has_results(self._folder):
            pack(self._folder)
        left = self.end - time.monotonic()
        return Outcome(
            n_measured=self._n_measured,
            n_kept=n_kept,
            left_out=tuple(left_out(self.ledger, left, was_stopped=was_stopped)),
            first_answer_s=self._first_answer_s,
            was_stopped=was_stopped,
        )

    def refit(self, model: str, path: Path, *, deadline: float) -> str | None:
        """Fit a model on all rows and save it; return why not, or None if it is done."""
        arguments = {
            "folder": str(self._folder.resolve()), "model": model, "path": str(path.resolve()),
        }  # fmt: skip
        self._pool.give_up()
        worker = self._worker_for(model)
        answer = self._pool.call(worker, REFIT, arguments, deadline=deadline)
        if answer.get("is_late"):
            return "the time was up before the fit on all rows was done; give a longer --budget"
        return None if answer["status"] == "ok" else str(answer["reason"])

    def _go_on(self) -> None:
        while True:
            while self._pool.idle() and self._send():
                pass
            if len(self._pool.idle()) == len(self._pool.workers):
                return
            self._pool.hurry(self.end)  # what comes after may take longer than it seemed
            for job, answer in self._pool.wait():
                self._take(job, answer)


def _has_first_answer(ledger: Ledger) -> bool:
    """Return whether the first models are measured, or failed, at every size."""
    return all(
        ledger.losses[model, size] or any(place[0] == model for place in ledger.failed)
        for model in ledger.study.first
        for size in ledger.study.sizes
    )


def _standing(ledger: Ledger) -> str:
    """Return the scores at the largest size, best first."""
    from zoo.metrics import metric as metric_of
    from zoo.study.wording import score_text

    metric, size = metric_of(ledger.study.metric), ledger.study.sizes[-1]
    means = {m: ledger.mean(m, size) for m in ledger.study.models if ledger.losses[m, size]}
    if not means:
        return "no model has a score yet"
    order = sorted(means, key=lambda name: means[name])
    texts = [f"{name} {score_text(float(metric.score(means[name])))}" for name in order]
    return f"{metric.label} with {size:,} rows: {', '.join(texts)}"
