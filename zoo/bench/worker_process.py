"""A worker process as its parent sees it: apart from the current folder, and killed as a whole.

Models are code of others: they leave processes behind, close files, fork and hang. So a worker is
the first process of its own session, its answers end when it ends whoever still holds the pipe,
and everything that it started is found by a mark in the environment and killed with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

import zoo
from zoo.bench.records import one_line
from zoo.data.download import cache_folder

__all__ = ["MARK", "ProcessTable", "WorkerProcess", "kill_all"]

MARK = "ZOO_WORKER"
_POLL_MS = 200
_MOST_ROUNDS = 20
_EXEC_MS = 20  # that the system takes to start a program, at most
_KERNEL = 2  # the parent of Linux's own threads, which have no environment
_GRACE_S = 5.0  # for a process to end after it closed its answers
_LOG_BYTES = 65_536
# Loads zoo from where the parent did, but nothing else from that folder.
_START = """
import importlib.util, sys
file = sys.argv[1]
spec = importlib.util.spec_from_file_location("zoo", file)
sys.modules["zoo"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from zoo.bench.worker import main
main(int(sys.argv[2]), sys.argv[3:])
"""


class ProcessTable:
    """Which processes belong to which worker; each process is looked at once."""

    def __init__(self) -> None:
        self._marks: dict[int, str | None] = {}
        self._at = float("-inf")

    def members(self, mark: str, *, max_age_s: float = 0.0) -> list[psutil.Process]:
        """Return the living processes with a mark, as they were at most `max_age_s` ago."""
        if time.monotonic() - self._at > max_age_s:
            known = self._marks
            self._marks = {p: known[p] if p in known else _mark_of(p) for p in psutil.pids()}
            self._at = time.monotonic()
        found = []
        for pid in [pid for pid, own in self._marks.items() if own == mark]:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found


def _mark_of(pid: int) -> str | None:
    """Return the mark of a process; one that has just been started has no environment yet."""
    try:
        process = psutil.Process(pid)
        for _ in range(_EXEC_MS):
            environment = process.environ()
            is_old = time.time() - process.create_time() > 1.0
            if environment or is_old or process.ppid() == _KERNEL:
                break
            time.sleep(0.001)
    except (psutil.Error, OSError):
        return None
    mark: str | None = environment.get(MARK)
    return mark


def _environment(variables: Mapping[str, str], mark: str) -> dict[str, str]:
    """Return the environment of a worker: no path in it depends on the current folder."""
    environment = {**os.environ, **variables, MARK: mark, "PYTHONSAFEPATH": "1"}
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    named = [Path(path) for path in paths if path and Path(path) != Path()]  # "." is here
    environment["PYTHONPATH"] = os.pathsep.join(str(path.absolute()) for path in named)
    environment["ZOO_CACHE"] = str(cache_folder().absolute())
    for name in {"TMPDIR", "TMP", "TEMP"} & environment.keys():
        environment[name] = str(Path(environment[name]).absolute())
    return environment


class WorkerProcess:
    """A process that runs `zoo.bench.worker`.

    Parameters
    ----------
    variables : mapping
        Environment variables besides those of this process.
    imports : sequence of str
        Modules that it loads at once.
    receive : callable
        Called in a thread with each answer, and with None when the process has ended, or has closed
        its answers and does not end.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        imports: Sequence[str],
        receive: Callable[[dict[str, Any] | None], None],
    ) -> None:
        self.mark = secrets.token_hex(8)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._folder = tempfile.mkdtemp(prefix="zoo-worker-")  # what models write by the way
        program = [
            "-P",
            "-c",
            _START,
            str(Path(zoo.__file__).absolute()),
            str(os.getpid()),
            *imports,
        ]
        self._process = subprocess.Popen(
            [sys.executable, *program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
            env=_environment(variables, self.mark),
            cwd=self._folder,
            start_new_session=True,
        )
        assert self._process.stdin is not None  # noqa: S101 (for the type checker)
        assert self._process.stdout is not None  # noqa: S101
        self._questions, self._answers = self._process.stdin, self._process.stdout
        self.pid = self._process.pid
        self._listener = threading.Thread(target=self._listen, args=(receive,), daemon=True)
        self._listener.start()

    def _listen(self, receive: Callable[[dict[str, Any] | None], None]) -> None:
        """Pass answers on until the process ends; a child of it may hold the pipe for longer."""
        poll, rest = select.poll(), b""
        descriptor = self._answers.fileno()
        poll.register(descriptor, select.POLLIN)
        while True:
            has_ended = self._process.poll() is not None
            if not poll.poll(0 if has_ended else _POLL_MS):
                if has_ended:
                    break
                continue
            data = os.read(descriptor, 65_536)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                with contextlib.suppress(ValueError):  # what another process wrote there
                    if isinstance(answer := json.loads(line), dict):
                        receive(answer)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        receive(None)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; that the process is dead is noticed when its answers end."""
        line = json.dumps(message).encode() + b"\n"
        # In a thread, since nobody may be reading what does not fit into the pipe.
        threading.Thread(target=self._write, args=(line,), daemon=True).start()

    def _write(self, line: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line:
                line = line[self._questions.write(line) or 0 :]

    def memory_mb(self, table: ProcessTable) -> float:
        """Return the resident memory of the process and of those that it started."""
        used = 0
        with contextlib.suppress(psutil.Error):
            used = psutil.Process(self.pid).memory_info().rss
        for process in table.members(self.mark, max_age_s=1.0):
            if process.pid != self.pid:
                with contextlib.suppress(psutil.Error):
                    memory = process.memory_full_info()  # a forked process shares most pages
                    used += getattr(memory, "pss", memory.uss)
        return float(used / 2**20)

    def has_children(self, table: ProcessTable) -> bool:
        """Return whether processes that it started are still there."""
        return any(process.pid != self.pid for process in table.members(self.mark))

    @property
    def exit_code(self) -> int | None:
        """The exit code of an ended process, or minus the signal that ended it."""
        return self._process.poll()

    def how_it_ended(self) -> str:
        """Return how a dead process ended: exit code or signal, and the last line of its log."""
        code = self.exit_code
        if code is None:
            return "the model closed the connection of its worker process"
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - _LOG_BYTES))
        lines = self._log.read().decode("utf-8", "replace").split("\n")
        said = [text for line in lines if (text := one_line(line, most=300))]
        how = f"signal {-code}{_signal_name(-code)}" if code < 0 else f"exit code {code}"
        return f"the worker process died ({how})" + (f": {said[-1]}" if said else "")

    def end(self) -> list[psutil.Process]:
        """Kill the process; return those that it had started."""
        children: list[psutil.Process] = []
        if self.exit_code is None:
            with contextlib.suppress(psutil.Error):
                children = psutil.Process(self.pid).children(recursive=True)
        self._process.kill()
        return children

    def close(self) -> None:
        """Forget an ended process."""
        self._process.wait()
        self._listener.join()
        self._questions.close()
        self._answers.close()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def kill_all(processes: Sequence[WorkerProcess]) -> None:
    """Kill processes with all that they started, in another session or environment too."""
    children = [child for one in processes for child in one.end()]
    for _ in range(_MOST_ROUNDS):  # one that is killed may just have started another
        table = ProcessTable()
        marked = [process for one in processes for process in table.members(one.mark)]
        sessions = {one.pid for one in processes}
        others = [process for process in _in_sessions(sessions) if process.pid not in sessions]
        left = {*children, *marked, *others}
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if not left:
            break
        children = psutil.wait_procs(left, timeout=0.05)[1]
    for one in processes:
        one.close()


def _in_sessions(sessions: set[int]) -> list[psutil.Process]:
    found = []
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(pid) in sessions:
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
    return found


def _signal_name(number: int) -> str:
    try:
        return f", {signal.Signals(number).name}"
    except ValueError:
        return ""
