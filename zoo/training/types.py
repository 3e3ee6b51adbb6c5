"""The types of training, named once: arrays, tensors, Keras's objects, the layer namespace.

No framework is imported: models may use these names at the top of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ArchitectureBuilder", "ArchitectureConfig", "Array", "DoubleArray", "FloatArray", "IntArray",
    "KerasModel", "LayerCall", "LayerFactory", "Layers", "Options", "Shape", "Tensor", "Variable",
    "VariableSpec",
]  # fmt: skip

Array: TypeAlias = NDArray[Any]  # of any dtype
FloatArray: TypeAlias = NDArray[np.float32]
DoubleArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.intp]
Shape: TypeAlias = tuple[int, ...]
Options: TypeAlias = Mapping[str, Any]  # keyword arguments of a builder

# A tensor of Keras's backend, symbolic or not, or an array. The frameworks' own classes have no
# common base, and their modules are not type-checked.
Tensor: TypeAlias = Any


class Variable(Protocol):
    """A variable of a Keras model (`keras.Variable`)."""

    path: str  # "model/layer/name"
    shape: Shape
    dtype: Any

    def assign(self, value: Tensor) -> Tensor:
        """Replace the value."""


class VariableSpec(NamedTuple):
    """Path, shape and type of a variable."""

    path: str
    shape: Shape
    dtype: str


class LayerCall(Protocol):
    """A layer of an architecture, or a network: called with tensors, it returns one."""

    def __call__(self, inputs: Tensor, *, training: bool = ...) -> Tensor:
        """Return the outputs."""


class KerasModel(LayerCall, Protocol):
    """A network (`keras.Model`)."""

    name: str
    layers: list[Any]
    inputs: list[Tensor]
    outputs: list[Tensor]
    weights: list[Variable]
    variables: list[Variable]
    trainable_variables: list[Variable]
    non_trainable_variables: list[Variable]  # states of random generators too
    non_trainable_weights: list[Variable]

    def stateless_call(
        self, weights: Sequence[Tensor], state: Sequence[Tensor], inputs: Tensor, *, training: bool
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the outputs for these values of the variables, and the next state."""

    def get_layer(self, name: str) -> Any:
        """Return the layer of this name."""

    def save(self, path: Any) -> None:
        """Write the network to a ``.keras`` file."""


LayerFactory: TypeAlias = Callable[..., LayerCall]


class Layers(Protocol):
    """The namespace of layers that architectures are written against.

    `zoo.training.layers.namespaces` makes it for one network or for many in training; an
    architecture calls ``layers.Dense(8, name="hidden")(values)`` and serves both.
    """

    Input: Callable[[int], Tensor]  # of so many columns
    Model: Callable[[Tensor, Tensor], KerasModel]  # from inputs to outputs
    Sequential: Callable[[Sequence[Any]], KerasModel]
    Crossings: Callable[..., Any]  # has `n_buckets` too
    MembersMean: LayerFactory  # an export replaces this and the next
    PiecewiseLinearEmbedding: LayerFactory

    def __getattr__(self, name: str) -> LayerFactory:
        """Return a layer of Keras or of `zoo.training.layers`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureConfig:
    """The config of a network; each architecture adds its own fields, all of them hashable.

    Parameters
    ----------
    n_inputs : int
        Columns of an encoded row.
    n_outputs : int
        Logits of the classes, or 1 for a number.
    """

    n_inputs: int
    n_outputs: int


# Given a namespace of layers and the number of inputs, returns a network.
ArchitectureBuilder: TypeAlias = Callable[[Layers, int], KerasModel]
