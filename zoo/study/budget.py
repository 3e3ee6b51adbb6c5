"""A budget of time: how users write it, and how seconds are shown."""

from __future__ import annotations

import re

from zoo.errors import ZooError

__all__ = ["parse_budget", "round_seconds"]

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


def parse_budget(text: str) -> float:
    """Return the seconds of "90s", "10m" or "1h30m".

    Raises
    ------
    ZooError
        If it is none of these, or less than ten seconds.
    """
    parts = re.fullmatch(r"\s*((?:\d+(?:\.\d+)?[hms])+)\s*", text.lower())
    if parts is None:
        raise ZooError(f"--budget expects a time such as 90s, 10m or 1h30m, got '{text}'")
    found = re.findall(r"(\d+(?:\.\d+)?)([hms])", parts[1])
    seconds = sum(float(number) * _UNITS[unit] for number, unit in found)
    if seconds < 10:
        raise ZooError(f"--budget expects ten seconds or more, got '{text}'; try 2m")
    return seconds


def round_seconds(seconds: float) -> str:
    """Return a time as text with a fitting unit."""
    if seconds < 9.95:
        return f"{seconds:.2g} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.2g} min" if seconds < 570 else f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.2g} h"
