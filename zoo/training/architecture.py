"""What the builder of a network is told."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ArchitectureConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureConfig:
    """The config of a network; each architecture adds its own fields, all of them hashable.

    Parameters
    ----------
    n_inputs : int
        Columns of an encoded row.
    n_outputs : int
        Logits of the classes, or 1 for a number.
    """

    n_inputs: int
    n_outputs: int
