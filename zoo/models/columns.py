"""The columns of an encoded table as inputs of a network: numbers, codes, and the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zoo.training.types import ArchitectureConfig, Layers, Tensor

__all__ = ["TableConfig", "table_inputs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableConfig(ArchitectureConfig):
    """The config of a network that treats numbers, codes and one-hot columns differently.

    Parameters
    ----------
    n_numbers, n_codes, n_categories : int
        As `TableEncoder(categories="mixed")` counts them.
    """

    n_numbers: int
    n_codes: int
    n_categories: int


def table_inputs(
    layers: Layers,
    inputs: Tensor,
    config: TableConfig,
    *,
    category_units: int = 0,
    embed: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Return numbers, embedded codes and one-hot columns side by side, (..., batch, n).

    Parameters
    ----------
    layers : Layers
    inputs : tensor of shape (..., batch, n_inputs)
        In the encoder's order: numbers, codes, flags of missing values and one-hot columns.
    config : TableConfig
    category_units : int
        Length of the embedding of a code.
    embed : callable or None
        Applied to the numbers (..., batch, n_numbers).
    """
    n_fixed = config.n_numbers + config.n_codes
    parts = []
    if config.n_numbers:
        numbers = layers.Columns(0, config.n_numbers, name="numbers")(inputs)
        parts.append(numbers if embed is None else embed(numbers))
    if config.n_codes:
        codes = layers.Columns(config.n_numbers, n_fixed, name="codes")(inputs)
        vectors = layers.Embedding(config.n_categories, category_units, name="categories")(codes)
        parts.append(layers.Flatten()(vectors))
    if inputs.shape[-1] > n_fixed:
        parts.append(layers.Columns(n_fixed, None, name="onehot")(inputs))
    return parts[0] if len(parts) == 1 else layers.Concatenate()(parts)
