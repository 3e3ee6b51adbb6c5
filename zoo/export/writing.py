"""Files and folders of an export, written beside their place first, so that none is half there."""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.errors import ExportError

__all__ = ["as_json", "check_target", "put_all", "side_file"]

Content = bytes | Callable[[Path], None]


def side_file(path: Path, what: str) -> Path:
    """Return m.onnx.WHAT.json for m.onnx, so that each file of a model has its own."""
    return path.with_name(f"{path.name}.{what}.json")


def as_json(value: Any) -> bytes:
    """Return a value as JSON, one that any reader takes."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def check_target(path: Path, others: list[Path], *, overwrite: bool, is_folder: bool) -> None:
    """Refuse a path that cannot be written, before any work is done.

    Raises
    ------
    ExportError
    """
    if not path.parent.is_dir():
        raise ExportError(f"'{path.parent}' is not a folder; make it, or name another with -o")
    for known in [path, *others]:
        if known.exists() and not overwrite:
            raise ExportError(
                f"'{known}' is there already; name another file with -o, or replace it with --force"
            )
    if path.is_dir() and not (is_folder and (path / "saved_model.pb").is_file()):
        raise ExportError(f"'{path}' is a folder of something else; name another with -o")
    if is_folder and path.is_file():
        raise ExportError(f"a SavedModel is a folder, and '{path}' is a file; name another with -o")


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield part
    except OSError as error:
        why = error.strerror or str(error)
        raise ExportError(f"'{path}' cannot be written ({why}); name another with -o") from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(part) if part.is_dir() else part.unlink()


def put_all(parts: Mapping[Path, Content]) -> None:
    """Put files and folders in their places; if one fails, those that are new go again.

    A folder is given as the function that writes it.

    Raises
    ------
    ExportError
        If one cannot be written.
    """
    new: list[Path] = []
    try:
        for path, content in parts.items():
            is_new = not path.exists()
            _put(path, content)
            new += [path] * is_new
    except BaseException:
        for path in new:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


def _put(path: Path, content: Content) -> None:
    with _beside(path) as part:
        if isinstance(content, bytes):
            part.write_bytes(content)
            part.replace(path)
            return
        content(part)
        with _beside(path) as old:
            if path.exists():
                path.rename(old)
            try:
                part.rename(path)
            except OSError:
                if old.exists():
                    old.rename(path)
                raise
