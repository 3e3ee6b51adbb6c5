"""One network's training and prediction as compiled functions of its weights.

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

__all__ = ["BATCH", "BLOCK", "Loss", "Program", "program"]

Loss = Literal["crossentropy", "squared"]
BATCH = 64
BLOCK = 64
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-7


class Program:
    """The compiled functions of one network.

    Parameters
    ----------
    network : keras.Model
        Maps (batch, n_inputs) to (batch, n_outputs) logits or values.
    loss : {"crossentropy", "squared"}
        Softmax cross-entropy on class codes, or squared error.
    jit_compile : bool
        Whether XLA compiles the training block.
    """

    def __init__(self, network: Any, loss: Loss, *, jit_compile: bool) -> None:
        self.network = network
        self.loss: Loss = loss
        self.compile_s = 0.0
        self._is_warm = False
        self._train = tf.function(self._train_block, jit_compile=jit_compile)
        signature = tf.TensorSpec((None, network.input_shape[1]), tf.float32)
        self._forward = tf.function(
            lambda weights, state, X: network.stateless_call(weights, state, X, training=False)[0],
            input_signature=[
                [tf.TensorSpec(v.shape, v.dtype) for v in network.trainable_variables],
                [tf.TensorSpec(v.shape, v.dtype) for v in network.non_trainable_variables],
                signature,
            ],
        )

    def initial(self, seed: int) -> tuple[list[Any], list[Any]]:
        """Return fresh weights and other state (dropout seeds), decided by `seed` alone."""
        rng = np.random.default_rng(seed)
        weights, fan_in = [], 1
        for variable in self.network.trainable_variables:
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
                weights.append(tf.ones(shape) if name.endswith("gamma") else tf.zeros(shape))
                continue
            weights.append(tf.constant(rng.uniform(-limit, limit, shape), tf.float32))
        state = []
        for variable in self.network.non_trainable_variables:
            numbers = rng.integers(0, 2**31, size=tuple(variable.shape))
            state.append(tf.cast(tf.constant(numbers), variable.dtype))
        return weights, state

    def train(self, carry: Any, blocks: Any, n_steps: int, rates: tuple[float, float]) -> Any:
        """Train on a block of batches and return the new carry; the first call compiles."""
        arguments = (
            carry,
            blocks,
            tf.constant(n_steps, tf.int32),
            tf.constant(rates[0], tf.float32),
            tf.constant(rates[1], tf.float32),
        )
        if not self._is_warm:
            start = time.perf_counter()
            nothing = (carry, blocks, tf.constant(0, tf.int32), *arguments[3:])
            self._train(*nothing)
            self.compile_s += time.perf_counter() - start
            self._is_warm = True
        return self._train(*arguments)

    def forward(self, weights: Sequence[Any], state: Sequence[Any], X: Any) -> Any:
        """Return logits or values (n_rows, n_outputs) as an array."""
        parts = [
            self._forward(list(weights), list(state), tf.constant(X[start : start + 8192]))
            for start in range(0, max(len(X), 1), 8192)
        ]
        return np.concatenate([part.numpy() for part in parts])

    def mean_loss(self, outputs: Any, y: Any, weight: Any) -> float:
        """Return the weighted mean loss of outputs (n_rows, n_outputs) against `y` (n_rows,)."""
        if self.loss == "squared":
            losses = (outputs[:, 0] - y) ** 2
        else:
            top = outputs.max(axis=1)
            log_sum = top + np.log(np.exp(outputs - top[:, None]).sum(axis=1))
            losses = log_sum - outputs[np.arange(len(y)), y.astype(np.intp)]
        return float(np.average(losses, weights=weight))

    def _batch_loss(self, outputs: Any, y: Any, weight: Any) -> Any:
        if self.loss == "squared":
            losses = tf.square(outputs[:, 0] - y)
        else:
            codes = tf.cast(y, tf.int32)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(codes, outputs)
        return tf.reduce_sum(losses * weight) / tf.maximum(tf.reduce_sum(weight), 1e-12)

    def _train_block(self, carry: Any, blocks: Any, n_steps: Any, rate: Any, decay: Any) -> Any:
        """Run `n_steps` steps of Adam (arXiv:1412.6980) with decoupled decay (1711.05101)."""
        X, y, sample_weight = blocks

        def step(i: Any, carry: Any) -> Any:
            weights, state, first, second, count = carry
            with tf.GradientTape() as tape:
                tape.watch(weights)
                outputs, state = self.network.stateless_call(weights, state, X[i], training=True)
                loss = self._batch_loss(outputs, y[i], sample_weight[i])
            gradients = tape.gradient(loss, weights)
            count += 1.0
            correction = tf.sqrt(1 - _BETA2**count) / (1 - _BETA1**count)
            first = [_BETA1 * m + (1 - _BETA1) * g for m, g in zip(first, gradients, strict=True)]
            second = [
                _BETA2 * v + (1 - _BETA2) * g * g for v, g in zip(second, gradients, strict=True)
            ]
            weights = [
                w * (1 - rate * decay * (w.shape.rank > 1))
                - rate * correction * m / (tf.sqrt(v) + _EPSILON)
                for w, m, v in zip(weights, first, second, strict=True)
            ]
            return i + 1, (weights, list(state), first, second, count)

        _, carry = tf.while_loop(
            lambda i, _: i < n_steps, step, (tf.constant(0), carry), parallel_iterations=1
        )
        return carry


@lru_cache(maxsize=32)
def program(
    build: Callable[..., Any], options: tuple[tuple[str, Any], ...], loss: Loss, jit_compile: bool
) -> Program:
    """Return the program of a network, made once for each architecture and shape.

    Parameters
    ----------
    build : callable
        Returns the `keras.Model`, given `options` as keywords.
    options : tuple of (name, value)
    loss : {"crossentropy", "squared"}
    jit_compile : bool
    """
    with keras.device("cpu:0"):
        network = build(**dict(options))
    return Program(network, loss, jit_compile=jit_compile)
