"""The types of training, named once: arrays, tensors, Keras's objects, the layer namespace.

No framework is imported: models may use these names at the top of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ArchitectureBuilder", "Array", "DoubleArray", "FloatArray", "IntArray", "KerasModel",
    "LayerCall", "LayerFactory", "Layers", "Options", "Shape", "Tensor", "Variable",
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
    dtype: Any

    @property
    def shape(self) -> Shape:
        """The lengths of the axes."""

    def assign(self, value: Tensor) -> Tensor:
        """Replace the value."""

    def numpy(self) -> Array:
        """Return the value."""


class VariableSpec(NamedTuple):
    """Path, shape and type of a variable."""

    path: str
    shape: Shape
    dtype: str


class KerasModel(Protocol):
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

    def __call__(self, inputs: Tensor, *, training: bool = ...) -> Tensor:
        """Return the outputs."""

    def stateless_call(
        self,
        trainable_variables: Sequence[Tensor],
        non_trainable_variables: Sequence[Tensor],
        inputs: Tensor,
        *,
        training: bool = ...,
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the outputs for these values of the variables, and the next state."""

    def get_layer(self, name: str) -> Any:
        """Return the layer of this name."""

    def save(self, path: Any) -> None:
        """Write the network to a ``.keras`` file."""


class LayerCall(Protocol):
    """A layer of an architecture: called with tensors, it returns one."""

    def __call__(self, inputs: Tensor, *, training: bool = ...) -> Tensor:
        """Return the outputs."""


LayerFactory: TypeAlias = Callable[..., LayerCall]


class Layers(Protocol):
    """The namespace of layers that architectures are written against.

    `zoo.training.layers.namespaces` makes it for one network or for many in training; an
    architecture calls ``layers.Dense(8, name="hidden")(values)`` and serves both.
    """

    Input: Callable[[int], Tensor]  # of so many columns
    Model: Callable[[Tensor, Tensor], KerasModel]  # from inputs to outputs
    Sequential: Callable[[Sequence[Any]], KerasModel]

    # of Keras
    Activation: LayerFactory
    Add: LayerFactory
    BatchNormalization: LayerFactory
    Concatenate: LayerFactory
    Conv2D: LayerFactory
    Dense: LayerFactory
    Dropout: LayerFactory
    Embedding: LayerFactory
    Flatten: LayerFactory
    LayerNormalization: LayerFactory
    MaxPooling2D: LayerFactory
    Multiply: LayerFactory
    Reshape: LayerFactory

    # of `zoo.training.layers`
    Attend: LayerFactory
    AttentionWeights: LayerFactory
    BatchEnsembleDense: LayerFactory
    Columns: LayerFactory
    Crossings: Callable[..., Any]  # has `n_buckets` too
    FeatureTokens: LayerFactory
    Members: LayerFactory
    MembersDense: LayerFactory
    MembersMean: LayerFactory
    MembersScale: LayerFactory
    NTKDense: LayerFactory
    PBLDEmbedding: LayerFactory
    ParametricActivation: LayerFactory
    PeriodicEmbedding: LayerFactory
    PiecewiseLinearEmbedding: LayerFactory
    ReGLU: LayerFactory
    SharedDense: LayerFactory
    SumColumns: LayerFactory
    Tokens: LayerFactory
    ZeroFill: LayerFactory


# Given a namespace of layers and the number of inputs, returns a network.
ArchitectureBuilder: TypeAlias = Callable[[Layers, int], KerasModel]
