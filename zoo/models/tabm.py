"""TabM (Gorishniy, Kotelnikov & Babenko 2024, arXiv:2410.24210): k networks in one.

The members share the matrices of an MLP and differ in inexpensive factors before and after each, so
one network trains like an ensemble. Each member has its own loss; predictions are averaged.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, ClassVar

import numpy as np

from zoo.models.columns import TableConfig, table_inputs
from zoo.models.keras_network import PatientKerasNetwork
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.parameters import BatchSize, HiddenDropout, HiddenUnits, estimator
from zoo.training.initialisers import InitialiserTable, NewWeight, ones, uniform_within, zeros
from zoo.training.tasks import TrainConfig
from zoo.training.types import Array, KerasModel, Layers, Options


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TabMConfig(TableConfig):
    """The config of a TabM."""

    k: int
    units: int
    n_hidden: int
    is_mini: bool
    n_bins: int
    embedding_units: int
    dropout: float
    is_logits: bool


@estimator
class _TabM(PatientKerasNetwork):
    """Architecture, first weights and optimizer.

    References
    ----------
    arXiv:2410.24210, section 3; batch ensembles: arXiv:2002.06715.
    """

    k: Annotated[int, "Number of members."] = 32
    units: HiddenUnits = 512
    n_hidden: Annotated[
        int | None, "Number of hidden layers; None: 3, or 2 where numbers are embedded."
    ] = None
    is_mini: Annotated[
        bool, "Whether members differ only in one factor for each input (TabM-mini)."
    ] = False
    n_bins: Annotated[
        int, "Bins of a piecewise-linear embedding of each number; 0: none, numbers as they are."
    ] = 0
    embedding_units: Annotated[int, "Features that an embedded number becomes."] = 16
    dropout: HiddenDropout = 0.1
    learning_rate: float = 0.002
    weight_decay: Annotated[float, "Decoupled decay of all weights."] = 0.0003
    batch_size: BatchSize = 256
    max_epochs: Annotated[
        int,
        "Maximum number of evaluation intervals. An interval is one epoch, or as many as make 8 "
        "steps on small data.",
    ] = 500
    patience: int = 8

    _categories = "mixed"
    _max_onehot = 1_000_000  # every category
    _scale = "quantile"
    _flags = "onehot"
    _config_class = TabMConfig
    _adam: ClassVar[Options] = {"epsilon": 1e-8, "clip_norm": 1.0, "decays_vectors": True}

    @staticmethod
    def _build(layers: Layers, config: TabMConfig) -> KerasModel:
        embedding = None
        if config.n_bins:
            bins = config.n_bins, config.embedding_units
            embedding = layers.PiecewiseLinearEmbedding(*bins, name="bins")
        inputs = layers.Input(config.n_inputs)
        values = table_inputs(layers, inputs, config, embedding=embedding)
        values = layers.Members(config.k, name="copies")(values)
        if config.is_mini:
            values = layers.MembersScale(name="members")(values)
        dense = layers.SharedDense if config.is_mini else layers.BatchEnsembleDense
        for number in range(1, config.n_hidden + 1):
            values = dense(config.units, name=f"hidden_{number}")(values)
            values = layers.Activation("relu")(values)
            if config.dropout > 0:
                values = layers.Dropout(config.dropout, name=f"dropout_{number}")(values)
        values = layers.MembersDense(config.n_outputs, name="output")(values)
        return layers.Model(inputs, layers.MembersMean(is_logits=config.is_logits)(values))

    @staticmethod
    def _initialisers(config: TabMConfig) -> InitialiserTable:
        """Return uniform initialisers of shared matrices; random factors make members differ.

        The factors of the first layer are signs. If numbers are embedded they are normal, and all
        units of a number have one factor.
        """
        n_embedded = config.n_numbers if config.n_bins else 0
        size = config.embedding_units

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

        return (
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

    def _derived(self) -> dict[str, Any]:
        return {
            "n_hidden": self.n_hidden or (2 if self.n_bins else 3),
            "n_bins": self.n_bins if self.encoder_.n_numbers_ else 0,
            "is_logits": self._is_classifier,
        }

    def _train_config(self) -> TrainConfig:
        # Steps are expensive: on 75 rows of credit_data, evaluation intervals of 32 steps took 3.5
        # times as long, to the same weights.
        return dataclasses.replace(super()._train_config(), min_evaluation_steps=8)


@estimator
class TabMClassifier(_TabM, NetworkClassifier):
    """TabM for classes."""


@estimator
class TabMRegressor(_TabM, NetworkRegressor):
    """TabM for numbers."""
