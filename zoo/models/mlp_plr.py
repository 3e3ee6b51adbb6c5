"""MLP-PLR (Gorishniy, Rubachev & Babenko 2022, arXiv:2203.05556): periodic embeddings of numbers.

Each number becomes waves of learnt frequencies before an MLP sees it, so that the network can
bend sharply along a single column.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo.encoding.encoder import Categories, Flags, Scale
from zoo.models.columns import table_inputs
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.targets import ClassWeight
from zoo.training.initialisers import UNIFORM, NewWeight, draw_weights, uniform_within
from zoo.training.types import Array

_CATEGORY_UNITS = 8


class _MLPPLR:
    """Architecture, first weights and optimiser."""

    _categories: ClassVar[Categories] = "mixed"
    _scale: ClassVar[Scale] = "quantile"
    _flags: ClassVar[Flags] = "onehot"
    _loss: ClassVar[Any]
    encoder_: Any

    def __init__(
        self,
        *,
        units: Sequence[int] = (128, 256, 128),
        n_frequencies: int = 48,
        embedding_units: int = 24,
        frequency_scale: float = 0.01,
        is_lite: bool = False,
        dropout: float = 0.1,
        learning_rate: float = 0.001,
        weight_decay: float = 0.01,
        batch_size: int = 128,
        max_epochs: int = 300,
        patience: int = 20,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.units = units
        self.n_frequencies = n_frequencies
        self.embedding_units = embedding_units
        self.frequency_scale = frequency_scale
        self.is_lite = is_lite
        self.dropout = dropout
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
        n_outputs: int,
        n_numbers: int,
        n_codes: int,
        n_categories: int,
        units: tuple[int, ...],
        n_frequencies: int,
        embedding_units: int,
        frequency_scale: float,
        is_lite: bool,
        dropout: float,
    ) -> Any:
        def embed(numbers: Any) -> Any:
            embedding = layers.PeriodicEmbedding(
                n_frequencies, embedding_units, is_lite=is_lite, name="periodic"
            )
            return layers.Flatten()(embedding(numbers))

        inputs = layers.Input(n_inputs)
        values = table_inputs(
            layers, inputs, n_numbers=n_numbers, n_codes=n_codes, n_categories=n_categories,
            category_units=_CATEGORY_UNITS, embed=embed,
        )  # fmt: skip
        for number, size in enumerate(units, 1):
            values = layers.Dense(size, activation="relu", name=f"hidden_{number}")(values)
            if dropout > 0:
                values = layers.Dropout(dropout, name=f"dropout_{number}")(values)
        return layers.Model(inputs, layers.Dense(n_outputs, name="output")(values))

    @staticmethod
    def _draw(
        paths: Sequence[str],
        shapes: Sequence[tuple[int, ...]],
        rng: np.random.Generator,
        X: NDArray[np.float32],
        **options: Any,
    ) -> list[NDArray[np.float32]]:
        """Draw frequencies from a normal distribution truncated at 3 standard deviations.

        The rest is uniform within 1 / sqrt(inputs), the embedding's kernel and offset too.
        """

        def frequencies(weight: NewWeight, rng: np.random.Generator) -> Array:
            scores = rng.normal(size=weight.shape)
            while (is_out := np.abs(scores) > 3.0).any():
                scores[is_out] = rng.normal(size=int(is_out.sum()))
            scaled: Array = options["frequency_scale"] * scores
            return scaled

        table = (
            ("periodic/frequencies", frequencies),
            ("periodic/*", uniform_within(1.0 / np.sqrt(2 * options["n_frequencies"]))),
            *UNIFORM,
        )
        return draw_weights(table, paths, shapes, rng)

    def _options(self, n_inputs: int) -> Mapping[str, Any]:
        encoder = self.encoder_
        return {
            "n_numbers": encoder.n_numbers_,
            "n_codes": encoder.n_codes_,
            "n_categories": encoder.n_categories_,
            "units": tuple(self.units),
            "n_frequencies": self.n_frequencies,
            "embedding_units": self.embedding_units,
            "frequency_scale": self.frequency_scale,
            "is_lite": self.is_lite,
            "dropout": self.dropout,
        }

    def _program_config(self) -> Any:
        from zoo.training.optimizer import Adam
        from zoo.training.program_config import ProgramConfig

        without = ("levels/embeddings", "periodic/frequencies", "periodic/offset")
        optimizer = Adam(epsilon=1e-8, without_decay=without)
        return ProgramConfig(loss=self._loss, optimizer=optimizer, batch_size=self.batch_size)

    def _train_config(self) -> Any:
        """Return the usual options; classes are judged by the Brier score.

        Judged by log loss, training ended long before the order of rows was at its best (thyroid:
        AUC .984, by errors or Brier score .987; log loss .148, .186 and .174).
        """
        options = super()._train_config()  # type: ignore[misc]
        monitor = "brier" if self._loss == "crossentropy" else "loss"
        return dataclasses.replace(options, monitor=monitor)


class MLPPLRClassifier(_MLPPLR, NetworkClassifier):
    """MLP-PLR for classes.

    Parameters
    ----------
    units : sequence of int
        Units of each hidden layer.
    n_frequencies : int
        Waves of a number.
    embedding_units : int
        Features that a number becomes.
    frequency_scale : float
        Standard deviation of the first frequencies, in waves a unit of the transformed number;
        the parameter to tune first.
    is_lite : bool
        Whether all numbers share the layer after the waves.
    dropout : float
        Share of hidden units dropped at each step.
    learning_rate : float
        Step size of AdamW.
    weight_decay : float
        Decoupled decay of the matrices.
    batch_size : int
    max_epochs : int
        Rounds at most; a round is one epoch, or several that make 32 steps on small data.
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
    arXiv:2203.05556, section 3.3; numbers are transformed to normal quantiles, as there.
    """

    def __init__(
        self,
        *,
        units: Sequence[int] = (128, 256, 128),
        n_frequencies: int = 48,
        embedding_units: int = 24,
        frequency_scale: float = 0.01,
        is_lite: bool = False,
        dropout: float = 0.1,
        learning_rate: float = 0.001,
        weight_decay: float = 0.01,
        batch_size: int = 128,
        max_epochs: int = 300,
        patience: int = 20,
        validation_fraction: float = 0.2,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            units=units,
            n_frequencies=n_frequencies,
            embedding_units=embedding_units,
            frequency_scale=frequency_scale,
            is_lite=is_lite,
            dropout=dropout,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            batch_size=batch_size,
            max_epochs=max_epochs,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.class_weight = class_weight


class MLPPLRRegressor(_MLPPLR, NetworkRegressor):
    """MLP-PLR for numbers.

    Parameters
    ----------
    units : sequence of int
        Units of each hidden layer.
    n_frequencies : int
        Waves of a number.
    embedding_units : int
        Features that a number becomes.
    frequency_scale : float
        Standard deviation of the first frequencies, in waves a unit of the transformed number;
        the parameter to tune first.
    is_lite : bool
        Whether all numbers share the layer after the waves.
    dropout : float
        Share of hidden units dropped at each step.
    learning_rate : float
        Step size of AdamW.
    weight_decay : float
        Decoupled decay of the matrices.
    batch_size : int
    max_epochs : int
        Rounds at most; a round is one epoch, or several that make 32 steps on small data.
    patience : int
        Rounds without a better held-out loss before training stops.
    validation_fraction : float
        Share of the training rows held out for early stopping.
    random_state : int, RandomState or None

    References
    ----------
    arXiv:2203.05556, section 3.3; numbers are transformed to normal quantiles, as there.
    """
