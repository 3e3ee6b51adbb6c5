"""ModernNCA (Ye, Yin, Zhan & Chao 2025, arXiv:2407.03257): neighbours in a learnt space.

A network puts each row at a point so that rows of one label come together. A new row is answered
by all training rows, each with the softmax of minus its distance for a share.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo.canonical import derive_seed
from zoo.encoding.encoder import Flags, TableEncoder
from zoo.models.base import ProbabilityClassifier, TableRegressor, validation_split
from zoo.models.columns import table_inputs
from zoo.models.network import column_class
from zoo.models.targets import ClassWeight
from zoo.training.initialisers import NewWeight, draw_weights
from zoo.training.types import Array

_MAX_FEATURES = 2**26  # periodic features in a step, which bound its memory
_EMBED_ROWS = 4096
_MIN_EVALUATION_STEPS = 2  # minimum number of steps between two evaluations
_MIN_PROBABILITY = 1e-7  # of a class without a candidate


class _ModernNCA:
    """Architecture, first weights and training."""

    _jit_compile: ClassVar[bool] = False  # XLA took as long or longer, and to compile
    _flags: ClassVar[Flags] = "onehot"
    _loss: ClassVar[Any]
    encoder_: TableEncoder

    def __init__(
        self,
        *,
        units: int = 128,
        n_frequencies: int = 77,
        frequency_scale: float = 0.0443,
        embedding_units: int = 34,
        temperature: float = 1.0,
        sample_rate: float = 0.5,
        max_candidates: int = 8192,
        learning_rate: float = 0.01,
        weight_decay: float = 0.0002,
        batch_size: int = 1024,
        max_epochs: int = 200,
        patience: int = 20,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.units = units
        self.n_frequencies = n_frequencies
        self.frequency_scale = frequency_scale
        self.embedding_units = embedding_units
        self.temperature = temperature
        self.sample_rate = sample_rate
        self.max_candidates = max_candidates
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    @staticmethod
    def _build(
        layers: Any,
        *,
        n_inputs: int,
        n_numbers: int,
        units: int,
        n_frequencies: int,
        embedding_units: int,
    ) -> Any:
        def embed(numbers: Any) -> Any:
            embedding = layers.PeriodicEmbedding(
                n_frequencies, embedding_units, is_lite=True, name="periodic"
            )
            return layers.Flatten()(embedding(numbers))

        inputs = layers.Input(n_inputs)
        values = table_inputs(
            layers,
            inputs,
            n_numbers=n_numbers,
            n_codes=0,
            n_categories=0,
            category_units=0,
            embed=embed,
        )
        return layers.Model(inputs, layers.Dense(units, name="encoder")(values))

    def _program(self) -> Any:
        """Return the compiled functions; the number of one-hot columns is rounded up."""
        from zoo.training.backends.choose import neighbour_program
        from zoo.training.optimizer import Adam

        n_fixed = self.encoder_.n_fixed_
        options = {
            "n_numbers": self.encoder_.n_numbers_,
            "units": self.units,
            "n_frequencies": self.n_frequencies,
            "embedding_units": self.embedding_units,
        }
        return neighbour_program(
            self._build,
            tuple(sorted(options.items())),
            n_fixed + column_class(self.n_inputs_ - n_fixed),
            self._loss,
            optimizer=Adam(epsilon=1e-8, decays_vectors=True),
            temperature=self.temperature,
            jit_compile=self._jit_compile,
        )

    def _draw(self, program: Any, seed: int) -> list[NDArray[np.float32]]:
        """Return first weights: frequencies normal, the rest within 1 / sqrt(inputs)."""

        def frequencies(weight: NewWeight, rng: np.random.Generator) -> Array:
            return self.frequency_scale * rng.normal(size=weight.shape)

        def by_inputs(weight: NewWeight, rng: np.random.Generator) -> Array:
            drawn: Array = rng.uniform(-1.0, 1.0, weight.shape) / np.sqrt(weight.kernel[0])
            return drawn

        table = (
            ("periodic/frequencies", frequencies),
            ("periodic/*", by_inputs),
            ("encoder/*", by_inputs),
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

    def _train(
        self, X: NDArray[np.float32], y: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> None:
        from zoo.training.neighbours import NeighbourRows

        start = time.perf_counter()
        codes = y if self._loss == "crossentropy" else None
        rng: np.random.RandomState = self._rng()  # type: ignore[attr-defined]
        rows, out = validation_split(codes, len(X), self.validation_fraction, rng)
        seed = int(rng.randint(2**31))
        weights = np.ones(len(X)) if weight is None else weight / weight.mean()
        self.n_inputs_ = X.shape[1]
        self.candidate_targets_, self.candidate_weights_ = y[rows], weights[rows]
        program = self._program()
        light = weights.astype(np.float32)
        train = NeighbourRows(X[rows], y[rows].astype(np.float32), light[rows], rows)
        self._fit(program, train, (X[out], y[out], weights[out]), seed)
        self.n_parameters_ = int(sum(w.size for w in self.weights_))
        self.embedded_ = self._embed(train.X)
        self.compile_s_ = program.take_compile_s()
        self.fit_s_ = time.perf_counter() - start - self.compile_s_

    def _fit(self, program: Any, train: Any, validation: tuple[Any, Any, Any], seed: int) -> None:
        """Train until the validation loss no longer improves; keep the best weights."""
        from zoo.training.early_stopping import EarlyStopping
        from zoo.training.losses import not_finite
        from zoo.training.neighbours import draw_steps

        n_batch, n_candidates, _ = self._sizes(len(train.y))
        steps_per_epoch = -(-len(train.y) // n_batch)
        interval = max(1, _MIN_EVALUATION_STEPS // steps_per_epoch)  # epochs of an evaluation
        first = program.padded(self._draw(program, seed))
        zeros = [np.zeros_like(w) for w in first]
        moments: Any = (first, zeros, zeros)
        steps = draw_steps(train, program.n_inputs, seed, n_batch, n_candidates)
        rng = np.random.default_rng(derive_seed("judges", seed))
        candidates = np.sort(rng.permutation(len(train.y))[: self.max_candidates])
        has_validation = len(validation[0]) > 0
        stopping = EarlyStopping(
            patience=self.patience,
            max_evaluations=self.max_epochs,
            keeps_last=not has_validation,
        )
        self.validation_losses_: list[float] = []
        count, stops, rates = 0, False, (self.learning_rate, self.weight_decay)
        while not stops:
            losses = []
            for batch, others in islice(steps, interval * steps_per_epoch):
                count += 1
                moments, loss = program.train(moments, batch, others, count, rates)
                losses.append(loss)
            self.n_epochs_ = interval * (stopping.n_evaluations + 1)
            loss = float(np.mean(losses))
            if has_validation and np.isfinite(loss):
                loss = self._validation_loss(program, moments[0], train.X, candidates, validation)
            if not np.isfinite(loss):
                raise FloatingPointError(not_finite(f"the loss after step {count}", self.n_epochs_))
            self.validation_losses_.append(loss)
            decision = stopping.evaluate(loss)
            stops = decision.stops
            if decision.is_best:
                best = moments[0]
        self.best_epoch_ = interval * stopping.best_evaluation
        self.weights_ = program.cropped(best, self.n_inputs_)

    def _validation_loss(
        self,
        program: Any,
        weights: list[Any],
        train_X: NDArray[np.float32],
        candidates: NDArray[np.intp],
        validation: tuple[Any, Any, Any],
    ) -> float:
        """Return the weighted mean loss of validation rows (X, y, weight) by some candidates."""
        X, y, weight = validation
        at_once = self._sizes(len(train_X))[2]
        far = program.forward(weights, train_X[candidates], max_rows=at_once)
        near = program.forward(weights, X, max_rows=at_once)
        means = self._means(near, far, candidates)
        if self._loss == "squared":
            losses = (means[:, 0] - y) ** 2
        else:
            losses = -np.log(means[np.arange(len(y)), y] + _MIN_PROBABILITY)
        return float(np.average(losses, weights=weight))

    def _embed(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(
            self._program().forward(self.weights_, X, max_rows=self._sizes(len(X))[2])
        )

    def _means(
        self, near: NDArray[np.float32], far: NDArray[np.float32], chosen: Any = slice(None)
    ) -> NDArray[np.float64]:
        """Return probabilities (n_rows, n_classes) or numbers (n_rows, 1) by chosen candidates."""
        from zoo.training.neighbours import neighbour_means

        targets = self.candidate_targets_[chosen, None]
        if self._loss == "crossentropy":
            targets = targets == np.arange(len(self.classes_))  # type: ignore[attr-defined]
        weight, values = self.candidate_weights_[chosen], targets.astype(np.float64)
        return neighbour_means(near, far, values, weight, self.temperature)


class ModernNCAClassifier(_ModernNCA, ProbabilityClassifier):
    """ModernNCA for classes.

    The encoder is linear: the paper's blocks after it are left out, as in its default.

    Parameters
    ----------
    units : int
        Dimensions of the space in which rows are neighbours.
    n_frequencies : int
        Waves that each number is seen through.
    frequency_scale : float
        Deviation of the first frequencies.
    embedding_units : int
        Outputs of the embedding of a number.
    temperature : float
        Distances are divided by it.
    sample_rate : float
        Share of the training rows that are candidates in a step, drawn anew each time. A row is
        never its own candidate.
    max_candidates : int
        Candidates at most, of a step and of the held-out rows after a round; the paper has no
        limit. Time and memory of a step then do not grow with the data. Tables of more than 47
        numbers have fewer still, and smaller batches. Predictions are by all training rows.
    learning_rate : float
        Step size of AdamW.
    weight_decay : float
        Decoupled decay of all weights.
    batch_size : int
        Rows of a step.
    max_epochs : int
        Rounds at most; a round is one epoch, or two where one epoch is one step.
    patience : int
        Rounds without a better held-out loss before training stops.
    validation_fraction : float
        Share of the training rows held out for early stopping.
    class_weight : dict, "balanced" or None
        What the weights of a class's rows are multiplied by; "balanced": all classes weigh the
        same; None: 1.
    random_state : int, RandomState or None

    References
    ----------
    arXiv:2407.03257, sections 4 and 5; embedding of numbers: arXiv:2203.05556, section 3.3.
    """

    def __init__(
        self,
        *,
        units: int = 128,
        n_frequencies: int = 77,
        frequency_scale: float = 0.0443,
        embedding_units: int = 34,
        temperature: float = 1.0,
        sample_rate: float = 0.5,
        max_candidates: int = 8192,
        learning_rate: float = 0.01,
        weight_decay: float = 0.0002,
        batch_size: int = 1024,
        max_epochs: int = 200,
        patience: int = 20,
        validation_fraction: float = 0.2,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            units=units,
            n_frequencies=n_frequencies,
            frequency_scale=frequency_scale,
            embedding_units=embedding_units,
            temperature=temperature,
            sample_rate=sample_rate,
            max_candidates=max_candidates,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            batch_size=batch_size,
            max_epochs=max_epochs,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.class_weight = class_weight

    _loss: ClassVar[Any] = "crossentropy"

    def _fit_codes(
        self, X: NDArray[np.float32], y: NDArray[np.intp], weight: NDArray[np.float64] | None
    ) -> None:
        self._train(X, y, weight)

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        return self._means(self._embed(X), self.embedded_)


class ModernNCARegressor(_ModernNCA, TableRegressor):
    """ModernNCA for numbers.

    The encoder is linear: the paper's blocks after it are left out, as in its default.

    Parameters
    ----------
    units : int
        Dimensions of the space in which rows are neighbours.
    n_frequencies : int
        Waves that each number is seen through.
    frequency_scale : float
        Deviation of the first frequencies.
    embedding_units : int
        Outputs of the embedding of a number.
    temperature : float
        Distances are divided by it.
    sample_rate : float
        Share of the training rows that are candidates in a step, drawn anew each time. A row is
        never its own candidate.
    max_candidates : int
        Candidates at most, of a step and of the held-out rows after a round; the paper has no
        limit. Time and memory of a step then do not grow with the data. Tables of more than 47
        numbers have fewer still, and smaller batches. Predictions are by all training rows.
    learning_rate : float
        Step size of AdamW.
    weight_decay : float
        Decoupled decay of all weights.
    batch_size : int
        Rows of a step.
    max_epochs : int
        Rounds at most; a round is one epoch, or two where one epoch is one step.
    patience : int
        Rounds without a better held-out loss before training stops.
    validation_fraction : float
        Share of the training rows held out for early stopping.
    random_state : int, RandomState or None

    References
    ----------
    arXiv:2407.03257, sections 4 and 5; embedding of numbers: arXiv:2203.05556, section 3.3.
    """

    _loss: ClassVar[Any] = "squared"

    def _fit_numbers(
        self, X: NDArray[np.float32], y: NDArray[np.float64], weight: NDArray[np.float64] | None
    ) -> None:
        self._train(X, y, weight)

    def _values(self, X: NDArray[np.float32]) -> NDArray[Any]:
        return self._means(self._embed(X), self.embedded_)[:, 0]
