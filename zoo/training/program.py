"""Training and prediction of R networks of one shape, as compiled functions of their weights.

Weights and optimiser state are arguments and results, never variables of the graph, so one
program serves every fit of the same shape: nothing is rebuilt, and nothing is left behind.
A program takes its rows in blocks of a fixed number of batches, so its shape does not depend on
the number of rows, and one compilation serves every size of a curve.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from zoo.training.blocks import row_class
from zoo.training.compiled import Compiled
from zoo.training.initial import DrawWeights, draw_state, draw_weights
from zoo.training.layers import plain, replicated, rows_present
from zoo.training.losses import row_losses
from zoo.training.optimizer import keep_where
from zoo.training.recipe import Recipe

__all__ = ["Carry", "Program", "program"]

_PREDICT_ROWS = 8192
_LEAST_ROWS = 64


class Carry(NamedTuple):
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


def _spec(variable: Any) -> Any:
    return tf.TensorSpec(variable.shape, variable.dtype)


class Program:
    """The compiled functions of `n_replicates` networks of one architecture.

    Parameters
    ----------
    build : callable
        Given a namespace of layers (`zoo.training.layers`) and the number of inputs, returns the
        `keras.Model`.
    n_inputs : int
        Networks with fewer inputs train in it too: the weights of the missing ones are zeros.
    recipe : Recipe
    n_replicates : int
    jit_compile : bool
        Whether XLA compiles the training block; without it, or where XLA cannot, the same block
        runs as a TensorFlow graph.
    draw : callable
        Gives the first weights.
    """

    def __init__(
        self,
        build: Callable[[Any, int], Any],
        n_inputs: int,
        recipe: Recipe,
        *,
        n_replicates: int = 1,
        jit_compile: bool = True,
        draw: DrawWeights = draw_weights,
    ) -> None:
        start = time.perf_counter()
        with keras.device("cpu:0"):
            self.template = build(plain(), n_inputs)
            self.network = build(replicated(n_replicates), n_inputs)
        self.n_inputs, self.n_replicates = n_inputs, n_replicates
        self.recipe = recipe
        self._build, self._draw = build, draw
        self._shapes = {n_inputs: _shapes(self.template)}
        names = [v.path.rsplit("/", 1)[-1] for v in self.network.non_trainable_variables]
        self._kept = [i for i, name in enumerate(names) if name not in {"key", "strength"}]
        self._strengths = [i for i, name in enumerate(names) if name == "strength"]
        self._jit_compile = jit_compile
        self._train: Compiled | None = None
        self._forward: Compiled | None = None
        self._lock = threading.Lock()
        self.compile_s = time.perf_counter() - start
        self._claimed_s = 0.0

    def take_compile_s(self) -> float:
        """Return the seconds spent on building and compiling since the last call."""
        seconds = self.compile_s - self._claimed_s
        self._claimed_s = self.compile_s
        return seconds

    def empty(self) -> Carry:
        """Return networks whose weights are all zero, to be filled in with `enter`."""
        weights = [np.zeros(v.shape, np.float32) for v in self.network.trainable_variables]
        state = [np.zeros(v.shape, v.dtype) for v in self.network.non_trainable_variables]
        zeros = np.zeros(self.n_replicates)
        return Carry(
            weights,
            state,
            [np.zeros_like(w) for w in weights],
            [np.zeros_like(w) for w in weights],
            zeros.astype(np.float32),
            zeros.astype(np.int32),
        )

    def enter(self, carry: Carry, replicate: int, seed: int, X: NDArray[np.float32]) -> Carry:
        """Return the carry with a fresh network in one of its places.

        The seed and the training rows `X` (n_rows, inputs of this network) alone decide its first
        weights, the seed alone the stream of its dropout masks.
        """
        rng = np.random.default_rng(seed)
        paths = [v.path for v in self.template.trainable_variables]
        shapes = self.shapes(X.shape[1])[: len(paths)]
        sizes = {"/".join(p.split("/")[-2:]): s for p, s in zip(paths, shapes, strict=True)}
        weights = self._draw(paths, shapes, rng, X)
        fresh = Carry(
            self.padded(weights),
            draw_state(self.network.non_trainable_variables, rng, sizes, X),
            [np.float32(0)] * len(weights),
            [np.float32(0)] * len(weights),
            np.float32(0),
            np.int32(0),
        )

        def put(old: Any, new: Any) -> Any:
            values = np.array(old)
            values[replicate] = np.reshape(new, values.shape[1:]) if np.ndim(new) else new
            return values

        entered: Carry = tf.nest.map_structure(put, carry, fresh)
        return entered

    def shapes(self, n_inputs: int) -> list[tuple[int, ...]]:
        """Return the shapes of an ordinary network's weights: those that train, then the rest."""
        if n_inputs not in self._shapes:
            with keras.device("cpu:0"):
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

    def slice(self, carry: Carry, replicate: int) -> list[NDArray[np.float32]]:
        """Return one replicate's weights in the shapes of an ordinary network of all inputs."""
        values = [*carry.weights, *[carry.state[i] for i in self._kept]]
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

    def train(self, carry: Carry, blocks: Any, n_steps: int, rates: Any, active: Any) -> Carry:
        """Train on a block of batches and return the new carry; the first call compiles.

        Parameters
        ----------
        carry : Carry
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
        tensors = [
            *[tf.convert_to_tensor(part) for part in tf.nest.flatten(carry)],
            *[tf.convert_to_tensor(part) for part in blocks],
            tf.constant(n_steps, tf.int32),
            tf.constant(rates, tf.float32),
            tf.constant(active, tf.bool),
        ]
        with self._lock:
            if self._train is None:
                self._train = self._compile_training(tensors)
        trained: Carry = tf.nest.pack_sequence_as(carry, self._train(tensors))
        return trained

    def _compile_training(self, tensors: list[Any]) -> Compiled:
        start = time.perf_counter()
        no_steps = [*tensors[:-3], tf.constant(0, tf.int32), *tensors[-2:]]
        specs = self._train_specs()
        try:
            compiled = Compiled(self._train_block, specs, self._jit_compile)
            compiled(no_steps)
        except tf.errors.OpError as error:
            if not self._jit_compile:
                raise
            warnings.warn(
                f"XLA cannot compile this network, so it trains more slowly without: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
            compiled = Compiled(self._train_block, specs, False)
            compiled(no_steps)
        self._compile_forward()
        self.compile_s += time.perf_counter() - start
        return compiled

    def _compile_forward(self) -> Compiled:
        if self._forward is None:
            X = tf.TensorSpec((None, self.n_inputs), tf.float32)
            variables = [*self.template.trainable_variables, *self.template.non_trainable_weights]
            self._forward = Compiled(self._infer, ([_spec(v) for v in variables], X), False)
        return self._forward

    def _train_specs(self) -> Any:
        """Return the shapes and types of what `_train_block` takes."""
        n, steps, batch = self.n_replicates, self.recipe.block_steps, self.recipe.batch_size
        weights = [_spec(v) for v in self.network.trainable_variables]
        state = [_spec(v) for v in self.network.non_trainable_variables]
        each, of = (n,), tf.TensorSpec
        carry = Carry(weights, state, weights, weights, of(each, tf.float32), of(each, tf.int32))
        X, row = of((n, steps, batch, self.n_inputs), tf.float32), of((n, steps, batch), tf.float32)
        rates = of((steps, 3, n), tf.float32)
        return carry, (X, row, row), of((), tf.int32), rates, of(each, tf.bool)

    def forward(self, weights: Sequence[Any], X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return logits or values (n_rows, n_outputs) of one network.

        Parameters
        ----------
        weights : sequence of arrays
            From `slice` or `cropped`.
        X : ndarray of float32, shape (n_rows, at most n_inputs)
        """
        infer = self._compile_forward()
        values = [tf.constant(w) for w in self.padded(weights)]
        parts = []
        for start in range(0, max(len(X), 1), _PREDICT_ROWS):
            rows = X[start : start + _PREDICT_ROWS]
            n_rows, n_columns = rows.shape
            # TensorFlow's matrix product keeps something for each shape that it ever saw
            # and rounds the last bit by how many rows there are
            n_whole = max(row_class(n_rows), _LEAST_ROWS)
            full = np.zeros((n_whole, self.n_inputs), np.float32)
            full[:n_rows, :n_columns] = rows
            (outputs,) = infer([*values, tf.constant(full)])
            parts.append(outputs.numpy()[:n_rows])
        return np.concatenate(parts)

    def row_losses(self, outputs: NDArray[Any], y: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the loss of each row of `outputs` (n_rows, n_outputs), labels not smoothed."""
        return row_losses(self.recipe.loss, outputs, y)

    def _infer(self, weights: Sequence[Any], X: Any) -> Any:
        n = len(self.template.trainable_variables)
        moving = iter(weights[n:])
        kept = {id(v) for v in self.template.non_trainable_weights}
        state = [
            next(moving) if id(v) in kept else tf.zeros(v.shape, v.dtype)  # seeds: not used
            for v in self.template.non_trainable_variables
        ]
        return self.template.stateless_call(list(weights[:n]), state, X, training=False)[0]

    def _losses(self, outputs: Any, y: Any, weight: Any) -> Any:
        """Return the mean loss of each replicate, (R,).

        Outputs (R, batch, n_outputs), or (R, batch, k, n_outputs) of k members, whose losses are
        averaged.
        """
        if len(outputs.shape) == 4:
            k = outputs.shape[2]
            y, weight = (tf.repeat(part, k, axis=1) for part in (y, weight))
            outputs = tf.reshape(outputs, (outputs.shape[0], -1, outputs.shape[3]))
        if self.recipe.loss == "squared":
            losses = tf.square(outputs[..., 0] - y)
        else:
            codes = tf.cast(y, tf.int32)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(codes, outputs)
            share = self.recipe.label_smoothing
            if share > 0:
                evenly = -tf.reduce_mean(tf.nn.log_softmax(outputs), axis=-1)
                losses = (1 - share) * losses + share * evenly
        total = tf.maximum(tf.reduce_sum(weight, axis=1), 1e-12)
        return tf.reduce_sum(losses * weight, axis=1) / total

    def _train_block(self, carry: Carry, blocks: Any, n_steps: Any, rates: Any, active: Any) -> Any:
        X, y, sample_weight = blocks
        variables = self.template.trainable_variables

        def step(i: Any, carry: Carry) -> Any:
            weight, rate = sample_weight[:, i], rates[i]
            state = list(carry.state)
            for place in self._strengths:
                state[place] = rate[2][:, None]
            with tf.GradientTape() as tape, rows_present(weight > 0):
                tape.watch(carry.weights)
                outputs, new_state = self.network.stateless_call(
                    carry.weights, state, X[:, i], training=True
                )
                losses = self._losses(outputs, y[:, i], weight)
                total = tf.reduce_sum(losses)  # no gradient crosses over
            gradients = tape.gradient(total, carry.weights)
            runs = active & (carry.failed_at == 0) & (tf.reduce_max(weight, axis=1) > 0)
            fails = runs & ~tf.math.is_finite(losses)
            moves = runs & ~fails
            count = carry.count + tf.cast(runs, tf.float32)
            weights, first, second = self.recipe.optimizer.update(
                variables,
                (carry.weights, carry.first, carry.second),
                gradients,
                count,
                (rate[0], rate[1]),
                moves,
            )
            kept = [keep_where(moves, n, o) for n, o in zip(new_state, carry.state, strict=True)]
            failed_at = tf.where(fails, tf.cast(count, tf.int32), carry.failed_at)
            return i + 1, Carry(weights, kept, first, second, count, failed_at)

        _, carry = tf.while_loop(
            lambda i, _: i < n_steps, step, (tf.constant(0), carry), parallel_iterations=1
        )
        return carry


def _shapes(template: Any) -> list[tuple[int, ...]]:
    variables = [*template.trainable_variables, *template.non_trainable_weights]
    return [tuple(variable.shape) for variable in variables]


@lru_cache(maxsize=32)
def program(
    build: Callable[..., Any],
    options: tuple[tuple[str, Any], ...],
    n_inputs: int,
    recipe: Recipe,
    *,
    n_replicates: int = 1,
    jit_compile: bool = True,
    draw: Callable[..., Any] | None = None,
) -> Program:
    """Return the program of an architecture, made once for each shape.

    Parameters
    ----------
    build : callable
        Returns the `keras.Model`, given a namespace of layers, and `n_inputs` and `options` as
        keywords.
    options : tuple of (name, value)
    n_inputs : int
    recipe : Recipe
    n_replicates : int
    jit_compile : bool
    draw : callable or None
        As `DrawWeights`, with `options` as keywords too; None: `draw_weights`.
    """
    return Program(
        lambda layers, n: build(layers, n_inputs=n, **dict(options)),
        n_inputs,
        recipe,
        n_replicates=n_replicates,
        jit_compile=jit_compile,
        draw=draw_weights if draw is None else partial(draw, **dict(options)),
    )
