"""How a budget of time is read, and how times, scores and users' text are shown."""

from __future__ import annotations

import math
import re

from zoo.errors import ZooError
from zoo.prose import plain, plural

__all__ = ["milliseconds", "parse_budget", "plain", "round_seconds", "score_text", "were_left"]

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


def parse_budget(text: str) -> float:
    """Return the seconds of "90s", "10m" or "1h30m".

    Raises
    ------
    ZooError
        If it is none of these, or less than ten seconds.
    """
    if re.fullmatch(r"\s*(\d+(\.\d+)?[hms])+\s*", text.lower()) is None:
        raise ZooError(f"--budget expects a time such as 90s, 10m or 1h30m, got '{text}'")
    found = re.findall(r"(\d+(?:\.\d+)?)([hms])", text.lower())
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


def were_left(seconds: float) -> str:
    """Return "5 s were left", or "1 s was left"."""
    left = round_seconds(seconds)
    return f"{left} {plural(1 if left.startswith('1 ') else 2, 'was', 'were')} left"


def milliseconds(value: float) -> str:
    """Return milliseconds as text, in seconds from one second on."""
    if value >= 995:
        return f"{value / 1000:.2g} s"
    return f"{value:.0f} ms" if value >= 9.5 else f"{max(value, 0.1):.1f} ms"


def score_text(value: float) -> str:
    """Return a score with three decimals, or fewer if it is large."""
    if not math.isfinite(value):
        return "?"
    if abs(value) < 10:
        return f"{value:.3f}"
    return f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"
