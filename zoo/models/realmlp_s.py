"""RealMLP's simple variant (arXiv:2407.04491): RealMLP without embeddings and regularisation."""

from __future__ import annotations

from typing import Annotated, ClassVar

from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.parameters import estimator
from zoo.models.realmlp import RealMLP


@estimator
class _RealMLPSimple(RealMLP):
    """The simple variant, RealMLP-TD-S.

    References
    ----------
    arXiv:2407.04491, section 3.
    """

    learning_rate: Annotated[
        float | None, "Highest rate of the cycles; None: 0.04 for classes, 0.07 for numbers."
    ] = None

    _is_simple: ClassVar[bool] = True
    _max_onehot: ClassVar[int] = 1_000_000  # every category
    _usual_rates: ClassVar[tuple[float, float]] = (0.04, 0.07)

    def _regularisation(self) -> tuple[float, float]:
        return 0.0, 0.0


@estimator
class RealMLPSimpleClassifier(_RealMLPSimple, NetworkClassifier):
    """RealMLP-TD-S for classes: one-hot columns, no embeddings, dropout or decay."""


@estimator
class RealMLPSimpleRegressor(_RealMLPSimple, NetworkRegressor):
    """RealMLP-TD-S for numbers: one-hot columns, no embeddings, dropout or decay."""
