"""Weights that a network starts from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_state", "draw_weights"]


def draw_weights(
    paths: Sequence[str], shapes: Sequence[tuple[int, ...]], rng: np.random.Generator
) -> list[NDArray[np.float32]]:
    """Return the first weights of one network, variable by variable.

    Kernels are uniform with a variance of 2 over their inputs (He et al. 2015, arXiv:1502.01852),
    that of the layer named ``output`` with 1 over them (LeCun et al. 1998: no rectifier follows).
    Biases are uniform within 1 over the root of the inputs: rectifiers that all bend at zero span
    too little of a narrow input. Those of ``output`` and shifts (``beta``) are zeros, scales
    (``gamma``, ``scale``) ones, embeddings normal with variance 1.

    Parameters
    ----------
    paths : sequence of str
        Keras's paths: ``hidden_1/kernel``.
    shapes : sequence of tuple of int
    rng : Generator
    """
    weights, fan_in = [], 1
    for path, shape in zip(paths, shapes, strict=True):
        name, is_output = path.rsplit("/", 1)[-1], path.split("/")[-2] == "output"
        if name == "kernel":
            fan_in = int(np.prod(shape[:-1]))
            limit = np.sqrt((3.0 if is_output else 6.0) / fan_in)
            values = rng.uniform(-limit, limit, shape)
        elif name == "bias" and not is_output:
            limit = 1.0 / np.sqrt(fan_in)
            values = rng.uniform(-limit, limit, shape)
        elif name in {"gamma", "scale"}:
            values = np.ones(shape)
        elif name == "embeddings":
            values = rng.normal(size=shape)
        elif name in {"bias", "beta"}:
            values = np.zeros(shape)
        else:
            raise ValueError(f"no rule draws the first values of the variable {path}")
        weights.append(values.astype(np.float32))
    return weights


def draw_state(variables: Sequence[Any], rng: np.random.Generator) -> list[NDArray[Any]]:
    """Return the first values of one network's variables that no gradient moves.

    Parameters
    ----------
    variables : sequence of keras.Variable
        Those of a replicated network: the first axis is the replicate's.
    rng : Generator
    """
    state: list[NDArray[Any]] = []
    for variable in variables:
        shape, name = tuple(variable.shape)[1:], variable.path.rsplit("/", 1)[-1]
        if name == "key":
            state.append(rng.integers(0, 2**31, size=shape).astype(np.uint32))
        else:
            make = np.zeros if name == "moving_mean" else np.ones
            state.append(make(shape, np.float32))
    return state
