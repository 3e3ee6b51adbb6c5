"""RealMLP (Holzmüller, Grinsztajn & Steinwart 2024, arXiv:2407.04491): an MLP with good defaults.

Numbers are robustly scaled and pass through periodic embeddings, columns with many categories
through learnt ones; a learnt scale for each input, three hidden layers in the neural tangent
parametrisation with first weights and biases that fit the data, a parametric activation, dropout
and weight decay that fade out, and a learning rate that runs through four cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from zoo.models.columns import TableConfig, table_inputs
from zoo.models.keras_network import KerasNetwork
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.parameters import BatchSize, HiddenLayers, HiddenUnits, estimator
from zoo.training.initialisers import draw_weights, ones, variable_name
from zoo.training.tasks import FitTask, TrainConfig
from zoo.training.types import Array, DoubleArray, FloatArray, KerasModel, Layers, Options, Shape

if TYPE_CHECKING:
    from zoo.training.program import ProgramConfig

_FREQUENCIES, _OUTPUTS = 16, 4  # of the embedding of a number
_ACTIVATIONS: dict[str, Callable[[DoubleArray], DoubleArray]] = {
    "selu": lambda x: (
        1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0.0)))
    ),
    "mish": lambda x: x * np.tanh(np.logaddexp(0.0, x)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RealMLPConfig(TableConfig):
    """The config of a RealMLP or its simple variant."""

    units: int
    n_hidden: int
    dropout: float
    activation: str
    is_simple: bool


def _draw_weights(
    paths: Sequence[str],
    shapes: Sequence[Shape],
    rng: np.random.Generator,
    X: FloatArray,
    config: RealMLPConfig,
) -> list[FloatArray]:
    """Return first weights for which each unit's sum has deviation 1 on the training rows.

    Biases are minus a random mixture of five of the unit's sums, so that the kink of each unit
    lies within the data (`he+5`, after arXiv:1908.06277). The simple variant draws both from
    N(0, 1), and its output layer is zero.
    """
    sizes = dict(zip(map(variable_name, paths), shapes, strict=True))
    drawn: dict[str, DoubleArray] = {}
    n_numbers, n_codes = config.n_numbers, config.n_codes
    values = [X[:, :n_numbers].astype(np.float64)] if n_numbers else []
    if "periodic/frequencies" in sizes:
        values = [_draw_periodic(sizes, drawn, rng, values[0])]
    if n_codes:
        drawn["categories/embeddings"] = rng.normal(size=sizes["categories/embeddings"])
        codes = X[:, n_numbers : n_numbers + n_codes].astype(np.intp)
        values.append(drawn["categories/embeddings"][codes].reshape(len(X), -1))
    values.append(X[:, n_numbers + n_codes :].astype(np.float64))
    hidden = np.concatenate(values, axis=1)
    activation = _ACTIVATIONS[config.activation]
    for layer in [*(f"hidden_{i + 1}" for i in range(config.n_hidden)), "output"]:
        kernel, bias = _draw_layer(sizes[f"{layer}/kernel"], rng, hidden, config.is_simple)
        if layer == "output" and config.is_simple:
            kernel, bias = np.zeros_like(kernel), np.zeros_like(bias)
        drawn[f"{layer}/kernel"], drawn[f"{layer}/bias"] = kernel, bias
        hidden = activation(hidden @ kernel / np.sqrt(len(kernel)) + bias)
    known = [(name, lambda weight, rng: drawn[weight.name]) for name in drawn]
    return draw_weights([*known, ("*/scale", ones), ("*/alpha", ones)], paths, shapes, rng)


def _draw_layer(
    shape: Shape, rng: np.random.Generator, inputs: DoubleArray, is_simple: bool
) -> tuple[DoubleArray, DoubleArray]:
    """Return kernel (n, units) and bias (units,) of one layer for its inputs (n_rows, n)."""
    kernel = rng.normal(size=shape)
    units = shape[1]
    if is_simple:
        return kernel, rng.normal(size=units)
    sums = inputs @ kernel / np.sqrt(shape[0])
    spread = sums.std(axis=0)
    spread = np.where(spread > 1e-12, spread, 1.0)
    kernel, sums = kernel / spread, sums / spread
    fractions = rng.exponential(size=(5, units))
    fractions /= fractions.sum(axis=0)
    chosen = rng.integers(0, len(inputs), size=(5, units))
    return kernel, -(fractions * sums[chosen, np.arange(units)]).sum(axis=0)


def _draw_periodic(
    sizes: Mapping[str, Shape],
    drawn: dict[str, DoubleArray],
    rng: np.random.Generator,
    numbers: DoubleArray,
) -> DoubleArray:
    """Draw the embedding of numbers into `drawn`; return the embedded numbers."""
    bound = 1.0 / np.sqrt(_FREQUENCIES)
    drawn["periodic/frequencies"] = 0.1 * rng.normal(size=sizes["periodic/frequencies"])
    drawn["periodic/phases"] = rng.uniform(-np.pi, np.pi, sizes["periodic/phases"])
    drawn["periodic/kernel"] = rng.uniform(-bound, bound, sizes["periodic/kernel"])
    drawn["periodic/offset"] = rng.uniform(-bound, bound, sizes["periodic/offset"])
    features = np.cos(
        2 * np.pi * numbers[:, :, None] * drawn["periodic/frequencies"] + drawn["periodic/phases"]
    )
    made = np.einsum("bnk,nku->bnu", features, drawn["periodic/kernel"]) + drawn["periodic/offset"]
    return np.concatenate([made.reshape(len(numbers), -1), numbers], axis=1)


@estimator
class _RealMLP(KerasNetwork):
    """Architecture, first weights and schedules of both variants."""

    units: HiddenUnits = 256
    n_hidden: HiddenLayers = 3
    learning_rate: Annotated[
        float | None, "Highest rate of the cycles; None: 0.04 for classes, 0.2 for numbers."
    ] = None
    label_smoothing: Annotated[
        float, "Fraction of each label that is spread over all classes; for classes only."
    ] = 0.1
    batch_size: BatchSize = 256
    max_epochs: Annotated[
        int, "Number of epochs; the four cycles of the learning rate end with the last."
    ] = 256
    early_stopping: Annotated[
        bool,
        "Whether training stops after a cycle of the learning rate that lowered the validation "
        "loss (for classes: the Brier score) by no more than two standard errors; the published "
        "model goes through all four. With fewer than 200 validation rows, which are too few to "
        "decide, training goes on.",
    ] = True
    validation_fraction: Annotated[
        float,
        "Fraction of the training rows that are validation rows. By their loss (for classes: the "
        "Brier score) the best epoch of the first cycle or the end of a later one is chosen; with "
        "fewer than 200 of them, the best of all epochs. The published model takes the best of "
        "all epochs, for classes by the error rate, which is noisier on few rows.",
    ] = 0.2

    dropout, weight_decay = 0.0, 0.0  # parameters of the full model
    _categories = "mixed"
    _scale = "robust"
    _flags = "onehot"
    _is_simple: ClassVar[bool]
    _usual_rates: ClassVar[tuple[float, float]]  # for classes, for numbers
    _config_class = RealMLPConfig
    _draw = staticmethod(_draw_weights)
    _adam: ClassVar[Options] = {
        "beta_2": 0.95,
        "epsilon": 1e-8,
        "rate_factors": (
            ("/scale", 6.0),
            *((f"/{name}", 0.1) for name in ("bias", "alpha")),
            *((f"periodic/{n}", 0.1) for n in ("frequencies", "phases", "kernel", "offset")),
        ),
        "without_decay": ("/bias",),
        "decays_vectors": True,
    }

    @staticmethod
    def _build(layers: Layers, config: RealMLPConfig) -> KerasModel:
        inputs = layers.Input(config.n_inputs)
        embedding = None
        if not config.is_simple:
            embedding = layers.PBLDEmbedding(_FREQUENCIES, _OUTPUTS, name="periodic")
        values = table_inputs(layers, inputs, config, embedding=embedding)
        for number in range(1, config.n_hidden + 1):
            dense = layers.NTKDense(config.units, has_scale=number == 1, name=f"hidden_{number}")
            values = dense(values)
            if config.is_simple:
                values = layers.Activation(config.activation)(values)
            else:
                bend = layers.ParametricActivation(config.activation, name=f"bend_{number}")
                values = bend(values)
            if config.dropout > 0:
                values = layers.Dropout(config.dropout, name=f"dropout_{number}")(values)
        output = layers.NTKDense(config.n_outputs, has_scale=config.n_hidden == 0, name="output")
        return layers.Model(inputs, output(values))

    def _derived(self) -> dict[str, Any]:
        return {
            "activation": "selu" if self._is_classifier else "mish",
            "is_simple": self._is_simple,
        }

    def _program_config(self) -> ProgramConfig:
        smoothing = self.label_smoothing if self._is_classifier else 0.0
        return replace(super()._program_config(), label_smoothing=smoothing)

    def _train_config(self) -> TrainConfig:
        usual = self._usual_rates[0 if self._is_classifier else 1]
        return TrainConfig(
            learning_rate=usual if self.learning_rate is None else self.learning_rate,
            weight_decay=self.weight_decay,
            max_epochs=self.max_epochs,
            patience=self.max_epochs,
            stops_on_plateau=self.early_stopping,
            rate_schedule="four_cycles",
            decay_schedule="flat_cosine",
            dropout_schedule="flat_cosine",
            min_evaluation_steps=1,
            monitor="brier" if self._is_classifier else "loss",
            drop_last=True,
        )


@estimator
class _RealMLPTuned(_RealMLP):
    """The full model, RealMLP-TD.

    References
    ----------
    arXiv:2407.04491, tables A.1 and A.2.
    """

    dropout: Annotated[
        float, "Fraction of the hidden units dropped at each step, falling to 0 in the second half."
    ] = 0.15
    weight_decay: Annotated[
        float, "Decoupled decay of all but the biases, falling to 0 in the second half."
    ] = 0.02

    _is_simple = False
    _usual_rates = (0.04, 0.2)


@estimator
class RealMLPClassifier(_RealMLPTuned, NetworkClassifier):
    """RealMLP-TD for classes."""


@estimator
class RealMLPRegressor(_RealMLPTuned, NetworkRegressor):
    """RealMLP-TD for numbers; predictions stay within the range of the training target."""

    def _split(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> FitTask:
        self.lowest_, self.highest_ = float(y.min()), float(y.max())
        return super()._split(X, y, weight)

    def _values(self, X: FloatArray) -> Array:
        values: Array = np.clip(super()._values(X), self.lowest_, self.highest_)
        return values


@estimator
class _RealMLPSimple(_RealMLP):
    """The simple variant, RealMLP-TD-S, without embeddings and regularisation.

    References
    ----------
    arXiv:2407.04491, section 3.
    """

    learning_rate: Annotated[
        float | None, "Highest rate of the cycles; None: 0.04 for classes, 0.07 for numbers."
    ] = None

    _is_simple = True
    _max_onehot = 1_000_000  # every category
    _usual_rates = (0.04, 0.07)


@estimator
class RealMLPSimpleClassifier(_RealMLPSimple, NetworkClassifier):
    """RealMLP-TD-S for classes: one-hot columns, no embeddings, dropout or decay."""


@estimator
class RealMLPSimpleRegressor(_RealMLPSimple, NetworkRegressor):
    """RealMLP-TD-S for numbers: one-hot columns, no embeddings, dropout or decay."""
