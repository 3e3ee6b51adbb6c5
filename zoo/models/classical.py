"""The older algorithms, from scikit-learn, with the settings that their users would take first."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn import ensemble, linear_model, naive_bayes, neighbors, svm, tree

from zoo.encoding.encoder import Scale
from zoo.models.targets import ClassWeight
from zoo.models.wrapped import WrappedClassifier, WrappedRegressor


def _variance(values: NDArray[Any], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variance of each column (n_rows, n_columns), rows counting by their weight."""
    values = values.astype(np.float64)
    deviation = values - np.average(values, axis=0, weights=weight)
    variance: NDArray[np.float64] = np.average(deviation**2, axis=0, weights=weight)
    return variance


class LogisticClassifier(WrappedClassifier):
    """Logistic regression with an L2 penalty.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty.
    max_iter : int
        Steps of L-BFGS at most.
    class_weight : dict, "balanced" or None
        What the weights of a class's rows are multiplied by; "balanced": all classes weigh the
        same; None: 1.
    """

    def __init__(
        self, *, C: float = 1.0, max_iter: int = 1000, class_weight: ClassWeight = None
    ) -> None:
        self.C = C
        self.max_iter = max_iter
        self.class_weight = class_weight

    def _make(self, n_rows: int) -> Any:
        return linear_model.LogisticRegression(C=self.C, max_iter=self.max_iter)

    def _fit_codes(
        self, X: NDArray[np.float32], y: NDArray[np.intp], weight: NDArray[np.float64] | None
    ) -> None:
        super()._fit_codes(X, y, weight)
        self.n_iter_ = self.model_.n_iter_


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
    class_weight : dict, "balanced" or None
        What the weights of a class's rows are multiplied by; "balanced": all classes weigh the
        same; None: 1.
    """

    def __init__(self, *, var_smoothing: float = 1e-2, class_weight: ClassWeight = None) -> None:
        self.var_smoothing = var_smoothing
        self.class_weight = class_weight

    def _make(self, n_rows: int) -> Any:
        return naive_bayes.GaussianNB(var_smoothing=self.var_smoothing)

    def _adapt(self, model: Any, X: NDArray[np.float32], weight: NDArray[np.float64]) -> Any:
        # the library's largest variance is that of the rows, whatever they weigh
        largest = float(X.var(axis=0, dtype=np.float64).max())
        if largest > 0:
            model.var_smoothing *= float(_variance(X, weight).max()) / largest
        return model

    def _fit_codes(
        self, X: NDArray[np.float32], y: NDArray[np.intp], weight: NDArray[np.float64] | None
    ) -> None:
        super()._fit_codes(X, y, weight)
        if not self.model_.var_.any():  # no column varies: the classes' shares decide
            self.model_.var_ += 1.0


class _Neighbors:
    """What both estimators do with weights, of which the library's neighbours know nothing."""

    model_: Any

    def _remember(self, outcome: NDArray[Any], weight: NDArray[np.float64]) -> None:
        """Keep what each training row stands for (n_rows, n_outputs) and its weight."""
        self.outcome_, self.weight_ = outcome, weight

    def _vote(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the mean outcome (n_samples, n_outputs), a vote being weight over distance."""
        distances, rows = self.model_.kneighbors(X)
        is_same = distances == 0
        distances[is_same.any(axis=1)] = np.inf  # then only rows at the very place have a say
        distances[is_same] = 1.0
        votes = self.weight_[rows] / distances
        votes /= votes.sum(axis=1, keepdims=True)
        mean: NDArray[np.float64] = np.einsum("nk,nko->no", votes, self.outcome_[rows])
        return mean


class NearestNeighborsClassifier(_Neighbors, WrappedClassifier):
    """The share of each class among the nearest training rows.

    Parameters
    ----------
    n_neighbors : int
        Rows asked, whatever they weigh; all rows when there are fewer.
    class_weight : dict, "balanced" or None
        What the weights of a class's rows are multiplied by; "balanced": all classes weigh the
        same; None: 1.
    """

    def __init__(self, *, n_neighbors: int = 10, class_weight: ClassWeight = None) -> None:
        self.n_neighbors = n_neighbors
        self.class_weight = class_weight

    def _make(self, n_rows: int) -> Any:
        return neighbors.KNeighborsClassifier(
            min(self.n_neighbors, n_rows), weights="distance", algorithm="brute"
        )

    def _fit_codes(
        self, X: NDArray[np.float32], y: NDArray[np.intp], weight: NDArray[np.float64] | None
    ) -> None:
        super()._fit_codes(X, y, None)
        if weight is not None:
            self._remember(np.eye(len(self.classes_))[y], weight)

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        return self._vote(X) if hasattr(self, "weight_") else super()._scores(X)


class NearestNeighborsRegressor(_Neighbors, WrappedRegressor):
    """The mean of the nearest training rows, nearer ones counting more.

    Parameters
    ----------
    n_neighbors : int
        Rows asked, whatever they weigh; all rows when there are fewer.
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
        super()._fit_numbers(X, y, None)
        if weight is not None:
            self._remember(y[:, None], weight)

    def _values(self, X: NDArray[np.float32]) -> NDArray[Any]:
        return self._vote(X)[:, 0] if hasattr(self, "weight_") else super()._values(X)


class TreeClassifier(WrappedClassifier):
    """One decision tree.

    Parameters
    ----------
    max_depth : int or None
        None: until the leaves are as small as allowed.
    min_samples_leaf : int
        Rows in a leaf at least.
    min_weight_fraction_leaf : float
        Share of all weight in a leaf at least.
    class_weight : dict, "balanced" or None
        What the weights of a class's rows are multiplied by; "balanced": all classes weigh the
        same; None: 1.
    random_state : int, RandomState or None
    """

    _scale: ClassVar[Scale] = "none"
    _categories: ClassVar[Literal["onehot", "ordinal", "mixed"]] = "onehot"

    def __init__(
        self,
        *,
        max_depth: int | None = None,
        min_samples_leaf: int = 5,
        min_weight_fraction_leaf: float = 0.0,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.class_weight = class_weight
        self.random_state = random_state

    def _make(self, n_rows: int) -> Any:
        return tree.DecisionTreeClassifier(
            max_depth=self.max_depth,
            min_samples_leaf=self.min_samples_leaf,
            min_weight_fraction_leaf=self.min_weight_fraction_leaf,
            random_state=self._rng().randint(2**31),
        )


class TreeRegressor(WrappedRegressor):
    """One decision tree; parameters as in `TreeClassifier`."""

    _scale: ClassVar[Scale] = "none"

    def __init__(
        self,
        *,
        max_depth: int | None = None,
        min_samples_leaf: int = 5,
        min_weight_fraction_leaf: float = 0.0,
        random_state: Any = None,
    ) -> None:
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.random_state = random_state

    def _make(self, n_rows: int) -> Any:
        return tree.DecisionTreeRegressor(
            max_depth=self.max_depth,
            min_samples_leaf=self.min_samples_leaf,
            min_weight_fraction_leaf=self.min_weight_fraction_leaf,
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
    class_weight : dict, "balanced" or None
        What the weights of a class's rows are multiplied by; "balanced": all classes weigh the
        same; None: 1.
    random_state : int, RandomState or None
    """

    _scale: ClassVar[Scale] = "none"

    def __init__(
        self,
        *,
        n_estimators: int = 200,
        min_samples_leaf: int = 1,
        n_jobs: int | None = None,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.n_jobs = n_jobs
        self.class_weight = class_weight
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

    _scale: ClassVar[Scale] = "none"

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


class _KernelSVM:
    """What both estimators do with weights, which the library's width of the kernel ignores."""

    def _adapt(self, model: Any, X: NDArray[np.float32], weight: NDArray[np.float64]) -> Any:
        n_columns = X.shape[1]
        (variance,) = _variance(X.reshape(-1, 1), np.repeat(weight, n_columns))
        model.gamma = 1.0 / (n_columns * variance) if variance > 0 else 1.0
        return model


class KernelSVMClassifier(_KernelSVM, WrappedClassifier):
    """A support vector machine with a Gaussian kernel; its probabilities are a softmax of margins.

    Parameters
    ----------
    C : float
        Price of a margin violation.
    class_weight : dict, "balanced" or None
        What the weights of a class's rows are multiplied by; "balanced": all classes weigh the
        same; None: 1.
    """

    def __init__(self, *, C: float = 1.0, class_weight: ClassWeight = None) -> None:
        self.C = C
        self.class_weight = class_weight

    def _make(self, n_rows: int) -> Any:
        return svm.SVC(C=self.C, gamma="scale", cache_size=500)

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        margin = self.model_.decision_function(X)
        if margin.ndim == 1:
            margin = np.column_stack([-margin, margin])
        exponent = np.exp(margin - margin.max(axis=1, keepdims=True))
        scores: NDArray[Any] = exponent / exponent.sum(axis=1, keepdims=True)
        return scores


class KernelSVMRegressor(_KernelSVM, WrappedRegressor):
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
