"""Runs a suite into a results folder, in an order that reuses compiled programs and data."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zoo.bench import store
from zoo.bench.environment import commit, describe_environment
from zoo.bench.plan import Job, Plan
from zoo.bench.pool import Pool
from zoo.bench.progress import Progress
from zoo.bench.records import check_record
from zoo.bench.store import CellWriter, Status, cell_key, one_line
from zoo.bench.suite import Suite
from zoo.data import load_card, verify
from zoo.errors import StoreError

__all__ = ["RunSummary", "jobs_to_run", "provenance", "run_suite", "write_cell"]

_MOST_SLOTS = 10  # networks that train side by side; more bring little and need memory


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run did.

    Parameters
    ----------
    n_run : int
        Cells measured now.
    n_kept : int
        Cells that were there already.
    failed : list of dict
        All cells of the plan that are failed, timeout or out_of_memory.
    """

    n_run: int
    n_kept: int
    failed: list[dict[str, Any]]


def jobs_to_run(plan: Plan, folder: Path, *, retry_failed: bool = False) -> list[Job]:
    """Return the jobs whose cells the folder does not hold yet."""
    if not store.has_results(folder):
        return plan.jobs
    done = {
        cell_key(cell)
        for cell in store.read(folder).cells
        if not retry_failed or not Status(cell["status"]).is_failure
    }
    return [job for job in plan.jobs if cell_key({"key": job.key}) not in done]


def run_suite(
    suite: Suite,
    plan: Plan,
    out: Path,
    *,
    n_workers: int | None = None,
    folders: Iterable[Path] = (),
    retry_failed: bool = False,
    is_fresh: bool = False,
) -> RunSummary:
    """Measure the cells of a plan that are not in `out` yet, then pack the folder.

    An interrupted run resumes: what it measured is in `out`.

    Parameters
    ----------
    suite : Suite
    plan : Plan
        Of this suite.
    out : Path
        The results folder; made if missing.
    n_workers : int, optional
        Processes; None: as many as the cores allow with the suite's threads.
    folders : iterable of Path
        Folders with cards of the user's own.
    retry_failed : bool
        Measure failed cells again.
    is_fresh : bool
        Measure everything again; earlier results are moved aside, not lost.

    Raises
    ------
    StoreError
        If `out` is a file, or holds files that are no results.
    DataError
        If a local data set differs from its card; nothing is written then.
    """
    out = Path(out)
    folders = list(folders)
    store.check_folder(out)
    todo = plan.jobs if is_fresh else jobs_to_run(plan, out, retry_failed=retry_failed)
    _verify_data(todo, folders)
    if is_fresh:
        store.set_aside(out)
    writer = CellWriter(out)
    try:
        if todo:
            _run_jobs(suite, todo, writer, n_workers, [str(Path(f).resolve()) for f in folders])
    finally:
        writer.close()
    store.pack(out)
    wanted = {cell_key({"key": job.key}) for job in plan.jobs}
    cells = [cell for cell in store.read(out).cells if cell_key(cell) in wanted]
    failed = [cell for cell in cells if Status(cell["status"]).is_failure]
    return RunSummary(len(todo), len(plan.jobs) - len(todo), failed)


def _verify_data(todo: list[Job], folders: list[Path]) -> None:
    """Check the data sets that need no network; others are checked when their cells run."""
    for name in dict.fromkeys(job.key["dataset"] for job in todo if job.skip is None):
        card = load_card(name, folders)
        if not any(source.needs_network for source in card.sources):
            verify(name, folders)


