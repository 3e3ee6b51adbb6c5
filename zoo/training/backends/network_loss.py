"""The training loss of one network, for JAX to map over networks and PyTorch to differentiate.

The TensorFlow program computes the same for R networks at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from keras import ops

from zoo.training.layers.in_training import rows_present
from zoo.training.program import ProgramConfig
from zoo.training.types import KerasModel, Tensor

__all__ = ["mean_loss", "network_loss"]


def mean_loss(config: ProgramConfig, outputs: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Return the mean loss by the rows' weights.

    Parameters
    ----------
    config : ProgramConfig
    outputs : tensor of shape (batch, n_outputs)
        Or (batch, k, n_outputs) of k members, whose losses are averaged.
    y, weight : tensors of shape (batch,)
    """
    if len(outputs.shape) == 3:
        k = outputs.shape[1]
        y, weight = (ops.repeat(part, k, axis=0) for part in (y, weight))
        outputs = ops.reshape(outputs, (-1, outputs.shape[2]))
    if config.loss == "squared":
        losses = ops.square(outputs[:, 0] - y)
    else:
        logs = ops.log_softmax(outputs, axis=-1)
        codes = ops.expand_dims(ops.cast(y, "int32"), -1)
        losses = -ops.take_along_axis(logs, codes, axis=-1)[:, 0]
        smoothing = config.label_smoothing
        if smoothing > 0:
            losses = (1 - smoothing) * losses - smoothing * ops.mean(logs, axis=-1)
    return ops.sum(losses * weight) / ops.maximum(ops.sum(weight), 1e-12)


def network_loss(
    network: KerasModel,
    config: ProgramConfig,
    weights: Sequence[Tensor],
    state: Sequence[Tensor],
    rows: Sequence[Tensor],
) -> tuple[Tensor, list[Tensor]]:
    """Return the loss of a batch (X, y, weight), and the state after it."""
    X, y, weight = rows
    with rows_present(weight > 0):
        outputs, state_after = network.stateless_call(list(weights), list(state), X, training=True)
    return mean_loss(config, outputs, y, weight), state_after
