"""How much memory a fit adds to its process: the rise of resident memory over the start."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

import psutil

__all__ = ["PeakMemory"]

_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of `ru_maxrss`
_MB = 2**20


class PeakMemory:
    """Measures the peak of this process's resident memory from now on.

    On Linux the system's record of the peak is set to what is used now. Elsewhere it cannot be, so
    a peak is known only if it is the highest since the process began.
    """

    def __init__(self) -> None:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        self._record = _peak()
        self._start = min(self._record, int(psutil.Process().memory_info().rss))

    def peak_mb(self) -> int:
        """Return the peak so far."""
        return _peak() // _MB

    def rise_mb(self) -> float | None:
        """Return by how much the peak so far is above the start; None if it is not known."""
        peak = _peak()
        if peak <= self._record and self._record > self._start + _MB:
            return None  # an earlier peak hides it
        return round(float(max(0, peak - self._start)) / _MB, 1)


def _peak() -> int:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
