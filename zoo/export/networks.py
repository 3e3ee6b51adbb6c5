"""Trained networks as plain Keras models that suit int8 and phones.

They compute what the model computes. Two layers are written differently:

- the members of TabM end in the mean of their probabilities, not in the logarithm of it;
- a piecewise-linear embedding bounds its bins without constants of a million, which would take up
  the whole range of int8.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import KerasTensor, ops

from zoo.encoding.encoder import FittedEstimator
from zoo.errors import ExportError
from zoo.training.layers.embeddings import PiecewiseLinearEmbedding
from zoo.training.layers.namespaces import plain

__all__ = ["network_of"]


class _MeanProbabilities(keras.layers.Layer):  # type: ignore[misc]
    """The mean over members of their probabilities, or of their values."""

    def __init__(self, *, is_logits: bool, **options: Any) -> None:
        super().__init__(**options)
        self.is_logits = is_logits

    def call(self, inputs: KerasTensor) -> KerasTensor:
        """Return (batch, n) for (batch, k, n)."""
        values = ops.softmax(inputs, axis=-1) if self.is_logits else inputs
        return ops.mean(values, axis=-2)


class _Bins(PiecewiseLinearEmbedding):
    """The same embedding, with bins bounded without large constants."""

    def encoding(self, inputs: KerasTensor) -> KerasTensor:
        """Return p(x), (..., n, n_bins)."""
        edges = ops.convert_to_tensor(self.edges)
        left, right = edges[..., :-1], edges[..., 1:]
        width = right - left
        is_bin = ops.cast(width > 0, width.dtype)
        slope = is_bin / (width + (1.0 - is_bin))
        is_first = ops.concatenate([is_bin[..., :1], 0.0 * is_bin[..., 1:]], axis=-1)
        is_last = ops.cast(right >= edges[..., -1:], width.dtype) * is_bin
        passed = (ops.expand_dims(inputs, -1) - left) * slope
        inside = ops.clip(passed, 0.0, 1.0)
        return inside - is_first * ops.relu(-passed) + is_last * ops.relu(passed - 1.0)


def network_of(model: FittedEstimator) -> tuple[keras.Model, bool]:
    """Return an estimator's trained network, and whether it gives probabilities, not logits.

    Raises
    ------
    ExportError
        If Keras runs on another backend, whose networks TensorFlow cannot trace.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ExportError(
            f"an export needs Keras on TensorFlow, got {backend}; "
            "export in a process with KERAS_BACKEND=tensorflow"
        )
    if not hasattr(model, "_build"):  # a model of another package
        return model.to_keras(), False
    layers = plain()
    members: list[bool] = []

    def mean(*, is_logits: bool) -> keras.Layer:
        members.append(is_logits)
        return _MeanProbabilities(is_logits=is_logits)

    layers.MembersMean = mean
    layers.PiecewiseLinearEmbedding = _Bins
    with keras.device("cpu:0"):
        network = model._build(layers, model._config(model.n_inputs_))
    variables = [*network.trainable_variables, *network.non_trainable_weights]
    for variable, value in zip(variables, model.weights_, strict=True):
        variable.assign(value)
    return network, any(members)
