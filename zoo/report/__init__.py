"""Reports: tables, figures and pages from a results folder."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_report"]


def write_report(folder: Path) -> Path:
    """Write the report of a results folder and return the path of its page."""
    from zoo.report.write import write_report as write

    return write(folder)
