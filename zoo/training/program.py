"""Training and prediction of R networks of one shape, as functions of their weights.

Weights and optimiser state are arguments and results, never variables of the graph, so one
program serves every fit of the same shape: nothing is rebuilt, and nothing is left behind.
A program takes its rows in blocks of a fixed number of batches, so its shape does not depend on
the number of rows, and one compilation serves every size of a curve.

What is the same in every backend is here; the backends are in `zoo.training.backends`.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from keras import ops
from numpy.typing import NDArray

from zoo.training.blocks import row_class
from zoo.training.initialisers import WeightInitialiser, initial_state, initial_weights
from zoo.training.layers.namespaces import on_cpu, plain
from zoo.training.losses import row_losses
from zoo.training.optimizer import keep_where
from zoo.training.program_config import ProgramConfig

__all__ = ["Program", "TrainState"]

_PREDICT_ROWS = 8192
_LEAST_ROWS = 64


class TrainState(NamedTuple):
    """R networks in training: what a block of steps takes and returns.

    Weights and moments are lists of (R, ...), state holds what no gradient moves. `count` are the
    steps made, `failed_at` the first step whose loss was not a finite number, or 0; (R,) both.
    """

    weights: list[Any]
    state: list[Any]
    first: list[Any]
    second: list[Any]
    count: Any
    failed_at: Any


class Program(ABC):
    """The functions of `n_replicates` networks of one architecture.

    Parameters
    ----------
    build : callable
        Given a namespace of layers (`zoo.training.layers`) and the number of inputs, returns the
        `keras.Model`.
    n_inputs : int
        Networks with fewer inputs train in it too: the weights of the missing ones are zeros.
    config : ProgramConfig
    n_replicates : int
    jit_compile : bool
        Whether XLA compiles the training block, where that is a choice; without it, or where XLA
        cannot, the same block runs as a TensorFlow graph.
    draw : callable
        Gives the first weights.
    """

    _has_replicates: ClassVar[bool] = False  # whether one Keras model holds all R networks

    def __init__(
        self,
        build: Callable[[Any, int], Any],
        n_inputs: int,
        config: ProgramConfig,
        *,
        n_replicates: int = 1,
        jit_compile: bool = True,
        draw: WeightInitialiser = initial_weights,
    ) -> None:
        start = time.perf_counter()
        with on_cpu():
            self.template = build(plain(), n_inputs)
            self.network = build(self._layers(n_replicates), n_inputs)
        self.n_inputs, self.n_replicates = n_inputs, n_replicates
        self.config = config
        self._build, self._draw = build, draw
        self._shapes = {n_inputs: _shapes(self.template)}
        names = [v.path.rsplit("/", 1)[-1] for v in self.network.non_trainable_variables]
        self._kept = [i for i, name in enumerate(names) if name not in {"key", "strength"}]
        self._strengths = [i for i, name in enumerate(names) if name == "strength"]
        self._jit_compile = jit_compile
        self._lock = threading.Lock()
        self.compile_s = time.perf_counter() - start
        self._claimed_s = 0.0

    @abstractmethod
    def _layers(self, n_replicates: int) -> Any:
        """Return the layers of the network in training."""

    @abstractmethod
    def train(
        self, train_state: TrainState, blocks: Any, n_steps: int, rates: Any, active: Any
    ) -> TrainState:
        """Train on a block of batches and return the new train_state; the first call compiles.

        Parameters
        ----------
        train_state : TrainState
        blocks : tuple
            X (R, block_steps, batch_size, n_inputs), y and weight (R, block_steps, batch_size).
            A row of weight 0 is not there; a replicate without rows does not move in that step.
        n_steps : int
            How many of the batches count.
        rates : array of float32, shape (block_steps, 3, R)
            Learning rate, weight decay, and strength of dropout (1 as built, 0 none).
        active : array of bool, shape (R,)
            The others do not move.
        """

    def _moved(
        self,
        train_state: TrainState,
        rate: Any,
        gradients: Any,
        state: Any,
        outcome: tuple[Any, Any],
    ) -> TrainState:
        """Return the networks after one step of the optimiser.

        Parameters
        ----------
        train_state : TrainState
            Before the step.
        rate : tensor of shape (3, R)
            Learning rate, weight decay and strength of dropout.
        gradients, state : list of tensors of shape (R, ...)
        outcome : tuple
            Which networks take the step, bool (R,), and the loss of each, (R,); one whose loss is
            no finite number stays where it was, and has failed.
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

    @abstractmethod
    def _answer(self, weights: list[NDArray[Any]], rows: list[NDArray[np.float32]]) -> list[Any]:
        """Return the outputs of one network for each array of rows."""

    def _variables(self) -> tuple[list[Any], list[Any]]:
        """Return path, shape (R, ...) and dtype of what trains, and of what does not."""
        lead = () if self._has_replicates else (self.n_replicates,)

        def described(variables: Sequence[Any]) -> list[Any]:
            return [
                SimpleNamespace(path=v.path, shape=(*lead, *v.shape), dtype=v.dtype)
                for v in variables
            ]

        network = self.network
        return described(network.trainable_variables), described(network.non_trainable_variables)

    def take_compile_s(self) -> float:
        """Return the seconds spent on building and compiling since the last call."""
        seconds = self.compile_s - self._claimed_s
        self._claimed_s = self.compile_s
        return seconds

    def empty(self) -> TrainState:
        """Return networks whose weights are all zero, to be filled in with `enter`."""
        trainable, others = self._variables()
        weights = [np.zeros(v.shape, np.float32) for v in trainable]
        state = [np.zeros(v.shape, v.dtype) for v in others]
        zeros = np.zeros(self.n_replicates)
        return TrainState(
            weights,
            state,
            [np.zeros_like(w) for w in weights],
            [np.zeros_like(w) for w in weights],
            zeros.astype(np.float32),
            zeros.astype(np.int32),
        )

    def enter(
        self, train_state: TrainState, replicate: int, seed: int, X: NDArray[np.float32]
    ) -> TrainState:
        """Return the train_state with a fresh network in one of its places.

        The seed and the training rows `X` (n_rows, inputs of this network) alone decide its first
        weights, the seed alone the stream of its dropout masks.
        """
        rng = np.random.default_rng(seed)
        paths = [v.path for v in self.template.trainable_variables]
        shapes = self.shapes(X.shape[1])[: len(paths)]
        sizes = {"/".join(p.split("/")[-2:]): s for p, s in zip(paths, shapes, strict=True)}
        weights = self._draw(paths, shapes, rng, X)
        fresh = TrainState(
            self.padded(weights),
            initial_state(self._variables()[1], rng, sizes, X),
            [np.float32(0)] * len(weights),
            [np.float32(0)] * len(weights),
            np.float32(0),
            np.int32(0),
        )

        def put(old: Any, new: Any) -> Any:
            values = np.array(old)
            values[replicate] = np.reshape(new, values.shape[1:]) if np.ndim(new) else new
            return values

        def put_all(olds: list[Any], news: list[Any]) -> list[Any]:
            return [put(old, new) for old, new in zip(olds, news, strict=True)]

        return TrainState(
            put_all(train_state.weights, fresh.weights),
            put_all(train_state.state, fresh.state),
            put_all(train_state.first, fresh.first),
            put_all(train_state.second, fresh.second),
            put(train_state.count, fresh.count),
            put(train_state.failed_at, fresh.failed_at),
        )

    def shapes(self, n_inputs: int) -> list[tuple[int, ...]]:
        """Return the shapes of an ordinary network's weights: those that train, then the rest."""
        if n_inputs not in self._shapes:
            with on_cpu():
                self._shapes[n_inputs] = _shapes(self._build(plain(), n_inputs))
        return self._shapes[n_inputs]

    def padded(self, weights: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return weights of a network with fewer inputs, filled up with zeros to this program's."""
        whole = self._shapes[self.n_inputs]
        return [
            np.pad(w, [(0, n - have) for n, have in zip(shape, w.shape, strict=True)])
            if shape != w.shape
            else w
            for w, shape in zip(weights, whole, strict=False)
        ]

    def slice(self, train_state: TrainState, replicate: int) -> list[NDArray[np.float32]]:
        """Return one replicate's weights in the shapes of an ordinary network of all inputs."""
        values = [*train_state.weights, *[train_state.state[i] for i in self._kept]]
        return [
            np.asarray(value)[replicate].reshape(shape)
            for value, shape in zip(values, self._shapes[self.n_inputs], strict=True)
        ]

    def cropped(
        self, weights: Sequence[NDArray[np.float32]], n_inputs: int
    ) -> list[NDArray[np.float32]]:
        """Return copies of the weights that belong to the first `n_inputs` inputs."""
        return [
            w[tuple(slice(n) for n in shape)].copy()
            for w, shape in zip(weights, self.shapes(n_inputs), strict=True)
        ]

    def forward(self, weights: Sequence[Any], X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return logits or values (n_rows, n_outputs) of one network.

        Parameters
        ----------
        weights : sequence of arrays
            From `slice` or `cropped`.
        X : ndarray of float32, shape (n_rows, at most n_inputs)
        """
        parts, counts = [], []
        for start in range(0, max(len(X), 1), _PREDICT_ROWS):
            rows = X[start : start + _PREDICT_ROWS]
            n_rows, n_columns = rows.shape
            # TensorFlow's matrix product keeps something for each shape that it ever saw
            # and rounds the last bit by how many rows there are
            n_whole = max(row_class(n_rows), _LEAST_ROWS)
            full = np.zeros((n_whole, self.n_inputs), np.float32)
            full[:n_rows, :n_columns] = rows
            parts.append(full)
            counts.append(n_rows)
        answers = self._answer(self.padded(weights), parts)
        return np.concatenate([part[:n] for part, n in zip(answers, counts, strict=True)])

    def row_losses(self, outputs: NDArray[Any], y: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the loss of each row of `outputs` (n_rows, n_outputs), labels not smoothed."""
        return row_losses(self.config.loss, outputs, y)

    def _states(self, kept: Sequence[Any], zeros: Callable[..., Any]) -> list[Any]:
        """Return the whole state of the template: what is kept, and random seeds that none uses."""
        moving = iter(kept)
        ids = {id(v) for v in self.template.non_trainable_weights}
        return [
            next(moving) if id(v) in ids else zeros(v.shape, v.dtype)
            for v in self.template.non_trainable_variables
        ]


def _shapes(template: Any) -> list[tuple[int, ...]]:
    variables = [*template.trainable_variables, *template.non_trainable_weights]
    return [tuple(variable.shape) for variable in variables]
