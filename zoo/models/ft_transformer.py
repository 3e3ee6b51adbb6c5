"""FT-Transformer (Gorishniy, Rubachev, Khrulkov & Babenko 2021, arXiv:2106.11959).

Each number and each category becomes a token; a transformer relates them to each other, and the
prediction is read from a token that represents the whole row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from zoo.encoding.encoder import Categories, Scale
from zoo.models.columns import TableConfig
from zoo.models.keras_network import PatientKerasNetwork
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.parameters import BatchSize, estimator
from zoo.training.initialisers import UNIFORM, draw_weights, uniform_within
from zoo.training.types import FloatArray, KerasModel, Layers, Shape, Tensor

if TYPE_CHECKING:
    from zoo.training.program import ProgramConfig

_EPSILON = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class FTTransformerConfig(TableConfig):
    """The config of an FT-Transformer."""

    units: int
    n_blocks: int
    n_heads: int
    attention_dropout: float
    hidden_dropout: float


@estimator
class _FTTransformer(PatientKerasNetwork):
    """Architecture, first weights and optimizer.

    References
    ----------
    arXiv:2106.11959, section 3.3 and appendix E.
    """

    units: Annotated[int, "Features of a token; a multiple of `n_heads`."] = 192
    n_blocks: Annotated[int, "Number of transformer blocks."] = 3
    n_heads: Annotated[int, "Attention heads of a block."] = 8
    attention_dropout: Annotated[
        float, "Fraction of the attention weights dropped at each step."
    ] = 0.2
    hidden_dropout: Annotated[
        float, "Fraction of the hidden units of each block dropped at each step."
    ] = 0.1
    learning_rate: float = 0.0001
    weight_decay: Annotated[
        float, "Decoupled decay of the kernels, not of tokens, norms and biases."
    ] = 0.00001
    batch_size: BatchSize = 256
    max_epochs: int = 500
    patience: int = 16

    _categories: ClassVar[Categories] = "mixed"
    _max_onehot: ClassVar[int] = 0  # every category is a token
    _scale: ClassVar[Scale] = "quantile"
    _config_class: ClassVar[type[FTTransformerConfig]] = FTTransformerConfig

    @staticmethod
    def _build(layers: Layers, config: FTTransformerConfig) -> KerasModel:
        inputs = layers.Input(config.n_inputs)
        tokens = _tokens(layers, inputs, config)
        for number in range(1, config.n_blocks + 1):
            tokens = _block(layers, tokens, config, number)
        row = layers.LayerNormalization(epsilon=_EPSILON, name="last_norm")(tokens)
        row = layers.Flatten()(layers.Activation("relu")(row))
        return layers.Model(inputs, layers.Dense(config.n_outputs, name="output")(row))

    @staticmethod
    def _draw(
        paths: Sequence[str],
        shapes: Sequence[Shape],
        rng: np.random.Generator,
        X: FloatArray,
        config: FTTransformerConfig,
    ) -> list[FloatArray]:
        """Draw all within 1 / sqrt(inputs), tokens within 1 / sqrt(units); scales are ones."""
        tokens = uniform_within(1.0 / np.sqrt(config.units))
        table = (("columns/*", tokens), ("categories/embeddings", tokens), *UNIFORM)
        return draw_weights(table, paths, shapes, rng)

    def _derived(self) -> dict[str, Any]:
        if self.units % self.n_heads:
            raise ValueError(f"units ({self.units}) must be a multiple of n_heads ({self.n_heads})")
        return {}

    def _program_config(self) -> ProgramConfig:
        from zoo.training.optimizer import Adam
        from zoo.training.program import ProgramConfig

        without = ("columns/slopes", "columns/bias", "columns/row_token", "categories/embeddings")
        optimizer = Adam(epsilon=1e-8, without_decay=without)
        return ProgramConfig(loss=self._loss, optimizer=optimizer, batch_size=self.batch_size)


def _tokens(layers: Layers, inputs: Tensor, config: FTTransformerConfig) -> Tensor:
    """Return the row's token and one for each number and category, (..., batch, n, units)."""
    n_numbers, n_codes = config.n_numbers, config.n_codes
    numbers = layers.Columns(0, n_numbers, name="numbers")(inputs)
    tokens = layers.FeatureTokens(config.units, name="columns")(numbers)
    if not n_codes:
        return tokens
    codes = layers.Columns(n_numbers, n_numbers + n_codes, name="codes")(inputs)
    categories = layers.Embedding(config.n_categories, config.units, name="categories")(codes)
    return layers.Concatenate(axis=-2)([tokens, categories])


def _block(layers: Layers, tokens: Tensor, config: FTTransformerConfig, number: int) -> Tensor:
    """Return the tokens after attention and a feed-forward layer; of the last block only the row's.

    The first block does without normalisation, which the paper calls crucial.
    """
    units = config.units
    known = tokens
    if number > 1:
        known = layers.LayerNormalization(epsilon=_EPSILON, name=f"norm_{number}")(tokens)
    asking = known
    if number == config.n_blocks:  # only the row's token is used after the last block
        tokens, asking = (layers.Tokens(0, 1)(values) for values in (tokens, known))
    queries = layers.SharedDense(units, name=f"query_{number}")(asking)
    keys = layers.SharedDense(units, name=f"key_{number}")(known)
    values = layers.SharedDense(units, name=f"value_{number}")(known)
    attention = layers.AttentionWeights(config.n_heads)([queries, keys])
    if config.attention_dropout > 0:
        attention = layers.Dropout(config.attention_dropout)(attention)
    mixed = layers.SharedDense(units, name=f"mix_{number}")(layers.Attend()([attention, values]))
    tokens = layers.Add()([tokens, mixed])
    normed = layers.LayerNormalization(epsilon=_EPSILON, name=f"hidden_norm_{number}")(tokens)
    hidden = layers.SharedDense(2 * (units * 4 // 3), name=f"hidden_{number}")(normed)
    hidden = layers.ReGLU()(hidden)
    if config.hidden_dropout > 0:
        hidden = layers.Dropout(config.hidden_dropout)(hidden)
    hidden = layers.SharedDense(units, name=f"back_{number}")(hidden)
    return layers.Add()([tokens, hidden])


@estimator
class FTTransformerClassifier(_FTTransformer, NetworkClassifier):
    """FT-Transformer for classes. Missing numbers are replaced by the median, without a flag."""


@estimator
class FTTransformerRegressor(_FTTransformer, NetworkRegressor):
    """FT-Transformer for numbers. Missing numbers are replaced by the median, without a flag."""
