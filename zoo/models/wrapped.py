"""Library estimators behind the zoo's tables: a subclass says which estimator to make."""

from __future__ import annotations

import os
from abc import abstractmethod
from typing import Any, TypeAlias

from zoo.models.base import ProbabilityClassifier, TableEstimator, TableRegressor
from zoo.training.types import Array, DoubleArray, FloatArray

__all__ = [
    "LibraryEstimator", "LibraryModel", "Wrapped", "WrappedClassifier", "WrappedRegressor",
    "usable_threads",
]  # fmt: skip

# An estimator of scikit-learn or of its kind; the libraries' modules are not type-checked.
LibraryModel: TypeAlias = Any


def usable_threads(n_jobs: int | None) -> int | None:
    """Return a number of threads, but no more than the machine has processors.

    More are no faster, and a library ends the process where it cannot start them.
    """
    return n_jobs if n_jobs is None else min(n_jobs, os.cpu_count() or 1)


class LibraryEstimator(TableEstimator):
    """Predicts with a library's estimator, `model_`."""

    model_: LibraryModel

    @abstractmethod
    def _make(self, n_rows: int) -> LibraryModel:
        """Return the unfitted library estimator for this many training rows, without a seed."""

    def _scores(self, X: FloatArray) -> Array:
        scores: Array = self.model_.predict_proba(X)
        return scores

    def _values(self, X: FloatArray) -> Array:
        values: Array = self.model_.predict(X)
        return values


class Wrapped(LibraryEstimator):
    """Makes a library's estimator and fits it on the encoded rows."""

    def _adapt(self, model: LibraryModel, X: FloatArray, weight: DoubleArray) -> LibraryModel:
        """Return the model with settings that the library would derive from unweighted rows."""
        return model

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        model = self._make(len(X))
        if {"random_state"} <= self.get_params().keys() & model.get_params().keys():
            model.set_params(random_state=self._rng().randint(2**31))
        if weight is None:
            self.model_ = model.fit(X, y)
        else:
            self.model_ = self._adapt(model, X, weight).fit(X, y, sample_weight=weight)


class WrappedClassifier(Wrapped, ProbabilityClassifier):
    """A classifier of a library."""


class WrappedRegressor(Wrapped, TableRegressor):
    """A regressor of a library."""
