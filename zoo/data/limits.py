"""How many rows test and how many train; no framework is needed to know."""

from __future__ import annotations

__all__ = ["MAX_TEST_ROWS", "rows_held_for_test", "rows_left_to_train"]

MAX_TEST_ROWS = 5000
_TEST_PART = 0.25


def rows_held_for_test(n_rows: int) -> int:
    """Return the test rows of `n_rows`: a quarter, rounded, at most 5000."""
    return min(int(n_rows * _TEST_PART + 0.5), MAX_TEST_ROWS)


def rows_left_to_train(n_rows: int) -> int:
    """Return the rows that are left beside the test part."""
    return n_rows - rows_held_for_test(n_rows)
