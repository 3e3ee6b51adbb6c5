"""The commands `zoo bench` and `zoo report`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli.options import (
    Datasets,
    Definitions,
    Models,
    Workers,
    check_writable,
    existing_folders,
    listed,
    read_path,
)
from zoo.cli.output import reporting, say, say_how_to_resume
from zoo.prose import count

if TYPE_CHECKING:
    from zoo.bench.plan import Job, Plan
    from zoo.bench.run import RunSummary
    from zoo.bench.suite import Suite

__all__ = ["bench", "report"]


def bench(
    suite: Annotated[str, typer.Argument(help="A suite; 'zoo list suites' lists them.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", parser=read_path, metavar="FOLDER",
            help="Results folder; by default results/my-SUITE.",
        ),
    ] = None,
    model: Models = None,
    dataset: Datasets = None,
    workers: Workers = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would run and how long, then exit.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Measure failed cells again.")
    ] = False,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Measure every cell again; earlier results are moved aside."),
    ] = False,
    definitions: Definitions = None,
) -> None:  # fmt: skip
    """Run a suite and write its report.

    An interrupted run resumes when the same command is run again.
    """
    from zoo.bench.plan import make_plan
    from zoo.bench.run import jobs_to_run
    from zoo.bench.store import check_folder
    from zoo.bench.suite import load_suite
    from zoo.report import write_report

    folders = existing_folders(definitions)
    chosen = load_suite(suite, folders)
    plan = make_plan(chosen, models=listed(model), datasets=listed(dataset), folders=folders)
    target = out or Path("results") / f"my-{suite}"
    if not dry_run:
        check_writable(target)
    check_folder(target)
    todo = plan.jobs if fresh else jobs_to_run(plan, target, retry_failed=retry_failed)
    _introduce(chosen.title, plan, todo)
    if dry_run:
        _describe(chosen, todo, target, workers)
        return
    options = {"n_workers": workers, "folders": folders, "retry_failed": retry_failed}
    summary = _run(chosen, plan, target, is_fresh=fresh, **options)
    say(f"{count(summary.n_run, 'cell')} measured, {summary.n_kept:,} kept in {target}")
    with reporting(target):
        page = write_report(target)
    say(f"report: {page}")
    for line in plan.missing:
        say(line, err=True)
    if summary.failed:
        _list_failed(summary.failed)
        raise typer.Exit(1)


def report(
    folder: Annotated[
        Path, typer.Argument(parser=read_path, metavar="FOLDER", help="A results folder.")
    ],
) -> None:
    """Write the report of a results folder.

    It consists of tables, figures, REPORT.md and report.html.
    """
    from zoo.data.kept import facts_of
    from zoo.report import write_report

    page = write_report(folder)
    if facts_of(folder) is not None:
        from zoo.study.page import write_page

        page = write_page(folder)
    say(f"report: {page}")


def _run(suite: Suite, plan: Plan, folder: Path, *, is_fresh: bool, **options: Any) -> RunSummary:
    """Run a suite; after Ctrl-C, say what is kept and how to resume."""
    from zoo.bench.run import jobs_to_run, run_suite
    from zoo.bench.store import has_results

    had_results, aside = has_results(folder), set(folder.glob("earlier-*"))
    try:
        return run_suite(suite, plan, folder, is_fresh=is_fresh, **options)
    except KeyboardInterrupt:
        n_done = len(plan.jobs) - len(jobs_to_run(plan, folder))
        cells = count(len(plan.jobs), "cell")
        say(f"{n_done:,} of {cells} are measured and kept in {folder}", err=True)
        # a fresh start is done once earlier results are moved aside: these cells are to be kept
        is_to_start = is_fresh and had_results and set(folder.glob("earlier-*")) == aside
        say_how_to_resume(without=None if is_to_start else "--fresh")
        sys.exit(130)


def _introduce(title: str, plan: Plan, todo: list[Job]) -> None:
    """Print what is left out of the plan and how many cells are still to be measured."""
    for line in (*plan.missing, *plan.left_out):
        say(line, err=True)
    n_skipped = sum(job.skip is not None for job in todo)
    say(
        f"{title}: {count(len(plan.jobs), 'cell')}, {len(plan.jobs) - len(todo):,} of them done, "
        f"{n_skipped:,} to skip, {len(todo) - n_skipped:,} to measure",
        err=True,
    )


def _describe(suite: Suite, todo: list[Job], folder: Path, workers: int | None) -> None:
    """Print what a run would measure, and about how long it would take."""
    from zoo.cli.run_estimate import estimate_run

    jobs = [job for job in todo if job.skip is None]
    for (data, name), n in Counter((j.key["dataset"], j.key["model"]) for j in jobs).items():
        say(f"{data} {name}: {count(n, 'cell')}")
    say(estimate_run(suite, jobs, folder, workers))


def _list_failed(failed: Iterable[Mapping[str, Any]]) -> None:
    """Print how many cells have no score, a line for each reason."""
    reasons = Counter(
        (cell["key"]["dataset"], cell["key"]["model"], cell["status"], cell["reason"])
        for cell in failed
    )
    say(f"{count(reasons.total(), 'cell')} without a score:", err=True)
    for (data, name, status, reason), n in reasons.items():
        say(" ".join(f"  {data} {name}: {n} x {status}: {reason}".split("\n")), err=True)
