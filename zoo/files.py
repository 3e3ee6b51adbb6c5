"""Files that are written whole: beside their place, then renamed, so that none is half-written."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import ZooError

__all__ = ["file_name", "said", "write_whole", "writing"]

_LONGEST_NAME = 120  # bytes; a file system allows 255, and suffixes are added


def said(error: OSError) -> str:
    """Return what the system said, without the path and the number."""
    if error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


@contextlib.contextmanager
def writing(what: object, error: type[ZooError]) -> Iterator[None]:
    """Turn a failure of the file system into one line that names what could not be written."""
    try:
        yield
    except OSError as wrong:
        raise error(f"'{what}' cannot be written ({said(wrong)})") from wrong


def write_whole(path: Path, content: bytes | str, error: type[ZooError]) -> Path:
    """Write a file under another name beside `path`, then rename it, and return `path`.

    So readers find the old content or the new one, and two processes may write the same file.

    Raises
    ------
    ZooError
        Of the given class, if it cannot be written; what was there stays.
    """
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    part = path.with_name(f".{file_name(path.name)}.{secrets.token_hex(4)}.part")
    with writing(path, error):
        try:
            part.write_bytes(data)
            part.replace(path)
        except BaseException as wrong:
            with contextlib.suppress(OSError):
                part.unlink()
            if isinstance(wrong, ValueError):  # a zero byte, or half a letter
                raise OSError("no file can have this name") from wrong
            raise
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
