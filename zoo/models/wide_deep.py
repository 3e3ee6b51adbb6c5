"""Wide & Deep (Cheng et al. 2016, arXiv:1606.07792): a linear model and a network in one.

The wide part remembers: a weight for each number, each level and each pair of levels of two
columns. The deep part generalises over embedded levels. Their logits are added and trained jointly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, islice
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo.encoding.encoder import Categories
from zoo.models.network import NetworkClassifier, NetworkRegressor, column_class
from zoo.models.targets import ClassWeight
from zoo.training.initialisers import initial_weights, variable_name


class _WideDeep:
    """Architecture, first weights and optimiser."""

    _categories: ClassVar[Categories] = "mixed"
    _max_onehot: ClassVar[int] = 0  # every category is a code: crossed, and embedded
    _default_dropout: ClassVar[float]
    encoder_: Any

    def __init__(
        self,
        *,
        units: int = 128,
        n_hidden: int = 3,
        embedding_units: int = 32,
        max_crossings: int = 64,
        dropout: float | None = None,
        learning_rate: float = 0.001,
        weight_decay: float = 0.01,
        max_epochs: int = 150,
        patience: int = 12,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.units = units
        self.n_hidden = n_hidden
        self.embedding_units = embedding_units
        self.max_crossings = max_crossings
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
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
        units: int,
        n_hidden: int,
        embedding_units: int,
        max_crossings: int,
        dropout: float,
    ) -> Any:
        inputs = layers.Input(n_inputs)
        wide, deep, rest = [], [], []
        if n_numbers:
            rest.append(layers.Columns(0, n_numbers, name="numbers")(inputs))
        if n_codes:
            codes = layers.Columns(n_numbers, n_numbers + n_codes, name="codes")(inputs)
            weights = layers.Embedding(n_categories, n_outputs, name="wide_levels")(codes)
            wide.append(layers.SumColumns()(weights))
            pairs = tuple(islice(combinations(range(n_codes), 2), max_crossings))
            if pairs:
                crossings = layers.Crossings(pairs, name="crossings")
                weights = layers.Embedding(crossings.n_buckets, n_outputs, name="wide_crossings")
                wide.append(layers.SumColumns()(weights(crossings(codes))))
            vectors = layers.Embedding(n_categories, embedding_units, name="levels")(codes)
            deep.append(layers.Flatten()(vectors))
        if n_inputs > n_numbers + n_codes:
            rest.append(layers.Columns(n_numbers + n_codes, None, name="gaps")(inputs))
        if rest:
            values = rest[0] if len(rest) == 1 else layers.Concatenate()(rest)
            wide.append(layers.Dense(n_outputs, name="wide")(values))
            deep.append(values)
        hidden = deep[0] if len(deep) == 1 else layers.Concatenate()(deep)
        for number in range(1, n_hidden + 1):
            hidden = layers.Dense(units, activation="relu", name=f"hidden_{number}")(hidden)
            if dropout > 0:
                hidden = layers.Dropout(dropout, name=f"dropout_{number}")(hidden)
        return layers.Model(
            inputs, layers.Add()([*wide, layers.Dense(n_outputs, name="output")(hidden)])
        )

    @staticmethod
    def _draw(
        paths: Sequence[str],
        shapes: Sequence[tuple[int, ...]],
        rng: np.random.Generator,
        X: NDArray[np.float32],
        **options: Any,
    ) -> list[NDArray[np.float32]]:
        """Draw the deep part as usual; the wide part starts at zero, as a linear model may."""
        drawn = initial_weights(paths, shapes, rng, X)
        return [
            np.zeros_like(values) if variable_name(path).startswith("wide") else values
            for path, values in zip(paths, drawn, strict=True)
        ]

    def _options(self, n_inputs: int) -> Mapping[str, Any]:
        encoder = self.encoder_
        return {
            "n_numbers": encoder.n_numbers_,
            "n_codes": encoder.n_codes_,
            # levels come and go with the rows: rounded up, the sizes of a curve share a program
            "n_categories": column_class(encoder.n_categories_),
            "units": self.units,
            "n_hidden": self.n_hidden,
            "embedding_units": self.embedding_units,
            "max_crossings": self.max_crossings,
            "dropout": self._default_dropout if self.dropout is None else self.dropout,
        }


class WideDeepClassifier(_WideDeep, NetworkClassifier):
    """Wide & Deep for classes.

    Parameters
    ----------
    units : int
        Units of each hidden layer of the deep part.
    n_hidden : int
        Hidden layers of the deep part.
    embedding_units : int
        Length of the vector of a level in the deep part.
    max_crossings : int
        The first pairs of categorical columns, in the order of the table, whose pairs of levels
        have a weight each; 0: none. Rare pairs of columns with many levels share a weight, as in
        the paper (`zoo.training.layers.tabular.Crossings`).
    dropout : float or None
        Share of hidden units dropped at each training step; None: 0.1.
    learning_rate : float
        Step size of AdamW, which trains both parts; the paper has one optimiser for each.
    weight_decay : float
        Decoupled decay of the weights, not of the biases.
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
    arXiv:1606.07792, section 3.
    """

    def __init__(
        self,
        *,
        units: int = 128,
        n_hidden: int = 3,
        embedding_units: int = 32,
        max_crossings: int = 64,
        dropout: float | None = None,
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
            embedding_units=embedding_units,
            max_crossings=max_crossings,
            dropout=dropout,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            max_epochs=max_epochs,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.class_weight = class_weight

    _default_dropout: ClassVar[float] = 0.1


class WideDeepRegressor(_WideDeep, NetworkRegressor):
    """Wide & Deep for numbers.

    Parameters
    ----------
    units : int
        Units of each hidden layer of the deep part.
    n_hidden : int
        Hidden layers of the deep part.
    embedding_units : int
        Length of the vector of a level in the deep part.
    max_crossings : int
        The first pairs of categorical columns, in the order of the table, whose pairs of levels
        have a weight each; 0: none. Rare pairs of columns with many levels share a weight, as in
        the paper (`zoo.training.layers.tabular.Crossings`).
    dropout : float or None
        Share of hidden units dropped at each training step; None: 0.
    learning_rate : float
        Step size of AdamW, which trains both parts; the paper has one optimiser for each.
    weight_decay : float
        Decoupled decay of the weights, not of the biases.
    max_epochs : int
        Rounds at most; a round is one epoch, or several that make 32 steps on small data.
    patience : int
        Rounds without a better held-out loss before training stops.
    validation_fraction : float
        Share of the training rows held out for early stopping.
    random_state : int, RandomState or None

    References
    ----------
    arXiv:1606.07792, section 3.
    """

    _default_dropout: ClassVar[float] = 0.0
