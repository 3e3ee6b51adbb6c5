"""Writes the files and folders of an export atomically."""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from zoo.errors import ExportError
from zoo.files import one_line
from zoo.output_file import check_output, writing

__all__ = ["Content", "as_json", "check_target", "side_files", "write_all"]

Content = bytes | Callable[[Path], None]


def side_files(path: Path) -> tuple[Path, Path]:
    """Return m.onnx.signature.json and m.onnx.preprocessing.json for m.onnx."""
    names = (f"{path.name}.{what}.json" for what in ("signature", "preprocessing"))
    signature, preprocessing = map(path.with_name, names)
    return signature, preprocessing


def as_json(value: object) -> bytes:
    """Return a value as indented JSON in UTF-8, without NaN."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def check_target(path: Path, *, overwrite: bool, is_folder: bool) -> None:
    """Refuse a path that cannot be written, or whose side files cannot be.

    Raises
    ------
    ExportError
        If the folder does not exist, or something is there that must not be replaced.
    """
    if not path.parent.is_dir():
        raise ExportError(f"'{path.parent}' is not a folder; make it, or name another with -o")
    if not is_folder and not path.is_dir():
        check_output(path, "-o", ExportError)
    for known in (path, *side_files(path)):
        if known.exists() and not overwrite:
            raise ExportError(
                f"'{known}' is there already; name another file with -o, or replace it with --force"
            )
    if path.is_dir() and not (is_folder and (path / "saved_model.pb").is_file()):
        raise ExportError(f"'{path}' is a folder of something else; name another with -o")
    if is_folder and path.is_file():
        raise ExportError(f"a SavedModel is a folder, and '{path}' is a file; name another with -o")


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Yield an unused path beside `path`, and remove whatever is there at the end."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with one_line(path, ExportError, "; name another with -o"):
            yield part
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(part) if part.is_dir() else part.unlink()


def write_all(parts: Mapping[Path, Content]) -> None:
    """Write files and folders; if one cannot be written, remove those that are new.

    A file is given as its content, a folder as the function that writes it.

    Raises
    ------
    ExportError
        If one cannot be written.
    """
    new: list[Path] = []
    try:
        for path, content in parts.items():
            is_new = not path.exists()
            _write(path, content)
            if is_new:
                new.append(path)
    except BaseException:
        for path in new:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


def _write(path: Path, content: Content) -> None:
    """Write under another name, then rename; what was there comes back if that fails."""
    if isinstance(content, bytes):
        with writing(path, ExportError) as file:
            file.write(content)
        return
    with _temporary(path) as part:
        content(part)
        with _temporary(path) as old:
            if path.exists():
                path.rename(old)
            try:
                part.rename(path)
            except OSError:
                if old.exists():
                    old.rename(path)
                raise
