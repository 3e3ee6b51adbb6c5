"""Training and prediction of R networks of one shape, as compiled functions of their weights.

Weights and optimiser state are arguments and results, never variables of the graph, so one
program serves every fit of the same shape: nothing is rebuilt, and nothing is left behind.
A program takes its rows in blocks of a fixed number of batches, so its shape does not depend on
the number of rows, and one compilation serves every size of a curve.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from zoo.training.layers import plain, replicated

__all__ = ["BATCH", "BLOCK", "Loss", "Program", "program"]

Loss = Literal["crossentropy", "squared"]
BATCH = 64
BLOCK = 64
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-7
_PREDICT_ROWS = 8192


class Program:
    """The compiled functions of `n_replicates` networks of one architecture.

    Parameters
    ----------
    build : callable
        Given a namespace of layers (`zoo.training.layers`), returns the `keras.Model`.
    loss : {"crossentropy", "squared"}
        Softmax cross-entropy on class codes, or squared error.
    jit_compile : bool
        Whether XLA compiles the training block.
    n_replicates : int
    """

    def __init__(
        self,
        build: Callable[[Any], Any],
        loss: Loss,
        *,
        jit_compile: bool,
        n_replicates: int = 1,
    ) -> None:
        with keras.device("cpu:0"):
            self.template = build(plain())
            self.network = build(replicated(n_replicates))
        self.loss: Loss = loss
        self.n_replicates = n_replicates
        self.compile_s = 0.0
        self._is_warm = False
        self._train = tf.function(self._train_block, jit_compile=jit_compile)
        n_inputs = self.template.input_shape[1]
        self._forward = tf.function(
            lambda weights, state, X: self.network.stateless_call(
                weights, state, X, training=False
            )[0],
            input_signature=[
                [tf.TensorSpec(v.shape, v.dtype) for v in self.network.trainable_variables],
                [tf.TensorSpec(v.shape, v.dtype) for v in self.network.non_trainable_variables],
                tf.TensorSpec((n_replicates, None, n_inputs), tf.float32),
            ],
        )

    def initial(self, seeds: Sequence[int]) -> Any:
        """Return the carry of fresh networks, each decided by its own seed alone.

        Returns
        -------
        tuple
            weights, state (dropout keys), first and second moments, steps made (n_replicates,).
        """
        drawn = [self._draw(seed) for seed in seeds]
        weights = [
            tf.constant(np.reshape([w[i] for w, _ in drawn], variable.shape), tf.float32)
            for i, variable in enumerate(self.network.trainable_variables)
        ]
        state = [
            tf.cast(tf.constant(np.stack([s[i] for _, s in drawn])), variable.dtype)
            for i, variable in enumerate(self.network.non_trainable_variables)
        ]
        zeros = [tf.zeros_like(w) for w in weights]
        return weights, state, zeros, list(zeros), tf.zeros(self.n_replicates)

    def _draw(self, seed: int) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        """Return the weights and the state of one fresh network."""
        rng = np.random.default_rng(seed)
        weights, fan_in = [], 1
        for variable in self.template.trainable_variables:
            shape, name = tuple(variable.shape), variable.path
            if len(shape) > 1:
                fan_in = int(np.prod(shape[:-1]))
                limit = float(np.sqrt(6.0 / fan_in))  # He et al. 2015, arXiv:1502.01852
                if name.endswith("output/kernel"):
                    limit = float(np.sqrt(3.0 / fan_in))  # LeCun et al. 1998: no rectifier follows
            elif name.endswith("bias") and not name.endswith("output/bias"):
                # Rectifiers that all bend at zero span too little of a narrow input.
                limit = float(1.0 / np.sqrt(fan_in))
            else:
                weights.append(np.zeros(shape))
                continue
            weights.append(rng.uniform(-limit, limit, shape))
        state = [
            rng.integers(0, 2**31, size=tuple(variable.shape)[1:])
            for variable in self.network.non_trainable_variables
        ]
        return weights, state

    def slice(self, values: Sequence[Any], replicate: int) -> list[NDArray[np.float32]]:
        """Return one replicate's weights in the shapes of an ordinary Keras network."""
        return [
            np.asarray(value)[replicate].reshape(tuple(variable.shape))
            for value, variable in zip(values, self.template.trainable_variables, strict=True)
        ]

    def stack(self, weights: Sequence[Any]) -> list[Any]:
        """Return the weights of one ordinary network as those of a program of one replicate."""
        shapes = [tuple(v.shape) for v in self.network.trainable_variables]
        return [np.reshape(w, shape) for w, shape in zip(weights, shapes, strict=True)]

    def train(
        self, carry: Any, blocks: Any, n_steps: int, rates: tuple[float, float], active: Any
    ) -> Any:
        """Train on a block of batches and return the new carry; the first call compiles.

        Parameters
        ----------
        carry : tuple
            From `initial` or from here.
        blocks : tuple
            X (BLOCK, R, BATCH, n_inputs), y and weight (BLOCK, R, BATCH). A replicate whose
            weights are all zero in a batch does not move in that step.
        n_steps : int
            How many of the batches count.
        rates : tuple of float
            Learning rate and weight decay.
        active : array of bool, shape (R,)
            Replicates that have stopped no longer move.
        """
        arguments = (
            carry,
            blocks,
            tf.constant(n_steps, tf.int32),
            tf.constant(rates[0], tf.float32),
            tf.constant(rates[1], tf.float32),
            tf.constant(active, tf.bool),
        )
        if not self._is_warm:
            start = time.perf_counter()
            self._train(carry, blocks, tf.constant(0, tf.int32), *arguments[3:])
            self.compile_s += time.perf_counter() - start
            self._is_warm = True
        return self._train(*arguments)

    def forward(self, weights: Sequence[Any], state: Sequence[Any], X: Any) -> Any:
        """Return logits or values (R, n_rows, n_outputs) for `X` of shape (R, n_rows, n_inputs)."""
        parts = []
        for start in range(0, max(X.shape[1], 1), _PREDICT_ROWS):
            rows = X[:, start : start + _PREDICT_ROWS]
            n_rows = rows.shape[1]
            # TensorFlow's matrix product keeps something for each shape that it ever saw
            rows = np.pad(rows, [(0, 0), (0, _row_class(n_rows) - n_rows), (0, 0)])
            outputs = self._forward(list(weights), list(state), tf.constant(rows))
            parts.append(outputs.numpy()[:, :n_rows])
        return np.concatenate(parts, axis=1)

    def mean_losses(self, outputs: Any, y: Any, weight: Any) -> NDArray[np.float64]:
        """Return the weighted mean loss of each replicate, (R,)."""
        if self.loss == "squared":
            losses = (outputs[..., 0] - y) ** 2
        else:
            top = outputs.max(axis=-1)
            log_sum = top + np.log(np.exp(outputs - top[..., None]).sum(axis=-1))
            chosen = np.take_along_axis(outputs, y.astype(np.intp)[..., None], axis=-1)
            losses = log_sum - chosen[..., 0]
        means: NDArray[np.float64] = np.average(
            losses.astype(np.float64), weights=weight.astype(np.float64), axis=1
        )
        return means

    def _batch_loss(self, outputs: Any, y: Any, weight: Any) -> Any:
        """Return the sum over replicates of their mean losses: no gradient crosses over."""
        if self.loss == "squared":
            losses = tf.square(outputs[..., 0] - y)
        else:
            codes = tf.cast(y, tf.int32)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(codes, outputs)
        total = tf.maximum(tf.reduce_sum(weight, axis=1), 1e-12)
        return tf.reduce_sum(tf.reduce_sum(losses * weight, axis=1) / total)

    def _train_block(
        self, carry: Any, blocks: Any, n_steps: Any, rate: Any, decay: Any, active: Any
    ) -> Any:
        """Run `n_steps` steps of Adam (arXiv:1412.6980) with decoupled decay (1711.05101)."""
        X, y, sample_weight = blocks
        decays = [rate * decay * (len(v.shape) > 1) for v in self.template.trainable_variables]

        def step(i: Any, carry: Any) -> Any:
            weights, state, first, second, count = carry
            with tf.GradientTape() as tape:
                tape.watch(weights)
                outputs, new_state = self.network.stateless_call(
                    weights, state, X[i], training=True
                )
                loss = self._batch_loss(outputs, y[i], sample_weight[i])
            gradients = tape.gradient(loss, weights)
            moves = active & (tf.reduce_max(sample_weight[i], axis=1) > 0)
            count += tf.cast(moves, tf.float32)
            made = tf.maximum(count, 1.0)
            correction = rate * tf.sqrt(1 - _BETA2**made) / (1 - _BETA1**made)

            def keep(new: Any, old: Any) -> Any:
                return tf.where(_align(moves, old), new, old)

            new_first, new_second, new_weights = [], [], []
            for w, m, v, g, shrink in zip(weights, first, second, gradients, decays, strict=True):
                m_next = keep(_BETA1 * m + (1 - _BETA1) * g, m)
                v_next = keep(_BETA2 * v + (1 - _BETA2) * g * g, v)
                change = _align(correction, w) * m_next / (tf.sqrt(v_next) + _EPSILON)
                new_first.append(m_next)
                new_second.append(v_next)
                new_weights.append(keep(w * (1 - shrink) - change, w))
            state = [keep(new, old) for new, old in zip(new_state, state, strict=True)]
            return i + 1, (new_weights, state, new_first, new_second, count)

        _, carry = tf.while_loop(
            lambda i, _: i < n_steps, step, (tf.constant(0), carry), parallel_iterations=1
        )
        return carry


