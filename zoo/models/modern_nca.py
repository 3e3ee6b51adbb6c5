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

_MAX_WAVES = 2**26  # values of the embedding of numbers in a step: what it takes of memory
_EMBED_ROWS = 4096
_ROUND_STEPS = 2  # the least number of steps in a round
_LEAST = 1e-7  # probability of a class that no candidate has


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

    def _train(
        self, X: NDArray[np.float32], y: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> None:
        from zoo.training.neighbours import NeighbourRows

        start = time.perf_counter()
        codes = y if self._loss == "crossentropy" else None
        rng: np.random.RandomState = self._rng()  # type: ignore[attr-defined]
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
        if self._loss == "crossentropy":
            targets = targets == np.arange(len(self.classes_))  # type: ignore[attr-defined]
        weight, values = self.candidate_weights_[chosen], targets.astype(np.float64)
        return answers(near, far, values, weight, self.temperature)


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
        return self._answers(self._embed(X), self.embedded_)


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
        return self._answers(self._embed(X), self.embedded_)[:, 0]
