"""A worker process: reads jobs as JSON lines and answers with a JSON line for each cell.

It is started by `zoo.bench.worker_process`. Answers go to the stream that was its standard output;
whatever a library prints goes to its standard error. Processes that a model starts get neither the
questions nor the answers.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

Say = Callable[[dict[str, Any]], None]


def _follow_parent(parent: int, folder: Path) -> None:
    """End this process, and what it started, when its parent is gone, even in the middle of a fit.

    Parameters
    ----------
    parent : int
    folder : Path
        The empty folder that the process was started in.
    """
    import psutil

    from zoo.bench.worker_process import MARK, ProcessTable

    while os.getppid() == parent:
        time.sleep(0.5)
    with contextlib.suppress(OSError):
        folder.rmdir()
    with contextlib.suppress(psutil.Error):
        for process in ProcessTable().members(os.environ[MARK]):
            if process.pid != os.getpid():
                process.kill()
    os.killpg(0, signal.SIGKILL)


def _failure(error: BaseException) -> dict[str, Any]:
    from zoo.bench.records import Status, one_line
    from zoo.errors import DataError, MissingExtraError

    kind = type(error)
    try:
        text = str(error)
        said = f": {text}" if text else ""
    except BaseException as second:  # noqa: BLE001 (it is the model's own class)
        said = f" (its text cannot be shown: {type(second).__name__})"
    name = type.__dict__["__name__"].__get__(kind)  # whatever its metaclass calls it
    status = Status.OUT_OF_MEMORY if issubclass(kind, MemoryError) else Status.FAILED
    has_no_data = issubclass(kind, (DataError, MissingExtraError))
    return {"status": status, "reason": one_line(name + said), "has_no_data": has_no_data}


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
    except BaseException as error:  # noqa: BLE001 (whatever a model raises is a failed cell)
        for number in sorted(left):
            say({**_failure(error), "number": number})


def _call(job: dict[str, Any], say: Say) -> None:
    """Call a function in this process, which has already imported the framework."""
    from zoo.bench.records import Status

    module, _, name = job["call"].partition(":")
    try:
        getattr(importlib.import_module(module), name)(**job["arguments"])
        answer: dict[str, Any] = {"status": Status.OK, "reason": None}
    except BaseException as error:  # noqa: BLE001 (the caller is told whatever it raises)
        answer = _failure(error)
    say({**answer, "number": 0})


def _take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Return the questions and the answers, which no child of this process gets."""
    questions = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)

    def close() -> None:
        for stream in (questions, answers):
            with contextlib.suppress(OSError):
                os.close(stream.fileno())

    os.register_at_fork(after_in_child=close)
    return questions, answers


def main(parent: int, imports: Sequence[str]) -> None:
    """Serve jobs until the questions end; Ctrl-C is left to the process that started this one.

    Parameters
    ----------
    parent : int
        The process that started this one.
    imports : sequence of str
        Modules to load at once.
    """
    from zoo.bench.peak_memory import give_back

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own, (questions, answers) = os.getpid(), _take_pipes()

    def say(message: dict[str, Any]) -> None:
        if os.getpid() != own:  # a model forked, and its child came back from the fit
            os._exit(1)
        answers.write(json.dumps(message).encode() + b"\n")
        answers.flush()

    threading.Thread(target=_follow_parent, args=(parent, Path.cwd()), daemon=True).start()
    warnings.simplefilter("ignore")
    for name in ("zoo.bench.cell", *imports):  # while the parent process is still busy
        importlib.import_module(name)
    for line in questions:
        job = json.loads(line)
        say({"took": True})
        (_call if "call" in job else _serve)(job, say)
        give_back()
