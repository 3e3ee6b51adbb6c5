"""RealMLP's simple variant (arXiv:2407.04491): what is left without embeddings and fading."""

from __future__ import annotations

from typing import Any, ClassVar

from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.realmlp import RealMLP
from zoo.models.targets import ClassWeight


class _RealMLPSimple(RealMLP):
    """The parameters of the simple variant."""

    _is_simple: ClassVar[bool] = True
    _max_onehot: ClassVar[int] = 1_000_000  # every category

    def __init__(
        self,
        *,
        units: int = 256,
        n_hidden: int = 3,
        learning_rate: float | None = None,
        label_smoothing: float = 0.1,
        batch_size: int = 256,
        max_epochs: int = 256,
        early_stopping: bool = True,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            units=units,
            n_hidden=n_hidden,
            dropout=0.0,
            learning_rate=learning_rate,
            weight_decay=0.0,
            label_smoothing=label_smoothing,
            batch_size=batch_size,
            max_epochs=max_epochs,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )


class RealMLPSimpleClassifier(_RealMLPSimple, NetworkClassifier):
    """RealMLP-TD-S for classes: one-hot columns, no embeddings, dropout or decay.

    Parameters
    ----------
    units : int
        Units of each hidden layer.
    n_hidden : int
        Hidden layers.
    learning_rate : float or None
        Top of the cycles; None: 0.04.
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
    arXiv:2407.04491, section 3.
    """

    _activation: ClassVar[str] = "selu"
    _learning_rate: ClassVar[float] = 0.04

    def __init__(
        self,
        *,
        units: int = 256,
        n_hidden: int = 3,
        learning_rate: float | None = None,
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
            learning_rate=learning_rate,
            label_smoothing=label_smoothing,
            batch_size=batch_size,
            max_epochs=max_epochs,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.class_weight = class_weight


class RealMLPSimpleRegressor(_RealMLPSimple, NetworkRegressor):
    """RealMLP-TD-S for numbers.

    Parameters
    ----------
    units : int
        Units of each hidden layer.
    n_hidden : int
        Hidden layers.
    learning_rate : float or None
        Top of the cycles; None: 0.07.
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
    arXiv:2407.04491, section 3.
    """

    _activation: ClassVar[str] = "mish"
    _learning_rate: ClassVar[float] = 0.07
