"""The baseline that every model must beat: it never looks at the input."""

from __future__ import annotations

from typing import Any

from sklearn import dummy

from zoo.models.targets import ClassWeight
from zoo.models.wrapped import WrappedClassifier, WrappedRegressor


class DummyClassifier(WrappedClassifier):
    """Predicts each class with its training share.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        What the weights of a class's rows are multiplied by; "balanced": all classes weigh the
        same; None: 1.
    """

    def __init__(self, *, class_weight: ClassWeight = None) -> None:
        self.class_weight = class_weight

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
