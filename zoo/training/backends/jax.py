"""Programs in JAX: one jitted loop over steps, each mapped over R networks."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from zoo.training.backends.network_loss import network_loss
from zoo.training.compiled_network import CompiledNetwork
from zoo.training.layers.namespaces import single
from zoo.training.neighbours import Moments, NeighbourProgram, StepRows
from zoo.training.program import Block, Program, TrainState
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

    def train(self, train_state: TrainState, block: Block) -> TrainState:
        """See `Program.train`."""
        kinds = (np.float32, np.float32, np.float32, np.int32, np.float32, np.bool_)
        arrays = Block(*map(np.asarray, block, kinds))
        state = jax.tree.map(jnp.asarray, train_state)
        # the caller may refill the block as soon as this returns
        trained = jax.block_until_ready(self._call(self._train_block, state, arrays))
        return cast(TrainState, trained)

    def _train_block(self, train_state: TrainState, block: Block) -> TrainState:
        loss = partial(network_loss, self.network, self.config)
        gradient = jax.value_and_grad(loss, has_aux=True)

        def step(i: Tensor, train_state: TrainState) -> TrainState:
            rows = tuple(part[:, i] for part in block[:3])
            rate = block.rates[i]
            state = self._state_with_strength(train_state.state, rate[2][:, None])
            (losses, moved), gradients = jax.vmap(gradient)(train_state.weights, state, rows)
            has_rows = jnp.max(rows[2], axis=1) > 0
            runs = block.active & (train_state.failed_at == 0) & has_rows
            return self._moved(train_state, rate, gradients, moved, (runs, losses))

        return cast(TrainState, jax.lax.fori_loop(0, block.n_steps, step, train_state))


class JaxNeighbourProgram(_JaxNetwork, NeighbourProgram):
    """A jitted step for each size of batch and candidates; see `NeighbourProgram`."""

    def train(
        self, moments: Moments, rows: StepRows, count: int, rates: tuple[float, float]
    ) -> tuple[Moments, float]:
        """See `NeighbourProgram.train`."""
        numbers = (np.array([count], np.float32), np.array(rates, np.float32))
        new, loss = self._call(self._step, moments, rows, *numbers)
        return new, float(loss)

    def _step(
        self, moments: Moments, rows: StepRows, count: Tensor, rates: Tensor
    ) -> tuple[Moments, Tensor]:
        loss, gradients = jax.value_and_grad(self.loss)(list(moments[0]), rows)
        return self._updated(moments, gradients, count, rates), loss
