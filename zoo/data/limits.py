"""How many rows are held for testing; no framework is needed to know."""

from __future__ import annotations

__all__ = ["MAX_TEST_ROWS", "rows_held_for_test"]

MAX_TEST_ROWS = 5000


def rows_held_for_test(n_rows: int) -> int:
    """Return the test rows of `n_rows`: a quarter, rounded, at most 5000."""
    return min(int(n_rows * 0.25 + 0.5), MAX_TEST_ROWS)
