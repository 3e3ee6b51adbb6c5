"""How much memory a fit adds to its process: the rise of resident memory over the start."""

from __future__ import annotations

import contextlib
import resource
import sys
import threading
from pathlib import Path

import psutil

__all__ = ["PeakMemory"]

_EVERY_S = 0.01
_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of `ru_maxrss`
_MB = 2**20


class PeakMemory:
    """Measures the peak of this process's resident memory from now on.

    Where the system can reset its own record of the peak (Linux), that record counts, so no peak is
    missed. Elsewhere a thread looks every hundredth of a second, which misses short peaks.
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._is_reset = _reset()
        self._start = self._highest = _peak() if self._is_reset else self._process.memory_info().rss
        self._first_record = _record()
        self._ended = threading.Event()
        if not self._is_reset:
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._highest = max(self._highest, self._process.memory_info().rss)

    def stop(self) -> None:
        """End the measurement."""
        self._highest = max(self._highest, self._now())
        self._ended.set()

    def _now(self) -> int:
        if self._is_reset:
            return _peak()
        # the record since the process began, if this is a new one
        record = _record()
        return record if record > self._first_record else self._process.memory_info().rss

    def peak_mb(self) -> int:
        """Return the peak so far."""
        return max(self._highest, self._now()) // _MB

    def rise_mb(self) -> float:
        """Return by how much the peak so far is above the start."""
        return round((max(self._highest, self._now()) - self._start) / _MB, 1)


def _reset() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return _peak() > 0


def _peak() -> int:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _record() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
