"""The dummy baseline, which ignores the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn import dummy

from zoo.models.parameters import estimator
from zoo.models.wrapped import LibraryModel, WrappedClassifier, WrappedRegressor

if TYPE_CHECKING:
    from sklearn.utils import Tags


@estimator
class DummyClassifier(WrappedClassifier):
    """Predicts each class with its frequency among the training rows."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # by design
        return tags

    def _make(self, n_rows: int) -> LibraryModel:
        return dummy.DummyClassifier(strategy="prior")


@estimator
class DummyRegressor(WrappedRegressor):
    """Predicts the mean of the training rows."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags

    def _make(self, n_rows: int) -> LibraryModel:
        return dummy.DummyRegressor(strategy="mean")
