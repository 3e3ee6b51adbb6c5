"""What networks written in other frameworks share: steps, early stopping, weights.

A framework's file says how it makes a network of weights, takes a training step and predicts.
Weights are passed as arrays: a kernel (n_inputs, n_outputs) and a bias for each layer.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TypeAlias

import numpy as np

from zoo.canonical import derive_seed
from zoo.models.network import PatientNetwork
from zoo.models.parameters import HiddenLayers, HiddenUnits, estimator
from zoo.training.blocks import row_class
from zoo.training.initialisers import initial_weights
from zoo.training.losses import row_losses
from zoo.training.training_run import FitResult, FitTask, Rows, TrainingRun
from zoo.training.types import Array, DoubleArray, FloatArray, IntArray, Shape

__all__ = ["NativeNetwork", "Steps", "Weights"]

Weights: TypeAlias = Sequence[FloatArray]
_BATCH_ROWS = 64
_PREDICT_ROWS, _LEAST_ROWS = 8192, 64


class Steps(ABC):
    """A network of one framework while it trains."""

    @abstractmethod
    def take(self, batch: Rows, learning_rate: float, weight_decay: float) -> float:
        """Move the weights once and return the loss before it, a mean by the rows' weights.

        Rows of weight 0 only fill a batch up, so that all have one shape.
        """

    @abstractmethod
    def weights(self) -> list[FloatArray]:
        """Return copies of the weights."""

    def compile(self, batch: Rows) -> None:
        """Compile the step for batches of this shape; the weights stay as they are."""
        del batch


@dataclass(frozen=True, slots=True)
class _Standing:
    weights: list[FloatArray]
    failed_at: list[int]


class _Judged:
    """A network as `TrainingRun` judges it at the end of a round."""

    def __init__(self, model: NativeNetwork) -> None:
        self.n_inputs = model.n_inputs_
        self.config = SimpleNamespace(batch_size=_BATCH_ROWS)
        self._model = model

    def slice(self, train_state: _Standing, replicate: int) -> list[FloatArray]:
        del replicate  # there is one
        return train_state.weights

    def forward(self, weights: Weights, X: FloatArray) -> FloatArray:
        return self._model._forward(weights, X)

    def row_losses(self, outputs: Array, y: FloatArray) -> DoubleArray:
        return row_losses(self._model._loss, outputs, y)

    def cropped(self, weights: Weights, n_inputs: int) -> list[FloatArray]:
        del n_inputs  # nothing was filled up
        return list(weights)


@estimator
class NativeNetwork(PatientNetwork):
    """A multilayer perceptron that a framework's own code trains."""

    units: HiddenUnits = 128
    n_hidden: HiddenLayers = 2

    @abstractmethod
    def _begin(self, weights: Weights, seed: int) -> Steps:
        """Return a network with these weights, ready to train."""

    @abstractmethod
    def _apply(self, weights: Weights, X: FloatArray) -> FloatArray:
        """Return logits or values (n_rows, n_outputs)."""

    def _shapes(self) -> dict[str, Shape]:
        """Return the shapes of the weights by layer and name, from input to output."""
        sizes = [self.n_inputs_, *[self.units] * self.n_hidden, self.n_outputs_]
        names = [*[f"hidden_{i + 1}" for i in range(self.n_hidden)], "output"]
        shapes: dict[str, Shape] = {}
        for name, n_in, n_out in zip(names, sizes[:-1], sizes[1:], strict=True):
            shapes[f"{name}/kernel"], shapes[f"{name}/bias"] = (n_in, n_out), (n_out,)
        return shapes

    def _forward(self, weights: Weights, X: FloatArray) -> FloatArray:
        expected, found = [*self._shapes().values()], [np.shape(w) for w in weights]
        if found != expected:
            raise ValueError(f"expected weights of shapes {expected}, got {found}")
        parts = []
        for start in range(0, max(len(X), 1), _PREDICT_ROWS):
            rows = X[start : start + _PREDICT_ROWS]
            # few shapes, for each may be compiled, and the last bit depends on how many rows
            # are multiplied
            n_whole = max(row_class(len(rows)), _LEAST_ROWS)
            full = np.zeros((n_whole, X.shape[1]), np.float32)
            full[: len(rows)] = rows
            parts.append(self._apply(weights, full)[: len(rows)])
        return np.concatenate(parts)

    def _outputs(self, X: FloatArray) -> FloatArray:
        return self._forward(self.weights_, X)

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        start = time.perf_counter()
        task = self._split(X, y, weight)
        rng = np.random.default_rng(derive_seed("weights", task.seed))
        shapes = self._shapes()
        first = initial_weights([*shapes], [*shapes.values()], rng, X)
        compiling = time.perf_counter()
        steps = self._begin(first, derive_seed("steps", task.seed))
        steps.compile(_batch(task.train, np.full(_BATCH_ROWS, -1)))
        self._forward(first, (task.validation or task.train).X)
        self.compile_s_ = time.perf_counter() - compiling
        result = self._fit_rounds(steps, task)
        self._learn(result)
        self.fit_s_ = time.perf_counter() - start - self.compile_s_

    def _fit_rounds(self, steps: Steps, task: FitTask) -> FitResult:
        """Train until the held-out loss falls no more; return what the best round had."""
        judged = _Judged(self)
        place = TrainingRun(0, task, self._train_config(), judged)
        n_steps, failed_at, is_done = 0, 0, False
        while not is_done:
            rows, rates = place.take(place.n_steps_left)
            for numbers, (rate, decay, _) in zip(rows, rates, strict=True):
                n_steps += 1
                loss = steps.take(_batch(task.train, numbers), float(rate), float(decay))
                if not np.isfinite(loss):
                    failed_at = n_steps
                    break
            standing = _Standing(steps.weights(), [failed_at])
            is_done = place.is_done(judged, standing, 0)
        return place.result


def _batch(rows: Rows, numbers: IntArray) -> Rows:
    """Return the rows with these numbers; -1 is a row that is not there."""
    weight = np.where(numbers < 0, np.float32(0), rows.weight[numbers])
    return Rows(rows.X[numbers], rows.y[numbers], weight)
