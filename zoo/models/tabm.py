"""TabM (Gorishniy, Kotelnikov & Babenko 2024, arXiv:2410.24210): k networks in one.

The members share the matrices of an MLP and differ in cheap factors before and after each, so
one network trains like an ensemble. Each member has its own loss; predictions are averaged.
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
from zoo.training.initialisers import NewWeight, draw_weights, ones, uniform_within, zeros
from zoo.training.types import Array

# A step is expensive: on 75 rows of credit_data, 32 steps between evaluations took 3.5 times as
# long and gave the same weights.
_EVALUATION_STEPS = 8


class _TabM:
    """Architecture, first weights and optimiser."""

    _categories: ClassVar[Categories] = "mixed"
    _max_onehot: ClassVar[int] = 1_000_000  # every category
    _scale: ClassVar[Scale] = "quantile"
    _flags: ClassVar[Flags] = "onehot"
    _loss: ClassVar[Any]
    encoder_: Any

    def __init__(
        self,
        *,
        k: int = 32,
        units: int = 512,
        n_hidden: int | None = None,
        is_mini: bool = False,
        n_bins: int = 0,
        embedding_units: int = 16,
        dropout: float = 0.1,
        learning_rate: float = 0.002,
        weight_decay: float = 0.0003,
        batch_size: int = 256,
        max_epochs: int = 500,
        patience: int = 8,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.k = k
        self.units = units
        self.n_hidden = n_hidden
        self.is_mini = is_mini
        self.n_bins = n_bins
        self.embedding_units = embedding_units
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
        k: int,
        units: int,
        n_numbers: int,
        n_hidden: int,
        is_mini: bool,
        n_bins: int,
        embedding_units: int,
        dropout: float,
        is_logits: bool,
    ) -> Any:
        def embed(numbers: Any) -> Any:
            embedding = layers.PiecewiseLinearEmbedding(n_bins, embedding_units, name="bins")
            return layers.Flatten()(embedding(numbers))

        inputs = layers.Input(n_inputs)
        values = table_inputs(
            layers, inputs, n_numbers=n_numbers, n_codes=0, n_categories=0, category_units=0,
            embed=embed if n_bins else None,
        )  # fmt: skip
        values = layers.Members(k, name="copies")(values)
        if is_mini:
            values = layers.MembersScale(name="members")(values)
        dense = layers.SharedDense if is_mini else layers.BatchEnsembleDense
        for number in range(1, n_hidden + 1):
            values = dense(units, name=f"hidden_{number}")(values)
            values = layers.Activation("relu")(values)
            if dropout > 0:
                values = layers.Dropout(dropout, name=f"dropout_{number}")(values)
        values = layers.MembersDense(n_outputs, name="output")(values)
        return layers.Model(inputs, layers.MembersMean(is_logits=is_logits)(values))

    @staticmethod
    def _draw(
        paths: Sequence[str],
        shapes: Sequence[tuple[int, ...]],
        rng: np.random.Generator,
        X: NDArray[np.float32],
        **options: Any,
    ) -> list[NDArray[np.float32]]:
        """Draw shared matrices within 1 / sqrt(inputs); random factors make the members differ.

        The factors of the first layer are signs. If numbers are embedded they are normal, and all
        units of a number have one factor.
        """
        n_embedded = options["n_numbers"] if options["n_bins"] else 0
        size = options["embedding_units"]

        def by_inputs(weight: NewWeight, rng: np.random.Generator) -> Array:
            return uniform_within(1.0 / np.sqrt(weight.kernel[-2]))(weight, rng)

        def same_for_members(weight: NewWeight, rng: np.random.Generator) -> Array:
            *members, units = weight.shape
            drawn = by_inputs(dataclasses.replace(weight, shape=(units,)), rng)
            return np.tile(drawn, (*members, 1)) if members else drawn

        def factors(weight: NewWeight, rng: np.random.Generator) -> Array:
            n_members, n = weight.shape
            if not n_embedded:
                return rng.choice([-1.0, 1.0], size=weight.shape)
            drawn = rng.normal(size=(n_members, n - n_embedded * (size - 1)))
            wide = np.repeat(drawn[:, :n_embedded], size, axis=1)
            return np.concatenate([wide, drawn[:, n_embedded:]], axis=1)

        table = (
            ("bins/kernel", zeros),
            ("bins/*", uniform_within(1.0 / np.sqrt(size))),
            ("*/kernel", by_inputs),
            ("output/bias", by_inputs),
            ("*/bias", same_for_members),
            ("*/factors", factors),
            ("hidden_1/r", factors),
            ("*/r", ones),
            ("*/s", ones),
        )
        return draw_weights(table, paths, shapes, rng)

    def _options(self, n_inputs: int) -> Mapping[str, Any]:
        return {
            "k": self.k,
            "units": self.units,
            "n_numbers": self.encoder_.n_numbers_,
            "n_hidden": self.n_hidden or (2 if self.n_bins else 3),
            "is_mini": self.is_mini,
            "n_bins": self.n_bins if self.encoder_.n_numbers_ else 0,
            "embedding_units": self.embedding_units,
            "dropout": self.dropout,
            "is_logits": self._loss == "crossentropy",
        }

    def _train_config(self) -> Any:
        options = super()._train_config()  # type: ignore[misc]
        return dataclasses.replace(options, min_evaluation_steps=_EVALUATION_STEPS)

    def _program_config(self) -> Any:
        from zoo.training.optimizer import Adam
        from zoo.training.program_config import ProgramConfig

        optimizer = Adam(epsilon=1e-8, clip_norm=1.0, decays_vectors=True)
        return ProgramConfig(loss=self._loss, optimizer=optimizer, batch_size=self.batch_size)


class TabMClassifier(_TabM, NetworkClassifier):
    """TabM for classes.

    Parameters
    ----------
    k : int
        Members.
    units : int
        Units of each hidden layer.
    n_hidden : int or None
        Hidden layers; None: 3, or 2 where numbers are embedded.
    is_mini : bool
        Whether members differ in one factor for each input only (TabM-mini).
    n_bins : int
        Bins of a piecewise-linear embedding of each number; 0: none, numbers as they are.
    embedding_units : int
        Features that a number becomes where it is embedded.
    dropout : float
        Share of hidden units dropped at each step.
    learning_rate : float
        Step size of AdamW.
    weight_decay : float
        Decoupled decay of all weights.
    batch_size : int
    max_epochs : int
        Rounds at most; a round is one epoch, or several that make 8 steps on small data.
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
    arXiv:2410.24210, section 3; batch ensembles: arXiv:2002.06715.
    """

    def __init__(
        self,
        *,
        k: int = 32,
        units: int = 512,
        n_hidden: int | None = None,
        is_mini: bool = False,
        n_bins: int = 0,
        embedding_units: int = 16,
        dropout: float = 0.1,
        learning_rate: float = 0.002,
        weight_decay: float = 0.0003,
        batch_size: int = 256,
        max_epochs: int = 500,
        patience: int = 8,
        validation_fraction: float = 0.2,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            k=k,
            units=units,
            n_hidden=n_hidden,
            is_mini=is_mini,
            n_bins=n_bins,
            embedding_units=embedding_units,
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


class TabMRegressor(_TabM, NetworkRegressor):
    """TabM for numbers.

    Parameters
    ----------
    k : int
        Members.
    units : int
        Units of each hidden layer.
    n_hidden : int or None
        Hidden layers; None: 3, or 2 where numbers are embedded.
    is_mini : bool
        Whether members differ in one factor for each input only (TabM-mini).
    n_bins : int
        Bins of a piecewise-linear embedding of each number; 0: none, numbers as they are.
    embedding_units : int
        Features that a number becomes where it is embedded.
    dropout : float
        Share of hidden units dropped at each step.
    learning_rate : float
        Step size of AdamW.
    weight_decay : float
        Decoupled decay of all weights.
    batch_size : int
    max_epochs : int
        Rounds at most; a round is one epoch, or several that make 8 steps on small data.
    patience : int
        Rounds without a better held-out loss before training stops.
    validation_fraction : float
        Share of the training rows held out for early stopping.
    random_state : int, RandomState or None

    References
    ----------
    arXiv:2410.24210, section 3; batch ensembles: arXiv:2002.06715.
    """
