"""Files that are written whole: beside their place, then renamed, so that none is half-written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from zoo.errors import ZooError

__all__ = ["file_name", "one_line", "replacing", "said", "write_whole"]

_LONGEST_NAME = 120  # bytes; a file system allows 255, and suffixes are added


def said(error: OSError) -> str:
    """Return what the system said, without the path and the number."""
    if error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


@contextlib.contextmanager
def one_line(what: object, error: type[ZooError], advice: str = "") -> Iterator[None]:
    """Turn a failure of the file system into one line that names what could not be written.

    Raises
    ------
    ZooError
        Of the given class, with the reason and the advice.
    """
    try:
        yield
    except OSError as wrong:
        raise error(f"'{what}' cannot be written ({said(wrong)}){advice}") from wrong


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a new file that replaces `path`, with its permissions, if all goes well."""
    part = path.with_name(f".{uuid.uuid4().hex}.part")  # short: names have at most 255 bytes
    try:
        with part.open("xb") as file:
            if path.exists():
                part.chmod(stat.S_IMODE(path.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with contextlib.suppress(OSError, ValueError):
            part.unlink()


def write_whole(path: Path, content: bytes | str, error: type[ZooError]) -> Path:
    """Write a file under another name beside `path`, then rename it, and return `path`.

    So readers find the old content or the new one, and two processes may write the same file.

    Raises
    ------
    ZooError
        Of the given class, if it cannot be written; what was there stays.
    """
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    with one_line(path, error):
        try:
            with replacing(path) as file:
                file.write(data)
        except ValueError as wrong:  # a zero byte, or half a letter
            raise OSError("no file can have this name") from wrong
    return path


def file_name(text: str) -> str:
    """Return a name for a file: letters, digits, dots, hyphens and underscores, not too long.

    Any other character becomes an underscore; a digest keeps long names distinct.

    Examples
    --------
    >>> file_name("a/b: c"), file_name("Größe")
    ('a_b_c', 'Größe')
    """
    name = re.sub(r"[^\w.-]+", "_", text).lstrip(".") or "_"
    data = name.encode("utf-8", "replace")
    if len(data) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{data[: _LONGEST_NAME - 9].decode('utf-8', 'ignore')}-{digest}"
