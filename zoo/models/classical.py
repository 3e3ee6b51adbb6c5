"""The older algorithms, from scikit-learn, with the settings that their users would take first."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn import ensemble, linear_model, naive_bayes, neighbors, svm, tree

from zoo.models.wrapped import WrappedClassifier, WrappedRegressor


class LogisticClassifier(WrappedClassifier):
    """Logistic regression with an L2 penalty.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty.
    max_iter : int
        Steps of L-BFGS at most.
    """

    def __init__(self, *, C: float = 1.0, max_iter: int = 1000) -> None:
        self.C = C
        self.max_iter = max_iter

    def _make(self, n_rows: int) -> Any:
        return linear_model.LogisticRegression(C=self.C, max_iter=self.max_iter)


class RidgeRegressor(WrappedRegressor):
    """Linear regression with an L2 penalty.

    Parameters
    ----------
    alpha : float
        Strength of the penalty.
    """

    def __init__(self, *, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def _make(self, n_rows: int) -> Any:
        return linear_model.Ridge(alpha=self.alpha)


class NaiveBayesClassifier(WrappedClassifier):
    """Gaussian naive Bayes.

    Parameters
    ----------
    var_smoothing : float
        Share of the largest variance that is added to all variances. The library's 1e-9 lets one
        nearly constant column decide alone; 1e-2 keeps the probabilities sane.
    """

    def __init__(self, *, var_smoothing: float = 1e-2) -> None:
        self.var_smoothing = var_smoothing

    def _make(self, n_rows: int) -> Any:
        return naive_bayes.GaussianNB(var_smoothing=self.var_smoothing)


class NearestNeighborsClassifier(WrappedClassifier):
    """The share of each class among the nearest training rows.

    Parameters
    ----------
    n_neighbors : int
        Neighbours asked; all rows when there are fewer.
    """

    def __init__(self, *, n_neighbors: int = 10) -> None:
        self.n_neighbors = n_neighbors

    def _make(self, n_rows: int) -> Any:
        return neighbors.KNeighborsClassifier(
            min(self.n_neighbors, n_rows), weights="distance", algorithm="brute"
        )

    def _fit_codes(
        self, X: NDArray[np.float32], y: NDArray[np.intp], weight: NDArray[np.float64] | None
    ) -> None:
        if weight is not None:  # the library's neighbours know no weights but zero and one
            X, y = X[weight > 0], y[weight > 0]
        super()._fit_codes(X, y, None)

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        scores = np.zeros((len(X), len(self.classes_)))
        scores[:, self.model_.classes_] = self.model_.predict_proba(X)
        return scores


class NearestNeighborsRegressor(WrappedRegressor):
    """The mean of the nearest training rows, nearer ones counting more.

    Parameters
    ----------
    n_neighbors : int
        Neighbours asked; all rows when there are fewer.
    """

    def __init__(self, *, n_neighbors: int = 10) -> None:
        self.n_neighbors = n_neighbors

    def _make(self, n_rows: int) -> Any:
        return neighbors.KNeighborsRegressor(
            min(self.n_neighbors, n_rows), weights="distance", algorithm="brute"
        )

    def _fit_numbers(
        self, X: NDArray[np.float32], y: NDArray[np.float64], weight: NDArray[np.float64] | None
    ) -> None:
        if weight is not None:
            X, y = X[weight > 0], y[weight > 0]
        super()._fit_numbers(X, y, None)


class TreeClassifier(WrappedClassifier):
    """One decision tree.

    Parameters
    ----------
    max_depth : int or None
        None: until the leaves are as small as allowed.
    min_samples_leaf : int
        Rows in a leaf at least.
    random_state : int, RandomState or None
    """

    _scale: ClassVar[bool] = False
    _categories: ClassVar[Literal["onehot", "ordinal"]] = "onehot"

    def __init__(
        self,
        *,
        max_depth: int | None = None,
        min_samples_leaf: int = 5,
        random_state: Any = None,
    ) -> None:
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.random_state = random_state

    def _make(self, n_rows: int) -> Any:
        return tree.DecisionTreeClassifier(
            max_depth=self.max_depth,
            min_samples_leaf=self.min_samples_leaf,
            random_state=self._rng().randint(2**31),
        )


class TreeRegressor(WrappedRegressor):
    """One decision tree; parameters as in `TreeClassifier`."""

    _scale: ClassVar[bool] = False

    def __init__(
        self,
        *,
        max_depth: int | None = None,
        min_samples_leaf: int = 5,
        random_state: Any = None,
    ) -> None:
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.random_state = random_state

    def _make(self, n_rows: int) -> Any:
        return tree.DecisionTreeRegressor(
            max_depth=self.max_depth,
            min_samples_leaf=self.min_samples_leaf,
            random_state=self._rng().randint(2**31),
        )


class ForestClassifier(WrappedClassifier):
    """A random forest.

    Parameters
    ----------
    n_estimators : int
        Trees.
    min_samples_leaf : int
        Rows in a leaf at least.
    n_jobs : int or None
        Threads.
    random_state : int, RandomState or None
    """

    _scale: ClassVar[bool] = False

    def __init__(
        self,
        *,
        n_estimators: int = 200,
        min_samples_leaf: int = 1,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _make(self, n_rows: int) -> Any:
        return ensemble.RandomForestClassifier(
            self.n_estimators,
            min_samples_leaf=self.min_samples_leaf,
            n_jobs=self.n_jobs,
            random_state=self._rng().randint(2**31),
        )


class ForestRegressor(WrappedRegressor):
    """A random forest; parameters as in `ForestClassifier`, a third of the columns a split."""

    _scale: ClassVar[bool] = False

    def __init__(
        self,
        *,
        n_estimators: int = 200,
        min_samples_leaf: int = 1,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _make(self, n_rows: int) -> Any:
        return ensemble.RandomForestRegressor(
            self.n_estimators,
            min_samples_leaf=self.min_samples_leaf,
            max_features=1 / 3,
            n_jobs=self.n_jobs,
            random_state=self._rng().randint(2**31),
        )


class KernelSVMClassifier(WrappedClassifier):
    """A support vector machine with a Gaussian kernel; its probabilities are a softmax of margins.

    Parameters
    ----------
    C : float
        Price of a margin violation.
    """

    def __init__(self, *, C: float = 1.0) -> None:
        self.C = C

    def _make(self, n_rows: int) -> Any:
        return svm.SVC(C=self.C, gamma="scale", cache_size=500)

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        margin = self.model_.decision_function(X)
        if margin.ndim == 1:
            margin = np.column_stack([-margin, margin])
        exponent = np.exp(margin - margin.max(axis=1, keepdims=True))
        scores: NDArray[Any] = exponent / exponent.sum(axis=1, keepdims=True)
        return scores


class KernelSVMRegressor(WrappedRegressor):
    """Support vector regression with a Gaussian kernel.

    Parameters
    ----------
    C : float
        Price of leaving the tube.
    epsilon : float
        Half the tube's width, in standard deviations of the target.
    """

    def __init__(self, *, C: float = 1.0, epsilon: float = 0.1) -> None:
        self.C = C
        self.epsilon = epsilon

    def _make(self, n_rows: int) -> Any:
        return svm.SVR(C=self.C, epsilon=self.epsilon, gamma="scale", cache_size=500)
