"""Programs in TensorFlow: a `tf.function` over all steps of a block, compiled by XLA."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.config_pb2 import CallableOptions

from zoo.training.compiled_network import CompiledNetwork
from zoo.training.layers.in_training import rows_present
from zoo.training.layers.namespaces import replicated
from zoo.training.neighbours import Moments, NeighbourProgram, NeighbourRows, StepRows
from zoo.training.program import Block, Program, TrainState
from zoo.training.types import Array, FloatArray, Layers, Tensor, Variable

__all__ = ["TensorFlowNeighbourProgram", "TensorFlowProgram"]


Flat = Callable[[Sequence[Tensor]], list[Tensor]]


def _traced(
    function: Callable[..., Tensor], specs: tuple[Any, ...], *, jit_compile: bool
) -> Callable[..., list[Tensor]]:
    """Return a function of nested tensors, traced once, as one of their flat list.

    Calling a `tf.function` with nested arguments took longer than small networks compute.
    """

    def flat(*tensors: Tensor) -> list[Tensor]:
        nested = tf.nest.pack_sequence_as(specs, list(tensors))
        return cast(list[Tensor], tf.nest.flatten(function(*nested)))

    traced = tf.function(flat, jit_compile=jit_compile, autograph=False)
    return cast(Callable[..., list[Tensor]], traced.get_concrete_function(*tf.nest.flatten(specs)))


class _ConcreteFunction:
    """A function of nested tensors of these specs, called with a flat list of them."""

    def __init__(self, function: Callable[..., Tensor], specs: tuple[Any, ...]) -> None:
        self._function = _traced(function, specs, jit_compile=False)
        self._kinds = [spec.dtype for spec in tf.nest.flatten(specs)]

    def __call__(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return the results as a flat list."""
        return self._function(*map(tf.convert_to_tensor, tensors, self._kinds))


