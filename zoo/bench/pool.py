"""Worker processes: each measures a cell, or several side by side, within its budget."""

from __future__ import annotations

import functools
import os
import queue
import time
from collections.abc import Sequence
from typing import Any

from zoo.bench.environment import program_cache_flags
from zoo.bench.plan import Job
from zoo.bench.records import Status, cell_key
from zoo.bench.suite import Budget
from zoo.bench.worker_process import ProcessTable, WorkerProcess, kill_all

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
        flags = " ".join(filter(None, [program_cache_flags(), os.environ.get("TF_XLA_FLAGS")]))
        quiet = {
            "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "TF_XLA_FLAGS": flags,
            "ARROW_DEFAULT_MEMORY_POOL": "system",  # what is freed can be given back
        }  # fmt: skip
        self.jobs: dict[int, Any] = {}  # Job, or None for a call
        self.what = ""  # the function of a call
        self.is_alone = True
        self.deadline: float | None = None
        self.took = self.began = False
        self.first_began_s: float | None = None  # from its start to its first fit
        self.born = self.since = time.monotonic()

        def receive(answer: dict[str, Any] | None) -> None:
            inbox.put((self, answer))

        self.process = WorkerProcess({**threads, **quiet}, imports, receive)

    def send(self, jobs: list[Job]) -> None:
        """Give the worker jobs of one model and data set."""
        self.jobs, self.is_alone, self.deadline = dict(enumerate(jobs)), len(jobs) == 1, None
        self.took, self.began, self.since = False, False, time.monotonic()
        self.process.send(
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
        self.what, self.jobs, self.is_alone, self.deadline = what, {0: None}, True, deadline
        self.took, self.began, self.since = False, True, time.monotonic()
        self.process.send({"call": what, "arguments": arguments})

    def over_limit(self, table: ProcessTable) -> tuple[Status, str] | None:
        """Return the status and reason of jobs that exceed their budget, else None."""
        n_at_once = min(len(self.jobs), self._n_slots)
        limit = self._budget.seconds * n_at_once if self.began else _LOADING_S
        if time.monotonic() - self.since > limit:
            what = "" if self.began else " to load data and framework"
            return Status.TIMEOUT, f"over the limit of {limit:g} s{what}"
        if self.process.memory_mb(table) > self._budget.memory_mb:
            return Status.OUT_OF_MEMORY, f"over the limit of {self._budget.memory_mb} MB"
        return None

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended it that was not sent by its pool, or it never took its jobs."""
        code = self.process.exit_code
        return (code is not None and code < 0) or not self.took


class Pool:
    """A fixed number of workers; a worker that dies, is killed or leaves processes is replaced.

    A job whose worker was killed from outside, by the system or a user, is handed back once to be
    measured again.

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
        self._table = ProcessTable()
        self._tried_again: set[str] = set()
        self._start = functools.partial(Worker, self._inbox, budget, folders, n_slots, imports)
        self.workers = [self._start() for _ in range(n_workers)]

    def _replace(self, worker: Worker) -> None:
        kill_all([worker.process])
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
        number = self.workers.index(worker)
        self.workers[number].call(what, arguments, deadline=deadline)
        while True:
            for _, answer in self.wait():
                if answer is not None:
                    return answer
                self.workers[number].call(what, arguments, deadline=deadline)

    def wait(self, timeout_s: float = 0.2) -> Finished:
        """Return jobs that are finished, with their answers, as soon as there are some.

        The answer is None for jobs that should be measured again, alone: they shared a lost worker
        and any of them may be the cause, or their worker was killed from outside. It holds
        ``is_late`` for jobs that missed their deadline.
        """
        if lost := self._enforce_limits():
            return lost
        try:
            worker, answer = self._inbox.get(timeout=timeout_s)
        except queue.Empty:
            return []
        if worker not in self.workers:
            return []  # the end of one that was killed
        return self._bury(worker) if answer is None else self._hear(worker, answer)

    def _hear(self, worker: Worker, answer: dict[str, Any]) -> Finished:
        """Note how far a worker is; return the job that it has finished."""
        worker.since = time.monotonic()
        worker.took = True
        if "began" in answer:
            worker.began = True
            if worker.first_began_s is None:
                worker.first_began_s = worker.since - worker.born
        if (number := answer.pop("number", None)) not in worker.jobs:
            return []
        finished: Finished = [(worker.jobs.pop(number), answer)]
        if not worker.jobs and worker.process.has_children(self._table):
            self._replace(worker)  # what a model left behind would slow the next one down
        return finished

    def _bury(self, worker: Worker) -> Finished:
        """Replace a worker that ended by itself or was killed by another process."""
        reason, was_killed = worker.process.how_it_ended(), worker.was_killed
        lost = self._lose(worker, {"status": Status.FAILED, "reason": reason})
        if not (was_killed and worker.is_alone and lost):
            return lost
        ((job, answer),) = lost
        name = worker.what if job is None else cell_key({"key": job.key})
        if name in self._tried_again:
            return [(job, {**(answer or {}), "reason": f"{reason}; so did the one before it"})]
        self._tried_again.add(name)
        return [(job, None)]

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
            if excess := worker.over_limit(self._table):
                return self._lose(worker, {"status": excess[0], "reason": excess[1]})
        return []

    def close(self) -> None:
        """End all workers."""
        kill_all([worker.process for worker in self.workers])
