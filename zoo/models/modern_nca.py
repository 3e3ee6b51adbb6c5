"""ModernNCA (Ye, Yin, Zhan & Chao 2025, arXiv:2407.03257): nearest neighbours in a learnt space.

A network maps each row to a point so that rows of one label come together. A new row's prediction
is the mean over all training rows, weighted by the softmax of their negative distances.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np

from zoo.canonical import derive_seed
from zoo.extras import require_keras
from zoo.models.base import validation_split
from zoo.models.columns import TableConfig, table_inputs
from zoo.models.keras_network import Architecture
from zoo.models.network import NetworkClassifier, NetworkRegressor, PatientNetwork
from zoo.models.parameters import estimator
from zoo.models.targets import relative_weights
from zoo.training.forked import refuse_forked
from zoo.training.initialisers import InitialiserTable, draw_weights
from zoo.training.types import Array, DoubleArray, FloatArray, IntArray, KerasModel, Layers, Tensor

if TYPE_CHECKING:
    from zoo.training.neighbours import Moments, NeighbourProgram, NeighbourRows

_MAX_FEATURES = 2**26  # periodic features in a step, which bound its memory
_EMBED_ROWS = 4096
_MIN_EVALUATION_STEPS = 2  # minimum number of steps between two evaluations
_MIN_PROBABILITY = 1e-7  # of a class without a candidate


class _Validation(NamedTuple):
    """The validation rows."""

    X: FloatArray
    y: Array
    weight: DoubleArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ModernNCAConfig(TableConfig):
    """The config of ModernNCA's encoder; its outputs are the coordinates of a row's point."""

    n_frequencies: int
    embedding_units: int


@estimator
class _ModernNCA(PatientNetwork, Architecture):
    """Architecture, first weights and training.

    References
    ----------
    arXiv:2407.03257, sections 4 and 5; embedding of numbers: arXiv:2203.05556, section 3.3.
    """

    units: Annotated[int, "Dimensions of the space in which rows are neighbours."] = 128
    n_frequencies: Annotated[int, "Frequencies of a number's periodic features."] = 77
    frequency_scale: Annotated[float, "Standard deviation of the first frequencies."] = 0.0443
    embedding_units: Annotated[int, "Features that a number becomes."] = 34
    temperature: Annotated[float, "Distances are divided by it."] = 1.0
    sample_rate: Annotated[
        float,
        "Fraction of the training rows that are candidates in a step, sampled anew for each step. "
        "A row is never its own candidate.",
    ] = 0.5
    max_candidates: Annotated[
        int,
        "Maximum number of candidates, of a step and of the validation rows; the paper has no "
        "limit. Time and memory of a step then do not grow with the data. Tables of more than 47 "
        "numbers have fewer still, and smaller batches. Predictions use all training rows.",
    ] = 8192
    learning_rate: float = 0.01
    weight_decay: Annotated[float, "Decoupled decay of all weights."] = 0.0002
    batch_size: Annotated[int, "Maximum number of rows in a training step."] = 1024
    max_epochs: Annotated[
        int,
        "Maximum number of evaluation intervals. An interval is one epoch, or two where an epoch "
        "is one step.",
    ] = 200
    patience: int = 20

    _jit_compile = False  # XLA took as long or longer, and to compile
    _flags = "onehot"
    _config_class = ModernNCAConfig

    @staticmethod
    def _build(layers: Layers, config: ModernNCAConfig) -> KerasModel:
        embedding = layers.PeriodicEmbedding(
            config.n_frequencies, config.embedding_units, is_lite=True, name="periodic"
        )
        inputs = layers.Input(config.n_inputs)
        values = table_inputs(layers, inputs, config, embedding=embedding)
        return layers.Model(inputs, layers.Dense(config.n_outputs, name="encoder")(values))

    def _derived(self) -> dict[str, Any]:
        return {"n_outputs": self.units}

    def _program(self) -> NeighbourProgram:
        """Return the compiled functions; the number of one-hot columns is rounded up."""
        refuse_forked()
        require_keras()
        from zoo.training.backends.choose import neighbour_program
        from zoo.training.optimizer import Adam

        return neighbour_program(
            self._build,
            self._config(self._n_program_inputs()),
            self._loss,
            optimizer=Adam(epsilon=1e-8, decays_vectors=True),
            temperature=self.temperature,
            jit_compile=self._jit_compile,
        )

    def _draw(self, program: NeighbourProgram, seed: int) -> list[FloatArray]:
        """Return first weights: frequencies normal, the rest within 1 / sqrt(inputs)."""
        scale = self.frequency_scale
        table: InitialiserTable = (
            ("periodic/frequencies", lambda new, rng: scale * rng.normal(size=new.shape)),
            ("*", lambda new, rng: rng.uniform(-1.0, 1.0, new.shape) / np.sqrt(new.kernel[0])),
        )
        rng = np.random.default_rng(derive_seed("weights", seed))
        return draw_weights(table, program.paths, program.shapes(self.n_inputs_), rng)

    def _sizes(self, n_rows: int) -> tuple[int, int, int]:
        """Return the rows of a batch, of its candidates, and of an embedding, to fit in memory."""
        from zoo.training.padding import padded_size, power_of_two_below

        n_features = max(2 * self.n_frequencies * self.encoder_.n_numbers_, 1)
        at_once = max(_MAX_FEATURES // n_features, 4)
        n_batch = min(self.batch_size, n_rows, power_of_two_below(at_once // 2))
        most = min(self.max_candidates, n_rows, power_of_two_below(at_once - padded_size(n_batch)))
        n_candidates = min(max(round(self.sample_rate * n_rows), 2), most)
        return n_batch, n_candidates, min(at_once, _EMBED_ROWS)

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        require_keras()
        from zoo.training.neighbours import NeighbourRows

        start = time.perf_counter()
        codes = y if self._is_classifier else None
        rng = self._rng()
        rows, out = validation_split(codes, len(X), self.validation_fraction, rng)
        seed = int(rng.randint(2**31))
        weights = np.ones(len(X))
        if weight is not None:
            for part in (rows, out):
                weights[part] = relative_weights(weight[part])
        self.n_inputs_ = X.shape[1]
        self.candidate_targets_, self.candidate_weights_ = y[rows], weights[rows]
        program = self._program()
        light = weights.astype(np.float32)
        train = NeighbourRows(X[rows], y[rows].astype(np.float32), light[rows], rows)
        self._fit(program, train, _Validation(X[out], y[out], weights[out]), seed)
        self.n_parameters_ = int(sum(w.size for w in self.weights_))
        self.embedded_ = self._embed(program, self.weights_, train.X)
        self.compile_s_ = program.take_compile_s()
        self.fit_s_ = time.perf_counter() - start - self.compile_s_

    def _fit(
        self, program: NeighbourProgram, train: NeighbourRows, validation: _Validation, seed: int
    ) -> None:
        """Train until the validation loss no longer improves; keep the best weights."""
        from zoo.training.early_stopping import EarlyStopping
        from zoo.training.losses import not_finite
        from zoo.training.neighbours import draw_steps

        n_batch, n_candidates, _ = self._sizes(len(train.y))
        steps_per_epoch = -(-len(train.y) // n_batch)
        interval = max(1, _MIN_EVALUATION_STEPS // steps_per_epoch)  # epochs of an evaluation
        first = program.padded(self._draw(program, seed))
        zeros = [np.zeros_like(w) for w in first]
        moments: Moments = (list(first), zeros, zeros)
        steps = draw_steps(train, program.n_inputs, seed, n_batch, n_candidates)
        rng = np.random.default_rng(derive_seed("judges", seed))
        candidates = np.sort(rng.permutation(len(train.y))[: self.max_candidates])
        has_validation = len(validation.y) > 0
        stopping = EarlyStopping(
            patience=self.patience, max_evaluations=self.max_epochs, keeps_last=not has_validation
        )
        self.validation_losses_: list[float] = []
        count, stops, rates = 0, False, (self.learning_rate, self.weight_decay)
        while not stops:
            losses = []
            for rows in islice(steps, interval * steps_per_epoch):
                count += 1
                moments, loss = program.train(moments, rows, count, rates)
                losses.append(loss)
            self.n_epochs_ = interval * (stopping.n_evaluations + 1)
            loss = float(np.mean(losses))
            if has_validation and np.isfinite(loss):
                sides = validation.X, train.X[candidates]
                near, far = (self._embed(program, moments[0], X) for X in sides)
                loss = self._loss_of(self._means(near, far, candidates), validation)
            if not np.isfinite(loss):
                raise FloatingPointError(not_finite(f"the loss after step {count}", self.n_epochs_))
            self.validation_losses_.append(loss)
            decision = stopping.evaluate(loss)
            stops = decision.stops
            if decision.is_best:
                best = moments[0]
        self.best_epoch_ = interval * stopping.best_evaluation
        self.weights_ = program.cropped(best, self.n_inputs_)

    def _loss_of(self, means: DoubleArray, rows: _Validation) -> float:
        """Return the weighted mean loss of rows for which these means are predicted."""
        if self._loss == "squared":
            losses = (means[:, 0] - rows.y) ** 2
        else:
            losses = -np.log(means[np.arange(len(rows.y)), rows.y] + _MIN_PROBABILITY)
        return float(np.average(losses, weights=rows.weight))

    def _embed(
        self, program: NeighbourProgram, weights: Sequence[Tensor], X: FloatArray
    ) -> FloatArray:
        """Return the points of encoded rows, (n_rows, units)."""
        return np.asarray(program.forward(weights, X, max_rows=self._sizes(len(X))[2]))

    def _means(
        self, near: FloatArray, far: FloatArray, chosen: IntArray | slice = slice(None)
    ) -> DoubleArray:
        """Return probabilities (n_rows, n_classes) or numbers (n_rows, 1) by chosen candidates."""
        from zoo.training.neighbours import neighbour_means

        targets = self.candidate_targets_[chosen, None]
        if isinstance(self, NetworkClassifier):
            targets = targets == np.arange(len(self.classes_))
        weight, values = self.candidate_weights_[chosen], targets.astype(np.float64)
        return neighbour_means(near, far, values, weight, self.temperature)

    def _outputs(self, X: FloatArray) -> DoubleArray:
        return self._means(self._embed(self._program(), self.weights_, X), self.embedded_)


@estimator
class ModernNCAClassifier(_ModernNCA, NetworkClassifier):
    """ModernNCA for classes.

    The encoder is linear: the paper's blocks after it are left out, as in its default.
    """

    def _scores(self, X: FloatArray) -> Array:
        return self._outputs(X)


@estimator
class ModernNCARegressor(_ModernNCA, NetworkRegressor):
    """ModernNCA for numbers.

    The encoder is linear: the paper's blocks after it are left out, as in its default.
    """