class _CompiledFunction:
    """A function of nested tensors of these specs, compiled by XLA and called with flat arrays.

    What XLA compiles lives as long as the devices that it is for: to the end of the process in
    eager execution, but in a session to the end of the session.
    """

    def __init__(self, function: Callable[..., Tensor], specs: tuple[Any, ...]) -> None:
        traced, flat = _traced(function, specs, jit_compile=True), tf.nest.flatten(specs)
        self._kinds = [spec.dtype.as_numpy_dtype for spec in flat]
        graph, options = tf.Graph(), CallableOptions()
        with graph.as_default():
            inputs = [tf.compat.v1.placeholder(spec.dtype, spec.shape) for spec in flat]
            outputs = traced(*inputs)
        options.feed.extend([tensor.name for tensor in inputs])
        options.fetch.extend([tensor.name for tensor in outputs])
        options.run_options.inter_op_thread_pool = -1  # the caller's thread
        settings = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=tf.config.threading.get_intra_op_parallelism_threads()
        )
        # XLA gets the graph as it was traced, so that it compiles what it would in eager execution
        settings.graph_options.rewrite_options.disable_meta_optimizer = True
        self._session = tf.compat.v1.Session(graph=graph, config=settings)
        self._call = self._session._make_callable_from_options(options)

    def __call__(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return the results as a flat list."""
        arrays = map(np.asarray, tensors, self._kinds)
        return cast(list[Tensor], self._call(*arrays))


def _specs(variables: Sequence[Variable]) -> list[Any]:
    return [tf.TensorSpec(variable.shape, variable.dtype) for variable in variables]


class _TensorFlowNetwork(CompiledNetwork):
    """Prediction in TensorFlow."""

    _forward: _ConcreteFunction | None = None

    def _compiled_forward(self) -> _ConcreteFunction:
        with self._lock:
            if self._forward is None:
                variables = self.template.trainable_variables
                specs = _specs([*variables, *self.template.non_trainable_weights])
                X = tf.TensorSpec((None, self.n_inputs), tf.float32)
                with self._compile_time():
                    self._forward = _ConcreteFunction(self._outputs, (specs, X))
            return self._forward

    def _forward_function(self, weights: list[Array]) -> Callable[[FloatArray], FloatArray]:
        function, values = self._compiled_forward(), [tf.constant(w) for w in weights]

        def forward(X: FloatArray) -> FloatArray:
            return cast(FloatArray, function([*values, tf.constant(X)])[0].numpy())

        return forward


class TensorFlowProgram(_TensorFlowNetwork, Program):
    """Networks side by side in layers with a replicate axis; see `Program`."""

    _has_replicates: ClassVar[bool] = True
    _train: Flat | None = None

    @classmethod
    def max_threads(cls) -> int:
        """Return TensorFlow's number of threads: its setting, or one a core."""
        setting: int = tf.config.threading.get_intra_op_parallelism_threads()
        setting = setting or int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0)
        return setting or os.cpu_count() or 1

    def shared_tensors(self, arrays: Sequence[FloatArray]) -> Sequence[Tensor]:
        """See `Program.shared_tensors`."""
        if self._jit_compile:
            return arrays
        return [tf.experimental.dlpack.from_dlpack(part.__dlpack__()) for part in arrays]

    def _layers(self, n_replicates: int) -> Layers:
        return replicated(n_replicates)

    def train(self, train_state: TrainState, block: Block) -> TrainState:
        """See `Program.train`."""
        tensors = [*tf.nest.flatten(train_state), *block]
        with self._lock:
            if self._train is None:
                with self._compile_time():
                    self._train = self._compile_training(tensors)
                self._compiled_forward()
        return cast(TrainState, tf.nest.pack_sequence_as(train_state, self._train(tensors)))

    def _compile_training(self, tensors: list[Tensor]) -> Flat:
        """Return `_train_block`, compiled by XLA if it can."""
        no_steps = [*tensors[:-3], 0, *tensors[-2:]]

        def compiled(kind: Callable[..., Flat]) -> Flat:
            function = kind(self._train_block, self._train_specs())
            function(no_steps)  # XLA compiles on the first call
            return function

        if not self._jit_compile:
            return compiled(_ConcreteFunction)
        try:
            return compiled(_CompiledFunction)
        except tf.errors.OpError as error:
            warnings.warn(
                f"XLA cannot compile this network, so it trains more slowly without: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
            return compiled(_ConcreteFunction)

    def _train_specs(self) -> tuple[TrainState, Block]:
        """Return the shapes and types of the arguments of `_train_block`."""
        n, steps, batch = self.n_replicates, self.config.block_steps, self.config.batch_size
        weights = _specs(self.network.trainable_variables)
        state = _specs(self.network.non_trainable_variables)
        of, each = tf.TensorSpec, (n,)
        counts = of(each, tf.float32), of(each, tf.int32)
        X, row = of((n, steps, batch, self.n_inputs), tf.float32), of((n, steps, batch), tf.float32)
        limits = of((), tf.int32), of((steps, 3, n), tf.float32), of(each, tf.bool)
        return TrainState(weights, state, weights, weights, *counts), Block(X, row, row, *limits)

    def _losses(self, outputs: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """Return the mean loss of each replicate, (R,); see `mean_loss`."""
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

    def _train_block(self, train_state: TrainState, block: Block) -> TrainState:
        def step(i: Tensor, train_state: TrainState) -> tuple[Tensor, TrainState]:
            X, y, weight = (part[:, i] for part in block[:3])
            rate = block.rates[i]
            state = self._state_with_strength(train_state.state, rate[2][:, None])
            with tf.GradientTape() as tape, rows_present(weight > 0):
                tape.watch(train_state.weights)
                outputs, new_state = self.network.stateless_call(
                    train_state.weights, state, X, training=True
                )
                losses = self._losses(outputs, y, weight)
                total = tf.reduce_sum(losses)  # replicates share no weights, so no gradients
            gradients = tape.gradient(total, train_state.weights)
            has_rows = tf.reduce_max(weight, axis=1) > 0
            runs = block.active & (train_state.failed_at == 0) & has_rows
            return i + 1, self._moved(train_state, rate, gradients, new_state, (runs, losses))

        start = (tf.constant(0), train_state)
        _, trained = tf.while_loop(
            lambda i, _: i < block.n_steps, step, start, parallel_iterations=1
        )
        return cast(TrainState, trained)


class TensorFlowNeighbourProgram(_TensorFlowNetwork, NeighbourProgram):
    """A compiled step for each size of batch and candidates; see `NeighbourProgram`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._steps: dict[tuple[int, int], Flat] = {}

    def train(
        self, moments: Moments, rows: StepRows, count: int, rates: tuple[float, float]
    ) -> tuple[Moments, float]:
        """See `NeighbourProgram.train`."""
        numbers = np.array([count], np.float32), np.array(rates, np.float32)
        tensors = [*tf.nest.flatten((moments, rows)), *numbers]
        n_batch, n_candidates = sizes = (len(rows[0].y), len(rows[1].y))
        with self._lock:
            if sizes not in self._steps:
                with self._compile_time():
                    specs = self._step_specs(n_batch, n_candidates)
                    kind = _CompiledFunction if self._jit_compile else _ConcreteFunction
                    step = kind(self._step, specs)
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
        return (weights, weights, weights), (rows(n_batch), rows(n_candidates)), *numbers

    def _step(
        self, moments: Moments, rows: StepRows, count: Tensor, rates: Tensor
    ) -> tuple[Moments, Tensor]:
        weights = moments[0]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss = self.loss(weights, rows)
        gradients = tape.gradient(loss, weights)
        return self._updated(moments, gradients, count, rates), loss
