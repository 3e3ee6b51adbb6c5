"""Worker processes: each measures a cell, or several side by side, within its budget."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from zoo.bench.environment import program_cache_flags
from zoo.bench.plan import Job
from zoo.bench.store import Status
from zoo.bench.suite import Budget

__all__ = ["THREAD_VARIABLES", "Pool", "Worker"]

_LOADING_S = 300.0  # for data and framework, before the budget of the cell counts
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS", "NPROC",  # of JAX
)  # fmt: skip
_LATE = {"status": Status.TIMEOUT, "reason": "not done by the deadline", "is_late": True}

Finished = list[tuple[Job, dict[str, Any] | None]]


class Worker:
    """One process and the jobs that it works on.

    Parameters
    ----------
    inbox : Queue
        Gets (worker, answer) for every answer, and (worker, None) when the process ends.
    budget, folders, n_slots, imports
        As for `Pool`.
    """

    def __init__(
        self,
        inbox: queue.Queue[Any],
        budget: Budget,
        folders: list[str],
        n_slots: int,
        imports: Sequence[str],
    ) -> None:
        self._budget, self._folders, self._n_slots = budget, folders, n_slots
        threads = {name: str(budget.threads) for name in THREAD_VARIABLES}
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        quiet = {
            "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": path,
            "ARROW_DEFAULT_MEMORY_POOL": "system",  # what is freed can be given back
        }  # fmt: skip
        flags = " ".join(filter(None, [program_cache_flags(), os.environ.get("TF_XLA_FLAGS")]))
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "zoo.bench.worker", *imports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **threads, **quiet, "TF_XLA_FLAGS": flags},
            text=True,
            encoding="utf-8",
        )
        assert self._process.stdin is not None  # noqa: S101 (for the type checker)
        assert self._process.stdout is not None  # noqa: S101
        self._questions, self._answers = self._process.stdin, self._process.stdout
        self._system = psutil.Process(self._process.pid)
        self.jobs: dict[int, Any] = {}  # Job, or None for a call
        self.is_alone = True
        self.deadline: float | None = None
        self.began = False
        self.first_began_s: float | None = None  # from its start to its first fit
        self.born = self.since = time.monotonic()
        self._listener = threading.Thread(target=self._listen, args=(inbox,), daemon=True)
        self._listener.start()

    def _listen(self, inbox: queue.Queue[Any]) -> None:
        with self._answers:
            for line in self._answers:
                inbox.put((self, json.loads(line)))
        inbox.put((self, None))

    def send(self, jobs: list[Job]) -> None:
        """Give the worker jobs of one model and data set.

        A dead process is noticed when its output ends.
        """
        self.jobs, self.is_alone, self.deadline = dict(enumerate(jobs)), len(jobs) == 1, None
        self.began, self.since = False, time.monotonic()
        self._write(
            {
                "keys": [job.key for job in jobs],
                "metrics": jobs[0].metrics,
                "threads": self._budget.threads,
                "folders": self._folders,
                "n_slots": self._n_slots,
                "together": jobs[0].trains_together,
            }
        )

    def call(self, what: str, arguments: dict[str, Any], *, deadline: float) -> None:
        """Let the worker call ``"module:function"`` with plain arguments."""
        self.jobs, self.is_alone, self.deadline = {0: None}, True, deadline
        self.began, self.since = True, time.monotonic()
        self._write({"call": what, "arguments": arguments})

    def _write(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._questions.write(json.dumps(message) + "\n")
            self._questions.flush()

    def over_limit(self) -> tuple[Status, str] | None:
        """Return the status and reason of jobs that exceed their budget, else None."""
        n_at_once = min(len(self.jobs), self._n_slots)
        limit = self._budget.seconds * n_at_once if self.began else _LOADING_S
        if time.monotonic() - self.since > limit:
            what = "" if self.began else " to load data and framework"
            return Status.TIMEOUT, f"over the limit of {limit:g} s{what}"
        try:
            used = self._system.memory_info().rss / 2**20
        except psutil.Error:
            return None
        if used > self._budget.memory_mb:
            return Status.OUT_OF_MEMORY, f"over the limit of {self._budget.memory_mb} MB"
        return None

    def how_it_ended(self) -> str:
        """Return how a dead process ended: exit code or signal, and the last line of its log."""
        code = self._process.wait()
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"the worker process died ({how})" + (f": {said[-1][:300]}" if said else "")

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        with contextlib.suppress(BrokenPipeError):
            self._questions.close()
        self._log.close()


class Pool:
    """A fixed number of workers; a worker that dies or is killed is replaced.

    Parameters
    ----------
    n_workers : int
    budget : Budget
    folders : list of str
        Folders with cards of the user's own.
    n_slots : int
        How many networks train side by side.
    imports : sequence of str
        Modules that each worker loads at once.
    """

    def __init__(
        self,
        n_workers: int,
        budget: Budget,
        folders: list[str],
        n_slots: int,
        *,
        imports: Sequence[str] = (),
    ) -> None:
        self._inbox: queue.Queue[Any] = queue.Queue()
        self._start = functools.partial(Worker, self._inbox, budget, folders, n_slots, imports)
        self.workers = [self._start() for _ in range(n_workers)]

    def _replace(self, worker: Worker) -> None:
        worker.kill()
        self.workers[self.workers.index(worker)] = self._start()

    def idle(self) -> list[Worker]:
        """Return the workers without a job."""
        return [worker for worker in self.workers if not worker.jobs]

    def hurry(self, deadline: float) -> None:
        """Set a deadline (of `time.monotonic`) for current jobs, unless theirs is earlier."""
        for worker in self.workers:
            if worker.jobs and (worker.deadline is None or worker.deadline > deadline):
                worker.deadline = deadline

    def give_up(self) -> None:
        """Abandon the workers' current jobs."""
        for worker in [worker for worker in self.workers if worker.jobs]:
            self._replace(worker)

    def call(self, worker: Worker, what: str, arguments: dict[str, Any], *, deadline: float) -> Any:
        """Let an idle worker call a function while no other is busy, and return its answer.

        Parameters
        ----------
        worker : Worker
        what : str
            ``"module:function"``.
        arguments : dict
            Plain data.
        deadline : float
            Of `time.monotonic`.
        """
        worker.call(what, arguments, deadline=deadline)
        while True:
            for _, answer in self.wait():
                return answer

    def wait(self, timeout_s: float = 0.2) -> Finished:
        """Return jobs that are finished, with their answers, as soon as there are some.

        The answer is None for jobs that shared a lost worker: any of them may be the cause, so
        each should be measured alone. It holds ``is_late`` for jobs that missed their deadline.
        """
        if lost := self._enforce_limits():
            return lost
        try:
            worker, answer = self._inbox.get(timeout=timeout_s)
        except queue.Empty:
            return []
        if worker not in self.workers:
            return []  # the end of one that was killed
        if answer is None:
            return self._lose(worker, {"status": Status.FAILED, "reason": worker.how_it_ended()})
        worker.since = time.monotonic()
        if "began" in answer:
            worker.began = True
            if worker.first_began_s is None:
                worker.first_began_s = worker.since - worker.born
            return []
        return [(worker.jobs.pop(answer.pop("number")), answer)]

    def _lose(self, worker: Worker, answer: dict[str, Any]) -> Finished:
        self._replace(worker)
        jobs = worker.jobs.values()
        return [(job, dict(answer) if worker.is_alone else None) for job in jobs]

    def _enforce_limits(self) -> Finished:
        for worker in self.workers:
            if not worker.jobs:
                continue
            if worker.deadline is not None and time.monotonic() > worker.deadline:
                self._replace(worker)
                return [(job, dict(_LATE)) for job in worker.jobs.values()]
            if excess := worker.over_limit():
                return self._lose(worker, {"status": excess[0], "reason": excess[1]})
        return []

    def close(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.kill()
