"""Options that several commands share, named the same everywhere."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from zoo.errors import ZooError
from zoo.files import said

__all__ = [
    "AsJson", "Datasets", "Definitions", "Models", "Sheet", "Workers", "check_writable",
    "existing_folders", "listed", "read_path",
]  # fmt: skip


def read_path(text: str) -> Path:
    """Return a path of the command line.

    Raises
    ------
    ZooError
        If it is empty, which would mean the current folder, or not a path.
    """
    if not text.strip() or "\0" in text:
        raise ZooError(f"expected the path of a file or folder, got {text!r}")
    return Path(text)


Definitions = Annotated[
    list[Path] | None,
    typer.Option(
        "--definitions",
        parser=read_path,
        metavar="FOLDER",
        help="Folder with your own cards and suites; repeatable.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Sheet = Annotated[str | None, typer.Option("--sheet", help="Sheet of an Excel file.")]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Number of worker processes.")
]
_LONGEST_NAME = 255  # bytes, on every common file system
_REPEATABLE = "repeat the option or separate names by commas."
Models = Annotated[
    list[str] | None, typer.Option("--model", "--models", help=f"Only this model; {_REPEATABLE}")
]
Datasets = Annotated[
    list[str] | None,
    typer.Option("--dataset", "--datasets", help=f"Only this data set; {_REPEATABLE}"),
]


def listed(texts: list[str] | None) -> tuple[str, ...]:
    """Return the names of an option that may be repeated and may hold several, without repeats."""
    names = [name.strip() for text in texts or () for name in text.split(",")]
    return tuple(dict.fromkeys(filter(None, names)))


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


def check_writable(folder: Path) -> None:
    """Refuse a results folder that cannot be made or written, before anything is measured.

    Raises
    ------
    ZooError
        If the folder, or the first one above it that exists, cannot be written.
    """
    try:
        str(folder).encode()  # workers and Parquet need a name that is text
        above = folder.absolute()
        if any(len(os.fsencode(part)) > _LONGEST_NAME for part in above.parts):
            raise ZooError(f"--out: a name has at most {_LONGEST_NAME} bytes, got '{folder}'")
        while not above.exists():
            above = above.parent
        if not above.is_dir():
            raise ZooError(f"--out expects a folder; '{above}' is none")
        with tempfile.TemporaryFile(dir=above):
            pass
    except UnicodeEncodeError as error:
        raise ZooError(f"--out expects a name in UTF-8, got {str(folder)!r}") from error
    except OSError as error:
        raise ZooError(f"--out: '{folder}' cannot be written ({said(error)})") from error
