"""The type of a fitted estimator, as saving and exports see it."""

from __future__ import annotations

from typing import Any, Protocol

from zoo.encoding.encoder import TableEncoder

__all__ = ["FittedEstimator"]


class FittedEstimator(Protocol):
    """A fitted estimator of the registry; its other learnt attributes depend on the model."""

    encoder_: TableEncoder
    n_features_in_: int

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, as scikit-learn does."""

    def __getattr__(self, name: str) -> Any: ...
