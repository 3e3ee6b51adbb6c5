"""ResNet for tables (Gorishniy, Rubachev, Khrulkov & Babenko 2021, arXiv:2106.11959).

Blocks of batch normalisation and two layers, each added to what came in, so that a deep network
starts close to a shallow one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from zoo.encoding.encoder import Categories, Scale
from zoo.models.columns import table_inputs
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.targets import ClassWeight
from zoo.training.initialisers import uniform_weights

_CATEGORY_UNITS = 8
_MOMENTUM, _EPSILON = 0.9, 1e-5  # of the batch normalisation


class _ResNet:
    """Architecture and optimiser."""

    _categories: ClassVar[Categories] = "mixed"
    _scale: ClassVar[Scale] = "quantile"
    _loss: ClassVar[Any]
    _draw = staticmethod(uniform_weights)
    encoder_: Any

    def __init__(
        self,
        *,
        units: int = 192,
        n_blocks: int = 2,
        hidden_factor: float = 2.0,
        hidden_dropout: float = 0.3,
        residual_dropout: float = 0.1,
        learning_rate: float = 0.001,
        weight_decay: float = 0.01,
        batch_size: int = 128,
        max_epochs: int = 300,
        patience: int = 20,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.units = units
        self.n_blocks = n_blocks
        self.hidden_factor = hidden_factor
        self.hidden_dropout = hidden_dropout
        self.residual_dropout = residual_dropout
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
        n_hidden_units: int,
        n_blocks: int,
        hidden_dropout: float,
        residual_dropout: float,
    ) -> Any:
        def normed(values: Any, name: str) -> Any:
            return layers.BatchNormalization(momentum=_MOMENTUM, epsilon=_EPSILON, name=name)(
                values
            )

        def dropped(values: Any, rate: float) -> Any:
            return layers.Dropout(rate)(values) if rate > 0 else values

        inputs = layers.Input(n_inputs)
        values = table_inputs(
            layers, inputs, n_numbers=n_numbers, n_codes=n_codes, n_categories=n_categories,
            category_units=_CATEGORY_UNITS,
        )  # fmt: skip
        values = layers.Dense(units, name="first")(values)
        for number in range(1, n_blocks + 1):
            hidden = layers.Dense(n_hidden_units, activation="relu", name=f"hidden_{number}")(
                normed(values, f"norm_{number}")
            )
            hidden = layers.Dense(units, name=f"back_{number}")(dropped(hidden, hidden_dropout))
            values = layers.Add()([values, dropped(hidden, residual_dropout)])
        values = layers.Activation("relu")(normed(values, "last_norm"))
        return layers.Model(inputs, layers.Dense(n_outputs, name="output")(values))

    def _options(self, n_inputs: int) -> Mapping[str, Any]:
        encoder = self.encoder_
        return {
            "n_numbers": encoder.n_numbers_,
            "n_codes": encoder.n_codes_,
            "n_categories": encoder.n_categories_,
            "units": self.units,
            "n_hidden_units": max(1, int(self.units * self.hidden_factor)),
            "n_blocks": self.n_blocks,
            "hidden_dropout": self.hidden_dropout,
            "residual_dropout": self.residual_dropout,
        }

    def _program_config(self) -> Any:
        from zoo.training.optimizer import Adam
        from zoo.training.program_config import ProgramConfig

        optimizer = Adam(epsilon=1e-8, without_decay=("levels/embeddings",))
        return ProgramConfig(loss=self._loss, optimizer=optimizer, batch_size=self.batch_size)


class ResNetClassifier(_ResNet, NetworkClassifier):
    """ResNet for classes.

    Parameters
    ----------
    units : int
        Features that run through all blocks.
    n_blocks : int
    hidden_factor : float
        Hidden units of a block, as a multiple of `units`.
    hidden_dropout : float
        Share of a block's hidden units dropped at each step.
    residual_dropout : float
        Share of what a block adds dropped at each step.
    learning_rate : float
        Step size of AdamW.
    weight_decay : float
        Decoupled decay of the matrices.
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
    arXiv:2106.11959, section 3.2; numbers are transformed to normal quantiles, as there.
    """

    def __init__(
        self,
        *,
        units: int = 192,
        n_blocks: int = 2,
        hidden_factor: float = 2.0,
        hidden_dropout: float = 0.3,
        residual_dropout: float = 0.1,
        learning_rate: float = 0.001,
        weight_decay: float = 0.01,
        batch_size: int = 128,
        max_epochs: int = 300,
        patience: int = 20,
        validation_fraction: float = 0.2,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            units=units,
            n_blocks=n_blocks,
            hidden_factor=hidden_factor,
            hidden_dropout=hidden_dropout,
            residual_dropout=residual_dropout,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            batch_size=batch_size,
            max_epochs=max_epochs,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.class_weight = class_weight


class ResNetRegressor(_ResNet, NetworkRegressor):
    """ResNet for numbers.

    Parameters
    ----------
    units : int
        Features that run through all blocks.
    n_blocks : int
    hidden_factor : float
        Hidden units of a block, as a multiple of `units`.
    hidden_dropout : float
        Share of a block's hidden units dropped at each step.
    residual_dropout : float
        Share of what a block adds dropped at each step.
    learning_rate : float
        Step size of AdamW.
    weight_decay : float
        Decoupled decay of the matrices.
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
    arXiv:2106.11959, section 3.2; numbers are transformed to normal quantiles, as there.
    """
