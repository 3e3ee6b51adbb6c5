"""A convolutional network for images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Annotated, Any

import numpy as np

from zoo.models.keras_network import PatientKerasNetwork
from zoo.models.network import NetworkClassifier
from zoo.models.parameters import estimator
from zoo.training.types import ArchitectureConfig, KerasModel, Layers

_MIN_SIDE = 4  # it is halved twice


@dataclass(frozen=True, slots=True, kw_only=True)
class CNNConfig(ArchitectureConfig):
    """The config of a convolutional network."""

    filters: int
    units: int
    image_shape: tuple[int, int, int]


@estimator
class CNNClassifier(PatientKerasNetwork, NetworkClassifier):
    """A convolutional network for classes of images: two convolutions and a hidden layer."""

    filters: Annotated[int, "Filters of the first convolution; the second has twice as many."] = 16
    units: Annotated[int, "Units of the hidden layer."] = 64
    image_shape: Annotated[
        tuple[int, int, int] | None,
        "Height, width, channels. None: square, one channel, at least 4 x 4; columns that are too "
        "few for that are padded with zeros, so that any table can be fitted.",
    ] = None

    # XLA's convolutions on a CPU run on one thread inside loops; TensorFlow's own do not
    _jit_compile = False
    _config_class = CNNConfig

    @staticmethod
    def _build(layers: Layers, config: CNNConfig) -> KerasModel:
        filters, size = config.filters, math.prod(config.image_shape)
        return layers.Sequential(
            [
                layers.Input(config.n_inputs),
                *([layers.ZeroFill(size)] if config.n_inputs < size else []),
                layers.Reshape(config.image_shape),
                layers.Conv2D(filters, 3, padding="same", activation="relu", name="conv_1"),
                layers.MaxPooling2D(2),
                layers.Conv2D(2 * filters, 3, padding="same", activation="relu", name="conv_2"),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dense(config.units, activation="relu", name="hidden"),
                layers.Dense(config.n_outputs, name="output"),
            ]
        )

    def _derived(self) -> dict[str, Any]:
        if self.image_shape is None:
            # the program may have more inputs than the network: both must have the same image
            side = max(_MIN_SIDE, math.ceil(math.sqrt(self._n_program_inputs())))
            return {"image_shape": (side, side, 1)}
        shape = _checked_shape(self.image_shape)
        if not math.prod(shape) == self.n_inputs_ == self._n_program_inputs():
            raise ValueError(
                f"{self.n_inputs_} columns are not an image of shape {shape}; "
                "give height, width and channels of images without missing values, or None"
            )
        return {"image_shape": shape}


def _checked_shape(shape: object) -> tuple[int, int, int]:
    """Return height, width and channels, or raise ValueError."""
    sizes = tuple(shape) if isinstance(shape, Sequence | np.ndarray) else ()
    if len(sizes) == 3 and all(isinstance(n, Integral) for n in sizes):
        height, width, channels = map(int, sizes)
        if min(height, width) >= _MIN_SIDE and channels >= 1:
            return height, width, channels
    raise ValueError(
        f"image_shape must be height and width from {_MIN_SIDE} and channels from 1, e.g. "
        f"(8, 8, 1), or None; got {' '.join(repr(shape).split())}"
    )
