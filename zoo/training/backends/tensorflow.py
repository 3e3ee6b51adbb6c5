"""Programs in TensorFlow: a `tf.function` over all steps of a block, compiled by XLA."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import tensorflow as tf

from zoo.training.backends.concrete_function import ConcreteFunction
from zoo.training.compiled_network import CompiledNetwork
from zoo.training.layers.in_training import rows_present
from zoo.training.layers.namespaces import replicated
from zoo.training.neighbours import Moments, NeighbourProgram, NeighbourRows
from zoo.training.program import Blocks, Program, TrainState
from zoo.training.types import Array, FloatArray, Layers, Tensor, Variable

__all__ = ["TensorFlowNeighbourProgram", "TensorFlowProgram"]


def _specs(variables: Sequence[Variable]) -> list[Any]:
    return [tf.TensorSpec(variable.shape, variable.dtype) for variable in variables]


def _tensors(nested: Any) -> list[Tensor]:
    return [tf.convert_to_tensor(part) for part in tf.nest.flatten(nested)]


class _TensorFlowNetwork(CompiledNetwork):
    """Prediction in TensorFlow."""

    _forward: ConcreteFunction | None = None

    def _compiled_forward(self) -> ConcreteFunction:
        with self._lock:
            if self._forward is None:
                variables = self.template.trainable_variables
                specs = _specs([*variables, *self.template.non_trainable_weights])
                X = tf.TensorSpec((None, self.n_inputs), tf.float32)
                with self._compile_time():
                    self._forward = ConcreteFunction(self._outputs, (specs, X), jit_compile=False)
            return self._forward

    def _forward_function(self, weights: list[Array]) -> Callable[[FloatArray], FloatArray]:
        function, values = self._compiled_forward(), [tf.constant(w) for w in weights]

        def forward(X: FloatArray) -> FloatArray:
            outputs: FloatArray = function([*values, tf.constant(X)])[0].numpy()
            return outputs

        return forward


class TensorFlowProgram(_TensorFlowNetwork, Program):
    """Networks side by side in layers with a replicate axis; see `Program`."""

    _has_replicates: ClassVar[bool] = True
    _train: ConcreteFunction | None = None

    @classmethod
    def max_threads(cls) -> int:
        """Return the number of threads of TensorFlow's: its setting, or one a core."""
        setting: int = tf.config.threading.get_intra_op_parallelism_threads()
        setting = setting or int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0)
        return setting or os.cpu_count() or 1

    @staticmethod
    def shared_tensors(arrays: Sequence[FloatArray]) -> Blocks:
        """Return tensors in the memory of these arrays."""
        return [tf.experimental.dlpack.from_dlpack(part.__dlpack__()) for part in arrays]

    def _layers(self, n_replicates: int) -> Layers:
        return replicated(n_replicates)

    def train(
        self,
        train_state: TrainState,
        blocks: Blocks,
        n_steps: int,
        rates: FloatArray,
        active: Sequence[bool],
    ) -> TrainState:
        """Train on a block of batches (see `Program`)."""
        tensors = [
            *_tensors(train_state),
            *[tf.convert_to_tensor(part) for part in blocks],
            tf.constant(n_steps, tf.int32),
            tf.constant(rates, tf.float32),
            tf.constant(active, tf.bool),
        ]
        with self._lock:
            if self._train is None:
                with self._compile_time():
                    self._train = self._compile_training(tensors)
                self._compiled_forward()
        trained: TrainState = tf.nest.pack_sequence_as(train_state, self._train(tensors))
        return trained

    def _compile_training(self, tensors: list[Tensor]) -> ConcreteFunction:
        no_steps = [*tensors[:-3], tf.constant(0, tf.int32), *tensors[-2:]]
        specs = self._train_specs()
        try:
            compiled = ConcreteFunction(self._train_block, specs, jit_compile=self._jit_compile)
            compiled(no_steps)  # XLA compiles on the first call
        except tf.errors.OpError as error:
            if not self._jit_compile:
                raise
            warnings.warn(
                f"XLA cannot compile this network, so it trains more slowly without: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
            compiled = ConcreteFunction(self._train_block, specs, jit_compile=False)
            compiled(no_steps)
        return compiled

    def _train_specs(self) -> tuple[Any, ...]:
        """Return the shapes and types of the arguments of `_train_block`."""
        n, steps, batch = self.n_replicates, self.config.block_steps, self.config.batch_size
        weights = _specs(self.network.trainable_variables)
        state = _specs(self.network.non_trainable_variables)
        each, of = (n,), tf.TensorSpec
        train_state = TrainState(
            weights, state, weights, weights, of(each, tf.float32), of(each, tf.int32)
        )
        X, row = of((n, steps, batch, self.n_inputs), tf.float32), of((n, steps, batch), tf.float32)
        rates = of((steps, 3, n), tf.float32)
        return train_state, (X, row, row), of((), tf.int32), rates, of(each, tf.bool)

    def _losses(self, outputs: Tensor, y: Tensor, weight: Tensor) -> Tensor:
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
            smoothing = self.config.label_smoothing
            if smoothing > 0:
                evenly = -tf.reduce_mean(tf.nn.log_softmax(outputs), axis=-1)
                losses = (1 - smoothing) * losses + smoothing * evenly
        total = tf.maximum(tf.reduce_sum(weight, axis=1), 1e-12)
        return tf.reduce_sum(losses * weight, axis=1) / total

    def _train_block(
        self,
        train_state: TrainState,
        blocks: Blocks,
        n_steps: Tensor,
        rates: Tensor,
        active: Tensor,
    ) -> TrainState:
        X, y, sample_weight = blocks

        def step(i: Tensor, train_state: TrainState) -> tuple[Tensor, TrainState]:
            weight, rate = sample_weight[:, i], rates[i]
            state = self._state_with_strength(train_state.state, rate[2][:, None])
            with tf.GradientTape() as tape, rows_present(weight > 0):
                tape.watch(train_state.weights)
                outputs, new_state = self.network.stateless_call(
                    train_state.weights, state, X[:, i], training=True
                )
                losses = self._losses(outputs, y[:, i], weight)
                total = tf.reduce_sum(losses)  # replicates share no weights, so no gradients
            gradients = tape.gradient(total, train_state.weights)
            runs = active & (train_state.failed_at == 0) & (tf.reduce_max(weight, axis=1) > 0)
            return i + 1, self._moved(train_state, rate, gradients, new_state, (runs, losses))

        trained: TrainState = tf.while_loop(
            lambda i, _: i < n_steps, step, (tf.constant(0), train_state), parallel_iterations=1
        )[1]
        return trained


class TensorFlowNeighbourProgram(_TensorFlowNetwork, NeighbourProgram):
    """A compiled step for each size of batch and candidates; see `NeighbourProgram`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._steps: dict[tuple[int, int], ConcreteFunction] = {}

    def train(
        self,
        moments: Moments,
        batch: NeighbourRows,
        candidates: NeighbourRows,
        count: int,
        rates: tuple[float, float],
    ) -> tuple[Moments, float]:
        """Return weights and moments after one step, and the loss before it."""
        tensors = [
            *_tensors((moments, batch, candidates)),
            tf.constant([count], tf.float32),
            tf.constant(rates, tf.float32),
        ]
        sizes = (len(batch.y), len(candidates.y))
        with self._lock:
            if sizes not in self._steps:
                with self._compile_time():
                    specs = self._step_specs(*sizes)
                    step = ConcreteFunction(self._step, specs, jit_compile=self._jit_compile)
                    step(tensors)  # XLA compiles on the first call
                    self._steps[sizes] = step
        *values, loss = self._steps[sizes](tensors)
        n = len(values) // 3
        return (values[:n], values[n : 2 * n], values[2 * n :]), float(loss)

    def _step_specs(self, n_batch: int, n_candidates: int) -> tuple[Any, ...]:
        of = tf.TensorSpec
        weights = _specs(self.template.trainable_variables)

        def rows(n: int) -> NeighbourRows:
            row = of((n,), tf.float32)
            return NeighbourRows(of((n, self.n_inputs), tf.float32), row, row, of((n,), tf.int32))

        numbers = of((1,), tf.float32), of((2,), tf.float32)
        return (weights, weights, weights), rows(n_batch), rows(n_candidates), *numbers

    def _step(
        self,
        moments: Moments,
        batch: NeighbourRows,
        candidates: NeighbourRows,
        count: Tensor,
        rates: Tensor,
    ) -> tuple[Moments, Tensor]:
        weights = moments[0]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss = self.loss(weights, batch, candidates)
        gradients = tape.gradient(loss, weights)
        return self._updated(moments, gradients, count, rates), loss
