"""Which rows of a batch are present, for layers that compute statistics over a batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from zoo.training.types import Tensor

__all__ = ["present_rows", "rows_present"]

# Mask of the rows that are present, (R, batch) or (batch,); the others are padding. A layer has no
# other way to know, wherever in a network it is.
_PRESENT: ContextVar[Tensor] = ContextVar("present", default=None)


@contextmanager
def rows_present(mask: Tensor) -> Iterator[None]:
    """Tell the layers called inside which rows are present."""
    token = _PRESENT.set(mask)
    try:
        yield
    finally:
        _PRESENT.reset(token)


def present_rows() -> Tensor:
    """Return the mask of the innermost `rows_present`, or None: all rows are present."""
    return _PRESENT.get()
