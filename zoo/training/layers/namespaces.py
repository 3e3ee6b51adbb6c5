"""The layers that architectures are written against, for one network and for many in training.

An architecture is written once, for three namespaces: `plain` (ordinary Keras layers, one network),
`replicated` (R networks in training at once, in TensorFlow) and `single` (one network in training,
in JAX and PyTorch).
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any, cast

import keras

from zoo.training.layers import attention, embeddings, ensembles, tabular
from zoo.training.layers.present import rows_present
from zoo.training.types import Layers

__all__ = ["on_cpu", "plain", "replicated", "rows_present", "single"]


def on_cpu() -> AbstractContextManager[Any]:
    """Return a context in which variables are made on the CPU.

    PyTorch's name for it is "cpu". It takes "cpu:0" for another device: Keras would then copy each
    variable, and PyTorch would make the copies parameters with gradients, which whole numbers
    (states of random generators) cannot have.
    """
    context: AbstractContextManager[Any] = keras.device(
        "cpu" if keras.backend.backend() == "torch" else "cpu:0"
    )
    return context


_ANY_SHAPE = {  # these serve one network and many
    **{
        name: getattr(keras.layers, name)
        for name in ("Activation", "Add", "Concatenate", "Multiply")
    },
    **{name: getattr(tabular, name) for name in tabular.__all__},
    **{name: getattr(ensembles, name) for name in ensembles.__all__},
    **{name: getattr(attention, name) for name in attention.__all__},
    **{name: getattr(embeddings, name) for name in embeddings.__all__},
}


def _namespace(**names: Any) -> Layers:
    return cast(Layers, SimpleNamespace(**names))


def plain() -> Layers:
    """Return the names for one network of ordinary Keras layers."""
    names = (
        "Dense", "Dropout", "BatchNormalization", "LayerNormalization", "Embedding",
        "Conv2D", "MaxPooling2D", "Reshape", "Flatten",
    )  # fmt: skip
    return _namespace(
        Sequential=keras.Sequential,
        Model=keras.Model,
        Input=lambda n_inputs: keras.Input((n_inputs,)),
        **{name: getattr(keras.layers, name) for name in names},
        **_ANY_SHAPE,
    )


def replicated(n_replicates: int) -> Layers:
    """Return the names for `n_replicates` networks at once, in TensorFlow."""
    from zoo.training.layers import replicated as layers

    return _namespace(
        Sequential=keras.Sequential,
        Model=keras.Model,
        Input=lambda n_inputs: keras.Input(batch_shape=(n_replicates, None, n_inputs)),
        Dense=layers.ReplicateDense,
        Dropout=layers.ReplicateDropout,
        BatchNormalization=layers.ReplicateBatchNormalization,
        LayerNormalization=layers.ReplicateLayerNormalization,
        Embedding=layers.ReplicateEmbedding,
        Conv2D=layers.ReplicateConv2D,
        MaxPooling2D=layers.ReplicateMaxPooling2D,
        Reshape=layers.ReplicateReshape,
        Flatten=layers.ReplicateFlatten,
        **_ANY_SHAPE,
    )


def single() -> Layers:
    """Return the names for one network in training, in any backend."""
    from zoo.training.layers import single as layers

    return _namespace(
        **vars(plain())
        | {"Dropout": layers.SingleDropout, "BatchNormalization": layers.SingleBatchNormalization}
    )
