"""Runs a suite into a results folder; an interrupted run resumes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zoo.bench.environment import commit, describe_environment
from zoo.bench.plan import Job, Plan
from zoo.bench.pool import Pool
from zoo.bench.progress import Progress
from zoo.bench.schedule import Schedule
from zoo.bench.store import (
    CellWriter,
    Status,
    cell_key,
    check_folder,
    has_results,
    pack,
    read,
    set_aside,
)
from zoo.bench.suite import Suite
from zoo.data import load_card, verify

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
    if not has_results(folder):
        return plan.jobs
    done = {
        cell_key(cell)
        for cell in read(folder).cells
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
    check_folder(out)
    todo = plan.jobs if is_fresh else jobs_to_run(plan, out, retry_failed=retry_failed)
    _verify_data(todo, folders)
    if is_fresh:
        set_aside(out)
    writer = CellWriter(out)
    try:
        if todo:
            _run_jobs(suite, todo, writer, n_workers, [str(Path(f).resolve()) for f in folders])
    finally:
        writer.close()
    pack(out)
    wanted = {cell_key({"key": job.key}) for job in plan.jobs}
    cells = [cell for cell in read(out).cells if cell_key(cell) in wanted]
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
    runnable = [job for job in todo if job.skip is None]
    for job in todo:
        if job.skip is not None:
            write_cell(writer, job, {"status": Status.SKIPPED, "reason": job.skip}, origin)
    if not runnable:
        return
    n_workers = n_workers or max(1, (os.cpu_count() or 1) // suite.budget.threads)
    n_slots = min(suite.replicates, _MOST_SLOTS)
    pool = Pool(min(n_workers, len(runnable)), suite.budget, folders, n_slots)
    try:
        _serve(pool, Schedule(runnable), len(runnable), writer, origin)
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


def _serve(
    pool: Pool, schedule: Schedule, n_jobs: int, writer: CellWriter, origin: dict[str, Any]
) -> None:
    n_done = 0
    without_data: dict[str, dict[str, Any]] = {}  # a data set that cannot be loaded is tried once
    with Progress(n_jobs) as progress:

        def finish(job: Job, answer: dict[str, Any]) -> None:
            nonlocal n_done
            if answer.pop("has_no_data", False):
                without_data[job.key["dataset"]] = answer
            write_cell(writer, job, answer, origin)
            n_done += 1
            progress.finish(job, is_failed=answer["status"] != Status.OK)

        while n_done < n_jobs:
            for worker in pool.idle():
                jobs = schedule.next_for(pool.workers.index(worker))
                while jobs and jobs[0].key["dataset"] in without_data:
                    for job in jobs:
                        finish(job, dict(without_data[job.key["dataset"]]))
                    jobs = schedule.next_for(pool.workers.index(worker))
                if not jobs:
                    break
                worker.send(jobs)
                progress.begin(jobs[0])
            for job, answer in pool.wait():
                if answer is None:
                    schedule.put_back(job)
                else:
                    finish(job, answer)


def write_cell(
    writer: CellWriter, job: Job, answer: dict[str, Any], origin: dict[str, Any]
) -> dict[str, Any]:
    """Write the result of a job, and return its record."""
    empty: dict[str, Any] = {"scores": {}, "timings_s": {}, "memory_mb": {}, "model_facts": {}}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    cell = {**empty, **answer, "key": job.key, "facts": job.facts}
    cell["run"] = {**origin, "finished": now}
    writer.write(cell)
    return cell
