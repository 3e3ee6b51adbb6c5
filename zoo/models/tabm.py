"""TabM (Gorishniy, Kotelnikov & Babenko 2024, arXiv:2410.24210): k networks in one.

The members share the matrices of an MLP and differ in cheap factors before and after each, so
one network trains like an ensemble. Each member has its own loss; predictions are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo.models.network import NetworkClassifier, NetworkRegressor


class _TabM:
    """Architecture, first weights and optimiser."""

    _loss: ClassVar[Any]

    def __init__(
        self,
        *,
        k: int = 32,
        units: int = 512,
        n_hidden: int = 3,
        is_mini: bool = False,
        dropout: float = 0.1,
        learning_rate: float = 0.002,
        weight_decay: float = 0.0003,
        batch_size: int = 256,
        max_epochs: int = 500,
        patience: int = 16,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.k = k
        self.units = units
        self.n_hidden = n_hidden
        self.is_mini = is_mini
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
        n_hidden: int,
        is_mini: bool,
        dropout: float,
        is_logits: bool,
    ) -> Any:
        inputs = layers.Input(n_inputs)
        values = layers.Members(k)(inputs)
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
        """Draw shared matrices within 1 / sqrt(inputs); members start apart by random signs."""
        drawn: list[NDArray[Any]] = []
        bound = 1.0
        for path, shape in zip(paths, shapes, strict=True):
            layer, name = path.split("/")[-2:]
            if name == "kernel":
                bound = 1.0 / np.sqrt(shape[-2])
                drawn.append(rng.uniform(-bound, bound, shape))
            elif name == "bias" and layer != "output" and len(shape) > 1:
                drawn.append(np.tile(rng.uniform(-bound, bound, shape[1:]), (shape[0], 1)))
            elif name == "bias":
                drawn.append(rng.uniform(-bound, bound, shape))
            elif name == "factors" or (name == "r" and layer == "hidden_1"):
                drawn.append(rng.choice([-1.0, 1.0], size=shape))
            else:
                drawn.append(np.ones(shape))
            if name == "r":  # the kernel and its bias come next
                bound = 1.0 / np.sqrt(shape[-1])
        return [values.astype(np.float32) for values in drawn]

    def _options(self, n_inputs: int) -> Mapping[str, Any]:
        return {
            "k": self.k,
            "units": self.units,
            "n_hidden": self.n_hidden,
            "is_mini": self.is_mini,
            "dropout": self.dropout,
            "is_logits": self._loss == "crossentropy",
        }

    def _recipe(self) -> Any:
        from zoo.training.optimizer import Adam
        from zoo.training.recipe import Recipe

        optimizer = Adam(epsilon=1e-8, clip_norm=1.0, decays_vectors=True)
        return Recipe(loss=self._loss, optimizer=optimizer, batch_size=self.batch_size)


class TabMClassifier(_TabM, NetworkClassifier):
    """TabM for classes.

    Parameters
    ----------
    k : int
        Members.
    units : int
        Units of each hidden layer.
    n_hidden : int
        Hidden layers.
    is_mini : bool
        Whether members differ in one factor for each input only (TabM-mini).
    dropout : float
        Share of hidden units dropped at each step.
    learning_rate : float
        Step size of AdamW.
    weight_decay : float
        Decoupled decay of all weights.
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
    arXiv:2410.24210, section 3; batch ensembles: arXiv:2002.06715.
    """


class TabMRegressor(_TabM, NetworkRegressor):
    """TabM for numbers.

    Parameters
    ----------
    k : int
        Members.
    units : int
        Units of each hidden layer.
    n_hidden : int
        Hidden layers.
    is_mini : bool
        Whether members differ in one factor for each input only (TabM-mini).
    dropout : float
        Share of hidden units dropped at each step.
    learning_rate : float
        Step size of AdamW.
    weight_decay : float
        Decoupled decay of all weights.
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
    arXiv:2410.24210, section 3; batch ensembles: arXiv:2002.06715.
    """
