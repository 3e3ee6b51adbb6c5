"""Library estimators behind the zoo's tables: a subclass says which estimator to make."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.models.base import ProbabilityClassifier, TableRegressor

__all__ = ["WrappedClassifier", "WrappedRegressor"]


def _fit(model: Any, X: Any, y: Any, weight: NDArray[np.float64] | None) -> Any:
    if weight is None:
        return model.fit(X, y)
    return model.fit(X, y, sample_weight=weight)


class WrappedClassifier(ProbabilityClassifier):
    """A classifier of a library, fitted on the encoded matrix as `model_`."""

    @abstractmethod
    def _make(self, n_rows: int) -> Any:
        """Return the unfitted library estimator for this many training rows."""

    def _fit_codes(
        self, X: NDArray[np.float32], y: NDArray[np.intp], weight: NDArray[np.float64] | None
    ) -> None:
        self.model_ = _fit(self._make(len(X)), X, y, weight)

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        scores: NDArray[Any] = self.model_.predict_proba(X)
        return scores


class WrappedRegressor(TableRegressor):
    """A regressor of a library, fitted on the encoded matrix as `model_`."""

    @abstractmethod
    def _make(self, n_rows: int) -> Any:
        """Return the unfitted library estimator for this many training rows."""

    def _fit_numbers(
        self, X: NDArray[np.float32], y: NDArray[np.float64], weight: NDArray[np.float64] | None
    ) -> None:
        self.model_ = _fit(self._make(len(X)), X, y, weight)

    def _values(self, X: NDArray[np.float32]) -> NDArray[Any]:
        values: NDArray[Any] = self.model_.predict(X)
        return values
