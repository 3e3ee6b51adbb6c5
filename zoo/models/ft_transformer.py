"""FT-Transformer (Gorishniy, Rubachev, Khrulkov & Babenko 2021, arXiv:2106.11959).

Each number and each category becomes a token; a transformer lets them look at each other, and a
token that stands for the whole row carries the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo.encoding.encoder import Categories, Scale
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.targets import ClassWeight
from zoo.training.initialisers import UNIFORM, draw_weights, uniform_within

_EPSILON = 1e-5


class _FTTransformer:
    """Architecture, first weights and optimiser."""

    _categories: ClassVar[Categories] = "mixed"
    _max_onehot: ClassVar[int] = 0  # every category is a token
    _scale: ClassVar[Scale] = "quantile"
    _loss: ClassVar[Any]
    encoder_: Any

    def __init__(
        self,
        *,
        units: int = 192,
        n_blocks: int = 3,
        n_heads: int = 8,
        attention_dropout: float = 0.2,
        hidden_dropout: float = 0.1,
        learning_rate: float = 0.0001,
        weight_decay: float = 0.00001,
        batch_size: int = 256,
        max_epochs: int = 500,
        patience: int = 16,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.units = units
        self.n_blocks = n_blocks
        self.n_heads = n_heads
        self.attention_dropout = attention_dropout
        self.hidden_dropout = hidden_dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    @staticmethod
    def _build(
        layers: Any,
        *,
        n_inputs: int,
        n_outputs: int,
        n_numbers: int,
        n_codes: int,
        n_categories: int,
        units: int,
        n_blocks: int,
        n_heads: int,
        attention_dropout: float,
        hidden_dropout: float,
    ) -> Any:
        inputs = layers.Input(n_inputs)
        numbers = layers.Columns(0, n_numbers, name="numbers")(inputs)
        tokens = layers.FeatureTokens(units, name="columns")(numbers)
        if n_codes:
            codes = layers.Columns(n_numbers, n_numbers + n_codes, name="codes")(inputs)
            levels = layers.Embedding(n_categories, units, name="levels")(codes)
            tokens = layers.Concatenate(axis=-2)([tokens, levels])
        for number in range(1, n_blocks + 1):
            known = tokens
            if number > 1:  # the first block does without: the paper calls that crucial
                known = layers.LayerNormalization(epsilon=_EPSILON, name=f"norm_{number}")(tokens)
            asking = known
            if number == n_blocks:  # only the row's token is read in the end
                tokens, asking = (layers.Tokens(0, 1)(values) for values in (tokens, known))
            queries = layers.SharedDense(units, name=f"query_{number}")(asking)
            keys = layers.SharedDense(units, name=f"key_{number}")(known)
            values = layers.SharedDense(units, name=f"value_{number}")(known)
            shares = layers.AttentionWeights(n_heads)([queries, keys])
            if attention_dropout > 0:
                shares = layers.Dropout(attention_dropout)(shares)
            mixed = layers.SharedDense(units, name=f"mix_{number}")(
                layers.Attend()([shares, values])
            )
            tokens = layers.Add()([tokens, mixed])
            normed = layers.LayerNormalization(epsilon=_EPSILON, name=f"hidden_norm_{number}")
            hidden = layers.SharedDense(2 * (units * 4 // 3), name=f"hidden_{number}")(
                normed(tokens)
            )
            hidden = layers.ReGLU()(hidden)
            if hidden_dropout > 0:
                hidden = layers.Dropout(hidden_dropout)(hidden)
            hidden = layers.SharedDense(units, name=f"back_{number}")(hidden)
            tokens = layers.Add()([tokens, hidden])
        row = layers.LayerNormalization(epsilon=_EPSILON, name="last_norm")(tokens)
        row = layers.Flatten()(layers.Activation("relu")(row))
        return layers.Model(inputs, layers.Dense(n_outputs, name="output")(row))

    @staticmethod
    def _draw(
        paths: Sequence[str],
        shapes: Sequence[tuple[int, ...]],
        rng: np.random.Generator,
        X: NDArray[np.float32],
        **options: Any,
    ) -> list[NDArray[np.float32]]:
        """Draw all within 1 / sqrt(inputs), tokens within 1 / sqrt(units); scales are ones."""
        tokens = uniform_within(1.0 / np.sqrt(options["units"]))
        table = (("columns/*", tokens), ("levels/embeddings", tokens), *UNIFORM)
        return draw_weights(table, paths, shapes, rng)

    def _options(self, n_inputs: int) -> Mapping[str, Any]:
        if self.units % self.n_heads:
            raise ValueError(f"units ({self.units}) must be a multiple of n_heads ({self.n_heads})")
        encoder = self.encoder_
        return {
            "n_numbers": encoder.n_numbers_,
            "n_codes": encoder.n_codes_,
            "n_categories": encoder.n_categories_,
            "units": self.units,
            "n_blocks": self.n_blocks,
            "n_heads": self.n_heads,
            "attention_dropout": self.attention_dropout,
            "hidden_dropout": self.hidden_dropout,
        }

    def _program_config(self) -> Any:
        from zoo.training.optimizer import Adam
        from zoo.training.program_config import ProgramConfig

        without = ("columns/slopes", "columns/bias", "columns/row_token", "levels/embeddings")
        optimizer = Adam(epsilon=1e-8, without_decay=without)
        return ProgramConfig(loss=self._loss, optimizer=optimizer, batch_size=self.batch_size)


class FTTransformerClassifier(_FTTransformer, NetworkClassifier):
    """FT-Transformer for classes. Gaps in numbers are filled with the median, without a sign.

    Parameters
    ----------
    units : int
        Features of a token; a multiple of `n_heads`.
    n_blocks : int
    n_heads : int
    attention_dropout : float
        Share of the attention that is dropped at each step.
    hidden_dropout : float
        Share of the hidden units of each block that is dropped.
    learning_rate : float
        Step size of AdamW.
    weight_decay : float
        Decoupled decay of the matrices, not of tokens, norms and biases.
    batch_size : int
    max_epochs : int
        Rounds at most; a round is one epoch, or several that make 32 steps on small data.
    patience : int
        Rounds without a better held-out loss before training stops.
    validation_fraction : float
        Share of the training rows held out for early stopping.
    class_weight : dict, "balanced" or None
        What the weights of a class's rows are multiplied by; "balanced": all classes weigh the
        same; None: 1.
    random_state : int, RandomState or None

    References
    ----------
    arXiv:2106.11959, section 3.3 and appendix E.
    """

    def __init__(
        self,
        *,
        units: int = 192,
        n_blocks: int = 3,
        n_heads: int = 8,
        attention_dropout: float = 0.2,
        hidden_dropout: float = 0.1,
        learning_rate: float = 0.0001,
        weight_decay: float = 0.00001,
        batch_size: int = 256,
        max_epochs: int = 500,
        patience: int = 16,
        validation_fraction: float = 0.2,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            units=units,
            n_blocks=n_blocks,
            n_heads=n_heads,
            attention_dropout=attention_dropout,
            hidden_dropout=hidden_dropout,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            batch_size=batch_size,
            max_epochs=max_epochs,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.class_weight = class_weight


class FTTransformerRegressor(_FTTransformer, NetworkRegressor):
    """FT-Transformer for numbers. Gaps in numbers are filled with the median, without a sign.

    Parameters
    ----------
    units : int
        Features of a token; a multiple of `n_heads`.
    n_blocks : int
    n_heads : int
    attention_dropout : float
        Share of the attention that is dropped at each step.
    hidden_dropout : float
        Share of the hidden units of each block that is dropped.
    learning_rate : float
        Step size of AdamW.
    weight_decay : float
        Decoupled decay of the matrices, not of tokens, norms and biases.
    batch_size : int
    max_epochs : int
        Rounds at most; a round is one epoch, or several that make 32 steps on small data.
    patience : int
        Rounds without a better held-out loss before training stops.
    validation_fraction : float
        Share of the training rows held out for early stopping.
    random_state : int, RandomState or None

    References
    ----------
    arXiv:2106.11959, section 3.3 and appendix E.
    """
