"""RealMLP (Holzmüller, Grinsztajn & Steinwart 2024, arXiv:2407.04491): an MLP with good defaults.

Numbers are robustly scaled and pass through periodic embeddings, categories with many levels
through learned ones; a learned scale for each input, three hidden layers in the neural tangent
parametrisation with first weights and biases that fit the data, a parametric activation, dropout
and weight decay that fade out, and a learning rate that runs through four cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo.encoding.encoder import Categories, Flags, Scale
from zoo.models.columns import table_inputs
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.targets import ClassWeight
from zoo.training.initialisers import draw_weights, ones, variable_name

_EMBEDDING = 8  # outputs of a category's embedding
_FREQUENCIES, _OUTPUTS = 16, 4  # of the embedding of a number
_ACTIVATIONS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "selu": lambda x: (
        1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0.0)))
    ),
    "mish": lambda x: x * np.tanh(np.logaddexp(0.0, x)),
}


class RealMLP:
    """Architecture, first weights and schedules; the simple variant is a special case."""

    _categories: ClassVar[Categories] = "mixed"
    _scale: ClassVar[Scale] = "robust"
    _flags: ClassVar[Flags] = "onehot"
    _is_simple: ClassVar[bool] = False
    _activation: ClassVar[str]
    _learning_rate: ClassVar[float]
    _loss: ClassVar[Any]
    encoder_: Any
    n_outputs_: int

    def __init__(
        self,
        *,
        units: int = 256,
        n_hidden: int = 3,
        dropout: float = 0.15,
        learning_rate: float | None = None,
        weight_decay: float = 0.02,
        label_smoothing: float = 0.1,
        batch_size: int = 256,
        max_epochs: int = 256,
        early_stopping: bool = True,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.units = units
        self.n_hidden = n_hidden
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
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
        dropout: float,
        activation: str,
        is_simple: bool,
    ) -> Any:
        inputs = layers.Input(n_inputs)
        embed = layers.PBLDEmbedding(_FREQUENCIES, _OUTPUTS, name="periodic")
        values = table_inputs(
            layers, inputs, n_numbers=n_numbers, n_codes=n_codes, n_categories=n_categories,
            category_units=_EMBEDDING, embed=None if is_simple else embed,
        )  # fmt: skip
        for number in range(1, n_hidden + 1):
            dense = layers.NTKDense(units, has_scale=number == 1, name=f"hidden_{number}")
            values = dense(values)
            if is_simple:
                values = layers.Activation(activation)(values)
            else:
                values = layers.ParametricActivation(activation, name=f"bend_{number}")(values)
            if dropout > 0:
                values = layers.Dropout(dropout, name=f"dropout_{number}")(values)
        output = layers.NTKDense(n_outputs, has_scale=n_hidden == 0, name="output")
        return layers.Model(inputs, output(values))

    @staticmethod
    def _draw(
        paths: Sequence[str],
        shapes: Sequence[tuple[int, ...]],
        rng: np.random.Generator,
        X: NDArray[np.float32],
        **options: Any,
    ) -> list[NDArray[np.float32]]:
        return _draw_weights(paths, shapes, rng, X, options)

    def _options(self, n_inputs: int) -> Mapping[str, Any]:
        encoder = self.encoder_
        return {
            "n_numbers": encoder.n_numbers_,
            "n_codes": encoder.n_codes_,
            "n_categories": encoder.n_categories_,
            "units": self.units,
            "n_hidden": self.n_hidden,
            "dropout": 0.0 if self._is_simple else self.dropout,
            "activation": self._activation,
            "is_simple": self._is_simple,
        }

    def _program_config(self) -> Any:
        from zoo.training.optimizer import Adam
        from zoo.training.program_config import ProgramConfig

        periodic = [f"periodic/{name}" for name in ("frequencies", "phases", "kernel", "offset")]
        optimizer = Adam(
            beta_2=0.95,
            epsilon=1e-8,
            rate_factors=(
                ("/scale", 6.0),
                ("/bias", 0.1),
                ("/alpha", 0.1),
                *((name, 0.1) for name in periodic),
            ),
            without_decay=("/bias",),
            decays_vectors=True,
        )
        smoothing = self.label_smoothing if self._loss == "crossentropy" else 0.0
        return ProgramConfig(
            loss=self._loss,
            label_smoothing=smoothing,
            optimizer=optimizer,
            batch_size=self.batch_size,
        )

    def _train_config(self) -> Any:
        from zoo.training.train_config import TrainConfig

        rate = self._learning_rate if self.learning_rate is None else self.learning_rate
        return TrainConfig(
            learning_rate=rate,
            weight_decay=0.0 if self._is_simple else self.weight_decay,
            max_epochs=self.max_epochs,
            patience=self.max_epochs,
            stops_on_plateau=self.early_stopping,
            rate_schedule="four_cycles",
            decay_schedule="flat_cosine",
            dropout_schedule="flat_cosine",
            min_evaluation_steps=1,
            monitor="brier" if self._loss == "crossentropy" else "loss",
            drop_last=True,
        )


def _draw_weights(
    paths: Sequence[str],
    shapes: Sequence[tuple[int, ...]],
    rng: np.random.Generator,
    X: NDArray[np.float32],
    options: Mapping[str, Any],
) -> list[NDArray[np.float32]]:
    """Return first weights for which each unit's sum has deviation 1 on the training rows.

    Biases are minus a random mixture of five of the unit's sums, so that the kink of each unit
    lies within the data (`he+5`, after arXiv:1908.06277). The simple variant draws both from
    N(0, 1), and its output layer is zero.
    """
    sizes = dict(zip(map(variable_name, paths), shapes, strict=True))
    drawn: dict[str, NDArray[np.float64]] = {}
    n_numbers, n_codes = options["n_numbers"], options["n_codes"]
    values = [X[:, :n_numbers].astype(np.float64)] if n_numbers else []
    if "periodic/frequencies" in sizes:
        values = [_draw_periodic(sizes, drawn, rng, values[0])]
    if n_codes:
        drawn["levels/embeddings"] = rng.normal(size=sizes["levels/embeddings"])
        codes = X[:, n_numbers : n_numbers + n_codes].astype(np.intp)
        values.append(drawn["levels/embeddings"][codes].reshape(len(X), -1))
    values.append(X[:, n_numbers + n_codes :].astype(np.float64))
    hidden = np.concatenate(values, axis=1)
    activation = _ACTIVATIONS[options["activation"]]
    for layer in [*(f"hidden_{i + 1}" for i in range(options["n_hidden"])), "output"]:
        kernel, bias = _draw_layer(sizes[f"{layer}/kernel"], rng, hidden, options["is_simple"])
        if layer == "output" and options["is_simple"]:
            kernel, bias = np.zeros_like(kernel), np.zeros_like(bias)
        drawn[f"{layer}/kernel"], drawn[f"{layer}/bias"] = kernel, bias
        hidden = activation(hidden @ kernel / np.sqrt(len(kernel)) + bias)
    known = [(name, lambda weight, rng: drawn[weight.name]) for name in drawn]
    return draw_weights([*known, ("*/scale", ones), ("*/alpha", ones)], paths, shapes, rng)


def _draw_layer(
    shape: tuple[int, ...], rng: np.random.Generator, inputs: NDArray[np.float64], is_simple: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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
    sizes: Mapping[str, tuple[int, ...]],
    drawn: dict[str, NDArray[np.float64]],
    rng: np.random.Generator,
    numbers: NDArray[np.float64],
) -> NDArray[np.float64]:
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


class RealMLPClassifier(RealMLP, NetworkClassifier):
    """RealMLP-TD for classes.

    Parameters
    ----------
    units : int
        Units of each hidden layer.
    n_hidden : int
        Hidden layers.
    dropout : float
        Share of hidden units dropped at each step, falling to 0 in the second half.
    learning_rate : float or None
        Top of the cycles; None: 0.04.
    weight_decay : float
        Decoupled, of all but the biases, falling to 0 in the second half.
    label_smoothing : float
        Share of each label that is spread over all classes.
    batch_size : int
    max_epochs : int
        The four cycles of the learning rate end with the last of them.
    early_stopping : bool
        Whether training stops after a cycle of the learning rate that lowered the held-out Brier
        score by no more than two standard errors; the published model goes through all four.
        With fewer than 200 held-out rows, which cannot tell, training goes on.
    validation_fraction : float
        Share of the training rows on which the best epoch of the first cycle or end of a later one
        is chosen, by the Brier score; if they are fewer than 200, the best epoch of all (as in the
        published model, but that goes by the error, which few rows tell less of).
    class_weight : dict, "balanced" or None
        What the weights of a class's rows are multiplied by; "balanced": all classes weigh the
        same; None: 1.
    random_state : int, RandomState or None

    References
    ----------
    arXiv:2407.04491, tables A.1 and A.2.
    """

    _activation: ClassVar[str] = "selu"
    _learning_rate: ClassVar[float] = 0.04

    def __init__(
        self,
        *,
        units: int = 256,
        n_hidden: int = 3,
        dropout: float = 0.15,
        learning_rate: float | None = None,
        weight_decay: float = 0.02,
        label_smoothing: float = 0.1,
        batch_size: int = 256,
        max_epochs: int = 256,
        early_stopping: bool = True,
        validation_fraction: float = 0.2,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            units=units,
            n_hidden=n_hidden,
            dropout=dropout,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            label_smoothing=label_smoothing,
            batch_size=batch_size,
            max_epochs=max_epochs,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.class_weight = class_weight


class RealMLPRegressor(RealMLP, NetworkRegressor):
    """RealMLP-TD for numbers; predictions stay within the range of the training target.

    Parameters
    ----------
    units : int
        Units of each hidden layer.
    n_hidden : int
        Hidden layers.
    dropout : float
        Share of hidden units dropped at each step, falling to 0 in the second half.
    learning_rate : float or None
        Top of the cycles; None: 0.2.
    weight_decay : float
        Decoupled, of all but the biases, falling to 0 in the second half.
    label_smoothing : float
        For classes only.
    batch_size : int
    max_epochs : int
        The four cycles of the learning rate end with the last of them.
    early_stopping : bool
        Whether training stops after a cycle of the learning rate that lowered the held-out loss
        by no more than two standard errors; the published model goes through all four. With
        fewer than 200 held-out rows, which cannot tell, training goes on.
    validation_fraction : float
        Share of the training rows on which the best epoch of the first cycle or end of a later one
        is chosen; if they are fewer than 200, the best epoch of all, as in the published model.
    random_state : int, RandomState or None

    References
    ----------
    arXiv:2407.04491, tables A.1 and A.2.
    """

    _activation: ClassVar[str] = "mish"
    _learning_rate: ClassVar[float] = 0.2

    def _plan(self, X: Any, y: Any, weight: Any, **options: Any) -> Any:
        self.lowest_, self.highest_ = float(y.min()), float(y.max())
        return super()._plan(X, y, weight, **options)

    def _values(self, X: NDArray[np.float32]) -> NDArray[Any]:
        values: NDArray[Any] = np.clip(super()._values(X), self.lowest_, self.highest_)
        return values
