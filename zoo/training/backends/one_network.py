"""The loss of one network in training, in any backend: what JAX maps and PyTorch goes back through.

`compiled_tf` computes the same for R networks at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

from zoo.training.layers.present import rows_present
from zoo.training.program_config import ProgramConfig

__all__ = ["mean_loss", "network_loss"]


def mean_loss(config: ProgramConfig, outputs: Any, y: Any, weight: Any) -> Any:
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
        share = config.label_smoothing
        if share > 0:
            losses = (1 - share) * losses - share * ops.mean(logs, axis=-1)
    return ops.sum(losses * weight) / ops.maximum(ops.sum(weight), 1e-12)


def network_loss(
    network: Any, config: ProgramConfig, weights: Sequence[Any], state: Sequence[Any], rows: Any
) -> tuple[Any, list[Any]]:
    """Return the loss of a batch (X, y, weight), and the state after it."""
    X, y, weight = rows
    with rows_present(weight > 0):
        outputs, moved = network.stateless_call(list(weights), list(state), X, training=True)
    return mean_loss(config, outputs, y, weight), moved
