"""Library estimators behind the zoo's tables: a subclass says which estimator to make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.models.base import ProbabilityClassifier, TableRegressor

__all__ = ["WrappedClassifier", "WrappedRegressor"]


class _Wrapped(ABC):
    """Makes, fits and keeps the library's estimator."""

    model_: Any

    @abstractmethod
    def _make(self, n_rows: int) -> Any:
        """Return the unfitted library estimator for this many training rows."""

    def _adapt(self, model: Any, X: NDArray[np.float32], weight: NDArray[np.float64]) -> Any:
        """Return the model with what the library would choose from rows without weights set."""
        return model

    def _fit_model(self, X: NDArray[np.float32], y: Any, weight: Any) -> None:
        model = self._make(len(X))
        if weight is None:
            self.model_ = model.fit(X, y)
        else:
            self.model_ = self._adapt(model, X, weight).fit(X, y, sample_weight=weight)


class WrappedClassifier(_Wrapped, ProbabilityClassifier):
    """A classifier of a library, fitted on the encoded matrix as `model_`."""

    def _fit_codes(
        self, X: NDArray[np.float32], y: NDArray[np.intp], weight: NDArray[np.float64] | None
    ) -> None:
        self._fit_model(X, y, weight)

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        scores: NDArray[Any] = self.model_.predict_proba(X)
        return scores


class WrappedRegressor(_Wrapped, TableRegressor):
    """A regressor of a library, fitted on the encoded matrix as `model_`."""

    def _fit_numbers(
        self, X: NDArray[np.float32], y: NDArray[np.float64], weight: NDArray[np.float64] | None
    ) -> None:
        self._fit_model(X, y, weight)

    def _values(self, X: NDArray[np.float32]) -> NDArray[Any]:
        values: NDArray[Any] = self.model_.predict(X)
        return values
