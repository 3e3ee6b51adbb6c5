"""What the Keras estimators share: an architecture, trained by the compiled program."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from zoo.encoding.encoder import TableEncoder
from zoo.models.base import ProbabilityClassifier, TableRegressor, validation_split

if TYPE_CHECKING:
    from zoo.training.program_config import ProgramConfig
    from zoo.training.train_config import TrainConfig

__all__ = ["NetworkClassifier", "NetworkRegressor", "column_class", "fit_together"]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A network that is ready to train: its program, rows and options."""

    number: int
    model: _Network
    program: Any
    task: Any
    options: Any
    seconds: float
    before: Mapping[str, Any]  # the model's attributes, to be put back if training fails


def column_class(n_columns: int) -> int:
    """Return the least of 0, 4, 6, 8, 12, 16, 24, 32, 48, ... that is not less."""
    size = 4
    while n_columns > size:
        size = size * 3 // 2 if size & (size - 1) == 0 else size * 4 // 3
    return size if n_columns else 0


class _Network(ABC):
    """Fits `_build`'s network; the parameters are those of the concrete class."""

    _jit_compile: ClassVar[bool] = True
    _loss: ClassVar[Any]
    learning_rate: Any  # a number, or None where the class has its own
    weight_decay: float
    max_epochs: int
    patience: int
    validation_fraction: float
    encoder_: TableEncoder
    n_inputs_: int
    n_outputs_: int

    _build: Any  # a static method of each architecture: layers, options -> keras.Model
    _draw: Any = None  # a static method, where the first weights are not drawn as usual

    @abstractmethod
    def _options(self, n_inputs: int) -> Mapping[str, Any]:
        """Return the options of `_build` that come from the estimator's parameters."""

    def _n_program_inputs(self) -> int:
        """Return the number of inputs of the program, which are not fewer than this network's.

        One-hot columns come and go with the training rows, so their number is rounded up: the
        sizes and replicates of a curve then share a program.
        """
        n_fixed = self.encoder_.n_fixed_
        return n_fixed + column_class(self.n_inputs_ - n_fixed)

    def _program(self, n_slots: int = 1) -> Any:
        """Return the compiled program of this architecture and number of inputs."""
        from zoo.training.backends.choose import program

        n_inputs = self._n_program_inputs()
        options = {"n_outputs": self.n_outputs_, **self._options(n_inputs)}
        return program(
            self._build,
            tuple(sorted(options.items())),
            n_inputs,
            self._program_config(),
            n_replicates=n_slots,
            jit_compile=self._jit_compile,
            draw=self._draw,
        )

    def _program_config(self) -> ProgramConfig:
        """Return loss, optimiser and batches."""
        from zoo.training.program_config import ProgramConfig

        return ProgramConfig(loss=self._loss)

    def _train_config(self) -> TrainConfig:
        """Return how long and how fast to train."""
        from zoo.training.train_config import TrainConfig

        return TrainConfig(
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            max_epochs=self.max_epochs,
            patience=self.patience,
        )

    def _plan(
        self,
        X: NDArray[np.float32],
        y: NDArray[Any],
        weight: NDArray[np.float64] | None,
        *,
        number: int = 0,
        n_slots: int = 1,
    ) -> _Plan:
        """Return the network to train on the encoded rows, some of them for validation."""
        from zoo.training.tasks import FitTask, Rows

        start = time.perf_counter()
        codes = y if self._loss == "crossentropy" else None
        rng: np.random.RandomState = self._rng()  # type: ignore[attr-defined]
        rows, out = validation_split(codes, len(X), self.validation_fraction, rng)
        seed = int(rng.randint(2**31))
        weights = np.ones(len(X), np.float32) if weight is None else weight.astype(np.float32)
        target = y.astype(np.float32)
        self.n_inputs_ = X.shape[1]
        self.n_outputs_ = 1 if codes is None else len(self.classes_)  # type: ignore[attr-defined]
        if not weights[out].any():
            rows, out = np.arange(len(X)), out[:0]
        task = FitTask(
            Rows(X[rows], target[rows], weights[rows]),
            Rows(X[out], target[out], weights[out]) if len(out) else None,
            seed,
        )
        options = self._train_config()
        seconds = time.perf_counter() - start
        return _Plan(number, self, self._program(n_slots), task, options, seconds, {})

    def _train(self, X: NDArray[np.float32], y: NDArray[Any], weight: Any) -> None:
        from zoo.training.stream import fit_networks

        plan = self._plan(X, y, weight)
        (result,) = fit_networks(plan.program, [plan.task], plan.options)
        self._take(plan, result)

    def _take(self, plan: _Plan, result: Any) -> None:
        """Keep what training gave."""
        self.fit_s_ = plan.seconds + result.fit_s
        self.compile_s_ = plan.program.take_compile_s()
        if result.error is not None:
            raise FloatingPointError(result.error)
        self.weights_ = result.weights
        self.n_epochs_, self.best_epoch_ = result.n_epochs, result.best_epoch
        self.validation_losses_ = result.losses
        self.n_parameters_ = int(sum(w.size for w in result.weights))

    def _outputs(self, X: NDArray[np.float32]) -> NDArray[Any]:
        outputs: NDArray[Any] = self._program().forward(self.weights_, X)
        return outputs

    def to_keras(self) -> Any:
        """Return the trained network as an ordinary `keras.Model` on encoded rows.

        It takes (n_samples, n_columns_out) floats from `encoder_.transform` and returns logits
        (n_samples, n_classes), or standardised values (n_samples, 1).
        """
        from zoo.training.layers.namespaces import on_cpu, plain

        options = {"n_outputs": self.n_outputs_, **self._options(self.n_inputs_)}
        with on_cpu():
            network = self._build(plain(), n_inputs=self.n_inputs_, **options)
        variables = [*network.trainable_variables, *network.non_trainable_weights]
        for variable, value in zip(variables, self.weights_, strict=True):
            variable.assign(value)
        return network


