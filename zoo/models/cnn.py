"""A convolutional network for pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from zoo.models.network import NetworkClassifier
from zoo.models.targets import ClassWeight

_MIN_SIDE = 4  # it is halved twice


class _CNN:
    """Two convolutions with pooling, then one hidden layer."""

    # XLA's convolutions on a CPU run on one thread inside loops; TensorFlow's own do not
    _jit_compile: ClassVar[bool] = False
    _n_program_inputs: Callable[[], int]
    n_inputs_: int

    def __init__(
        self,
        *,
        filters: int = 16,
        units: int = 64,
        image_shape: tuple[int, int, int] | None = None,
        learning_rate: float = 0.001,
        weight_decay: float = 0.01,
        max_epochs: int = 150,
        patience: int = 12,
        validation_fraction: float = 0.2,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        self.filters = filters
        self.units = units
        self.image_shape = image_shape
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.random_state = random_state

    @staticmethod
    def _build(
        layers: Any,
        *,
        n_inputs: int,
        n_outputs: int,
        filters: int,
        units: int,
        image_shape: tuple[int, int, int],
    ) -> Any:
        size = math.prod(image_shape)
        return layers.Sequential(
            [
                layers.Input(n_inputs),
                *([layers.ZeroFill(size)] if n_inputs < size else []),
                layers.Reshape(image_shape),
                layers.Conv2D(filters, 3, padding="same", activation="relu", name="conv_1"),
                layers.MaxPooling2D(2),
                layers.Conv2D(2 * filters, 3, padding="same", activation="relu", name="conv_2"),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dense(units, activation="relu", name="hidden"),
                layers.Dense(n_outputs, name="output"),
            ]
        )

    def _options(self, n_inputs: int) -> Mapping[str, Any]:
        shape = self.image_shape
        if shape is None:
            # the program may have more inputs than the network: both must have the same picture
            side = max(_MIN_SIDE, math.ceil(math.sqrt(self._n_program_inputs())))
            shape = (side, side, 1)
        elif not math.prod(shape) == self.n_inputs_ == self._n_program_inputs():
            raise ValueError(
                f"{self.n_inputs_} columns are not a picture of shape {tuple(shape)}; "
                "give height, width and channels of pictures without gaps, or None"
            )
        return {"filters": self.filters, "units": self.units, "image_shape": tuple(shape)}


class CNNClassifier(_CNN, NetworkClassifier):
    """A convolutional network for classes of pictures.

    Parameters
    ----------
    filters : int
        Filters of the first convolution; the second has twice as many.
    units : int
        Units of the hidden layer.
    image_shape : tuple of int or None
        Height, width, channels. None: square, one channel, at least 4 x 4; columns that are too
        few for that are filled up with zeros at the end, so that any table can be fitted.
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
