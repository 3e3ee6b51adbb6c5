"""Steps of a network that is judged by its neighbours, compiled in TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from zoo.training.backends.flat_call import Compiled
from zoo.training.neighbours import NeighbourProgram, NeighbourRows

__all__ = ["TensorFlowNeighbourProgram"]


class TensorFlowNeighbourProgram(NeighbourProgram):
    """A compiled function for each number of rows; see `NeighbourProgram`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._steps: dict[tuple[int, int], Compiled] = {}
        self._embed: Compiled | None = None

    def train(
        self,
        train_state: tuple[Sequence[Any], Sequence[Any], Sequence[Any]],
        batch: NeighbourRows,
        candidates: NeighbourRows,
        count: int,
        rates: tuple[float, float],
    ) -> tuple[tuple[list[Any], list[Any], list[Any]], float]:
        """Return weights and moments after one step, and the loss before it."""
        tensors = [
            *[
                tf.convert_to_tensor(part)
                for part in tf.nest.flatten((train_state, batch, candidates))
            ],
            tf.constant([count], tf.float32),
            tf.constant(rates, tf.float32),
        ]
        sizes = (len(batch.y), len(candidates.y))
        with self._lock:
            if sizes not in self._steps:
                start = time.perf_counter()
                self._steps[sizes] = Compiled(self._step, self._specs(*sizes), self._jit_compile)
                self._steps[sizes](tensors)  # XLA compiles on the first call
                self.compile_s += time.perf_counter() - start
        *values, loss = self._steps[sizes](tensors)
        n = len(values) // 3
        return (values[:n], values[n : 2 * n], values[2 * n :]), float(loss)

    def _specs(self, n_batch: int, n_candidates: int) -> Any:
        of = tf.TensorSpec
        weights = [of(v.shape, v.dtype) for v in self.template.trainable_variables]

        def rows(n: int) -> NeighbourRows:
            row = of((n,), tf.float32)
            return NeighbourRows(of((n, self.n_inputs), tf.float32), row, row, of((n,), tf.int32))

        train_state = (weights, weights, weights)
        return (
            train_state,
            rows(n_batch),
            rows(n_candidates),
            of((1,), tf.float32),
            of((2,), tf.float32),
        )

    def _step(self, train_state: Any, batch: Any, candidates: Any, count: Any, rates: Any) -> Any:
        weights = train_state[0]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss = self.loss(weights, batch, candidates)
        gradients = tape.gradient(loss, weights)
        return self._updated(train_state, gradients, count, rates), loss

    def _answer(self, weights: Sequence[Any], X: NDArray[np.float32]) -> NDArray[np.float32]:
        with self._lock:
            if self._embed is None:
                start = time.perf_counter()
                specs = [tf.TensorSpec(v.shape, v.dtype) for v in self.template.trainable_variables]
                rows = tf.TensorSpec((None, self.n_inputs), tf.float32)
                self._embed = Compiled(self._forward, (specs, rows), False)
                self.compile_s += time.perf_counter() - start
        values = [tf.convert_to_tensor(w) for w in weights]
        (made,) = self._embed([*values, tf.constant(X)])
        answers: NDArray[np.float32] = made.numpy()
        return answers
