"""Output files: a regular file is replaced as a whole, anything else is written through."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from zoo.errors import ZooError
from zoo.files import one_line, replacing

__all__ = ["check_output", "is_standard_output", "writing"]

_DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|thread-self))/fd/(\d+)")
_NAMED = {"-": 1, "/dev/stdout": 1, "/dev/stderr": 2}
_MOST_LINKS = 40
_ADVICE = "; name a file in another folder"


def check_output(
    path: Path, option: str, error: type[ZooError] = ZooError, *, is_stream_allowed: bool = False
) -> None:
    """Refuse a path that no file can be written to, before anything is computed for it.

    Raises
    ------
    ZooError
        Of the type `error`, if it is a folder, its folder does not exist or must not be written
        to, or it is an open stream such as the standard output and those are not allowed.
    """
    target, descriptor = _followed(path, error)
    with one_line(path, error, _ADVICE):
        if descriptor is not None:
            is_writable, what = is_stream_allowed, "a file, not an open stream"
        elif target.is_dir() or not target.parent.is_dir():
            is_writable, what = False, "a file in a folder that exists"
        else:
            place = target if target.exists() and not target.is_file() else target.parent
            is_writable, what = os.access(place, os.W_OK), "a file that you may write"
    if not is_writable:
        raise error(f"'{path}' cannot be written; {option} expects {what}")


def is_standard_output(path: Path) -> bool:
    """Return whether a path is "-", or names or links to the standard output."""
    return _followed(path, ZooError)[1] == 1


@contextlib.contextmanager
def writing(path: Path, error: type[ZooError] = ZooError) -> Iterator[BinaryIO]:
    """Open a file for writing.

    Links are followed. A regular file is written under another name beside it, and replaced when
    all is written: a crash leaves what was there. A device, a pipe or "-", the standard output, is
    written directly.

    Raises
    ------
    ZooError
        Of the type `error`, with the reason in one line, if it cannot be written.
    """
    target, descriptor = _followed(path, error)
    with one_line(path, error, _ADVICE):
        if descriptor is not None:
            with _opened(descriptor) as file:
                yield file
        elif target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
        else:
            with replacing(target) as file:
                yield file


def _followed(path: Path, error: type[ZooError]) -> tuple[Path, int | None]:
    """Return the path behind symbolic links, or the number of an open descriptor."""
    for _ in range(_MOST_LINKS):
        text = os.fspath(path)
        if text in _NAMED:
            return path, _NAMED[text]
        if found := _DESCRIPTOR.fullmatch(text):
            return path, int(found[1])
        try:
            link = path.readlink()
        except OSError:  # is not a link
            return path, None
        path = path.parent / link
    raise error(f"'{path}' cannot be written: its symbolic links go in a circle")


@contextlib.contextmanager
def _opened(descriptor: int) -> Iterator[BinaryIO]:
    """Yield an open descriptor as a file; it stays open."""
    if descriptor == 1:
        sys.stdout.flush()
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            # the rest is thrown away, or Python would complain again when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise
    else:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            yield file
