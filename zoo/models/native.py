"""The base of networks written in other frameworks: batches, early stopping, weights.

A framework's file builds its network from weights, takes a step and predicts. Weights are passed
as arrays, a kernel (n_inputs, n_outputs) and a bias for each layer.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from zoo.canonical import derive_seed
from zoo.models.base import ProbabilityClassifier, TableRegressor, validation_split
from zoo.models.targets import ClassWeight
from zoo.training.initialisers import initial_weights
from zoo.training.losses import Loss
from zoo.training.padding import in_padded_parts
from zoo.training.tasks import FitResult, FitTask, Rows
from zoo.training.train_config import TrainConfig
from zoo.training.training_run import TrainingRun

__all__ = ["NativeClassifier", "NativeRegressor", "Steps", "Weights"]

Weights = Sequence[NDArray[np.float32]]
_BATCH_ROWS = 64


class Steps(ABC):
    """A network of one framework while it trains."""

    @abstractmethod
    def take(self, batch: Rows, learning_rate: float, weight_decay: float) -> float:
        """Take one step and return the loss before it, a mean by the rows' weights.

        Rows of weight 0 are padding, so that all batches have one shape.
        """

    @abstractmethod
    def weights(self) -> list[NDArray[np.float32]]:
        """Return copies of the weights."""

    def compile(self, batch: Rows) -> None:
        """Compile the step for batches of this shape; the weights stay as they are."""
        del batch


class _Native(ABC):
    """Trains the network of a framework; the parameters are those of the concrete class."""

    _loss: ClassVar[Loss]

    def __init__(
        self,
        *,
        units: int = 128,
        n_hidden: int = 2,
        learning_rate: float = 0.001,
        weight_decay: float = 0.01,
        max_epochs: int = 150,
        patience: int = 12,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.units = units
        self.n_hidden = n_hidden
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    @abstractmethod
    def _begin(self, weights: Weights, seed: int) -> Steps:
        """Return a network with these weights, ready to train."""

    @abstractmethod
    def _apply(self, weights: Weights, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return logits or values (n_rows, n_outputs)."""

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the weights by layer and name, from input to output."""
        sizes = [self.n_inputs_, *[self.units] * self.n_hidden, self.n_outputs_]
        names = [*[f"hidden_{i + 1}" for i in range(self.n_hidden)], "output"]
        shapes: dict[str, tuple[int, ...]] = {}
        for name, n_in, n_out in zip(names, sizes[:-1], sizes[1:], strict=True):
            shapes[f"{name}/kernel"], shapes[f"{name}/bias"] = (n_in, n_out), (n_out,)
        return shapes

    def _forward(self, weights: Weights, X: NDArray[np.float32]) -> NDArray[np.float32]:
        expected, found = [*self._shapes().values()], [np.shape(w) for w in weights]
        if found != expected:
            raise ValueError(f"expected weights of shapes {expected}, got {found}")
        return in_padded_parts(partial(self._apply, weights), X, n_inputs=X.shape[1])

    def _train(
        self, X: NDArray[np.float32], y: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> None:
        start = time.perf_counter()
        task = self._task(X, y, weight)
        rng = np.random.default_rng(derive_seed("weights", task.seed))
        shapes = self._shapes()
        first = initial_weights([*shapes], [*shapes.values()], rng, X)
        compiling = time.perf_counter()
        steps = self._begin(first, derive_seed("steps", task.seed))
        steps.compile(_batch(task.train, np.full(_BATCH_ROWS, -1)))
        self._forward(first, task.evaluation_rows.X)
        self.compile_s_ = time.perf_counter() - compiling
        result = self._fit(steps, task)
        if result.error is not None:
            raise FloatingPointError(result.error)
        self.weights_ = result.weights
        self.n_epochs_, self.best_epoch_ = result.n_epochs, result.best_epoch
        self.validation_losses_ = result.losses
        self.n_parameters_ = int(sum(w.size for w in result.weights))
        self.fit_s_ = time.perf_counter() - start - self.compile_s_

    def _task(
        self, X: NDArray[np.float32], y: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> FitTask:
        """Return rows to train on, validation rows, and a seed."""
        codes = y if self._loss == "crossentropy" else None
        rng: np.random.RandomState = self._rng()  # type: ignore[attr-defined]
        rows, out = validation_split(codes, len(X), self.validation_fraction, rng)
        weights = np.ones(len(X), np.float32) if weight is None else weight.astype(np.float32)
        target = y.astype(np.float32)
        self.n_inputs_ = X.shape[1]
        self.n_outputs_ = 1 if codes is None else len(self.classes_)  # type: ignore[attr-defined]
        if not weights[out].any():
            rows, out = np.arange(len(X)), out[:0]
        return FitTask(
            Rows(X[rows], target[rows], weights[rows]),
            Rows(X[out], target[out], weights[out]) if len(out) else None,
            int(rng.randint(2**31)),
        )

    def _fit(self, steps: Steps, task: FitTask) -> FitResult:
        """Train until the validation loss no longer improves; return the best weights."""
        config = TrainConfig(
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            max_epochs=self.max_epochs,
            patience=self.patience,
        )
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


def _batch(rows: Rows, numbers: NDArray[np.intp]) -> Rows:
    """Return the rows with these numbers; -1 is padding."""
    weight = np.where(numbers < 0, np.float32(0), rows.weight[numbers])
    return Rows(rows.X[numbers], rows.y[numbers], weight)


class NativeClassifier(_Native, ProbabilityClassifier):
    """A network with a softmax over the classes."""

    _loss: ClassVar[Loss] = "crossentropy"

    def __init__(
        self,
        *,
        units: int = 128,
        n_hidden: int = 2,
        learning_rate: float = 0.001,
        weight_decay: float = 0.01,
        max_epochs: int = 150,
        patience: int = 12,
        validation_fraction: float = 0.2,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            units=units,
            n_hidden=n_hidden,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            max_epochs=max_epochs,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.class_weight = class_weight

    def _fit_codes(
        self, X: NDArray[np.float32], y: NDArray[np.intp], weight: NDArray[np.float64] | None
    ) -> None:
        self._train(X, y, weight)

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        logits = self._forward(self.weights_, X).astype(np.float64)
        probabilities: NDArray[Any] = softmax(logits, axis=1)
        return probabilities


class NativeRegressor(_Native, TableRegressor):
    """A network with one linear output."""

    _loss: ClassVar[Loss] = "squared"

    def _fit_numbers(
        self, X: NDArray[np.float32], y: NDArray[np.float64], weight: NDArray[np.float64] | None
    ) -> None:
        self._train(X, y, weight)

    def _values(self, X: NDArray[np.float32]) -> NDArray[Any]:
        return self._forward(self.weights_, X)[:, 0]
