"""The command line. Exit codes: 0 done, 1 done with failed cells, 2 unusable arguments or data."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo import registry
from zoo.cli.own_table import curve, predict
from zoo.definitions import unknown
from zoo.errors import ZooError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Which family of models learns best from this much data?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command()(curve)
app.command()(predict)

_Definitions = Annotated[
    list[Path] | None,
    typer.Option("--definitions", help="Folder with cards or suites of your own; repeatable."),
]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _folders(paths: list[Path] | None) -> list[Path]:
    for path in paths or []:
        if not path.is_dir():
            raise ZooError(
                f"--definitions expects a folder with TOML files; {path} is not a folder"
            )
    return list(paths or [])


def _model_rows() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "family": entry.family,
            "tasks": list(entry.tasks),
            "inputs": entry.inputs,
            "version": entry.version,
            "summary": entry.summary,
            "source": entry.source,
        }
        for name in registry.models()
        for entry in [registry.spec(name)]
    ]


def _dataset_rows(folders: list[Path]) -> list[dict[str, Any]]:
    from zoo.data import datasets, load_card

    rows = []
    for name in datasets(folders):
        card = load_card(name, folders)
        rows.append(
            {
                "name": name,
                "task": card.task,
                "rows": card.facts.rows,
                "features": card.facts.features,
                "classes": card.facts.classes,
                "kind": card.kind,
                "needs_network": all(source.needs_network for source in card.sources),
                "license": card.license,
                "title": card.title,
            }
        )
    return rows


def _suite_rows(folders: list[Path]) -> list[dict[str, Any]]:
    from zoo.bench.suite import load_suite, suites

    rows = []
    for name in suites(folders):
        suite = load_suite(name, folders)
        rows.append(
            {
                "name": name,
                "title": suite.title,
                "datasets": list(suite.datasets),
                "models": list(suite.models),
                "sizes": list(suite.sizes),
                "replicates": suite.replicates,
            }
        )
    return rows


def _print_rows(rows: list[dict[str, Any]], columns: list[str]) -> None:
    texts = [[_cell_text(row[name]) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    for line in [columns, *texts]:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def _cell_text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value or "")


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="models, datasets or suites")],
    as_json: _AsJson = False,
    definitions: _Definitions = None,
) -> None:
    """List models, data sets or suites."""
    folders = _folders(definitions)
    if what == "models":
        rows, columns = _model_rows(), ["name", "family", "tasks", "summary"]
    elif what == "datasets":
        rows = _dataset_rows(folders)
        columns = ["name", "task", "rows", "features", "needs_network", "title"]
    elif what == "suites":
        rows, columns = _suite_rows(folders), ["name", "sizes", "replicates", "title"]
    else:
        raise unknown("list", what, ("models", "datasets", "suites"))
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        _print_rows(rows, columns)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A model, a data set or a suite.")],
    definitions: _Definitions = None,
) -> None:
    """Show what is known of one model, data set or suite."""
    folders = _folders(definitions)
    rows = [*_model_rows(), *_dataset_rows(folders), *_suite_rows(folders)]
    found = [row for row in rows if row["name"] == name]
    if not found:
        raise unknown("name", name, [row["name"] for row in rows])
    for row in found:
        for key, value in row.items():
            typer.echo(f"{key}: {_cell_text(value)}")
        if "needs_network" in row:
            from zoo.data import load_card

            card = load_card(name, folders)
            typer.echo(f"reference: {card.reference}\ncitation: {card.citation}\n\n{card.notes}")


@app.command()
def bench(
    suite: Annotated[str, typer.Argument(help="A suite: 'zoo list suites'.")],
    out: Annotated[
        Path | None, typer.Option(help="Results folder; by default results/my-SUITE.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only this model; repeatable.")] = None,
    dataset: Annotated[list[str] | None, typer.Option(help="Only this data set.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Say what would be run, and stop.")] = False,
    retry_failed: Annotated[bool, typer.Option(help="Measure failed cells again.")] = False,
    fresh: Annotated[
        bool, typer.Option(help="Measure all again; earlier results are set aside.")
    ] = False,
    definitions: _Definitions = None,
) -> None:
    """Run a suite, or go on with one that was cut off, and write its report."""
    from zoo.bench.plan import make_plan
    from zoo.bench.run import jobs_to_run, run_suite
    from zoo.bench.store import check_folder
    from zoo.bench.suite import load_suite

    folders = _folders(definitions)
    chosen = load_suite(suite, folders)
    plan = make_plan(chosen, models=model or (), datasets=dataset or (), folders=folders)
    target = out or Path("results") / f"my-{suite}"
    check_folder(target)
    for line in plan.left_out:
        typer.echo(line, err=True)
    todo = plan.jobs if fresh else jobs_to_run(plan, target, retry_failed=retry_failed)
    n_skipped = sum(job.skip is not None for job in todo)
    typer.echo(
        f"{chosen.title}: {len(plan.jobs)} cells, {len(plan.jobs) - len(todo)} of them done, "
        f"{n_skipped} to skip, {len(todo) - n_skipped} to measure",
        err=True,
    )
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
    _end_with(summary.failed)


def _end_with(failed: list[dict[str, Any]]) -> None:
    if not failed:
        return
    reasons = Counter(
        (cell["key"]["dataset"], cell["key"]["model"], cell["status"], cell["reason"])
        for cell in failed
    )
    typer.echo(f"{len(failed)} cells without a score:", err=True)
    for (data, name, status, reason), count in reasons.items():
        typer.echo(f"  {data} {name}: {count} x {status}: {reason}", err=True)
    raise typer.Exit(1)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="A results folder.")]) -> None:
    """Write tables, figures, REPORT.md and report.html of a results folder."""
    from zoo.data.kept import facts_of
    from zoo.report import write_report

    page = write_report(folder)
    if facts_of(folder) is not None:
        from zoo.study.page import write_page

        page = write_page(folder)
    typer.echo(f"report: {page}")


@app.command()
def export(
    model: Annotated[Path, typer.Argument(help="A file that save() wrote.")],
    to: Annotated[str, typer.Option("--to", help="litert, onnx or savedmodel.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File, or folder of a SavedModel.")],
    int8: Annotated[bool, typer.Option("--int8", help="Small integers (litert).")] = False,
    calibrate: Annotated[
        Path | None, typer.Option(help="Training rows for --int8: .csv or .parquet.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Write a fitted model as a file of LiteRT, ONNX or TensorFlow."""
    from zoo.cli.export_file import run

    for line in run(model, out, to=to, int8=int8, calibrate=calibrate, overwrite=force):
        typer.echo(line)


@app.command("check-data")
def check_data(
    names: Annotated[list[str] | None, typer.Argument(help="Data sets; all by default.")] = None,
    network: Annotated[bool, typer.Option(help="Fetch those that need the internet.")] = False,
    definitions: _Definitions = None,
) -> None:
    """Recompute the facts of data set cards from the data."""
    from zoo.data import check, datasets, load_card

    folders = _folders(definitions)
    n_bad = 0
    for name in names or datasets(folders):
        card = load_card(name, folders)
        if not network and not names and all(source.needs_network for source in card.sources):
            typer.echo(f"{name}: not checked, it needs the internet: zoo check-data {name}")
            continue
        try:
            lines = check(name, folders)
        except ZooError as error:
            lines = [f"{name}: {error}"]
        n_bad += bool(lines)
        for line in lines or [f"{name}: as its card says"]:
            typer.echo(line)
    if n_bad:
        raise ZooError(f"{n_bad} data sets differ from their cards or cannot be had, see above")


def main() -> None:
    """Run the command line; an error that the user can mend is one line and exit code 2."""
    try:
        app(standalone_mode=True)
    except ZooError as error:
        sys.stderr.write("error: " + " ".join(str(error).split()) + "\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("stopped; the same command goes on where it was\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
