"""The bases of Keras networks: an architecture, trained by the compiled program."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from zoo.extras import require_keras
from zoo.models.base import TableLike
from zoo.models.network import Network, PatientNetwork
from zoo.training.forked import refuse_forked
from zoo.training.initialisers import STANDARD, InitialiserTable, draw_weights
from zoo.training.tasks import FitResult, FitTask, TrainConfig
from zoo.training.types import (
    ArchitectureConfig,
    Array,
    DoubleArray,
    FloatArray,
    KerasModel,
    Options,
    Shape,
)

if TYPE_CHECKING:
    from zoo.training.program import Program, ProgramConfig

__all__ = ["Architecture", "KerasNetwork", "PatientKerasNetwork", "fit_together", "rounded_up"]


_FEW_UNITS = 10_000  # options of an architecture that are not sizes are smaller
_LAYERS_PER_WEIGHT, _FEW_LAYERS = 3, 24  # the first for each array of weights


class _Plan(NamedTuple):
    """A network that is ready to train."""

    number: int
    model: KerasNetwork
    before: Mapping[str, object]  # the model's attributes, to be restored if training fails
    program: Program
    task: FitTask
    config: TrainConfig
    seconds: float  # that preparing it took


def rounded_up(n_columns: int) -> int:
    """Return the smallest of 0, 4, 6, 8, 12, 16, 24, 32, 48, ... that is at least `n_columns`."""
    size = 4
    while n_columns > size:
        size = size * 3 // 2 if size & (size - 1) == 0 else size * 4 // 3
    return size if n_columns else 0


def _whole(value: object) -> Sequence[int]:
    """Return the whole numbers of a config's value."""
    values = value if isinstance(value, tuple) else (value,)
    return [item for item in values if isinstance(item, int)]


def fit_together(
    models: Sequence[KerasNetwork], tables: Iterable[tuple[TableLike, ArrayLike]], *, n_slots: int
) -> Iterator[tuple[int, Exception | None]]:
    """Fit networks side by side in one compiled program, each as `fit` would alone.

    Parameters
    ----------
    models : sequence of KerasNetwork
        Of one class and with the same parameters, except `random_state`.
    tables : iterable of (X, y)
        One for each model, in the same order; taken when its training begins.
    n_slots : int
        How many train at a time.

    Yields
    ------
    number, error : int, Exception or None
        The number of the model that is done, and why it could not be fitted.
    """
    require_keras()
    from zoo.training.stream import fit_stream, threads_for

    n_threads, n_slots = threads_for(n_slots)
    not_trained: list[tuple[int, Exception | None]] = []

    def plans() -> Iterator[_Plan]:
        for number, (model, (X, y)) in enumerate(zip(models, tables, strict=True)):
            start, before = time.perf_counter(), dict(vars(model))
            try:
                rows = model._checked(X, y, None)
                if model._has_one_class:
                    model.fit_s_, model.compile_s_ = time.perf_counter() - start, 0.0
                    not_trained.append((number, None))
                    continue
                task, config = model._split(*rows), model._train_config()
                program = model._program(n_slots)
            except Exception as error:  # noqa: BLE001 (its own failure, whatever it is)
                model._restore(before)
                not_trained.append((number, error))
            else:
                seconds = time.perf_counter() - start
                yield _Plan(number, model, before, program, task, config, seconds)

    for (program, config), group in groupby(plans(), key=lambda plan: (plan.program, plan.config)):
        taken: list[_Plan] = []
        tasks = _tasks(group, taken)
        for position, result in fit_stream(program, tasks, config, n_threads=n_threads):
            plan = taken[position]
            try:
                plan.model._keep(program, result, plan.seconds)
                yield plan.number, None
            except FloatingPointError as error:
                plan.model._restore(plan.before)
                yield plan.number, error
    yield from not_trained


def _tasks(plans: Iterator[_Plan], taken: list[_Plan]) -> Iterator[FitTask]:
    """Yield the tasks of plans, and append the plans to `taken`."""
    for plan in plans:
        taken.append(plan)
        yield plan.task


