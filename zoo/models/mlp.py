"""The multilayer perceptron: input, one hidden layer, output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from zoo.models.keras_network import PatientKerasNetwork
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.parameters import estimator
from zoo.training.types import ArchitectureConfig, KerasModel, Layers


@dataclass(frozen=True, slots=True, kw_only=True)
class MLPConfig(ArchitectureConfig):
    """The config of a multilayer perceptron."""

    units: int


@estimator
class _MLP(PatientKerasNetwork):
    """One hidden layer of rectified units."""

    units: Annotated[int, "Number of hidden units."] = 128
    learning_rate: float = 0.002

    _config_class = MLPConfig

    @staticmethod
    def _build(layers: Layers, config: MLPConfig) -> KerasModel:
        hidden = layers.Dense(config.units, activation="relu", name="hidden")
        output = layers.Dense(config.n_outputs, name="output")
        return layers.Sequential([layers.Input(config.n_inputs), hidden, output])


@estimator
class MLPClassifier(_MLP, NetworkClassifier):
    """A multilayer perceptron for classes."""


@estimator
class MLPRegressor(_MLP, NetworkRegressor):
    """A multilayer perceptron for numbers."""
