"""Scores, milliseconds and text of users as plain text."""

from __future__ import annotations

import math

__all__ = ["milliseconds", "plain", "score_text"]


def score_text(value: float) -> str:
    """Return a score with three significant digits or decimals."""
    if not math.isfinite(value):
        return "?"
    if abs(value) < 10:
        return f"{value:.3f}"
    return f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"


def milliseconds(value: float) -> str:
    """Return milliseconds as text, in seconds from one second on."""
    if value >= 995:
        return f"{value / 1000:.2g} s"
    return f"{value:.0f} ms" if value >= 9.5 else f"{max(value, 0.1):.1f} ms"


def plain(text: object) -> str:
    """Return text without control characters, on which a terminal or a page would act."""
    return "".join(char if char.isprintable() else " " for char in str(text)).strip()
