"""How much memory a model adds to its process: the rise of resident memory over the start."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import sys
from pathlib import Path

import psutil

__all__ = ["PeakMemory", "give_back"]

_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of `ru_maxrss`
_MB = 2**20
# Bytes that earlier fits of an owner left in this process, such as a compiled program.
_left: dict[str, int] = {}
_last: list[tuple[str, int]] = []  # the owner of the last fit, and what was used before it


class PeakMemory:
    """Measures the peak of this process's resident memory from now on.

    On Linux the system's record of the peak is set to what is used now. Elsewhere it cannot be, so
    a peak is known only if it is the highest since the process began.

    Parameters
    ----------
    owner : str
        Model and data set. What earlier fits of the same owner left in the process counts as well:
        else only the first one would pay for a compiled program.
    """

    def __init__(self, owner: str) -> None:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        self._record = _peak()
        self._start = min(self._record, _used())
        self._left = _left.get(owner, 0)
        _last[:] = [(owner, self._start)]

    def peak_mb(self) -> int:
        """Return the peak so far."""
        return _peak() // _MB

    def rise_mb(self) -> float | None:
        """Return by how much the peak so far is above the start; None if it is not known."""
        peak = _peak()
        if peak <= self._record and self._record > self._start + _MB:
            return None  # an earlier peak hides it
        return round(float(max(0, peak - self._start) + self._left) / _MB, 1)


def give_back() -> None:
    """Give freed memory back to the system, so that a fit's peak does not count for the next."""
    with contextlib.suppress(OSError, AttributeError, TypeError):  # the GNU C library only
        ctypes.CDLL(None).malloc_trim(0)
    while _last:
        owner, start = _last.pop()
        _left[owner] = max(0, _left.get(owner, 0) + _used() - start)


def _used() -> int:
    return int(psutil.Process().memory_info().rss)


def _peak() -> int:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
