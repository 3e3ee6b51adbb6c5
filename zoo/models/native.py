"""The base of networks written in other frameworks: batches, early stopping, weights.

A framework's file builds its network from weights, takes a step and predicts. Weights are passed
as arrays, a kernel (n_inputs, n_outputs) and a bias for each layer.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

import numpy as np

from zoo.canonical import derive_seed
from zoo.models.network import PatientNetwork
from zoo.models.parameters import HiddenLayers, HiddenUnits, estimator
from zoo.training.forked import refuse_forked
from zoo.training.initialisers import initial_weights
from zoo.training.padding import in_padded_parts
from zoo.training.tasks import FitResult, FitTask, Rows
from zoo.training.training_run import TrainingRun
from zoo.training.types import Array, DoubleArray, FloatArray, IntArray, Shape

__all__ = ["NativeNetwork", "Steps", "Weights"]

Weights: TypeAlias = Sequence[FloatArray]
_BATCH_ROWS = 64


class Steps(ABC):
    """A network of one framework while it trains."""

    @abstractmethod
    def take(self, batch: Rows, learning_rate: float, weight_decay: float) -> float:
        """Take one step and return the loss before it, a mean by the rows' weights.

        Rows of weight 0 are padding, so that all batches have one shape.
        """

    @abstractmethod
    def weights(self) -> list[FloatArray]:
        """Return copies of the weights."""

    def compile(self, batch: Rows) -> None:
        """Compile the step for batches of this shape; the weights stay as they are."""
        del batch


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

    def _weight_shapes(self, n_weights: int, n_numbers: int) -> list[Shape]:
        """Return the shapes of the weights, of which there should be `n_weights`."""
        del n_numbers
        if n_weights != 2 * (self.n_hidden + 1):
            raise ValueError(f"expected weights of {self.n_hidden + 1} layers, got {n_weights}")
        return [*self._shapes().values()]

    def _forward(self, weights: Weights, X: FloatArray) -> FloatArray:
        refuse_forked()
        expected, found = [*self._shapes().values()], [np.shape(w) for w in weights]
        if found != expected:
            raise ValueError(f"expected weights of shapes {expected}, got {found}")
        return in_padded_parts(partial(self._apply, weights), X, n_inputs=X.shape[1])

    def _outputs(self, X: FloatArray) -> FloatArray:
        return self._forward(self.weights_, X)

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        refuse_forked()
        start = time.perf_counter()
        task = self._split(X, y, weight)
        rng = np.random.default_rng(derive_seed("weights", task.seed))
        shapes = self._shapes()
        first = initial_weights([*shapes], [*shapes.values()], rng, X)
        compiling = time.perf_counter()
        steps = self._begin(first, derive_seed("steps", task.seed))
        steps.compile(_batch(task.train, np.full(_BATCH_ROWS, -1)))
        self._forward(first, task.evaluation_rows.X)
        self.compile_s_ = time.perf_counter() - compiling
        result = self._fit(steps, task)
        self._learn(result)
        self.fit_s_ = time.perf_counter() - start - self.compile_s_

    def _fit(self, steps: Steps, task: FitTask) -> FitResult:
        """Train until the validation loss no longer improves; return the best weights."""
        config = self._train_config()
        run, n_steps = TrainingRun(task, config, loss=self._loss, batch_size=_BATCH_ROWS), 0
        while not run.is_over:
            batches, rates = run.take(run.n_steps_left)
            for numbers, (rate, decay, _) in zip(batches, rates, strict=True):
                n_steps += 1
                loss = steps.take(_batch(task.train, numbers), float(rate), float(decay))
                if not np.isfinite(loss):
                    run.fail(n_steps)
                    return run.result
            weights = steps.weights()
            if run.evaluate(self._forward(weights, task.evaluation_rows.X)):
                run.result.weights = weights
        return run.result


def _batch(rows: Rows, numbers: IntArray) -> Rows:
    """Return the rows with these numbers; -1 is padding."""
    weight = np.where(numbers < 0, np.float32(0), rows.weight[numbers])
    return Rows(rows.X[numbers], rows.y[numbers], weight)
