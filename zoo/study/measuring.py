"""Measures the cells of a study within a budget; cells of earlier runs are reused."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from zoo import registry
from zoo.bench.plan import Job
from zoo.bench.pool import Pool, Worker
from zoo.bench.run import provenance, write_cell
from zoo.bench.store import CellWriter, Status, has_results, pack, read
from zoo.metrics import metric as metric_of
from zoo.prose import count
from zoo.study.delivery import Delivery
from zoo.study.design import CellId, Study, cell_of
from zoo.study.fit_times import FitTimes
from zoo.study.left_out import LeftOut, left_out
from zoo.study.next_cells import is_large, next_jobs
from zoo.study.refit import REFIT, Failure
from zoo.study.run_history import RunHistory
from zoo.study.wording import round_seconds, score_text

__all__ = ["Measuring", "Outcome", "Say", "expected_s", "history_of"]

_SUITE = "own table"
_SLOW = 0.25  # of the time left: a model that was asked for is saved before such a fit
Say = Callable[[str, bool], None]
"""Prints a line; the flag tells whether it is an answer or progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of measuring."""

    n_measured: int
    n_kept: int  # cells of earlier runs
    left_out: tuple[LeftOut, ...]
    first_answer_s: float | None  # from the start of the command
    was_stopped: bool  # by Ctrl-C


def history_of(study: Study, folder: Path) -> tuple[RunHistory, int]:
    """Return the history of a study in a results folder, and how many cells it has."""
    times = FitTimes(study.facts.n_features, len(study.facts.classes))
    history, count = RunHistory(study=study, times=times), 0
    if not has_results(folder):
        return history, 0
    for cell in read(folder).cells:
        key = cell["key"]
        if key["model"] not in study.models or study.job(*cell_of(key)).key != key:
            continue
        count += 1
        history.add(cell)
        run = cell.get("run", {})
        if "job_s" in run:
            times.add(
                key["model"], key["n_train"], run["job_s"], n_together=run.get("job_cells", 1)
            )
    return history, count


def expected_s(history: RunHistory, n_workers: int) -> float:
    """Return how long the base replicates that are still to be measured may take."""
    study, total = history.study, 0.0
    for model in study.models:
        for size in study.sizes:
            cells = [CellId(model, size, r) for r in range(study.base_replicates)]
            total += sum(map(history.is_open, cells)) * history.times.estimate_s(model, size)
    return total / n_workers


@dataclass(slots=True)
class _Sent:
    """Jobs that were sent to a worker."""

    at: float
    count: int
    worker: Worker
    is_its_first: bool

    def took_s(self) -> float:
        """Return the seconds so far, without those that the process took to start."""
        begin, start_s = self.at, self.worker.first_began_s
        if self.is_its_first and start_s is not None:
            begin = max(begin, self.worker.born + start_s)
        return time.monotonic() - begin


@dataclass(slots=True)
class _Refitting:
    """A fit on all rows that a worker is busy with while others measure."""

    model: str
    worker: Worker


class Measuring:
    """The loop: idle workers get the next cells; results go to the store and the history.

    Parameters
    ----------
    history : RunHistory
    pool : Pool
        From `open_pool`.
    folder : Path
        Holds the table; gets the cells.
    end, started : float
        When the command has to end and when it started, on the clock of `time.monotonic`.
    reserve_s : callable
        Gets the history; returns the seconds to reserve for what follows measuring.
    say : Say
    delivery : Delivery or None
        Of a model that was asked for.
    """

    def __init__(
        self,
        history: RunHistory,
        pool: Pool,
        folder: Path,
        *,
        end: float,
        started: float,
        reserve_s: Callable[[RunHistory], float],
        say: Say,
        delivery: Delivery | None = None,
    ) -> None:
        self.delivery = delivery
        self._refitting: _Refitting | None = None
        self.history, self._folder, self._say = history, folder, say
        self._final, self._started, self._reserve_s = end, started, reserve_s
        self._writer, self._pool = CellWriter(folder), pool
        self._origin = provenance(_SUITE, 1, self._writer)
        self._sent: dict[int, _Sent] = {}
        self._served: dict[int, set[str]] = defaultdict(set)  # models that a worker has fitted
        self._alone: list[Job] = []
        self._first_answer_s: float | None = None
        self._n_measured = 0

    @property
    def end(self) -> float:
        """When measuring has to end, as far as is known: the reserve may change."""
        return self._final - self._reserve_s(self.history)

    def _worker_for(self, model: str) -> Worker:
        """Return the idle worker that served the model before, or another network; else any."""
        idle = self._pool.idle()
        kind = "network" if registry.spec(model).trains_together else model
        served = [one for name in (model, kind) for one in idle if name in self._served[id(one)]]
        return (served or sorted(idle, key=_is_new))[0]

    @property
    def _is_warm(self) -> bool:
        """Whether an idle worker has fitted before, so that it needs no start."""
        return not all(map(_is_new, self._pool.idle()))

    def _send(self) -> bool:
        left = self.end - time.monotonic()
        if left <= 0 or (self._refitting is not None and self._refit_is_large):
            return False
        jobs = [self._alone[-1]] if self._alone else next_jobs(self.history, left)
        if not jobs:
            return False
        if due := self._due_refit(jobs, left):
            if self._refit_is_large and self._sent:
                return False  # it waits for the others
            self._start_refit(due)
            return True
        if self._alone:
            self._alone.pop()
        worker = self._worker_for(jobs[0].key["model"])
        sent = _Sent(time.monotonic(), len(jobs), worker, worker.first_began_s is None)
        worker.send(jobs)
        self._served[id(worker)].add(jobs[0].key["model"])
        if jobs[0].trains_together:
            self._served[id(worker)].add("network")
        for job in jobs:
            self.history.in_flight.add(cell_of(job.key))
            self._sent[id(job)] = sent
        return True

    def _receive(self, job: Job, answer: dict[str, Any] | None) -> None:
        cell, sent = cell_of(job.key), self._sent.pop(id(job))
        if answer is None:
            self._alone.append(job)  # and stays in flight: no other worker should measure it
            return
        self.history.in_flight.discard(cell)
        took = sent.took_s()
        if answer.pop("is_late", False):
            self.history.timed_out[cell.model] = (cell.n_train, took)
            return
        answer.pop("has_no_data", None)
        origin = {**self._origin, "job_s": round(took, 3), "job_cells": sent.count}
        self.history.add(write_cell(self._writer, job, answer, origin))
        self.history.times.add(cell.model, cell.n_train, took, n_together=sent.count)
        self._n_measured += 1
        is_ok = answer["status"] == Status.OK
        failure = "" if is_ok else f" {answer['status']}: {answer['reason']}"
        seconds = time.monotonic() - self._started
        what = f"{cell.model} at {count(cell.n_train, 'row')}, replicate {cell.replicate}"
        self._say(f"{seconds:6.0f} s  {what}{failure}", False)
        if self._first_answer_s is None and _has_first_answer(self.history):
            self._first_answer_s = seconds
            scores = _scores_text(self.history)
            self._say(f"first answer, after {round_seconds(seconds)}: {scores}", True)

    def run(self, n_kept: int) -> Outcome:
        """Measure until no cell would help or fit in the time left, or Ctrl-C is pressed."""
        was_stopped = False
        try:
            self._loop()
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
            left_out=tuple(left_out(self.history, left, was_stopped=was_stopped)),
            first_answer_s=self._first_answer_s,
            was_stopped=was_stopped,
        )

    @property
    def _refit_is_large(self) -> bool:
        """Whether a fit on all rows takes so much memory that nothing else should run."""
        return is_large(self.history, self.history.study.facts.n_rows)

    def _due_refit(self, jobs: list[Job], left: float) -> str | None:
        """Return the model to fit on all rows before these jobs, if they are slow."""
        if self.delivery is None or self._refitting is not None:
            return None
        model, size = jobs[0].key["model"], jobs[0].key["n_train"]
        need = self.history.times.estimate_s(model, size, n_together=len(jobs))
        if model in self.history.study.first and need < _SLOW * left:
            return None
        return self.delivery.choose_in_advance(self.delivery.deadline - time.monotonic())

    def _start_refit(self, model: str) -> None:
        """Let a worker fit a model on all rows while others measure."""
        assert self.delivery is not None  # noqa: S101 (it is due)
        worker = self._worker_for(model)
        self._say(f"fitting {model} on all rows for {self.delivery.path}, in advance", False)
        arguments = self._refit_arguments(model, self.delivery.path)
        worker.call(REFIT, arguments, deadline=self.delivery.deadline)
        self._refitting = _Refitting(model, worker)

    def _refit_arguments(self, model: str, path: Path) -> dict[str, str]:
        folder = str(self._folder.resolve())
        return {"folder": folder, "model": model, "path": str(path.resolve())}

    def _receive_refit(self, answer: dict[str, Any]) -> None:
        done, self._refitting = self._refitting, None
        if done is not None and self.delivery is not None:
            self.delivery.add(done.model, _failure_of(answer))

    def refit(self, model: str, path: Path, *, deadline: float) -> Failure | None:
        """Fit a model on all rows and save it; return why it was not, or None if it was."""
        self._refitting = None
        self._pool.give_up()
        arguments = self._refit_arguments(model, path)
        answer = self._pool.call(self._worker_for(model), REFIT, arguments, deadline=deadline)
        return _failure_of(answer)

    def deliver(self) -> None:
        """Fit and save the best model that there is time for; one in any case.

        If there is time for none, the cheapest is fitted nevertheless, for at most the budget once
        more.
        """
        delivery = self.delivery
        if delivery is None:
            return
        while model := delivery.choose(delivery.deadline - time.monotonic(), is_warm=self._is_warm):
            self._deliver(delivery, model, delivery.deadline)
        latest = time.monotonic() + delivery.budget_s
        while time.monotonic() < latest and (model := delivery.choose_over_budget()):
            self._deliver(delivery, model, latest)

    def _deliver(self, delivery: Delivery, model: str, deadline: float) -> None:
        self._say(f"fitting {model} on all rows for {delivery.path}", False)
        delivery.add(model, self.refit(model, delivery.path, deadline=deadline))
        delivery.is_over_budget = time.monotonic() > delivery.deadline

    def _loop(self) -> None:
        while True:
            while self._pool.idle() and self._send():
                pass
            if len(self._pool.idle()) == len(self._pool.workers):
                return
            self._pool.hurry(self.end)  # the reserve may have grown
            if self._refitting is not None and self.delivery is not None:
                self._refitting.worker.deadline = self.delivery.deadline
            for job, answer in cast("list[tuple[Job | None, Any]]", self._pool.wait()):
                if job is None:  # not of a cell
                    self._receive_refit(answer)
                else:
                    self._receive(job, answer)


def _is_new(worker: Worker) -> bool:
    return worker.first_began_s is None


def _failure_of(answer: dict[str, Any]) -> Failure | None:
    """Return why a model was not fitted on all rows; None if it was."""
    if answer.get("is_late"):
        return Failure("the time was up before the fit on all rows was done", is_late=True)
    return None if answer["status"] == Status.OK else Failure(str(answer["reason"]))


def _has_first_answer(history: RunHistory) -> bool:
    """Return whether the first models are measured, or failed, at every size."""
    return all(
        history.losses[model, size] or history.has_failed(model)
        for model in history.study.first
        for size in history.study.sizes
    )


def _scores_text(history: RunHistory) -> str:
    """Return the scores at the largest size, the best first."""
    metric, size = metric_of(history.study.metric), history.study.sizes[-1]
    means = {m: history.mean(m, size) for m in history.study.models if history.losses[m, size]}
    if not means:
        return "no model has a score yet"
    order = sorted(means, key=lambda name: means[name])
    texts = [f"{name} {score_text(float(metric.score(means[name])))}" for name in order]
    return f"{metric.label} with {count(size, 'row')}: {', '.join(texts)}"
