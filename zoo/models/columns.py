"""The columns of an encoded table as inputs of a network: numbers, codes, and the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["table_inputs"]


def table_inputs(
    layers: Any,
    inputs: Any,
    *,
    n_numbers: int,
    n_codes: int,
    n_categories: int,
    category_units: int,
    embed: Callable[[Any], Any] | None = None,
) -> Any:
    """Return numbers, vectors for codes, and one-hot columns side by side, (..., batch, n).

    Parameters
    ----------
    layers : namespace
        `zoo.training.layers.namespaces.plain()` or `replicated(R)`.
    inputs : keras tensor of shape (..., batch, n_inputs)
        As `TableEncoder(categories="mixed")` lays out: numbers, codes, gaps and one-hot columns.
    n_numbers, n_codes, n_categories : int
        As that encoder counted them.
    category_units : int
        Length of a code's learnt vector.
    embed : callable or None
        What becomes of the numbers (..., batch, n_numbers).
    """
    parts = []
    if n_numbers:
        numbers = layers.Columns(0, n_numbers, name="numbers")(inputs)
        parts.append(numbers if embed is None else embed(numbers))
    if n_codes:
        codes = layers.Columns(n_numbers, n_numbers + n_codes, name="codes")(inputs)
        vectors = layers.Embedding(n_categories, category_units, name="levels")(codes)
        parts.append(layers.Flatten()(vectors))
    if inputs.shape[-1] > n_numbers + n_codes:
        parts.append(layers.Columns(n_numbers + n_codes, None, name="onehot")(inputs))
    return parts[0] if len(parts) == 1 else layers.Concatenate()(parts)
