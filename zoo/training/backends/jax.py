"""Programs in JAX: one jitted loop over steps, each mapped over R networks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zoo.training.backends.network_loss import network_loss
from zoo.training.compiled_network import CompiledNetwork
from zoo.training.layers.namespaces import single
from zoo.training.neighbours import Moments, NeighbourProgram, NeighbourRows
from zoo.training.program import Blocks, Program, TrainState
from zoo.training.types import Array, FloatArray, Layers, Tensor

__all__ = ["JaxNeighbourProgram", "JaxProgram"]


class _JaxNetwork(CompiledNetwork):
    """Functions that JAX compiles once for each shape; prediction is one."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._compiled: dict[Hashable, Callable[..., Tensor]] = {}

    def _call(self, function: Callable[..., Tensor], *arguments: Tensor) -> Tensor:
        key = (function.__name__, *[np.shape(part) for part in jax.tree.leaves(arguments)])
        with self._lock:
            if key not in self._compiled:
                with self._compile_time():
                    self._compiled[key] = jax.jit(function).lower(*arguments).compile()
        return self._compiled[key](*arguments)

    def _forward_function(self, weights: list[Array]) -> Callable[[FloatArray], FloatArray]:
        return lambda X: np.asarray(self._call(self._outputs, weights, X))


class JaxProgram(_JaxNetwork, Program):
    """One network's gradient under `jax.vmap`, in a `jax.lax` loop; see `Program`.

    The loop ends at `n_steps`, so it is a `fori_loop` rather than a `scan`, whose length is fixed.
    XLA compiles it in any case.
    """

    def _layers(self, n_replicates: int) -> Layers:
        del n_replicates  # they are mapped over
        return single()

    def train(
        self,
        train_state: TrainState,
        blocks: Blocks,
        n_steps: int,
        rates: FloatArray,
        active: Sequence[bool],
    ) -> TrainState:
        """Train on a block of batches (see `Program`)."""
        X, y, weight = (np.asarray(part, np.float32) for part in blocks)
        limits = (np.int32(n_steps), np.asarray(rates, np.float32), np.asarray(active, bool))
        state = jax.tree.map(jnp.asarray, train_state)
        # the caller may refill the block as soon as this returns
        trained: TrainState = jax.block_until_ready(
            self._call(self._train_block, state, (X, y, weight), *limits)
        )
        return trained

    def _train_block(
        self,
        train_state: TrainState,
        blocks: Blocks,
        n_steps: Tensor,
        rates: Tensor,
        active: Tensor,
    ) -> TrainState:
        gradient = jax.value_and_grad(
            partial(network_loss, self.network, self.config), has_aux=True
        )

        def step(i: Tensor, train_state: TrainState) -> TrainState:
            rows = tuple(part[:, i] for part in blocks)
            rate = rates[i]
            state = self._state_with_strength(train_state.state, rate[2][:, None])
            (losses, moved), gradients = jax.vmap(gradient)(train_state.weights, state, rows)
            has_rows = jnp.max(rows[2], axis=1) > 0
            runs = active & (train_state.failed_at == 0) & has_rows
            return self._moved(train_state, rate, gradients, moved, (runs, losses))

        trained: TrainState = jax.lax.fori_loop(0, n_steps, step, train_state)
        return trained


class JaxNeighbourProgram(_JaxNetwork, NeighbourProgram):
    """A jitted step for each size of batch and candidates; see `NeighbourProgram`."""

    def train(
        self,
        moments: Moments,
        batch: NeighbourRows,
        candidates: NeighbourRows,
        count: int,
        rates: tuple[float, float],
    ) -> tuple[Moments, float]:
        """Return weights and moments after one step, and the loss before it."""
        numbers = (np.array([count], np.float32), np.array(rates, np.float32))
        new, loss = self._call(self._step, moments, batch, candidates, *numbers)
        return new, float(loss)

    def _step(
        self,
        moments: Moments,
        batch: NeighbourRows,
        candidates: NeighbourRows,
        count: Tensor,
        rates: Tensor,
    ) -> tuple[Moments, Tensor]:
        loss, gradients = jax.value_and_grad(self.loss)(list(moments[0]), batch, candidates)
        return self._updated(moments, gradients, count, rates), loss
