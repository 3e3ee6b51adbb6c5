"""The baseline that every model must beat: it never looks at the input."""

from __future__ import annotations

from typing import Any

from sklearn import dummy

from zoo.models.wrapped import WrappedClassifier, WrappedRegressor


class DummyClassifier(WrappedClassifier):
    """Predicts each class with its training share."""

    def _make(self, n_rows: int) -> Any:
        return dummy.DummyClassifier(strategy="prior")


class DummyRegressor(WrappedRegressor):
    """Predicts the mean of the training rows."""

    def _make(self, n_rows: int) -> Any:
        return dummy.DummyRegressor(strategy="mean")
