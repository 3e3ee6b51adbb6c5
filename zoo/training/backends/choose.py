"""The programs of the backend that Keras was started with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import keras

from zoo.training.initialisers import initial_weights
from zoo.training.losses import Loss
from zoo.training.neighbours import NeighbourProgram
from zoo.training.optimizer import Adam
from zoo.training.program import Program, ProgramConfig
from zoo.training.types import ArchitectureConfig

__all__ = ["neighbour_program", "neighbour_program_class", "program", "program_class"]

_MAX_PROGRAMS = 16  # alive at a time; each holds some megabytes


def _classes() -> tuple[type[Program], type[NeighbourProgram]]:
    backend = keras.backend.backend()
    if backend == "jax":
        from zoo.training.backends.jax import JaxNeighbourProgram, JaxProgram

        return JaxProgram, JaxNeighbourProgram
    if backend == "torch":
        from zoo.training.backends.torch import TorchNeighbourProgram, TorchProgram

        return TorchProgram, TorchNeighbourProgram
    from zoo.training.backends.tensorflow import TensorFlowNeighbourProgram, TensorFlowProgram

    return TensorFlowProgram, TensorFlowNeighbourProgram


def program_class() -> type[Program]:
    """Return the class of programs of Keras's backend."""
    return _classes()[0]


def neighbour_program_class() -> type[NeighbourProgram]:
    """Return the class of neighbour programs of Keras's backend."""
    return _classes()[1]


@lru_cache(maxsize=_MAX_PROGRAMS)
def program(
    build: Callable[..., Any],
    architecture: ArchitectureConfig,
    config: ProgramConfig,
    *,
    n_replicates: int = 1,
    jit_compile: bool = True,
    draw: Callable[..., Any] | None = None,
) -> Program:
    """Return the program of an architecture, made once for each shape.

    Parameters
    ----------
    build : callable
        Returns the `keras.Model`, given a namespace of layers and a config.
    architecture : ArchitectureConfig
        Of the widest network that the program holds.
    config, n_replicates, jit_compile
        See `Program`.
    draw : callable or None
        As `WeightInitialiser`, with the architecture's config too; None: `initial_weights`.
    """
    return program_class()(
        lambda layers, n: build(layers, replace(architecture, n_inputs=n)),
        architecture.n_inputs,
        config,
        n_replicates=n_replicates,
        jit_compile=jit_compile,
        draw=initial_weights if draw is None else partial(draw, config=architecture),
    )


@lru_cache(maxsize=_MAX_PROGRAMS)
def neighbour_program(
    build: Callable[..., Any],
    architecture: ArchitectureConfig,
    loss: Loss,
    *,
    optimizer: Adam,
    temperature: float,
    jit_compile: bool,
) -> NeighbourProgram:
    """Return the `NeighbourProgram` of an architecture, made once for each shape, as `program`."""
    return neighbour_program_class()(
        lambda layers, n: build(layers, replace(architecture, n_inputs=n)),
        architecture.n_inputs,
        loss,
        optimizer=optimizer,
        temperature=temperature,
        jit_compile=jit_compile,
    )
