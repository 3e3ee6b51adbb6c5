"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.errors import ZooError

__all__ = ["AsJson", "Definitions", "Sheet", "Workers", "existing_folders"]

Definitions = Annotated[
    list[Path] | None,
    typer.Option("--definitions", help="Folder with your own cards and suites; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Sheet = Annotated[str | None, typer.Option(help="Sheet of an Excel file.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Number of worker processes.")]


def existing_folders(paths: list[Path] | None) -> list[Path]:
    """Return the folders of ``--definitions``.

    Raises
    ------
    ZooError
        If one of them is not a folder.
    """
    for path in paths or []:
        if not path.is_dir():
            needed = "--definitions expects a folder with TOML files"
            raise ZooError(f"{needed}; {path} is not a folder")
    return list(paths or [])
