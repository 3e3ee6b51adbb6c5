"""The program in TensorFlow: one `tf.function` loop over steps, compiled by XLA."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from zoo.training.compiled import Compiled
from zoo.training.layers import replicated
from zoo.training.present import rows_present
from zoo.training.program import AnyProgram, Carry

__all__ = ["TensorFlowProgram"]


def _spec(variable: Any) -> Any:
    return tf.TensorSpec(variable.shape, variable.dtype)


class TensorFlowProgram(AnyProgram):
    """Networks side by side in layers with a replicate axis; see `AnyProgram`."""

    _has_replicates: ClassVar[bool] = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._train: Compiled | None = None
        self._forward: Compiled | None = None

    def _layers(self, n_replicates: int) -> Any:
        return replicated(n_replicates)

    def train(self, carry: Carry, blocks: Any, n_steps: int, rates: Any, active: Any) -> Carry:
        """Train on a block of batches (see `AnyProgram`)."""
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

    def _answer(self, weights: list[NDArray[Any]], rows: list[NDArray[np.float32]]) -> list[Any]:
        infer = self._compile_forward()
        values = [tf.constant(w) for w in weights]
        return [infer([*values, tf.constant(part)])[0].numpy() for part in rows]

    def _infer(self, weights: Sequence[Any], X: Any) -> Any:
        n = len(self.template.trainable_variables)
        state = self._states(weights[n:], tf.zeros)
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
            return i + 1, self._moved(carry, rate, gradients, new_state, (runs, losses))

        _, carry = tf.while_loop(
            lambda i, _: i < n_steps, step, (tf.constant(0), carry), parallel_iterations=1
        )
        return carry
