"""A deep network: more than three layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from zoo.models.keras_network import PatientKerasNetwork
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.parameters import HiddenLayers, HiddenUnits, estimator
from zoo.training.types import ArchitectureConfig, KerasModel, Layers


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepMLPConfig(ArchitectureConfig):
    """The config of a deep network."""

    units: int
    n_hidden: int
    dropout: float


@estimator
class _DeepMLP(PatientKerasNetwork):
    """Hidden layers of rectified units, each followed by dropout."""

    units: HiddenUnits = 128
    n_hidden: HiddenLayers = 4
    dropout: Annotated[
        float | None,
        "Fraction of the hidden units dropped at each step. None: 0.1 for classes, 0 for numbers: "
        "dropout makes the scale of a hidden layer differ between training and prediction, which "
        "matters for numbers (root mean squared error .18 with dropout, .12 without, on diamonds).",
    ] = None

    _config_class = DeepMLPConfig

    @staticmethod
    def _build(layers: Layers, config: DeepMLPConfig) -> KerasModel:
        stack: list[Any] = [layers.Input(config.n_inputs)]
        for number in range(1, config.n_hidden + 1):
            stack.append(layers.Dense(config.units, activation="relu", name=f"hidden_{number}"))
            if config.dropout > 0:
                stack.append(layers.Dropout(config.dropout, name=f"dropout_{number}"))
        stack.append(layers.Dense(config.n_outputs, name="output"))
        return layers.Sequential(stack)

    def _derived(self) -> dict[str, Any]:
        usual = 0.1 if self._is_classifier else 0.0
        return {"dropout": usual if self.dropout is None else self.dropout}


@estimator
class DeepMLPClassifier(_DeepMLP, NetworkClassifier):
    """A deep network for classes."""


@estimator
class DeepMLPRegressor(_DeepMLP, NetworkRegressor):
    """A deep network for numbers."""
