"""Classical algorithms from scikit-learn with common settings, and the dummy baseline."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from scipy.special import softmax
from sklearn import dummy, ensemble, linear_model, naive_bayes, neighbors, svm, tree
from sklearn.utils import Tags

from zoo.models.parameters import RandomState, estimator
from zoo.models.wrapped import (
    LibraryModel,
    Wrapped,
    WrappedClassifier,
    WrappedRegressor,
    usable_threads,
)
from zoo.training.forked import openmp_threads
from zoo.training.types import Array, DoubleArray, FloatArray


def _variance(values: Array, weight: DoubleArray) -> DoubleArray:
    """Return the weighted variance of each column of (n_rows, n_columns)."""
    values = values.astype(np.float64)
    deviation = values - np.average(values, axis=0, weights=weight)
    variance: DoubleArray = np.average(deviation**2, axis=0, weights=weight)
    return variance


@estimator
class DummyClassifier(WrappedClassifier):
    """Predicts each class with its frequency among the training rows, whatever the input."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # by design
        return tags

    def _make(self, n_rows: int) -> LibraryModel:
        return dummy.DummyClassifier(strategy="prior")


@estimator
class DummyRegressor(WrappedRegressor):
    """Predicts the mean of the training rows, whatever the input."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags

    def _make(self, n_rows: int) -> LibraryModel:
        return dummy.DummyRegressor(strategy="mean")


@estimator
class LogisticClassifier(WrappedClassifier):
    """Logistic regression with an L2 penalty."""

    C: Annotated[float, "Inverse strength of the penalty."] = 1.0
    max_iter: Annotated[int, "Maximum number of L-BFGS steps."] = 1000

    def _make(self, n_rows: int) -> LibraryModel:
        return linear_model.LogisticRegression(C=self.C, max_iter=self.max_iter)

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        super()._fit_matrix(X, y, weight)
        self.n_iter_ = self.model_.n_iter_


@estimator
class RidgeRegressor(WrappedRegressor):
    """Linear regression with an L2 penalty."""

    alpha: Annotated[float, "Strength of the penalty."] = 1.0

    def _make(self, n_rows: int) -> LibraryModel:
        return linear_model.Ridge(alpha=self.alpha)


@estimator
class NaiveBayesClassifier(WrappedClassifier):
    """Gaussian naive Bayes."""

    var_smoothing: Annotated[
        float,
        "Fraction of the largest variance that is added to all variances. With the library's 1e-9 "
        "one nearly constant column can decide alone; 1e-2 keeps the probabilities moderate.",
    ] = 1e-2

    def _make(self, n_rows: int) -> LibraryModel:
        return naive_bayes.GaussianNB(var_smoothing=self.var_smoothing)

    def _adapt(self, model: LibraryModel, X: FloatArray, weight: DoubleArray) -> LibraryModel:
        # the library ignores the weights of rows in the largest variance
        largest = float(X.var(axis=0, dtype=np.float64).max())
        if largest > 0:
            model.var_smoothing *= float(_variance(X, weight).max()) / largest
        return model

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        super()._fit_matrix(X, y, weight)
        if not self.model_.var_.any():  # no column varies: the frequencies of the classes decide
            self.model_.var_ += 1.0


@estimator
class _Neighbors(Wrapped):
    """Weights of rows, which the library's neighbours ignore."""

    n_neighbors: Annotated[
        int, "Number of neighbours, whatever the weights of rows. All rows when there are fewer."
    ] = 10

    def _make(self, n_rows: int) -> LibraryModel:
        classifier, regressor = neighbors.KNeighborsClassifier, neighbors.KNeighborsRegressor
        return (classifier if self._is_classifier else regressor)(
            min(self.n_neighbors, n_rows), weights="distance", algorithm="brute"
        )

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        super()._fit_matrix(X, y, None)
        if weight is not None:
            is_classifier = isinstance(self, WrappedClassifier)
            self.outcome_ = np.eye(len(self.classes_))[y] if is_classifier else y[:, None]
            self.weight_ = weight

    def _vote(self, X: FloatArray) -> DoubleArray:
        """Return the mean outcome (n_samples, n_outputs), weighted by weight / distance."""
        distances, rows = self.model_.kneighbors(X)
        is_same = distances == 0
        distances[is_same.any(axis=1)] = np.inf  # then only rows at distance 0 count
        distances[is_same] = 1.0
        votes = self.weight_[rows] / distances
        votes /= votes.sum(axis=1, keepdims=True)
        mean: DoubleArray = np.einsum("nk,nko->no", votes, self.outcome_[rows])
        return mean


