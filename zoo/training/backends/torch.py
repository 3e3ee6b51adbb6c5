"""Programs in PyTorch: the same steps, taken one at a time and not compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import keras
import numpy as np
import torch

from zoo.training.backends.network_loss import network_loss
from zoo.training.backends.torch_threads import one_thread
from zoo.training.compiled_network import CompiledNetwork
from zoo.training.layers.namespaces import on_cpu, single
from zoo.training.neighbours import Moments, NeighbourProgram, NeighbourRows, StepRows
from zoo.training.program import Block, Program, TrainState
from zoo.training.types import Array, FloatArray, Layers, Tensor

__all__ = ["TorchNeighbourProgram", "TorchProgram"]


def _tensor(value: Tensor) -> Tensor:
    value = np.asarray(value)
    return torch.tensor(value.astype(np.int64) if value.dtype == np.uint32 else value)


class _TorchNetwork(CompiledNetwork):
    """Prediction in PyTorch."""

    def _forward_function(self, weights: list[Array]) -> Callable[[FloatArray], FloatArray]:
        values = [torch.tensor(w) for w in weights]

        def forward(X: FloatArray) -> FloatArray:
            with torch.inference_mode(), on_cpu():
                return cast(FloatArray, self._outputs(values, torch.tensor(X)).numpy())

        return forward


class TorchProgram(_TorchNetwork, Program):
    """Networks that take their steps one after the other; see `Program`."""

    def _layers(self, n_replicates: int) -> Layers:
        del n_replicates  # they are one after the other
        return single()

    def train(self, train_state: TrainState, block: Block) -> TrainState:
        """See `Program.train`."""
        train_state = keras.tree.map_structure(_tensor, train_state)
        n_steps = int(block.n_steps)
        X, y, weight = (_tensor(np.asarray(part)[:, :n_steps]) for part in block[:3])
        rates = _tensor(np.asarray(block.rates, np.float32))
        active = _tensor(np.asarray(block.active, bool))
        with one_thread():
            for i in range(n_steps):
                rows = (X[:, i], y[:, i], weight[:, i])
                train_state = self._step(train_state, rows, rates[i], active)
        return train_state

    def _step(
        self, train_state: TrainState, rows: Sequence[Tensor], rate: Tensor, active: Tensor
    ) -> TrainState:
        runs = active & (train_state.failed_at == 0) & (rows[2].amax(dim=1) > 0)
        losses = torch.zeros(self.n_replicates)
        gradients = [torch.zeros_like(w) for w in train_state.weights]
        moved = [torch.clone(value) for value in train_state.state]
        for r in torch.nonzero(runs).flatten().tolist():
            weights = [w[r].detach().requires_grad_() for w in train_state.weights]
            state = [value[r] for value in train_state.state]
            loss, after = network_loss(
                self.network,
                self.config,
                weights,
                self._state_with_strength(state, rate[2][r : r + 1]),
                [part[r] for part in rows],
            )
            losses[r] = loss.detach()
            for gradient, g in zip(gradients, torch.autograd.grad(loss, weights), strict=True):
                gradient[r] = g
            for value, new in zip(moved, after, strict=True):
                value[r] = new.detach()
        with torch.no_grad():
            return self._moved(train_state, rate, gradients, moved, (runs, losses))


class TorchNeighbourProgram(_TorchNetwork, NeighbourProgram):
    """Steps of a network of neighbours; see `NeighbourProgram`."""

    def train(
        self, moments: Moments, rows: StepRows, count: int, rates: tuple[float, float]
    ) -> tuple[Moments, float]:
        """See `NeighbourProgram.train`."""

        def tensors(parts: Sequence[Tensor]) -> list[Tensor]:
            return [torch.as_tensor(part) for part in parts]

        with one_thread():
            weights, first, second = (tensors(parts) for parts in moments)
            weights = [w.detach().requires_grad_() for w in weights]
            batch, candidates = (NeighbourRows(*tensors(part)) for part in rows)
            loss = self.loss(weights, (batch, candidates))
            gradients = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                values = ([w.detach() for w in weights], first, second)
                numbers = (np.array([count], np.float32), np.array(rates, np.float32))
                new = self._updated(values, gradients, *tensors(numbers))
        return new, float(loss.detach())
