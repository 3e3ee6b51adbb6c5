"""The program in TensorFlow: one `tf.function` loop over steps, compiled by XLA."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from zoo.training.backends.flat_call import Compiled
from zoo.training.layers.namespaces import replicated
from zoo.training.layers.present import rows_present
from zoo.training.program import Program, TrainState

__all__ = ["TensorFlowProgram"]


def _spec(variable: Any) -> Any:
    return tf.TensorSpec(variable.shape, variable.dtype)


class TensorFlowProgram(Program):
    """Networks side by side in layers with a replicate axis; see `Program`."""

    _has_replicates: ClassVar[bool] = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._train: Compiled | None = None
        self._forward: Compiled | None = None

    def _layers(self, n_replicates: int) -> Any:
        return replicated(n_replicates)

    def train(
        self, train_state: TrainState, blocks: Any, n_steps: int, rates: Any, active: Any
    ) -> TrainState:
        """Train on a block of batches (see `Program`)."""
        tensors = [
            *[tf.convert_to_tensor(part) for part in tf.nest.flatten(train_state)],
            *[tf.convert_to_tensor(part) for part in blocks],
            tf.constant(n_steps, tf.int32),
            tf.constant(rates, tf.float32),
            tf.constant(active, tf.bool),
        ]
        with self._lock:
            if self._train is None:
                self._train = self._compile_training(tensors)
        trained: TrainState = tf.nest.pack_sequence_as(train_state, self._train(tensors))
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
        n, steps, batch = self.n_replicates, self.config.block_steps, self.config.batch_size
        weights = [_spec(v) for v in self.network.trainable_variables]
        state = [_spec(v) for v in self.network.non_trainable_variables]
        each, of = (n,), tf.TensorSpec
        train_state = TrainState(
            weights, state, weights, weights, of(each, tf.float32), of(each, tf.int32)
        )
        X, row = of((n, steps, batch, self.n_inputs), tf.float32), of((n, steps, batch), tf.float32)
        rates = of((steps, 3, n), tf.float32)
        return train_state, (X, row, row), of((), tf.int32), rates, of(each, tf.bool)

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
        if self.config.loss == "squared":
            losses = tf.square(outputs[..., 0] - y)
        else:
            codes = tf.cast(y, tf.int32)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(codes, outputs)
            share = self.config.label_smoothing
            if share > 0:
                evenly = -tf.reduce_mean(tf.nn.log_softmax(outputs), axis=-1)
                losses = (1 - share) * losses + share * evenly
        total = tf.maximum(tf.reduce_sum(weight, axis=1), 1e-12)
        return tf.reduce_sum(losses * weight, axis=1) / total

    def _train_block(
        self, train_state: TrainState, blocks: Any, n_steps: Any, rates: Any, active: Any
    ) -> Any:
        X, y, sample_weight = blocks

        def step(i: Any, train_state: TrainState) -> Any:
            weight, rate = sample_weight[:, i], rates[i]
            state = list(train_state.state)
            for place in self._strengths:
                state[place] = rate[2][:, None]
            with tf.GradientTape() as tape, rows_present(weight > 0):
                tape.watch(train_state.weights)
                outputs, new_state = self.network.stateless_call(
                    train_state.weights, state, X[:, i], training=True
                )
                losses = self._losses(outputs, y[:, i], weight)
                total = tf.reduce_sum(losses)  # no gradient crosses over
            gradients = tape.gradient(total, train_state.weights)
            runs = active & (train_state.failed_at == 0) & (tf.reduce_max(weight, axis=1) > 0)
            return i + 1, self._moved(train_state, rate, gradients, new_state, (runs, losses))

        _, train_state = tf.while_loop(
            lambda i, _: i < n_steps, step, (tf.constant(0), train_state), parallel_iterations=1
        )
        return train_state
