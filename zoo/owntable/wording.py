"""How scores, metrics and sizes are said."""

from __future__ import annotations

import math

from zoo.report.style import METRIC_NAMES

__all__ = ["metric_name", "plain", "score_text"]


def metric_name(metric: str) -> str:
    """Return a metric as people call it."""
    return METRIC_NAMES.get(metric, metric)


def score_text(value: float) -> str:
    """Return a score with three digits that matter."""
    if not math.isfinite(value):
        return "?"
    if abs(value) < 10:
        return f"{value:.3f}"
    return f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"


def plain(text: object) -> str:
    """Return text of a file without what a terminal or a page would act on: control characters."""
    return "".join(char if char.isprintable() else " " for char in str(text)).strip()