def _run_jobs(
    suite: Suite, todo: list[Job], writer: CellWriter, n_workers: int | None, folders: list[str]
) -> None:
    origin = provenance(suite.name, suite.budget.threads, writer)
    for job in todo:
        if job.skip is not None:
            write_cell(writer, job, {"status": Status.SKIPPED, "reason": job.skip}, origin)
    runnable = [job for job in todo if job.skip is None]
    if not runnable:
        return
    n_workers = n_workers or max(1, (os.cpu_count() or 1) // suite.budget.threads)
    n_slots = min(suite.replicates, _MOST_SLOTS)
    pool = Pool(min(n_workers, len(runnable)), suite.budget, folders, n_slots)
    try:
        _serve(pool, runnable, writer, origin)
    finally:
        pool.close()


def provenance(suite: str, threads: int, writer: CellWriter) -> dict[str, Any]:
    """Return where cells are measured, and write the environment that they name."""
    environment = describe_environment()
    writer.write_environment(environment)
    return {
        "suite": suite,
        "commit": commit(),
        "machine": environment["machine"],
        "environment": environment["digest"],
        "threads": threads,
    }


def _serve(pool: Pool, jobs: list[Job], writer: CellWriter, origin: dict[str, Any]) -> None:
    """Measure jobs and write their cells."""
    schedule, n_done = _Schedule(jobs), 0
    without_data: dict[str, dict[str, Any]] = {}  # a data set that cannot be loaded is tried once
    with Progress(len(jobs)) as progress:

        def finish(job: Job, answer: dict[str, Any]) -> None:
            nonlocal n_done
            if answer.pop("has_no_data", False):
                without_data[job.key["dataset"]] = answer
            write_cell(writer, job, answer, origin)
            n_done += 1
            progress.finish(job, is_failed=answer["status"] != Status.OK)

        while n_done < len(jobs):
            for worker in pool.idle():
                number = pool.workers.index(worker)
                while (some := schedule.next_for(number)) and (
                    answer := without_data.get(some[0].key["dataset"])
                ):
                    for job in some:
                        finish(job, dict(answer))
                if not some:
                    break
                worker.send(some)
                progress.begin(some[0])
            for job, answer in pool.wait():
                if answer is None:
                    schedule.put_back(job)
                else:
                    finish(job, answer)


class _Schedule:
    """Hands out jobs so that a worker reuses its compiled programs and loaded data.

    A chain is all cells of one (data set, model), small sizes first. Each worker takes a chain
    and gets it cell by cell. When no chain is left, it helps with the longest one, from its end.
    A chain whose model trains together is handed out whole, large sizes first.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        chains: dict[tuple[str, str], deque[Job]] = {}
        for job in sorted(jobs, key=lambda job: (job.key["n_train"], job.key["replicate"])):
            chains.setdefault((job.key["dataset"], job.key["model"]), deque()).append(job)
        # the costliest chains first, so that no worker ends alone with a long one
        self._waiting = deque(sorted(chains.values(), key=_cost, reverse=True))
        self._taken: dict[int, deque[Job]] = {}
        self._alone: deque[Job] = deque()

    def next_for(self, worker: int) -> list[Job]:
        """Return the next jobs for the worker of this number; none when all are handed out."""
        own = self._taken.get(worker)
        if own:
            return [own.popleft()]
        if self._waiting:
            chain = self._waiting.popleft()
            if chain[0].trains_together:
                return sorted(chain, key=lambda job: -job.key["n_train"])
            self._taken[worker] = chain
            return [chain.popleft()]
        if self._alone:
            return [self._alone.popleft()]
        longest = max(self._taken.values(), key=len, default=None)
        return [longest.pop()] if longest else []

    def put_back(self, job: Job) -> None:
        """Queue a job that was handed out with others, to be measured alone."""
        self._alone.append(job)


def _cost(chain: deque[Job]) -> int:
    last = chain[-1]
    classes = last.facts["n_classes"] or 1
    return int(last.key["n_train"] * last.facts["n_features"] * classes)


def write_cell(
    writer: CellWriter, job: Job, answer: dict[str, Any], origin: dict[str, Any]
) -> dict[str, Any]:
    """Write the result of a job, and return its record."""
    empty: dict[str, Any] = {"scores": {}, "timings_s": {}, "memory_mb": {}, "model_facts": {}}
    run = {**origin, "finished": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    cell = {**empty, **answer, "key": job.key, "facts": job.facts, "run": run}
    try:
        check_record({"schema": store.SCHEMA, **cell}, "what was measured cannot be stored")
    except StoreError as error:  # the model is anybody's
        cell |= {**empty, "status": Status.FAILED, "reason": one_line(str(error))}
    writer.write(cell)
    return cell
