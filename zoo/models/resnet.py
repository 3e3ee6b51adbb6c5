"""ResNet for tables (Gorishniy, Rubachev, Khrulkov & Babenko 2021, arXiv:2106.11959).

Blocks of batch normalisation and two layers, each added to its input, so that a deep network
starts close to a shallow one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from zoo.encoding.encoder import Categories, Scale
from zoo.models.columns import TableConfig, table_inputs
from zoo.models.keras_network import PatientKerasNetwork
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.parameters import BatchSize, estimator
from zoo.training.initialisers import uniform_weights
from zoo.training.types import KerasModel, Layers, Tensor

if TYPE_CHECKING:
    from zoo.training.program import ProgramConfig

_CATEGORY_UNITS = 8
_MOMENTUM, _EPSILON = 0.9, 1e-5  # of the batch normalisation


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNetConfig(TableConfig):
    """The config of a ResNet."""

    units: int
    n_hidden_units: int
    n_blocks: int
    hidden_dropout: float
    residual_dropout: float


@estimator
class _ResNet(PatientKerasNetwork):
    """Architecture and optimizer.

    References
    ----------
    arXiv:2106.11959, section 3.2; numbers are transformed to normal quantiles, as there.
    """

    units: Annotated[int, "Features that run through all blocks."] = 192
    n_blocks: Annotated[int, "Number of residual blocks."] = 2
    hidden_factor: Annotated[float, "Hidden units of a block, as a multiple of `units`."] = 2.0
    hidden_dropout: Annotated[float, "Fraction of a block's hidden units dropped at each step."] = (
        0.3
    )
    residual_dropout: Annotated[float, "Fraction of a block's outputs dropped at each step."] = 0.1
    weight_decay: Annotated[float, "Decoupled decay of the kernels."] = 0.01
    batch_size: BatchSize = 128
    max_epochs: int = 300
    patience: int = 20

    _categories: ClassVar[Categories] = "mixed"
    _scale: ClassVar[Scale] = "quantile"
    _config_class: ClassVar[type[ResNetConfig]] = ResNetConfig
    _draw = staticmethod(uniform_weights)

    @staticmethod
    def _build(layers: Layers, config: ResNetConfig) -> KerasModel:
        def normed(values: Tensor, name: str) -> Tensor:
            return layers.BatchNormalization(momentum=_MOMENTUM, epsilon=_EPSILON, name=name)(
                values
            )

        def dropped(values: Tensor, rate: float) -> Tensor:
            return layers.Dropout(rate)(values) if rate > 0 else values

        inputs = layers.Input(config.n_inputs)
        values = table_inputs(layers, inputs, config, category_units=_CATEGORY_UNITS)
        values = layers.Dense(config.units, name="first")(values)
        for number in range(1, config.n_blocks + 1):
            dense = layers.Dense(config.n_hidden_units, activation="relu", name=f"hidden_{number}")
            hidden = dropped(dense(normed(values, f"norm_{number}")), config.hidden_dropout)
            hidden = layers.Dense(config.units, name=f"back_{number}")(hidden)
            values = layers.Add()([values, dropped(hidden, config.residual_dropout)])
        values = layers.Activation("relu")(normed(values, "last_norm"))
        return layers.Model(inputs, layers.Dense(config.n_outputs, name="output")(values))

    def _derived(self) -> dict[str, Any]:
        return {"n_hidden_units": max(1, int(self.units * self.hidden_factor))}

    def _program_config(self) -> ProgramConfig:
        from zoo.training.optimizer import Adam
        from zoo.training.program import ProgramConfig

        optimizer = Adam(epsilon=1e-8, without_decay=("categories/embeddings",))
        return ProgramConfig(loss=self._loss, optimizer=optimizer, batch_size=self.batch_size)


@estimator
class ResNetClassifier(_ResNet, NetworkClassifier):
    """ResNet for classes."""


@estimator
class ResNetRegressor(_ResNet, NetworkRegressor):
    """ResNet for numbers."""
