"""MLP-PLR (Gorishniy, Rubachev & Babenko 2022, arXiv:2203.05556): periodic embeddings of numbers.

Each number becomes periodic features of learnt frequencies before an MLP sees it, so that the
network can bend sharply along a single column.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np

from zoo.models.columns import TableConfig, table_inputs
from zoo.models.keras_network import PatientKerasNetwork
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.parameters import BatchSize, HiddenDropout, estimator
from zoo.training.initialisers import UNIFORM, InitialiserTable, NewWeight, uniform_within
from zoo.training.tasks import TrainConfig
from zoo.training.types import Array, KerasModel, Layers, Options


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MLPPLRConfig(TableConfig):
    """The config of an MLP-PLR."""

    units: tuple[int, ...]
    n_frequencies: int
    embedding_units: int
    frequency_scale: float
    is_lite: bool
    dropout: float


@estimator
class _MLPPLR(PatientKerasNetwork):
    """Architecture, first weights and optimizer.

    References
    ----------
    arXiv:2203.05556, section 3.3; numbers are transformed to normal quantiles, as there.
    """

    units: Annotated[Sequence[int], "Units of each hidden layer."] = (128, 256, 128)
    n_frequencies: Annotated[int, "Frequencies of a number's periodic features."] = 48
    embedding_units: Annotated[int, "Features that a number becomes."] = 24
    frequency_scale: Annotated[
        float,
        "Standard deviation of the first frequencies, in periods per unit of the transformed "
        "number; the parameter to tune first.",
    ] = 0.01
    is_lite: Annotated[bool, "Whether numbers share the layer after the periodic features."] = False
    dropout: HiddenDropout = 0.1
    weight_decay: Annotated[float, "Decoupled decay of the kernels."] = 0.01
    batch_size: BatchSize = 128
    max_epochs: int = 300
    patience: int = 20

    _categories = "mixed"
    _scale = "quantile"
    _flags = "onehot"
    _config_class = MLPPLRConfig
    _adam: ClassVar[Options] = {
        "epsilon": 1e-8,
        "without_decay": ("categories/embeddings", "periodic/frequencies", "periodic/offset"),
    }

    @staticmethod
    def _build(layers: Layers, config: MLPPLRConfig) -> KerasModel:
        embedding = layers.PeriodicEmbedding(
            config.n_frequencies, config.embedding_units, is_lite=config.is_lite, name="periodic"
        )
        inputs = layers.Input(config.n_inputs)
        values = table_inputs(layers, inputs, config, embedding=embedding)
        for number, size in enumerate(config.units, 1):
            values = layers.Dense(size, activation="relu", name=f"hidden_{number}")(values)
            if config.dropout > 0:
                values = layers.Dropout(config.dropout, name=f"dropout_{number}")(values)
        return layers.Model(inputs, layers.Dense(config.n_outputs, name="output")(values))

    @staticmethod
    def _initialisers(config: MLPPLRConfig) -> InitialiserTable:
        def frequencies(weight: NewWeight, rng: np.random.Generator) -> Array:
            """Draw from a normal distribution truncated at 3 standard deviations."""
            scores = rng.normal(size=weight.shape)
            while (is_out := np.abs(scores) > 3.0).any():
                scores[is_out] = rng.normal(size=int(is_out.sum()))
            scaled: Array = config.frequency_scale * scores
            return scaled

        return (
            ("periodic/frequencies", frequencies),
            ("periodic/*", uniform_within(1.0 / np.sqrt(2 * config.n_frequencies))),
            *UNIFORM,
        )

    def _derived(self) -> dict[str, Any]:
        return {"units": tuple(self.units)}

    def _train_config(self) -> TrainConfig:
        """See `PatientNetwork`; the validation loss of classes is the Brier score.

        With log loss, training ended long before the ranking of rows was at its best (thyroid:
        AUC .984, by errors or Brier score .987; log loss .148, .186 and .174).
        """
        return dataclasses.replace(
            super()._train_config(), monitor="brier" if self._is_classifier else "loss"
        )


@estimator
class MLPPLRClassifier(_MLPPLR, NetworkClassifier):
    """MLP-PLR for classes."""


@estimator
class MLPPLRRegressor(_MLPPLR, NetworkRegressor):
    """MLP-PLR for numbers."""
