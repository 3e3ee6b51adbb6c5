"""A worker process: reads jobs as JSON lines and answers with a JSON line for each cell.

It is started as ``python -m zoo.bench.worker`` by `zoo.bench.pool`. Answers go to the stream that
was its standard output; whatever a library prints goes to its standard error.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

Say = Callable[[dict[str, Any]], None]


def _follow_parent(parent: int) -> None:
    """End this process when the one that started it is gone, even in the middle of a fit."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _failure(error: BaseException) -> dict[str, Any]:
    from zoo.bench.store import Status
    from zoo.errors import DataError, MissingExtraError

    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
    status = Status.OUT_OF_MEMORY if isinstance(error, MemoryError) else Status.FAILED
    has_no_data = isinstance(error, (DataError, MissingExtraError))
    return {"status": status, "reason": reason, "has_no_data": has_no_data}


def _serve(job: dict[str, Any], say: Say) -> None:
    """Measure the cells of a job; each gets an answer, even after an error."""
    from zoo.bench.cell import run_cell, run_cells_together

    left = set(range(len(job["keys"])))
    options: dict[str, Any] = {
        "threads": job["threads"],
        "folders": tuple(Path(folder) for folder in job["folders"]),
        "began": lambda: say({"began": True}),
    }
    metrics = tuple(job["metrics"])
    try:
        if job["together"]:
            made = run_cells_together(job["keys"], metrics, n_slots=job["n_slots"], **options)
            for number, record in made:
                left.discard(number)
                answer = _failure(record) if isinstance(record, Exception) else record
                say({**answer, "number": number})
        for number in sorted(left):
            record = run_cell(job["keys"][number], metrics, **options)
            left.discard(number)
            say({**record, "number": number})
    except Exception as error:  # noqa: BLE001 (whatever a model raises is a failed cell)
        for number in sorted(left):
            say({**_failure(error), "number": number})


def _call(job: dict[str, Any], say: Say) -> None:
    """Call a function in this process, which has already imported the framework."""
    from zoo.bench.store import Status

    module, _, name = job["call"].partition(":")
    try:
        getattr(importlib.import_module(module), name)(**job["arguments"])
        answer: dict[str, Any] = {"status": Status.OK, "reason": None}
    except Exception as error:  # noqa: BLE001 (the caller is told whatever it raises)
        answer = _failure(error)
    say({**answer, "number": 0})


def main() -> None:
    """Serve jobs until standard input ends; Ctrl-C is left to the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(message: dict[str, Any]) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    threading.Thread(target=_follow_parent, args=(os.getppid(),), daemon=True).start()
    warnings.simplefilter("ignore")
    for name in ("zoo.bench.cell", *sys.argv[1:]):  # while the parent process is still busy
        importlib.import_module(name)
    for line in sys.stdin:
        job = json.loads(line)
        (_call if "call" in job else _serve)(job, say)
        # Freed memory goes back to the system, so that one fit's peak does not count for the next.
        with contextlib.suppress(OSError, AttributeError, TypeError):  # the GNU C library only
            ctypes.CDLL(None).malloc_trim(0)


if __name__ == "__main__":
    main()