def _restore(model: Any, attributes: Mapping[str, Any]) -> None:
    vars(model).clear()
    vars(model).update(attributes)


def _tasks(plans: Iterator[_Plan], taken: list[_Plan]) -> Iterator[Any]:
    """Pass on the tasks of plans, noting which were taken."""
    for plan in plans:
        taken.append(plan)
        yield plan.task


def fit_together(
    models: Sequence[Any], tables: Iterable[tuple[Any, Any]], *, n_slots: int
) -> Iterator[tuple[int, Exception | None]]:
    """Fit networks side by side in one compiled program, each as `fit` would alone.

    Parameters
    ----------
    models : sequence of NetworkClassifier or NetworkRegressor
        Of one class and the same parameters, but for `random_state`.
    tables : iterable of (X, y)
        One a model, in the same order; taken when its turn comes.
    n_slots : int
        How many train at a time.

    Yields
    ------
    number, error : int, Exception or None
        The number of the model that is done, and why it could not be fitted.
    """
    from zoo.training.stream import fit_stream, threads_for

    n_threads, n_slots = threads_for(n_slots)
    not_trained: list[tuple[int, Exception | None]] = []

    def plans() -> Iterator[_Plan]:
        for number, (model, (X, y)) in enumerate(zip(models, tables, strict=True)):
            start, before = time.perf_counter(), dict(vars(model))
            try:
                rows = model._checked(X, y, None)
                if len(getattr(model, "classes_", "ab")) > 1:
                    plan = model._plan(*rows, number=number, n_slots=n_slots)
                    yield replace(plan, seconds=time.perf_counter() - start, before=before)
                    continue
                model.fit_s_, model.compile_s_ = time.perf_counter() - start, 0.0
                not_trained.append((number, None))  # one class: nothing to learn
            except Exception as error:  # noqa: BLE001 (its own failure, whatever it is)
                _restore(model, before)
                not_trained.append((number, error))

    for (program, options), group in groupby(
        plans(), key=lambda plan: (plan.program, plan.options)
    ):
        taken: list[_Plan] = []
        for number, result in fit_stream(
            program, _tasks(group, taken), options, n_threads=n_threads
        ):
            plan = taken[number]
            try:
                plan.model._take(plan, result)
                yield plan.number, None
            except FloatingPointError as error:
                _restore(plan.model, plan.before)
                yield plan.number, error
    yield from not_trained


class NetworkClassifier(_Network, ProbabilityClassifier):
    """A network with a softmax over the classes."""

    fit_together = staticmethod(fit_together)
    _loss: ClassVar[Any] = "crossentropy"

    def _fit_codes(
        self, X: NDArray[np.float32], y: NDArray[np.intp], weight: NDArray[np.float64] | None
    ) -> None:
        self._train(X, y, weight)

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        probabilities: NDArray[Any] = softmax(self._outputs(X).astype(np.float64), axis=1)
        return probabilities


class NetworkRegressor(_Network, TableRegressor):
    """A network with one linear output."""

    fit_together = staticmethod(fit_together)
    _loss: ClassVar[Any] = "squared"

    def _fit_numbers(
        self, X: NDArray[np.float32], y: NDArray[np.float64], weight: NDArray[np.float64] | None
    ) -> None:
        self._train(X, y, weight)

    def _values(self, X: NDArray[np.float32]) -> NDArray[Any]:
        return self._outputs(X)[:, 0]
