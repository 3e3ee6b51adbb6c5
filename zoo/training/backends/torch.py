"""The program in PyTorch: the same steps, taken one at a time and not compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zoo.training.backends.one_network import network_loss
from zoo.training.backends.torch_threads import one_thread
from zoo.training.layers.namespaces import single
from zoo.training.program import Program, TrainState

__all__ = ["TorchProgram"]


def _tensor(value: Any) -> torch.Tensor:
    value = np.asarray(value)
    return torch.tensor(value.astype(np.int64) if value.dtype == np.uint32 else value)


class TorchProgram(Program):
    """Networks that take their steps one after the other; see `Program`."""

    def _layers(self, n_replicates: int) -> Any:
        del n_replicates  # they are one after the other
        return single()

    def train(
        self, train_state: TrainState, blocks: Any, n_steps: int, rates: Any, active: Any
    ) -> TrainState:
        """Train on a block of batches (see `Program`)."""
        lists = [[_tensor(part) for part in parts] for parts in train_state[:4]]
        train_state = TrainState(
            lists[0], lists[1], lists[2], lists[3], *map(_tensor, train_state[4:])
        )
        X, y, weight = (_tensor(np.asarray(part)[:, :n_steps]) for part in blocks)
        rates, active = _tensor(np.asarray(rates, np.float32)), _tensor(np.asarray(active, bool))
        with one_thread():
            for i in range(n_steps):
                train_state = self._step(
                    train_state, (X[:, i], y[:, i], weight[:, i]), rates[i], active
                )
        return train_state

    def _step(self, train_state: TrainState, rows: Any, rate: Any, active: Any) -> TrainState:
        runs = active & (train_state.failed_at == 0) & (rows[2].amax(dim=1) > 0)
        losses = torch.zeros(self.n_replicates)
        gradients = [torch.zeros_like(w) for w in train_state.weights]
        moved = [torch.clone(value) for value in train_state.state]
        for r in torch.nonzero(runs).flatten().tolist():
            weights = [w[r].detach().requires_grad_() for w in train_state.weights]
            state = [value[r] for value in train_state.state]
            for place in self._strengths:
                state[place] = rate[2][r : r + 1]
            loss, after = network_loss(
                self.network, self.config, weights, state, [part[r] for part in rows]
            )
            losses[r] = loss.detach()
            for gradient, g in zip(gradients, torch.autograd.grad(loss, weights), strict=True):
                gradient[r] = g
            for value, new in zip(moved, after, strict=True):
                value[r] = new.detach()
        with torch.no_grad():
            return self._moved(train_state, rate, gradients, moved, (runs, losses))

    def _answer(self, weights: list[NDArray[Any]], rows: list[NDArray[np.float32]]) -> list[Any]:
        n = len(self.template.trainable_variables)
        values = [torch.tensor(w) for w in weights]
        state = self._states(values[n:], lambda shape, dtype: torch.zeros(tuple(shape)))
        with torch.inference_mode():
            return [
                self.template.stateless_call(values[:n], state, torch.tensor(X), training=False)[
                    0
                ].numpy()
                for X in rows
            ]
