"""The progress of a run: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from zoo.bench.plan import Job
from zoo.prose import count, plain

__all__ = ["Progress"]

_LINE_EVERY_S = 10.0


def _describe(job: Job) -> str:
    key, rows = job.key, count(job.key["n_train"], "row")
    return plain(f"{key['dataset']} {key['model']} at {rows}, replicate {key['replicate']}")


class Progress:
    """Counts cells and shows the time that the rest will take.

    Parameters
    ----------
    total : int
        Cells to run.
    stream : TextIO
        A terminal gets a bar, anything else a line every ten seconds.
    """

    def __init__(self, total: int, stream: TextIO = sys.stderr) -> None:
        self._total, self._stream = total, stream
        self._done = self._failed = 0
        self._start = self._last_line = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if self._stream.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                BarColumn(),
                TextColumn("{task.completed}/{task.total} cells, {task.fields[failed]} failed"),
                TimeRemainingColumn(),
                TextColumn("{task.description}", markup=False),
                console=Console(file=self._stream),
            )
            self._bar.start()
            self._task = self._bar.add_task("starting", total=self._total, failed=0)
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, job: Job) -> None:
        """Say which cell is being measured."""
        if self._bar is not None:
            self._bar.update(self._task, description=_describe(job))

    def finish(self, job: Job, *, is_failed: bool) -> None:
        """Count a cell."""
        self._done += 1
        self._failed += is_failed
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, failed=self._failed)
            return
        now = time.monotonic()
        if now - self._last_line >= _LINE_EVERY_S or self._done == self._total:
            self._last_line = now
            left = (now - self._start) / self._done * (self._total - self._done)
            self._stream.write(
                f"{self._done:,} of {count(self._total, 'cell')}, {self._failed:,} failed, "
                f"about {left / 60:.1f} min left; {_describe(job)}\n"
            )
            self._stream.flush()