@estimator
class NearestNeighborsClassifier(_Neighbors, WrappedClassifier):
    """The frequency of each class among the nearest training rows, weighted by 1 / distance."""

    def _scores(self, X: FloatArray) -> Array:
        with openmp_threads(None):
            return self._vote(X) if hasattr(self, "weight_") else super()._scores(X)


@estimator
class NearestNeighborsRegressor(_Neighbors, WrappedRegressor):
    """The mean of the nearest training rows, weighted by 1 / distance."""

    def _values(self, X: FloatArray) -> Array:
        with openmp_threads(None):
            return self._vote(X)[:, 0] if hasattr(self, "weight_") else super()._values(X)


@estimator
class _Tree(Wrapped):
    """The parameters of both trees."""

    max_depth: Annotated[
        int | None, "Maximum depth; None: until the leaves are as small as allowed."
    ] = None
    min_samples_leaf: Annotated[int, "Minimum number of rows in a leaf."] = 5
    min_weight_fraction_leaf: Annotated[float, "Minimum fraction of the weight in a leaf."] = 0.0
    random_state: RandomState = None

    _scale = "none"

    def _make(self, n_rows: int) -> LibraryModel:
        classifier, regressor = tree.DecisionTreeClassifier, tree.DecisionTreeRegressor
        return (classifier if self._is_classifier else regressor)(
            max_depth=self.max_depth,
            min_samples_leaf=self.min_samples_leaf,
            min_weight_fraction_leaf=self.min_weight_fraction_leaf,
        )


@estimator
class TreeClassifier(_Tree, WrappedClassifier):
    """One decision tree for classes."""


@estimator
class TreeRegressor(_Tree, WrappedRegressor):
    """One decision tree for numbers."""


@estimator
class _Forest(Wrapped):
    """The parameters of both forests."""

    n_estimators: Annotated[int, "Number of trees."] = 200
    min_samples_leaf: Annotated[int, "Minimum number of rows in a leaf."] = 1
    n_jobs: Annotated[int | None, "Number of threads; None: 1."] = None
    random_state: RandomState = None

    _scale = "none"
    _max_features: ClassVar[str | float] = "sqrt"  # that a split considers

    def _make(self, n_rows: int) -> LibraryModel:
        classifier, regressor = ensemble.RandomForestClassifier, ensemble.RandomForestRegressor
        return (classifier if self._is_classifier else regressor)(
            n_estimators=self.n_estimators,
            min_samples_leaf=self.min_samples_leaf,
            max_features=self._max_features,
            n_jobs=usable_threads(self.n_jobs),
        )


@estimator
class ForestClassifier(_Forest, WrappedClassifier):
    """A random forest for classes."""


@estimator
class ForestRegressor(_Forest, WrappedRegressor):
    """A random forest for numbers; a split considers a third of the columns."""

    _max_features = 1 / 3


@estimator
class _KernelSVM(Wrapped):
    """Weights of rows, which the library ignores in the width of the kernel."""

    C: Annotated[float, "Cost of errors; a larger one regularises less."] = 1.0

    def _adapt(self, model: LibraryModel, X: FloatArray, weight: DoubleArray) -> LibraryModel:
        n_columns = X.shape[1]
        (variance,) = _variance(X.reshape(-1, 1), np.repeat(weight, n_columns))
        model.gamma = 1.0 / (n_columns * variance) if variance > 0 else 1.0
        return model


@estimator
class KernelSVMClassifier(_KernelSVM, WrappedClassifier):
    """A support vector machine with a Gaussian kernel and a softmax of its margins."""

    def _make(self, n_rows: int) -> LibraryModel:
        return svm.SVC(C=self.C, gamma="scale", cache_size=500)

    def _scores(self, X: FloatArray) -> Array:
        margin = self.model_.decision_function(X)
        if margin.ndim == 1:
            margin = np.column_stack([-margin, margin])
        scores: Array = softmax(margin, axis=1)
        return scores


@estimator
class KernelSVMRegressor(_KernelSVM, WrappedRegressor):
    """Support vector regression with a Gaussian kernel."""

    epsilon: Annotated[
        float, "Half the width of the tube without loss, in standard deviations of the target."
    ] = 0.1

    def _make(self, n_rows: int) -> LibraryModel:
        return svm.SVR(C=self.C, epsilon=self.epsilon, gamma="scale", cache_size=500)
