"""Printing: the one way in which commands write to the terminal."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import ZooError
from zoo.files import said
from zoo.prose import printable

__all__ = ["reporting", "say", "say_how_to_resume", "without_native_logs", "write"]


def say(text: str, *, err: bool = False) -> None:
    """Print lines, to standard output or standard error.

    They may hold text from files, so control characters become spaces: a terminal would act on
    them.

    Raises
    ------
    ZooError
        If the stream cannot be written, as on a full disk.
    """
    write("\n".join(map(printable, text.split("\n"))), err=err)


def say_how_to_resume(*, without: str | None = None) -> None:
    """Print the command line that resumes this one: the same, perhaps without one option."""
    words = ["zoo", *(word for word in sys.argv[1:] if word != without)]
    say(f"stopped; to resume, run: {shlex.join(words)}", err=True)


@contextlib.contextmanager
def reporting(folder: Path) -> Iterator[None]:
    """Say how to write a report later if it cannot be written now: what was measured is kept."""
    try:
        yield
    except ZooError as error:
        later = shlex.join(["zoo", "report", str(folder)])
        raise ZooError(
            f"{error}; what was measured is kept, '{later}' writes the report"
        ) from error


def write(text: str, *, err: bool = False) -> None:
    """Print text that holds no control character, such as JSON; otherwise as `say`."""
    stream = sys.stderr if err else sys.stdout
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        with contextlib.suppress(OSError, ValueError):  # Python would flush it again at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        name = "standard error" if err else "standard output"
        raise ZooError(f"{name} cannot be written ({said(error)})") from error


@contextlib.contextmanager
def without_native_logs() -> Iterator[None]:
    """Drop what native libraries write to standard error; what Python writes there is shown.

    TensorFlow logs when it is imported, and no setting of it stops that.
    """
    before, shown = sys.stderr, os.dup(2)
    before.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    with contextlib.suppress(OSError, ValueError):  # a stream without a descriptor stays
        if before.fileno() == 2:
            sys.stderr = open(  # noqa: SIM115 (of a descriptor, closed below)
                shown, "w", encoding=before.encoding, errors="backslashreplace", closefd=False
            )
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stderr = before
        os.dup2(shown, 2)
        os.close(shown)
