"""Steps of a network that is judged by its neighbours, in JAX (compiled) and in PyTorch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from zoo.training.neighbours import NeighbourProgram, NeighbourRows

__all__ = ["SingleNeighbourProgram"]

TrainState = tuple[Sequence[Any], Sequence[Any], Sequence[Any]]


class SingleNeighbourProgram(NeighbourProgram):
    """What `neighbours_tf` computes, with the gradient of Keras's backend."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._compiled: dict[Any, Callable[..., Any]] = {}

    def train(
        self,
        train_state: TrainState,
        batch: NeighbourRows,
        candidates: NeighbourRows,
        count: int,
        rates: tuple[float, float],
    ) -> tuple[tuple[list[Any], list[Any], list[Any]], float]:
        """Return weights and moments after one step, and the loss before it."""
        parts = (train_state, batch, candidates)
        numbers = (np.array([count], np.float32), np.array(rates, np.float32))
        if keras.backend.backend() == "torch":
            new, loss = self._torch_step(*parts, *numbers)
        else:
            new, loss = self._run("step", self._jax_step, *parts, *numbers)
        return new, float(loss)

    def _run(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function that JAX compiles once for each shape."""
        import jax

        key = (name, *[np.shape(part) for part in jax.tree.leaves(arguments)])
        with self._lock:
            if key not in self._compiled:
                start = time.perf_counter()
                self._compiled[key] = jax.jit(function).lower(*arguments).compile()
                self.compile_s += time.perf_counter() - start
        return self._compiled[key](*arguments)

    def _jax_step(
        self, train_state: TrainState, batch: Any, candidates: Any, count: Any, rates: Any
    ) -> tuple[Any, Any]:
        import jax

        loss, gradients = jax.value_and_grad(self.loss)(list(train_state[0]), batch, candidates)
        return self._updated(train_state, gradients, count, rates), loss

    def _torch_step(
        self, train_state: TrainState, batch: Any, candidates: Any, count: Any, rates: Any
    ) -> tuple[Any, Any]:
        import torch

        from zoo.training.backends.torch_threads import one_thread

        def tensors(parts: Any) -> list[torch.Tensor]:
            return [torch.as_tensor(part) for part in parts]

        with one_thread():
            weights, first, second = (tensors(parts) for parts in train_state)
            weights = [w.detach().requires_grad_() for w in weights]
            rows = (NeighbourRows(*tensors(batch)), NeighbourRows(*tensors(candidates)))
            loss = self.loss(weights, *rows)
            gradients = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                values = ([w.detach() for w in weights], first, second)
                new = self._updated(values, gradients, *tensors((count, rates)))
        return new, loss.detach()

    def _answer(self, weights: Sequence[Any], X: NDArray[np.float32]) -> NDArray[np.float32]:
        if keras.backend.backend() == "torch":
            import torch

            with torch.inference_mode():
                values = [torch.as_tensor(w) for w in weights]
                return np.asarray(self._forward(values, torch.as_tensor(X)))
        return np.asarray(self._run("embed", self._forward, list(weights), X))
