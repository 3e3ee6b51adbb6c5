"""Finds and reads the TOML definitions (cards and suites), in a checkout or an installed wheel."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from zoo.errors import DefinitionError

__all__ = ["Kind", "check_keys", "find", "folders", "names", "nearest", "read", "unknown"]

Kind = Literal["datasets", "benchmarks"]

_WORDS: Mapping[Kind, str] = {"datasets": "data set", "benchmarks": "suite"}


def folders(kind: Kind, extra: Iterable[Path] = ()) -> list[Path]:
    """Return the folders that hold definitions of one kind, in the order they are searched.

    Parameters
    ----------
    kind : {"datasets", "benchmarks"}
    extra : iterable of Path
        Folders of the user's own; they are searched first.
    """
    package = Path(__file__).parent
    candidates = [*extra, package / "_definitions" / kind, package.parent / kind]
    return [folder for folder in candidates if folder.is_dir()]


def names(kind: Kind, extra: Iterable[Path] = ()) -> list[str]:
    """Return the sorted names of all definitions of one kind."""
    return sorted({path.stem for folder in folders(kind, extra) for path in folder.glob("*.toml")})


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most similar to a wrong one, if any is similar."""
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return near[0] if near else None


def unknown(word: str, name: str, known: Iterable[str]) -> DefinitionError:
    """Return the error for a wrong name, with the nearest right one."""
    known = sorted(known)
    near = nearest(name, known)
    hint = f"did you mean '{near}'?" if near else f"known are: {', '.join(known)}"
    return DefinitionError(f"unknown {word} '{name}'; {hint}")


def find(kind: Kind, name: str, extra: Iterable[Path] = ()) -> Path:
    """Return the TOML file that defines `name`.

    Raises
    ------
    DefinitionError
        If no folder has it; the message offers the nearest name.
    """
    extra = list(extra)
    for folder in folders(kind, extra):
        path = folder / f"{name}.toml"
        if path.is_file():
            return path
    raise unknown(_WORDS[kind], name, names(kind, extra))


def read(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises
    ------
    DefinitionError
        If the file is not TOML; the message names file, line and column.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{path}: not a TOML file: {error}") from error


def check_keys(
    table: Mapping[str, Any],
    *,
    path: Path,
    where: str = "",
    required: Iterable[str] = (),
    optional: Iterable[str] = (),
) -> None:
    """Refuse a table with a key that is not known or without one that is required.

    Raises
    ------
    DefinitionError
        Naming file, key and the nearest known key.
    """
    required, optional = list(required), list(optional)
    place = f"{path}: " + (f"[{where}] " if where else "")
    for key in table:
        if key not in required and key not in optional:
            near = difflib.get_close_matches(key, required + optional, n=1, cutoff=0.5)
            hint = (
                f"did you mean '{near[0]}'?" if near else f"known: {', '.join(required + optional)}"
            )
            raise DefinitionError(f"{place}unknown key '{key}'; {hint}")
    for key in required:
        if key not in table:
            raise DefinitionError(f"{place}the key '{key}' is missing")
