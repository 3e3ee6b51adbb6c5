"""The layers that architectures are written against, for one network and for many in training.

An architecture is written once, for three namespaces: `plain` (ordinary Keras layers, one network),
`replicated` (R networks in training at once, in TensorFlow) and `single` (one network in training,
in JAX and PyTorch).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import keras

from zoo.training.layers import attention, embeddings, ensembles, tabular
from zoo.training.layers.in_training import (
    TrainingBatchNormalization,
    TrainingDropout,
    rows_present,
)  # fmt: skip
from zoo.training.types import KerasModel, Layers, Shape

__all__ = ["on_cpu", "plain", "replicated", "rows_present", "single", "weight_shapes"]


def on_cpu() -> AbstractContextManager[Any]:
    """Return a context in which variables are made on the CPU.

    PyTorch's name for it is "cpu". It takes "cpu:0" for another device: Keras would then copy each
    variable, and PyTorch would make the copies parameters with gradients, which whole numbers
    (states of random generators) cannot have.
    """
    name = "cpu" if keras.backend.backend() == "torch" else "cpu:0"
    return cast(AbstractContextManager[Any], keras.device(name))


_FOR_ANY_SHAPE = {  # these serve one network and many
    name: getattr(module, name)
    for module, names in (
        (keras, ("Sequential", "Model")),
        (keras.layers, ("Activation", "Add", "Concatenate", "Multiply")),
        *((module, module.__all__) for module in (attention, embeddings, ensembles, tabular)),
    )
    for name in names
}
_KERAS_LAYERS = (
    "Dense", "Dropout", "BatchNormalization", "LayerNormalization", "Embedding", "Conv2D",
    "MaxPooling2D", "Reshape", "Flatten",
)  # fmt: skip


def _namespace(**names: Any) -> Layers:
    return cast(Layers, SimpleNamespace(**_FOR_ANY_SHAPE, **names))


def plain() -> Layers:
    """Return the names for one network of ordinary Keras layers."""
    return _namespace(
        Input=lambda n_inputs: keras.Input((n_inputs,)),
        **{name: getattr(keras.layers, name) for name in _KERAS_LAYERS},
    )


def weight_shapes(
    build: Callable[[Layers, Any], KerasModel], config: Any, n_most: int
) -> list[Shape]:
    """Return the shapes of an architecture's weights, trainable ones first.

    Raises
    ------
    ValueError
        If it has more than `n_most` layers.
    """
    n_left = n_most

    def counted(make: Callable[..., Any]) -> Callable[..., Any]:
        def layer(*args: Any, **options: Any) -> Any:
            nonlocal n_left
            n_left -= 1 + sum(len(each) for each in args if isinstance(each, list | tuple))
            if n_left < 0:
                raise ValueError(f"the network has more than {n_most} layers")
            return make(*args, **options)

        return layer

    layers = cast(Layers, SimpleNamespace(**{k: counted(v) for k, v in vars(plain()).items()}))
    # in this scope variables have shapes, but no values
    with keras.StatelessScope(initialize_variables=False), on_cpu():
        network = build(layers, config)
    variables = [*network.trainable_variables, *network.non_trainable_weights]
    return [tuple(variable.shape) for variable in variables]


def replicated(n_replicates: int) -> Layers:
    """Return the names for `n_replicates` networks at once, in TensorFlow."""
    from zoo.training.layers import replicated as layers

    return _namespace(
        Input=lambda n_inputs: keras.Input(batch_shape=(n_replicates, None, n_inputs)),
        Dropout=partial(TrainingDropout, has_replicates=True),
        BatchNormalization=TrainingBatchNormalization,
        **{name.removeprefix("Replicate"): getattr(layers, name) for name in layers.__all__},
    )


def single() -> Layers:
    """Return the names for one network in training, in any backend."""
    layers = plain()
    vars(layers).update(Dropout=TrainingDropout, BatchNormalization=TrainingBatchNormalization)
    return layers
