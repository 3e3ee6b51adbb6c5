"""The base of programs: the shapes of a network, prediction, and time to compile.

Weights are arguments of the functions, never variables of the graph, so one compilation serves
every fit of the same shape, and a fit leaves nothing behind.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from keras import ops

from zoo.training.layers.namespaces import on_cpu, plain
from zoo.training.padding import in_padded_parts
from zoo.training.types import (
    ArchitectureBuilder,
    Array,
    FloatArray,
    KerasModel,
    Shape,
    Tensor,
)  # fmt: skip

__all__ = ["CompiledNetwork"]


class CompiledNetwork(ABC):
    """The compiled functions of one architecture.

    Networks with fewer inputs are served too: the weights of the missing inputs are zeros.

    Parameters
    ----------
    build : callable
        Given a namespace of layers (`zoo.training.layers`) and the number of inputs, returns the
        `keras.Model`.
    n_inputs : int
    jit_compile : bool
        Whether XLA compiles the training step, where that is a choice.

    Attributes
    ----------
    template : keras.Model
        One ordinary network of all inputs, for its structure; its weights are not used.
    compile_s : float
        Seconds spent on building and compiling.
    """

    def __init__(self, build: ArchitectureBuilder, n_inputs: int, *, jit_compile: bool) -> None:
        self.compile_s = self._claimed_s = 0.0
        self.n_inputs = n_inputs
        self._build, self._jit_compile = build, jit_compile
        self._lock = threading.RLock()
        with self._compile_time():
            self.template = self._plain(n_inputs)
        self._shapes = {n_inputs: _shapes(self.template)}

    def _plain(self, n_inputs: int) -> KerasModel:
        with on_cpu():
            return self._build(plain(), n_inputs)

    @contextmanager
    def _compile_time(self) -> Iterator[None]:
        """Count the time spent inside as time to compile."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.compile_s += time.perf_counter() - start

    def take_compile_s(self) -> float:
        """Return the seconds spent on building and compiling since the last call."""
        before, self._claimed_s = self._claimed_s, self.compile_s
        return self.compile_s - before

    @property
    def paths(self) -> list[str]:
        """Paths of the trainable variables."""
        return [variable.path for variable in self.template.trainable_variables]

    def shapes(self, n_inputs: int) -> list[Shape]:
        """Return the shapes of an ordinary network's weights: those that train, then the rest."""
        if n_inputs not in self._shapes:
            self._shapes[n_inputs] = _shapes(self._plain(n_inputs))
        return self._shapes[n_inputs]

    def padded(self, weights: Sequence[Array]) -> list[Array]:
        """Return the weights of a network with fewer inputs, padded with zeros to all inputs."""
        return [
            np.pad(w, [(0, n - have) for n, have in zip(shape, w.shape, strict=True)])
            if shape != w.shape
            else w
            for w, shape in zip(weights, self._shapes[self.n_inputs], strict=False)
        ]

    def cropped(self, weights: Sequence[Array], n_inputs: int) -> list[FloatArray]:
        """Return copies of the weights that belong to the first `n_inputs` inputs."""
        return [
            np.asarray(w)[tuple(slice(n) for n in shape)].copy()
            for w, shape in zip(weights, self.shapes(n_inputs), strict=True)
        ]

    def forward(
        self, weights: Sequence[Array], X: FloatArray, *, max_rows: int = 8192
    ) -> FloatArray:
        """Return the outputs (n_rows, n_outputs) of one network.

        The weights are in the order of `shapes`, those of all inputs or `cropped`. `X` has the
        shape (n_rows, at most n_inputs); at most `max_rows` rows are computed at once.
        """
        function = self._forward_function(self.padded([np.asarray(w) for w in weights]))
        return in_padded_parts(function, X, n_inputs=self.n_inputs, max_rows=max_rows)

    @abstractmethod
    def _forward_function(self, weights: list[Array]) -> Callable[[FloatArray], FloatArray]:
        """Return the function from rows to outputs of the network with these weights."""

    def _outputs(self, weights: Sequence[Tensor], X: Tensor) -> Tensor:
        """Return the outputs in the backend's own tensors."""
        template, n = self.template, len(self.template.trainable_variables)
        moving, ids = iter(weights[n:]), {id(v) for v in template.non_trainable_weights}
        state = [  # moving statistics, and random seeds that are not used
            next(moving) if id(v) in ids else ops.zeros(v.shape, v.dtype)
            for v in template.non_trainable_variables
        ]
        return template.stateless_call(list(weights[:n]), state, X, training=False)[0]


def _shapes(template: KerasModel) -> list[Shape]:
    variables = [*template.trainable_variables, *template.non_trainable_weights]
    return [tuple(variable.shape) for variable in variables]
