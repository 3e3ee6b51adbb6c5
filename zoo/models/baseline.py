"""The baseline that every model must beat: it never looks at the input."""

from __future__ import annotations

from typing import Any

from sklearn import dummy

from zoo.models.wrapped import WrappedClassifier, WrappedRegressor


class DummyClassifier(WrappedClassifier):
    """Predicts each class with its training share."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # that is its purpose
        return tags

    def _make(self, n_rows: int) -> Any:
        return dummy.DummyClassifier(strategy="prior")


class DummyRegressor(WrappedRegressor):
    """Predicts the mean of the training rows."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags

    def _make(self, n_rows: int) -> Any:
        return dummy.DummyRegressor(strategy="mean")
