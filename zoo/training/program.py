"""Training and prediction of R networks of one shape.

A program takes its rows in blocks of a fixed number of batches, so its shape does not depend on
the number of rows, and one compilation serves every size of a curve.

The code that all backends share is here; the backends are in `zoo.training.backends`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, cast

import keras
import numpy as np
from keras import ops

from zoo.training.compiled_network import CompiledNetwork
from zoo.training.initialisers import (
    WeightInitialiser,
    initial_state,
    initial_weights,
    variable_name,
)  # fmt: skip
from zoo.training.layers.namespaces import on_cpu
from zoo.training.losses import Loss
from zoo.training.optimizer import Adam, keep_where
from zoo.training.types import (
    ArchitectureBuilder,
    Array,
    FloatArray,
    Layers,
    Tensor,
    Variable,
    VariableSpec,
)  # fmt: skip

__all__ = ["Block", "Program", "ProgramConfig", "TrainState"]

_BLOCK_ROWS = 4096
_MIN_BLOCK_STEPS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramConfig:
    """Settings that are compiled into a program, apart from the architecture.

    Parameters
    ----------
    loss : {"crossentropy", "squared"}
        Softmax cross-entropy on class codes, or squared error.
    label_smoothing : float
        Probability that is spread evenly over all classes (arXiv:1512.00567, section 7).
    optimizer : Adam
    batch_size : int
        Rows of a step.
    """

    loss: Loss
    label_smoothing: float = 0.0
    optimizer: Adam = field(default_factory=Adam)
    batch_size: int = 64

    @property
    def block_steps(self) -> int:
        """Steps of a block."""
        return max(_BLOCK_ROWS // self.batch_size, _MIN_BLOCK_STEPS)


class Block(NamedTuple):
    """Batches for R networks, and how the networks train on them.

    `X` is (R, block_steps, batch_size, n_inputs); `y` and `weight` are (R, block_steps,
    batch_size). A row of weight 0 is padding; a network whose batch is all padding skips that step.
    `n_steps` steps are taken, at most block_steps. `rates` (block_steps, 3, R) holds learning rate,
    weight decay, and strength of dropout (1 as built, 0 none). Networks that are not `active`, bool
    (R,), do not change.
    """

    X: Tensor
    y: Tensor
    weight: Tensor
    n_steps: Tensor
    rates: Tensor
    active: Tensor


class TrainState(NamedTuple):
    """R networks in training: the argument and result of a block of steps.

    `weights`, `state` and the moments of Adam are lists of (R, ...); `state` holds what has no
    gradient. `count` is the number of steps taken, `failed_at` the first step whose loss was not a
    finite number, or 0; both (R,).
    """

    weights: list[Tensor]
    state: list[Tensor]
    first: list[Tensor]
    second: list[Tensor]
    count: Tensor
    failed_at: Tensor


class Program(CompiledNetwork):
    """The functions of `n_replicates` networks of one architecture.

    Parameters
    ----------
    build, n_inputs, jit_compile
        See `CompiledNetwork`. Where XLA cannot compile, the same block runs as a TensorFlow graph.
    config : ProgramConfig
    n_replicates : int
    draw : WeightInitialiser
    """

    _has_replicates: ClassVar[bool] = False  # whether one Keras model holds all R networks

    def __init__(
        self,
        build: ArchitectureBuilder,
        n_inputs: int,
        config: ProgramConfig,
        *,
        n_replicates: int = 1,
        jit_compile: bool = True,
        draw: WeightInitialiser = initial_weights,
    ) -> None:
        super().__init__(build, n_inputs, jit_compile=jit_compile)
        with self._compile_time(), on_cpu():
            self.network = build(self._layers(n_replicates), n_inputs)
        self.n_replicates, self.config, self._draw = n_replicates, config, draw
        names = [v.path.rsplit("/", 1)[-1] for v in self.network.non_trainable_variables]
        self._kept = [i for i, name in enumerate(names) if name not in {"key", "strength"}]
        self._strengths = [i for i, name in enumerate(names) if name == "strength"]

    @classmethod
    def max_threads(cls) -> int:
        """Return how many threads may run programs at once."""
        return 1

    def shared_tensors(self, arrays: Sequence[FloatArray]) -> Sequence[Tensor]:
        """Return tensors in the memory of these arrays, or the arrays where a backend copies."""
        return arrays

    @abstractmethod
    def _layers(self, n_replicates: int) -> Layers:
        """Return the layers of the network in training."""

    @abstractmethod
    def train(self, train_state: TrainState, block: Block) -> TrainState:
        """Train on a block of batches and return the new state; the first call compiles."""

    def _state_with_strength(self, state: Sequence[Tensor], strength: Tensor) -> list[Tensor]:
        """Return the state with this strength of dropout in all its layers."""
        return [strength if i in self._strengths else value for i, value in enumerate(state)]

    def _moved(
        self,
        train_state: TrainState,
        rate: Tensor,
        gradients: Sequence[Tensor],
        state: Sequence[Tensor],
        outcome: tuple[Tensor, Tensor],
    ) -> TrainState:
        """Return the networks after one step of the optimizer.

        `rate` (3, R) is learning rate, weight decay and strength of dropout. `outcome` says which
        networks take the step, bool (R,), and the loss of each, (R,). A network whose loss is not a
        finite number does not change, and has failed.
        """
        runs, losses = outcome
        fails = runs & ~ops.isfinite(losses)
        moves = runs & ~fails
        count = train_state.count + ops.cast(runs, "float32")
        weights, first, second = self.config.optimizer.update(
            self.template.trainable_variables,
            (train_state.weights, train_state.first, train_state.second),
            gradients,
            count,
            (rate[0], rate[1]),
            moves,
        )
        kept = [keep_where(moves, n, o) for n, o in zip(state, train_state.state, strict=True)]
        failed_at = ops.where(fails, ops.cast(count, "int32"), train_state.failed_at)
        return TrainState(weights, kept, first, second, count, failed_at)

    def _variables(self) -> tuple[list[VariableSpec], list[VariableSpec]]:
        """Return the variables that train, and the others, of R networks: shapes (R, ...)."""
        lead = () if self._has_replicates else (self.n_replicates,)

        def described(variables: Sequence[Variable]) -> list[VariableSpec]:
            return [VariableSpec(v.path, (*lead, *v.shape), v.dtype) for v in variables]

        network = self.network
        return described(network.trainable_variables), described(network.non_trainable_variables)

    def empty(self) -> TrainState:
        """Return networks whose weights are all zero, to be filled in with `enter`."""

        def zeros(variables: Sequence[VariableSpec]) -> list[Tensor]:
            return [np.zeros(v.shape, v.dtype) for v in variables]

        trainable, others = self._variables()
        count, failed_at = (np.zeros(self.n_replicates, kind) for kind in (np.float32, np.int32))
        moments = zeros(trainable), zeros(trainable)
        return TrainState(zeros(trainable), zeros(others), *moments, count, failed_at)

    def enter(
        self, train_state: TrainState, replicate: int, seed: int, X: FloatArray
    ) -> TrainState:
        """Return the train state with a fresh network as one of the replicates.

        The seed and the training rows `X` (n_rows, inputs of this network) decide its first
        weights, the seed alone its dropout masks.
        """
        rng = np.random.default_rng(seed)
        shapes = self.shapes(X.shape[1])[: len(self.paths)]
        sizes = {variable_name(p): s for p, s in zip(self.paths, shapes, strict=True)}
        weights = self._draw(self.paths, shapes, rng, X)
        state = initial_state(self._variables()[1], rng, sizes, X)

        def put(old: Tensor, new: Tensor) -> Array:
            values = np.array(old)
            values[replicate] = np.reshape(new, values.shape[1:]) if np.ndim(new) else new
            return values

        zeros = [np.float32(0)] * len(weights)
        fresh = TrainState(
            self.padded(weights), state, zeros, zeros, count=np.float32(0), failed_at=np.int32(0)
        )
        return cast(TrainState, keras.tree.map_structure(put, train_state, fresh))

    def slice(self, train_state: TrainState, replicate: int) -> list[FloatArray]:
        """Return one replicate's weights in the shapes of an ordinary network of all inputs."""
        values = [*train_state.weights, *[train_state.state[i] for i in self._kept]]
        return [
            np.asarray(value)[replicate].reshape(shape)
            for value, shape in zip(values, self._shapes[self.n_inputs], strict=True)
        ]
