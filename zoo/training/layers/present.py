"""Which rows of a batch are there, for the layers that compare rows with each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["present_rows", "rows_present"]

# Rows of a batch that are there, (R, batch) or (batch,); the others only fill it up. Read by
# layers wherever in a network they stand.
_PRESENT: ContextVar[Any] = ContextVar("present", default=None)


@contextmanager
def rows_present(mask: Any) -> Iterator[None]:
    """Let the layers that are called inside know which rows are there."""
    token = _PRESENT.set(mask)
    try:
        yield
    finally:
        _PRESENT.reset(token)


def present_rows() -> Any:
    """Return the mask that holds here, or None: all rows are there."""
    return _PRESENT.get()