class Architecture(Network):
    """A network that `_build` makes of a config.

    `_build(layers, config)` is a static method of each architecture, written against
    `zoo.training.types.Layers`; its config is of the class `_config_class`.
    """

    _build: ClassVar[Callable[..., KerasModel]]
    _config_class: ClassVar[type[ArchitectureConfig]]
    _jit_compile: ClassVar[bool] = True

    def _derived(self) -> dict[str, Any]:
        """Return the values of the config that are not simply parameters or counts."""
        return {}

    def _config(self, n_inputs: int) -> ArchitectureConfig:
        """Return the config of the network with this many inputs."""
        derived = {"n_inputs": n_inputs, **self._derived()}

        def value(name: str) -> Any:
            if name in derived:
                return derived[name]
            if name in {"n_numbers", "n_codes", "n_categories"}:
                return getattr(self.encoder_, f"{name}_")
            return self.n_outputs_ if name == "n_outputs" else getattr(self, name)

        return self._config_class(**{f.name: value(f.name) for f in fields(self._config_class)})

    def _weight_shapes(self, n_weights: int, n_numbers: int) -> list[Shape]:
        """Return the shapes of the network's weights; no memory is taken for them.

        Parameters
        ----------
        n_weights, n_numbers : int
            How many arrays and numbers there should be. A network of many more layers, or of more
            units than numbers, is not even described.

        Raises
        ------
        ValueError
            If the network would be larger.
        """
        from zoo.training.layers.namespaces import weight_shapes

        config = self._config(self.n_inputs_)
        sizes = [size for f in fields(config) for size in _whole(getattr(config, f.name))]
        if max(sizes) > max(n_numbers, _FEW_UNITS):
            raise ValueError(f"a network of {max(sizes)} units or layers has more weights")
        # of a layer with a list of columns, each item counts; it has 987 numbers
        n_most = _LAYERS_PER_WEIGHT * n_weights + _FEW_LAYERS + n_numbers // 900
        return weight_shapes(self._build, config, n_most)

    def _n_program_inputs(self) -> int:
        """Return the number of inputs of the program, which are not fewer than this network's.

        One-hot columns vary with the training rows, so their number is rounded up: the sizes and
        replicates of a curve then share a program.
        """
        n_fixed = self.encoder_.n_fixed_
        return n_fixed + rounded_up(self.n_inputs_ - n_fixed)


class KerasNetwork(Architecture):
    """A network that the compiled program trains."""

    _adam: ClassVar[Options] = {}  # settings of `Adam` that are not its defaults
    batch_size = 64  # a parameter of some architectures

    fit_together = staticmethod(fit_together)

    @staticmethod
    def load_framework() -> None:
        """Import what the first fit would import."""
        from zoo.training.backends.choose import program_class

        program_class()

    @staticmethod
    def _initialisers(config: Any) -> InitialiserTable:
        """Return the initialisers of the first weights, for a config of `_config_class`."""
        del config
        return STANDARD

    @classmethod
    def _draw(
        cls,
        paths: Sequence[str],
        shapes: Sequence[Shape],
        rng: np.random.Generator,
        X: FloatArray,
        config: Any,
    ) -> list[FloatArray]:
        """Draw the first weights, which may depend on the encoded training rows X."""
        del X
        return draw_weights(cls._initialisers(config), paths, shapes, rng)

    @abstractmethod
    def _train_config(self) -> TrainConfig:
        """Return how long and how fast to train."""

    def _program_config(self) -> ProgramConfig:
        """Return loss, optimizer and batches."""
        from zoo.training.optimizer import Adam
        from zoo.training.program import ProgramConfig

        optimizer = Adam(**self._adam)
        return ProgramConfig(loss=self._loss, optimizer=optimizer, batch_size=self.batch_size)

    def _program(self, n_slots: int = 1) -> Program:
        """Return the compiled program of this architecture and number of inputs."""
        refuse_forked()
        require_keras()
        from zoo.training.backends.choose import program

        return program(
            type(self)._build,
            self._config(self._n_program_inputs()),
            self._program_config(),
            n_replicates=n_slots,
            jit_compile=self._jit_compile,
            draw=self._draw,
        )

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        require_keras()
        from zoo.training.stream import fit_networks

        start = time.perf_counter()
        task, config = self._split(X, y, weight), self._train_config()
        seconds = time.perf_counter() - start
        program = self._program()
        (result,) = fit_networks(program, [task], config)
        self._keep(program, result, seconds)

    def _keep(self, program: Program, result: FitResult, seconds: float) -> None:
        """Keep the result of training, which took `seconds` to prepare."""
        self.fit_s_ = seconds + result.fit_s
        self.compile_s_ = program.take_compile_s()
        self._learn(result)

    def _outputs(self, X: FloatArray) -> FloatArray:
        return self._program().forward(self.weights_, X)

    def to_keras(self) -> KerasModel:
        """Return the trained network as an ordinary `keras.Model` on encoded rows.

        It takes (n_samples, n_columns_out) floats from `encoder_.transform` and returns logits
        (n_samples, n_classes), or standardised values (n_samples, 1).
        """
        refuse_forked()
        require_keras()
        from zoo.training.layers.namespaces import on_cpu, plain

        with on_cpu():
            network = self._build(plain(), self._config(self.n_inputs_))
        variables = [*network.trainable_variables, *network.non_trainable_weights]
        for variable, value in zip(variables, self.weights_, strict=True):
            variable.assign(value)
        return network


class PatientKerasNetwork(PatientNetwork, KerasNetwork):
    """A network that the compiled program trains until its validation loss stops falling."""
