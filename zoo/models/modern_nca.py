"""ModernNCA (Ye, Yin, Zhan & Chao 2025, arXiv:2407.03257): nearest neighbours in a learnt space.

A network maps each row to a point so that rows of one label come together. A new row's prediction
is the mean over all training rows, weighted by the softmax of their negative distances.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo.canonical import derive_seed
from zoo.encoding.encoder import Flags
from zoo.models.base import validation_split
from zoo.models.columns import TableConfig, table_inputs
from zoo.models.keras_network import Architecture
from zoo.models.network import NetworkClassifier, NetworkRegressor, PatientNetwork
from zoo.models.parameters import estimator
from zoo.training.types import Array, DoubleArray, FloatArray, KerasModel, Layers, Tensor

if TYPE_CHECKING:
    from zoo.training.neighbours import NeighbourProgram

_MAX_WAVES = 2**26  # values of the embedding of numbers in a step: what it takes of memory
_EMBED_ROWS = 4096
_ROUND_STEPS = 2  # the least number of steps in a round
_LEAST = 1e-7  # probability of a class that no candidate has


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

    _jit_compile: ClassVar[bool] = False  # XLA took as long or longer, and to compile
    _flags: ClassVar[Flags] = "onehot"
    _config_class: ClassVar[type[ModernNCAConfig]] = ModernNCAConfig

    @staticmethod
    def _build(layers: Layers, config: ModernNCAConfig) -> KerasModel:
        def embed(numbers: Tensor) -> Tensor:
            embedding = layers.PeriodicEmbedding(
                config.n_frequencies, config.embedding_units, is_lite=True, name="periodic"
            )
            return layers.Flatten()(embedding(numbers))

        inputs = layers.Input(config.n_inputs)
        values = table_inputs(layers, inputs, config, embed=embed)
        return layers.Model(inputs, layers.Dense(config.n_outputs, name="encoder")(values))

    def _derived(self) -> dict[str, Any]:
        return {"n_outputs": self.units}

    def _program(self) -> NeighbourProgram:
        """Return the compiled functions; the number of one-hot columns is rounded up."""
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

    def _draw(self, seed: int) -> list[NDArray[np.float32]]:
        """Return first weights: frequencies normal, the rest within 1 / sqrt(inputs)."""
        rng = np.random.default_rng(derive_seed("weights", seed))
        n_numbers, k = self.encoder_.n_numbers_, 2 * self.n_frequencies
        n_hidden = self.n_inputs_ - n_numbers + n_numbers * self.embedding_units
        drawn = []

        def within(n: int, *shape: int) -> NDArray[Any]:
            values: NDArray[Any] = rng.uniform(-1.0, 1.0, shape) / np.sqrt(n)
            return values

        if n_numbers:
            waves = rng.normal(size=(n_numbers, self.n_frequencies))
            drawn = [self.frequency_scale * waves, within(k, k, self.embedding_units)]
            drawn.append(within(k, self.embedding_units))
        drawn += [within(n_hidden, n_hidden, self.units), within(n_hidden, self.units)]
        return [values.astype(np.float32) for values in drawn]

    def _widened(self, weights: list[NDArray[np.float32]], program: Any) -> list[Any]:
        """Return weights of the program's shapes: those of columns that are not there are zero."""
        *first, kernel, bias = weights
        missing = program.n_inputs - self.n_inputs_
        return [*first, np.pad(kernel, [(0, missing), (0, 0)]), bias]

    def _cropped(self, weights: list[Any], program: Any) -> list[NDArray[np.float32]]:
        """Return copies of the weights of the columns that are there."""
        *first, kernel, bias = (np.asarray(w) for w in weights)
        n_rows = len(kernel) - (program.n_inputs - self.n_inputs_)
        return [w.copy() for w in (*first, kernel[:n_rows], bias)]

    def _sizes(self, n_rows: int) -> tuple[int, int, int]:
        """Return rows of a batch, of its candidates, and to embed at once: all within memory."""
        from zoo.training.neighbours import padded_size, power_of_two

        waves_of_row = max(2 * self.n_frequencies * self.encoder_.n_numbers_, 1)
        at_once = max(_MAX_WAVES // waves_of_row, 4)
        n_batch = min(self.batch_size, n_rows, power_of_two(at_once // 2))
        most = min(self.max_candidates, n_rows, power_of_two(at_once - padded_size(n_batch)))
        n_candidates = min(max(round(self.sample_rate * n_rows), 2), most)
        return n_batch, n_candidates, min(at_once, _EMBED_ROWS)

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        from zoo.training.neighbours import NeighbourRows

        start = time.perf_counter()
        codes = y if self._is_classifier else None
        rng = self._rng()
        rows, out = validation_split(codes, len(X), self.validation_fraction, rng)
        seed = int(rng.randint(2**31))
        share = np.ones(len(X)) if weight is None else weight / weight.mean()
        self.n_inputs_ = X.shape[1]
        self.candidate_targets_, self.candidate_weights_ = y[rows], share[rows]
        program = self._program()
        light = share.astype(np.float32)
        train = NeighbourRows(X[rows], y[rows].astype(np.float32), light[rows], rows)
        self._fit_rounds(program, train, (X[out], y[out], share[out]), seed)
        self.n_parameters_ = int(sum(w.size for w in self.weights_))
        self.embedded_ = self._embed(train.X)
        self.compile_s_ = program.take_compile_s()
        self.fit_s_ = time.perf_counter() - start - self.compile_s_

    def _fit_rounds(self, program: Any, train: Any, held: tuple[Any, Any, Any], seed: int) -> None:
        """Train until the held-out loss falls no more; keep the weights that had the least."""
        from zoo.training.neighbours import draw_steps

        n_batch, n_candidates, _ = self._sizes(len(train.y))
        steps_of_epoch = -(-len(train.y) // n_batch)
        epochs = max(1, _ROUND_STEPS // steps_of_epoch)  # of a round
        best = self._widened(self._draw(seed), program)
        zeros = [np.zeros_like(w) for w in best]
        train_state: Any = (best, zeros, zeros)
        steps = draw_steps(train, program.n_inputs, seed, n_batch, n_candidates)
        judges = np.random.default_rng(derive_seed("judges", seed)).permutation(len(train.y))
        judges = np.sort(judges[: self.max_candidates])
        count, best_round = 0, 0
        self.validation_losses_: list[float] = []
        for round_ in range(1, self.max_epochs + 1):
            losses = []
            for batch, candidates in islice(steps, epochs * steps_of_epoch):
                count += 1
                train_state, loss = program.train(
                    train_state, batch, candidates, count, (self.learning_rate, self.weight_decay)
                )
                losses.append(loss)
            loss = float(np.mean(losses))
            if len(held[0]) and np.isfinite(loss):
                loss = self._held_out_loss(program, train_state[0], train.X, judges, held)
            if not np.isfinite(loss):
                raise FloatingPointError(
                    f"the loss after step {count} (epoch {round_ * epochs}) is not a finite "
                    "number; a smaller learning_rate may help"
                )
            if not len(held[0]) or loss < min(self.validation_losses_, default=np.inf):
                best, best_round = train_state[0], round_
            self.validation_losses_.append(loss)
            if round_ - best_round >= self.patience:
                break
        self.n_epochs_, self.best_epoch_ = round_ * epochs, best_round * epochs
        self.weights_ = self._cropped(best, program)

    def _held_out_loss(
        self,
        program: Any,
        weights: list[Any],
        train_X: NDArray[np.float32],
        judges: NDArray[np.intp],
        held: tuple[Any, Any, Any],
    ) -> float:
        """Return the weighted mean loss of held-out rows (X, y, weight), answered by `judges`."""
        X, y, weight = held
        at_once = self._sizes(len(train_X))[2]
        far = program.embed(weights, train_X[judges], max_rows=at_once)
        near = program.embed(weights, X, max_rows=at_once)
        found = self._answers(near, far, judges)
        if self._loss == "squared":
            losses = (found[:, 0] - y) ** 2
        else:
            losses = -np.log(found[np.arange(len(y)), y] + _LEAST)
        return float(np.average(losses, weights=weight))

    def _embed(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        program = self._program()
        weights, at_once = self._widened(self.weights_, program), self._sizes(len(X))[2]
        return np.asarray(program.embed(weights, X, max_rows=at_once))

    def _answers(
        self, near: NDArray[np.float32], far: NDArray[np.float32], chosen: Any = slice(None)
    ) -> NDArray[np.float64]:
        """Return probabilities (n_rows, n_classes) or numbers (n_rows, 1) by chosen candidates."""
        from zoo.training.neighbours import answers

        targets = self.candidate_targets_[chosen, None]
        if isinstance(self, NetworkClassifier):
            targets = targets == np.arange(len(self.classes_))
        weight, values = self.candidate_weights_[chosen], targets.astype(np.float64)
        return answers(near, far, values, weight, self.temperature)

    def _outputs(self, X: FloatArray) -> DoubleArray:
        return self._answers(self._embed(X), self.embedded_)


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