def _row_class(n_rows: int) -> int:
    """Return the least of 1, 2, 4, 8, 10, 12, 14, 16, 20, 24, ... (quarters of powers of two)."""
    if n_rows <= 8:
        return 1 << max(n_rows - 1, 0).bit_length()
    quarter = 1 << ((n_rows - 1).bit_length() - 3)
    return -(-n_rows // quarter) * quarter


def _align(values: Any, like: Any) -> Any:
    """Return values (R,) with axes of length 1 so that they broadcast over `like` (R, ...)."""
    return tf.reshape(values, (-1, *[1] * (len(like.shape) - 1)))


@lru_cache(maxsize=32)
def program(
    build: Callable[..., Any],
    options: tuple[tuple[str, Any], ...],
    loss: Loss,
    jit_compile: bool,
    n_replicates: int = 1,
) -> Program:
    """Return the program of an architecture, made once for each shape.

    Parameters
    ----------
    build : callable
        Returns the `keras.Model`, given a namespace of layers and `options` as keywords.
    options : tuple of (name, value)
    loss : {"crossentropy", "squared"}
    jit_compile : bool
    n_replicates : int
    """
    return Program(
        lambda layers: build(layers, **dict(options)),
        loss,
        jit_compile=jit_compile,
        n_replicates=n_replicates,
    )
