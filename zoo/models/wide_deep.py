"""Wide & Deep (Cheng et al. 2016, arXiv:1606.07792): a linear model and a network in one.

The wide part memorises: a weight for each number, each category and each pair of categories of two
columns. The deep part generalises over embedded categories. Their logits are added and trained
jointly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Annotated, Any

import numpy as np

from zoo.models.columns import TableConfig
from zoo.models.keras_network import PatientKerasNetwork, rounded_up
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.parameters import estimator
from zoo.training.initialisers import variable_name
from zoo.training.types import FloatArray, KerasModel, Layers


@dataclass(frozen=True, slots=True, kw_only=True)
class WideDeepConfig(TableConfig):
    """The config of a Wide & Deep network."""

    units: int
    n_hidden: int
    embedding_units: int
    max_crossings: int
    dropout: float


@estimator
class _WideDeep(PatientKerasNetwork):
    """Architecture and first weights.

    References
    ----------
    arXiv:1606.07792, section 3.
    """

    units: Annotated[int, "Units of each hidden layer of the deep part."] = 128
    n_hidden: Annotated[int, "Hidden layers of the deep part."] = 3
    embedding_units: Annotated[int, "Length of a category's embedding in the deep part."] = 32
    max_crossings: Annotated[
        int,
        "Number of pairs of categorical columns, the first in the order of the table, whose pairs "
        "of categories have a weight each; 0: none. Rare pairs of columns with many categories "
        "share a weight, as in the paper (`zoo.training.layers.tabular.Crossings`).",
    ] = 64
    dropout: Annotated[
        float | None,
        "Fraction of the hidden units dropped at each step; None: 0.1 for classes, 0 for numbers.",
    ] = None
    learning_rate: Annotated[
        float, "Step size of AdamW, which trains both parts; the paper has an optimizer for each."
    ] = 0.001

    _categories = "mixed"
    _max_onehot = 0  # every category is a code: crossed, and embedded
    _config_class = WideDeepConfig

    @staticmethod
    def _build(layers: Layers, config: WideDeepConfig) -> KerasModel:
        n_numbers, n_fixed = config.n_numbers, config.n_numbers + config.n_codes
        n_categories, n_outputs = config.n_categories, config.n_outputs
        inputs = layers.Input(config.n_inputs)
        wide, deep, rest = [], [], []
        if n_numbers:
            rest.append(layers.Columns(0, n_numbers, name="numbers")(inputs))
        if config.n_codes:
            codes = layers.Columns(n_numbers, n_fixed, name="codes")(inputs)
            weights = layers.Embedding(n_categories, n_outputs, name="wide_categories")(codes)
            wide.append(layers.SumColumns()(weights))
            pairs = tuple(islice(combinations(range(config.n_codes), 2), config.max_crossings))
            if pairs:
                crossings = layers.Crossings(pairs, name="crossings")
                weights = layers.Embedding(crossings.n_buckets, n_outputs, name="wide_crossings")
                wide.append(layers.SumColumns()(weights(crossings(codes))))
            vectors = layers.Embedding(n_categories, config.embedding_units, name="categories")
            deep.append(layers.Flatten()(vectors(codes)))
        if config.n_inputs > n_fixed:
            rest.append(layers.Columns(n_fixed, None, name="flags")(inputs))
        if rest:
            values = rest[0] if len(rest) == 1 else layers.Concatenate()(rest)
            wide.append(layers.Dense(n_outputs, name="wide")(values))
            deep.append(values)
        hidden = deep[0] if len(deep) == 1 else layers.Concatenate()(deep)
        for number in range(1, config.n_hidden + 1):
            hidden = layers.Dense(config.units, activation="relu", name=f"hidden_{number}")(hidden)
            if config.dropout > 0:
                hidden = layers.Dropout(config.dropout, name=f"dropout_{number}")(hidden)
        wide.append(layers.Dense(n_outputs, name="output")(hidden))
        return layers.Model(inputs, layers.Add()(wide))

    @classmethod
    def _draw(cls, paths: Sequence[str], *given: Any, **options: Any) -> list[FloatArray]:
        """Draw the deep part as usual; the wide part starts at zero, as a linear model may."""
        drawn = super()._draw(paths, *given, **options)
        return [
            np.zeros_like(values) if variable_name(path).startswith("wide") else values
            for path, values in zip(paths, drawn, strict=True)
        ]

    def _derived(self) -> dict[str, Any]:
        usual = 0.1 if self._is_classifier else 0.0
        return {
            # categories vary with the rows: rounded up, the sizes of a curve share a program
            "n_categories": rounded_up(self.encoder_.n_categories_),
            "dropout": usual if self.dropout is None else self.dropout,
        }


@estimator
class WideDeepClassifier(_WideDeep, NetworkClassifier):
    """Wide & Deep for classes."""


@estimator
class WideDeepRegressor(_WideDeep, NetworkRegressor):
    """Wide & Deep for numbers."""
