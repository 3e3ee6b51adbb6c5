"""Analysis of learning curves: forecasts, crossovers, comparisons and verdicts.

It works on tables of scores from any source, and imports no framework.
"""

from __future__ import annotations

import importlib
from typing import Any

_PUBLIC = {
    "CurveSet": "zoo.curves.curveset",
    "crossover": "zoo.curves.crossover",
    "forecast": "zoo.curves.forecast",
    "verdict_frame": "zoo.curves.claims",
}

__all__ = sorted(_PUBLIC)  # noqa: PLE0605 (names are resolved on first use)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'zoo.curves' has no attribute '{name}'")
    return getattr(importlib.import_module(_PUBLIC[name]), name)
