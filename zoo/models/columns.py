"""The columns of an encoded table as inputs of a network: numbers, codes, and the rest."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.training.types import ArchitectureConfig, LayerCall, Layers, Tensor

__all__ = ["TableConfig", "table_inputs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableConfig(ArchitectureConfig):
    """The config of a network that treats numbers, codes and one-hot columns differently.

    The encoder counts numbers, codes and categories (`TableEncoder(categories="mixed")`).
    """

    n_numbers: int
    n_codes: int
    n_categories: int


def table_inputs(
    layers: Layers,
    inputs: Tensor,
    config: TableConfig,
    category_units: int = 8,
    embedding: LayerCall | None = None,
) -> Tensor:
    """Return numbers, embedded codes and one-hot columns side by side, (..., batch, n).

    Parameters
    ----------
    inputs : tensor of shape (..., batch, n_inputs)
        In the encoder's order: numbers, codes, flags of missing values and one-hot columns.
    category_units : int
        Length of the embedding of a code.
    embedding : layer or None
        Called with the numbers (..., batch, n_numbers); an axis of features is flattened.
    """
    n_fixed = config.n_numbers + config.n_codes
    parts = []
    if config.n_numbers:
        numbers = layers.Columns(0, config.n_numbers, name="numbers")(inputs)
        embedded = numbers if embedding is None else embedding(numbers)
        has_features = len(embedded.shape) > len(numbers.shape)
        parts.append(layers.Flatten()(embedded) if has_features else embedded)
    if config.n_codes:
        codes = layers.Columns(config.n_numbers, n_fixed, name="codes")(inputs)
        vectors = layers.Embedding(config.n_categories, category_units, name="categories")(codes)
        parts.append(layers.Flatten()(vectors))
    if inputs.shape[-1] > n_fixed:
        parts.append(layers.Columns(n_fixed, None, name="onehot")(inputs))
    return parts[0] if len(parts) == 1 else layers.Concatenate()(parts)
