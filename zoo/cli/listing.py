"""The commands `zoo list`, `zoo show` and `zoo check-data`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from zoo import registry
from zoo.cli.options import AsJson, Definitions, existing_folders
from zoo.definitions import unknown
from zoo.errors import ZooError

__all__ = ["check_data", "list_", "show"]

_Row = dict[str, object]


def list_(
    what: Annotated[str, typer.Argument(help="models, datasets or suites.")],
    as_json: AsJson = False,
    definitions: Definitions = None,
) -> None:
    """List the models, data sets or suites."""
    folders = existing_folders(definitions)
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


def show(
    name: Annotated[str, typer.Argument(help="A model, data set or suite.")],
    definitions: Definitions = None,
) -> None:
    """Describe one model, data set or suite."""
    folders = existing_folders(definitions)
    rows = [*_model_rows(), *_dataset_rows(folders), *_suite_rows(folders)]
    found = [row for row in rows if row["name"] == name]
    if not found:
        raise unknown("name", name, [str(row["name"]) for row in rows])
    for row in found:
        for key, value in row.items():
            typer.echo(f"{key}: {_cell_text(value)}")
        if "needs_network" in row:
            from zoo.data import load_card

            card = load_card(name, folders)
            typer.echo(f"reference: {card.reference}\ncitation: {card.citation}\n\n{card.notes}")


def check_data(
    names: Annotated[list[str] | None, typer.Argument(help="Data sets; by default all.")] = None,
    network: Annotated[
        bool, typer.Option(help="Also check data sets that must be downloaded.")
    ] = False,
    definitions: Definitions = None,
) -> None:
    """Check that data sets match the facts on their cards."""
    from zoo.data import check, datasets, load_card

    folders = existing_folders(definitions)
    n_bad = 0
    for name in names or datasets(folders):
        card = load_card(name, folders)
        if not network and not names and all(source.needs_network for source in card.sources):
            typer.echo(f"{name}: not checked, needs a download: zoo check-data {name}")
            continue
        try:
            lines = check(name, folders)
        except ZooError as error:
            lines = [f"{name}: {error}"]
        n_bad += bool(lines)
        for line in lines or [f"{name}: matches its card"]:
            typer.echo(line)
    if n_bad:
        raise ZooError(f"{n_bad} data sets differ from their cards or are unavailable, see above")


def _model_rows() -> list[_Row]:
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


def _dataset_rows(folders: list[Path]) -> list[_Row]:
    from zoo.data import datasets, load_card

    return [
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
        for name in datasets(folders)
        for card in [load_card(name, folders)]
    ]


def _suite_rows(folders: list[Path]) -> list[_Row]:
    from zoo.bench.suite import load_suite, suites

    return [
        {
            "name": name,
            "title": suite.title,
            "datasets": list(suite.datasets),
            "models": list(suite.models),
            "sizes": list(suite.sizes),
            "replicates": suite.replicates,
        }
        for name in suites(folders)
        for suite in [load_suite(name, folders)]
    ]


def _print_rows(rows: list[_Row], columns: list[str]) -> None:
    texts = [[_cell_text(row[name]) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    for line in [columns, *texts]:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def _cell_text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value or "")
