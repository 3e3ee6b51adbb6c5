"""Worker processes: each measures one cell at a time, within limits of time and memory."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from zoo.bench.plan import Job
from zoo.bench.suite import Budget

__all__ = ["Pool", "Worker"]

_LOADING_S = 300.0  # data and framework, before the cell's own clock starts
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


class Worker:
    """One process and the job it is at.

    Parameters
    ----------
    inbox : Queue
        Gets (worker, answer) for every answer, and (worker, None) when the process ends.
    budget : Budget
    folders : list of str
        Folders with cards of the user's own.
    """

    def __init__(self, inbox: queue.Queue[Any], budget: Budget, folders: list[str]) -> None:
        self._budget, self._folders = budget, folders
        threads = {name: str(budget.threads) for name in _THREAD_VARIABLES}
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": path}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "zoo.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **threads, **quiet},
            text=True,
            encoding="utf-8",
        )
        self._system = psutil.Process(self._process.pid)
        self.job: Job | None = None
        self.began = False
        self.since = time.monotonic()
        self._listener = threading.Thread(target=self._listen, args=(inbox,), daemon=True)
        self._listener.start()

    def _listen(self, inbox: queue.Queue[Any]) -> None:
        assert self._process.stdout is not None  # noqa: S101 (for the type checker)
        with self._process.stdout as answers:
            for line in answers:
                inbox.put((self, json.loads(line)))
        inbox.put((self, None))

    def send(self, job: Job) -> None:
        """Give the worker a job; a process that has died is noticed by its silence."""
        self.job, self.began, self.since = job, False, time.monotonic()
        message = {
            "key": job.key,
            "metrics": job.metrics,
            "threads": self._budget.threads,
            "folders": self._folders,
        }
        assert self._process.stdin is not None  # noqa: S101 (for the type checker)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def over_limit(self) -> tuple[str, str] | None:
        """Return the status and reason of a job that used more than it may, else None."""
        limit = self._budget.seconds if self.began else _LOADING_S
        if time.monotonic() - self.since > limit:
            what = "" if self.began else " to load data and framework"
            return "timeout", f"over the limit of {limit:g} s{what}"
        try:
            used = self._system.memory_info().rss / 2**20
        except psutil.Error:
            return None
        if used > self._budget.memory_mb:
            return "out_of_memory", f"over the limit of {self._budget.memory_mb} MB"
        return None

    def last_words(self) -> str:
        """Return how a dead process ended: its code or signal, and the last line that it wrote."""
        code = self._process.wait()
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"the worker process died ({how})" + (f": {said[-1][:300]}" if said else "")

    def kill(self) -> None:
        """End the process now."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        assert self._process.stdin is not None  # noqa: S101 (for the type checker)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._log.close()


class Pool:
    """A fixed number of workers; a worker that dies or is killed is replaced.

    Parameters
    ----------
    n_workers : int
    budget : Budget
    folders : list of str
    """

    def __init__(self, n_workers: int, budget: Budget, folders: list[str]) -> None:
        self._inbox: queue.Queue[Any] = queue.Queue()
        self._budget, self._folders = budget, folders
        self.workers = [self._start() for _ in range(n_workers)]

    def _start(self) -> Worker:
        return Worker(self._inbox, self._budget, self._folders)

    def _replace(self, worker: Worker) -> None:
        worker.kill()
        self.workers[self.workers.index(worker)] = self._start()

    def idle(self) -> list[Worker]:
        """Return the workers that wait for a job."""
        return [worker for worker in self.workers if worker.job is None]

    def wait(self, timeout_s: float = 0.2) -> tuple[Job, dict[str, Any]] | None:
        """Return a finished job and its answer, or None if none came in time."""
        finished = self._enforce_limits()
        if finished is not None:
            return finished
        try:
            worker, answer = self._inbox.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if worker not in self.workers:
            return None  # the last word of one that was killed
        job: Job | None = worker.job
        if answer is None:
            reason = worker.last_words()
            self._replace(worker)
            return None if job is None else (job, {"status": "failed", "reason": reason})
        if "began" in answer:
            worker.began, worker.since = True, time.monotonic()
            return None
        worker.job = None
        return None if job is None else (job, answer)

    def _enforce_limits(self) -> tuple[Job, dict[str, Any]] | None:
        for worker in self.workers:
            if worker.job is None:
                continue
            excess = worker.over_limit()
            if excess is not None:
                job = worker.job
                self._replace(worker)
                return job, {"status": excess[0], "reason": excess[1]}
        return None

    def close(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.kill()
