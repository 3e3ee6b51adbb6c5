"""The commands `zoo list`, `zoo show` and `zoo check-data`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from zoo import registry
from zoo.cli.options import AsJson, Definitions, existing_folders
from zoo.cli.output import say, write
from zoo.definitions import unknown
from zoo.errors import ZooError
from zoo.prose import plain, plural

__all__ = ["check_data", "list_", "show"]

_Row = dict[str, object]


def _pick(record: object, *names: str) -> _Row:
    """Return attributes by name."""
    return {name: getattr(record, name) for name in names}


def _models(_: list[Path]) -> list[_Row]:
    names = ("name", "family", "tasks", "inputs", "version", "summary", "source")
    return [_pick(registry.spec(name), *names) for name in registry.models()]


def _datasets(folders: list[Path]) -> list[_Row]:
    from zoo.data import datasets, load_card

    return [
        _pick(card, "name", "task")
        | _pick(card.facts, "rows", "features", "classes")
        | {"kind": card.kind, "needs_network": all(one.needs_network for one in card.sources)}
        | _pick(card, "license", "title")
        for card in (load_card(name, folders) for name in datasets(folders))
    ]


def _suites(folders: list[Path]) -> list[_Row]:
    from zoo.bench.suite import load_suite, suites

    names = ("name", "title", "datasets", "models", "sizes", "replicates")
    return [_pick(load_suite(name, folders), *names) for name in suites(folders)]


# What `zoo list` prints of each kind: its rows, and the columns without --json.
_LISTS: Mapping[str, tuple[Callable[[list[Path]], list[_Row]], tuple[str, ...]]] = {
    "models": (_models, ("name", "family", "tasks", "summary")),
    "datasets": (_datasets, ("name", "task", "rows", "features", "needs_network", "title")),
    "suites": (_suites, ("name", "sizes", "replicates", "title")),
}


def list_(
    what: Annotated[str, typer.Argument(help="models, datasets or suites.")],
    as_json: AsJson = False,
    definitions: Definitions = None,
) -> None:
    """List the models, data sets or suites."""
    folders = existing_folders(definitions)
    if what not in _LISTS:
        raise unknown("list", what, _LISTS)
    rows_of, columns = _LISTS[what]
    rows = rows_of(folders)
    if as_json:
        write(json.dumps(rows, indent=2))
        return
    texts = [columns, *([_text(row[name]) for name in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for line in texts:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        say("  ".join(padded).rstrip())


def show(
    name: Annotated[str, typer.Argument(help="A model, data set or suite.")],
    definitions: Definitions = None,
) -> None:
    """Describe one model, data set or suite."""
    folders = existing_folders(definitions)
    rows = [row for rows_of, _ in _LISTS.values() for row in rows_of(folders)]
    found = [row for row in rows if row["name"] == name]
    if not found:
        raise unknown("name", name, [str(row["name"]) for row in rows])
    for row in found:
        for key, value in row.items():
            say(f"{key}: {_text(value)}")
        if "needs_network" in row:
            from zoo.data import load_card

            card = load_card(name, folders)
            say(f"reference: {card.reference}\ncitation: {card.citation}\n\n{card.notes}")


def check_data(
    names: Annotated[list[str] | None, typer.Argument(help="Data sets; by default all.")] = None,
    network: Annotated[
        bool, typer.Option("--network", help="Also check data sets that must be downloaded.")
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
            say(f"{name}: not checked, needs a download: zoo check-data {name}")
            continue
        try:
            lines = check(name, folders)
        except ZooError as error:
            lines = [f"{name}: {error}"]
        n_bad += bool(lines)
        for line in lines or [f"{name}: matches its card"]:
            say(line)
    if n_bad:
        differ = plural(
            n_bad, "data set differs from its card", "data sets differ from their cards"
        )
        raise ZooError(f"{n_bad} {differ} or {plural(n_bad, 'is', 'are')} unavailable, see above")


def _text(value: object) -> str:
    """Return a value as a person reads it."""
    if isinstance(value, tuple):
        return ", ".join(map(plain, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else plain(value or "")
