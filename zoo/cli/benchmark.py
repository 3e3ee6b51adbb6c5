"""The commands `zoo bench` and `zoo report`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli.options import Definitions, Workers, existing_folders

if TYPE_CHECKING:
    from zoo.bench.plan import Job, Plan

__all__ = ["bench", "report"]


def bench(
    suite: Annotated[str, typer.Argument(help="A suite; 'zoo list suites' lists them.")],
    out: Annotated[
        Path | None, typer.Option(help="Results folder; by default results/my-SUITE.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only this model; repeatable.")] = None,
    dataset: Annotated[
        list[str] | None, typer.Option(help="Only this data set; repeatable.")
    ] = None,
    workers: Workers = None,
    dry_run: Annotated[bool, typer.Option(help="Print what would run, then exit.")] = False,
    retry_failed: Annotated[bool, typer.Option(help="Measure failed cells again.")] = False,
    fresh: Annotated[
        bool, typer.Option(help="Measure every cell again; earlier results are moved aside.")
    ] = False,
    definitions: Definitions = None,
) -> None:
    """Run a suite and write its report.

    An interrupted run resumes when the same command is run again.
    """
    from zoo.bench.plan import make_plan
    from zoo.bench.run import jobs_to_run, run_suite
    from zoo.bench.store import check_folder
    from zoo.bench.suite import load_suite

    folders = existing_folders(definitions)
    chosen = load_suite(suite, folders)
    plan = make_plan(chosen, models=model or (), datasets=dataset or (), folders=folders)
    target = out or Path("results") / f"my-{suite}"
    check_folder(target)
    todo = plan.jobs if fresh else jobs_to_run(plan, target, retry_failed=retry_failed)
    _introduce(chosen.title, plan, todo)
    if dry_run:
        counts = Counter((job.key["dataset"], job.key["model"]) for job in todo if not job.skip)
        for (data, name), count in counts.items():
            typer.echo(f"{data} {name}: {count} cells")
        return
    summary = run_suite(
        chosen,
        plan,
        target,
        n_workers=workers,
        folders=folders,
        retry_failed=retry_failed,
        is_fresh=fresh,
    )
    from zoo.report import write_report

    page = write_report(target)
    typer.echo(f"{summary.n_run} cells measured, {summary.n_kept} kept; report: {page}")
    if summary.failed:
        _list_failed(summary.failed)
        raise typer.Exit(1)


def report(folder: Annotated[Path, typer.Argument(help="A results folder.")]) -> None:
    """Write the report of a results folder.

    It consists of tables, figures, REPORT.md and report.html.
    """
    from zoo.data.kept import facts_of
    from zoo.report import write_report

    page = write_report(folder)
    if facts_of(folder) is not None:
        from zoo.study.page import write_page

        page = write_page(folder)
    typer.echo(f"report: {page}")


def _introduce(title: str, plan: Plan, todo: list[Job]) -> None:
    """Print what is left out of the plan and how many cells are still to be measured."""
    for line in plan.left_out:
        typer.echo(line, err=True)
    n_skipped = sum(job.skip is not None for job in todo)
    typer.echo(
        f"{title}: {len(plan.jobs)} cells, {len(plan.jobs) - len(todo)} of them done, "
        f"{n_skipped} to skip, {len(todo) - n_skipped} to measure",
        err=True,
    )


def _list_failed(failed: Iterable[Mapping[str, Any]]) -> None:
    """Print how many cells have no score, a line for each reason."""
    reasons = Counter(
        (cell["key"]["dataset"], cell["key"]["model"], cell["status"], cell["reason"])
        for cell in failed
    )
    typer.echo(f"{reasons.total()} cells without a score:", err=True)
    for (data, name, status, reason), count in reasons.items():
        typer.echo(f"  {data} {name}: {count} x {status}: {reason}", err=True)
