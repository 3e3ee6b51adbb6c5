"""The multilayer perceptron: input, one hidden layer, output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.targets import ClassWeight


class _MLP:
    """One hidden layer of rectified units."""

    def __init__(
        self,
        *,
        units: int = 128,
        learning_rate: float = 0.002,
        weight_decay: float = 0.01,
        max_epochs: int = 150,
        patience: int = 12,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.units = units
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    @staticmethod
    def _build(layers: Any, *, n_inputs: int, n_outputs: int, units: int) -> Any:
        return layers.Sequential(
            [
                layers.Input(n_inputs),
                layers.Dense(units, activation="relu", name="hidden"),
                layers.Dense(n_outputs, name="output"),
            ]
        )

    def _options(self, n_inputs: int) -> Mapping[str, Any]:
        return {"units": self.units}


class MLPClassifier(_MLP, NetworkClassifier):
    """A multilayer perceptron for classes.

    Parameters
    ----------
    units : int
        Hidden units.
    learning_rate : float
        Step size of Adam.
    weight_decay : float
        Decoupled decay of the weights, not of the biases.
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
    """

    def __init__(
        self,
        *,
        units: int = 128,
        learning_rate: float = 0.002,
        weight_decay: float = 0.01,
        max_epochs: int = 150,
        patience: int = 12,
        validation_fraction: float = 0.2,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            units=units,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            max_epochs=max_epochs,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.class_weight = class_weight


class MLPRegressor(_MLP, NetworkRegressor):
    """A multilayer perceptron for numbers.

    Parameters
    ----------
    units : int
        Hidden units.
    learning_rate : float
        Step size of Adam.
    weight_decay : float
        Decoupled decay of the weights, not of the biases.
    max_epochs : int
        Rounds at most; a round is one epoch, or several that make 32 steps on small data.
    patience : int
        Rounds without a better held-out loss before training stops.
    validation_fraction : float
        Share of the training rows held out for early stopping.
    random_state : int, RandomState or None
    """
