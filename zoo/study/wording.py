"""How scores, metrics and sizes are said."""

from __future__ import annotations

import math

__all__ = ["milliseconds", "plain", "score_text"]


def score_text(value: float) -> str:
    """Return a score with three digits that matter."""
    if not math.isfinite(value):
        return "?"
    if abs(value) < 10:
        return f"{value:.3f}"
    return f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"


def milliseconds(value: float) -> str:
    """Return milliseconds in words, seconds where there are many."""
    if value >= 995:
        return f"{value / 1000:.2g} s"
    return f"{value:.0f} ms" if value >= 9.5 else f"{max(value, 0.1):.1f} ms"


def plain(text: object) -> str:
    """Return text of a file without what a terminal or a page would act on: control characters."""
    return "".join(char if char.isprintable() else " " for char in str(text)).strip()
