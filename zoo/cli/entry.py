"""Runs a command. Exit codes: 0 done, 1 some cells failed, 2 bad input, 130 stopped by Ctrl-C.

Everything that can be slow to import is imported inside, so that Ctrl-C is a line even then.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from types import FrameType
from typing import Any

from zoo.cli.output import say, say_how_to_resume
from zoo.errors import ZooError
from zoo.files import said
from zoo.prose import plain

__all__ = ["main"]

_QUIET = ("tensorflow", "absl", "tf2onnx", "jax")  # what they log, users cannot act on
_NOT_FOR_USERS = (
    DeprecationWarning, PendingDeprecationWarning, FutureWarning, ImportWarning, ResourceWarning,
)  # fmt: skip


def main() -> None:
    """Run the command line; an error that the user can fix is one line and exit code 2."""
    with _quiet(), _terminated_as_stopped():
        code = _run()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
    sys.exit(code)


def _run() -> int:
    try:
        from zoo.cli.app import run

        code = run()
    except ZooError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # as of `zoo list models | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f"'{error.filename}': " if error.filename is not None else ""
        return _refuse(f"{where}{said(error)}")
    except MemoryError:
        return _refuse("out of memory; give a sample of the rows, or fewer --workers")
    if code == 130:
        with contextlib.suppress(KeyboardInterrupt):  # of an impatient second Ctrl-C
            say_how_to_resume()
    return code


def _refuse(message: str) -> int:
    with contextlib.suppress(ZooError):  # of a standard error that is full
        say("error: " + " ".join(plain(message).split()), err=True)
    return 2


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _terminated_as_stopped() -> Iterator[None]:
    """Let SIGTERM end a command as Ctrl-C does: what was measured is kept."""
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Lines(logging.Handler):
    """Prints what zoo logs as plain lines."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage(), err=True)


def _show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if not issubclass(category, _NOT_FOR_USERS):
        say("warning: " + " ".join(plain(message).split()), err=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Print warnings and logs of zoo as plain lines, and none that libraries log."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal may not know a letter
            stream.reconfigure(errors="backslashreplace")
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    ours, lines = logging.getLogger("zoo"), _Lines()
    ours.addHandler(lines)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show
            yield
    finally:
        ours.removeHandler(lines)
