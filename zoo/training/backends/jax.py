"""The program in JAX: one jitted loop over steps, each mapped over R networks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zoo.training.backends.one_network import network_loss
from zoo.training.layers.namespaces import single
from zoo.training.program import Program, TrainState

__all__ = ["JaxProgram"]


class JaxProgram(Program):
    """One network's gradient under `jax.vmap`, in a `jax.lax` loop; see `Program`.

    The loop ends with the last step that counts, as TensorFlow's does, so it is a `fori_loop`
    rather than a `scan`, whose length is fixed. XLA compiles it in any case.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._train: Any = None
        self._infer: dict[int, Any] = {}

    def _layers(self, n_replicates: int) -> Any:
        del n_replicates  # they are mapped over
        return single()

    def train(
        self, train_state: TrainState, blocks: Any, n_steps: int, rates: Any, active: Any
    ) -> TrainState:
        """Train on a block of batches (see `Program`)."""
        X, y, weight = (np.asarray(part, np.float32) for part in blocks)
        limits = (np.int32(n_steps), np.asarray(rates, np.float32), np.asarray(active, bool))
        parts = (jax.tree.map(jnp.asarray, train_state), (X, y, weight), *limits)
        with self._lock:
            if self._train is None:
                start = time.perf_counter()
                self._train = jax.jit(self._train_block).lower(*parts).compile()
                self.compile_s += time.perf_counter() - start
        # whoever gave the rows may put others in their place as soon as this returns
        trained: TrainState = jax.block_until_ready(self._train(*parts))
        return trained

    def _train_block(
        self, train_state: TrainState, blocks: Any, n_steps: Any, rates: Any, active: Any
    ) -> Any:
        gradient = jax.value_and_grad(
            partial(network_loss, self.network, self.config), has_aux=True
        )

        def step(i: Any, train_state: TrainState) -> TrainState:
            rows = tuple(part[:, i] for part in blocks)
            rate = rates[i]
            state = list(train_state.state)
            for place in self._strengths:
                state[place] = rate[2][:, None]
            (losses, moved), gradients = jax.vmap(gradient)(train_state.weights, state, rows)
            has_rows = jnp.max(rows[2], axis=1) > 0
            runs = active & (train_state.failed_at == 0) & has_rows
            return self._moved(train_state, rate, gradients, moved, (runs, losses))

        return jax.lax.fori_loop(0, n_steps, step, train_state)

    def _answer(self, weights: list[NDArray[Any]], rows: list[NDArray[np.float32]]) -> list[Any]:
        return [np.asarray(self._inference(weights, part)(weights, part)) for part in rows]

    def _inference(self, weights: list[NDArray[Any]], X: NDArray[np.float32]) -> Any:
        """Return the compiled forward pass for this many rows."""
        with self._lock:
            if len(X) not in self._infer:
                start = time.perf_counter()
                self._infer[len(X)] = jax.jit(self._outputs).lower(weights, X).compile()
                self.compile_s += time.perf_counter() - start
        return self._infer[len(X)]

    def _outputs(self, weights: Sequence[Any], X: Any) -> Any:
        n = len(self.template.trainable_variables)
        state = self._states(weights[n:], jnp.zeros)
        return self.template.stateless_call(list(weights[:n]), state, X, training=False)[0]
