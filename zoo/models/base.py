"""The bases of all estimators: they encode tables, check labels and match columns by name."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from zoo.encoding.encoder import Categories, Flags, Scale, TableEncoder
from zoo.encoding.frames import as_frame, has_names, select_columns, warn_of_names
from zoo.models.parameters import ClassifierParameters, check_parameters
from zoo.models.targets import as_labels, as_numbers, class_weights, relative_weights
from zoo.training.types import Array, DoubleArray, FloatArray, IntArray

__all__ = [
    "ProbabilityClassifier", "TableClassifier", "TableEstimator", "TableLike", "TableRegressor",
    "validation_split",
]  # fmt: skip

TableLike: TypeAlias = pd.DataFrame | ArrayLike  # or what else `as_frame` takes


def validation_split(
    codes: Array | None, n_rows: int, fraction: float, rng: np.random.RandomState
) -> tuple[IntArray, IntArray]:
    """Split row numbers into those to fit on and validation rows for early stopping.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,) or None
        Class codes: `fraction` of each class's rows, rounded, are validation rows; at least one
        row of each class is not.
    n_rows : int
    fraction : float
    rng : RandomState

    Returns
    -------
    fit_rows, validation_rows : ndarrays of int
        The second is empty when there are fewer than 10 rows.
    """
    if n_rows < 10 or fraction <= 0:
        return np.arange(n_rows), np.arange(0)
    groups = [np.arange(n_rows)]
    if codes is not None:
        groups = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    parts = []
    for group in groups:
        count = min(round(fraction * len(group)), len(group) - 1)
        parts.append(rng.permutation(group)[:count])
    out = np.sort(np.concatenate(parts))
    if len(out) == 0:
        out = np.sort(rng.permutation(n_rows)[: round(fraction * n_rows)])
    return np.setdiff1d(np.arange(n_rows), out), out


class TableEstimator(BaseEstimator, ABC):  # type: ignore[misc]
    """An estimator over frames: encodes on `fit`, matches columns by name on `predict`.

    Subclasses fit and predict with a matrix of floats. Their parameters are fields, see
    `zoo.models.parameters`.
    """

    _is_classifier: ClassVar[bool]
    _categories: ClassVar[Categories] = "onehot"
    _max_onehot: ClassVar[int] = 9
    _scale: ClassVar[Scale] = "standard"
    _flags: ClassVar[Flags] = "numbers"
    encoder_: TableEncoder
    n_features_in_: int

    def fit(self, X: TableLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit on rows with known labels or numbers.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Numbers, booleans, categories, dates, durations and missing values. A frame of pandas,
            Polars, pyarrow or another library with the Arrow or dataframe protocol; an array,
            whose masked values are missing; lists. Text that writes numbers, dates or times of day
            is read as such.
        y : array-like of shape (n_samples,)
            Labels of any type for a classifier, numbers for a regressor.
        sample_weight : array-like of shape (n_samples,), optional
            Not negative; not all zero. Rows of weight zero are left out. Only relative weights
            count: twice the weights change nothing. A row of weight 2 counts as two rows beside
            the others, but not against a penalty or a smallest leaf, which see weights of mean 1.

        Raises
        ------
        ValueError
            If `y` has missing values or another length than `X`; for a classifier, if `y` has
            continuous numbers or `class_weight` does not fit it; for a regressor, if `y` has
            infinite values. An earlier fit is kept then.
        """
        with self._all_or_nothing():
            matrix, target, weight = self._checked(X, y, sample_weight)
            if not self._has_one_class:
                self._fit_matrix(matrix, target, weight)
        return self

    @abstractmethod
    def _checked(
        self, X: TableLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[FloatArray, Array, DoubleArray | None]:
        """Learn columns and target; return encoded rows, codes or standardised target, weights."""

    @abstractmethod
    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        """Fit on encoded rows X (n_samples, n_columns), class codes or standardised numbers y."""

    @property
    def _has_one_class(self) -> bool:
        """Whether there is nothing to learn, because all rows have the same label."""
        return False

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inputs = tags.input_tags
        inputs.allow_nan = inputs.categorical = inputs.string = True
        return tags

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Restore every attribute if the block fails, so that a failed fit changes nothing."""
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self._restore(before)
            raise

    def _restore(self, attributes: Mapping[str, object]) -> None:
        """Give the estimator the attributes that it had before."""
        self.__dict__.clear()
        self.__dict__.update(attributes)

    def _kept(
        self, X: TableLike, y: Array, sample_weight: ArrayLike | None
    ) -> tuple[pd.DataFrame, Array, DoubleArray | None]:
        """Return table, target and weights without the rows of weight zero."""
        table = as_frame(X)
        if len(y) != len(table):
            raise ValueError(f"X has {len(table)} rows, but y has {len(y)}; pass one for each row")
        if sample_weight is None:
            return table, y, None
        weight: DoubleArray = _check_sample_weight(
            sample_weight, y, dtype=np.float64, ensure_non_negative=True
        )
        weight = weight / weight.max()  # their sums and products must not overflow
        kept = weight > 0
        if kept.all():
            return table, y, weight
        return table.loc[kept], y[kept], weight[kept]

    def _encode_fit(
        self, frame: pd.DataFrame, weight: DoubleArray | None, *, is_named: bool
    ) -> FloatArray:
        """Forget an earlier fit, learn the columns, and return the encoded rows."""
        params = self.get_params(deep=False)
        for name in [*vars(self)]:
            if name.endswith("_") and not name.startswith("_") and name not in params:
                delattr(self, name)
        encoder = TableEncoder(
            categories=self._categories,
            scale=self._scale,
            max_onehot=self._max_onehot,
            flags=self._flags,
        ).fit(frame, weight)
        self.n_features_in_ = frame.shape[1]
        self.encoder_ = encoder
        if is_named:
            self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        return encoder.transform(frame)

    def _encode(self, X: TableLike) -> FloatArray:
        """Return the encoded rows (n_samples, n_columns) of columns that are matched by name."""
        check_is_fitted(self)
        frame, fitted = as_frame(X), getattr(self, "feature_names_in_", None)
        names = frame.columns if has_names(X) else None
        if names is not None and fitted is not None:
            return self.encoder_.transform(select_columns(frame, fitted))
        if frame.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {frame.shape[1]} features, but {type(self).__name__} "
                f"is expecting {self.n_features_in_} features as input"
            )
        warn_of_names(names, fitted, type(self).__name__)
        return self.encoder_.transform(frame)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to one file, for `zoo.load_model`.

        Parameters
        ----------
        path : path-like
            An existing file is replaced.

        Raises
        ------
        NotFittedError
            If the model has not been fitted.
        ModelFileError
            If it cannot be written, or a parameter is not plain data (a `RandomState`, say).
        """
        from zoo.saving import save_model

        save_model(self, path)

    @classmethod
    def _check_parameters(cls, values: Mapping[str, object]) -> None:
        """Refuse plain values that are not of the declared types and ranges."""
        check_parameters(cls, values)

    def _rng(self) -> np.random.RandomState:
        """Return the generator that `random_state` seeds."""
        rng: np.random.RandomState = check_random_state(getattr(self, "random_state", None))
        return rng


class TableClassifier(ClassifierMixin, ClassifierParameters, TableEstimator):  # type: ignore[misc]
    """A classifier over frames."""

    _is_classifier: ClassVar[bool] = True
    classes_: Array

    def _checked(
        self, X: TableLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[FloatArray, IntArray, DoubleArray | None]:
        """See `TableEstimator._checked`."""
        table, labels, weight = self._kept(X, as_labels(y, self), sample_weight)
        try:
            classes, codes = np.unique(labels, return_inverse=True)
        except TypeError as error:
            kinds = sorted({type(label).__name__ for label in labels})
            raise ValueError(
                f"y must hold labels of one type, got {', '.join(kinds)}; "
                "make them one, e.g. [str(label) for label in y]"
            ) from error
        if self.class_weight is not None:
            factors = class_weights(self.class_weight, classes, labels, weight)
            weight = factors[codes] * (1.0 if weight is None else weight)
            table, labels, weight = self._kept(table, labels, weight)
            classes, codes = np.unique(labels, return_inverse=True)
        weight = None if weight is None else relative_weights(weight)
        matrix = self._encode_fit(table, weight, is_named=has_names(X))
        self.classes_ = classes
        return matrix, codes, weight

    @property
    def _has_one_class(self) -> bool:
        """See `TableEstimator._has_one_class`."""
        return len(self.classes_) == 1

    @abstractmethod
    def _scores(self, X: FloatArray) -> Array:
        """Return a score for each class, (n_samples, n_classes); the largest is predicted."""

    def predict(self, X: TableLike) -> Array:
        """Return the label of the most probable class, (n_samples,)."""
        matrix = self._encode(X)
        if self._has_one_class:
            return np.repeat(self.classes_, len(matrix))
        labels: Array = self.classes_[self._scores(matrix).argmax(axis=1)]
        return labels


class ProbabilityClassifier(TableClassifier):
    """A classifier whose scores are probabilities."""

    def predict_proba(self, X: TableLike) -> DoubleArray:
        """Return probabilities (n_samples, n_classes), columns in the order of `classes_`."""
        matrix = self._encode(X)
        if self._has_one_class:
            return np.ones((len(matrix), 1))
        scores = np.asarray(self._scores(matrix), dtype=np.float64)
        probabilities: DoubleArray = scores / scores.sum(axis=1, keepdims=True)
        return probabilities


def _spread(deviation: DoubleArray, weight: DoubleArray | None) -> float:
    """Return the root of the mean square; 1 if all are 0."""
    largest = float(np.abs(deviation).max())
    unit = largest if 0 < largest < 1e-140 else 1.0  # squares of smaller numbers are 0
    return unit * float(np.sqrt(np.average((deviation / unit) ** 2, weights=weight))) or 1.0


class TableRegressor(RegressorMixin, TableEstimator):  # type: ignore[misc]
    """A regressor over frames; subclasses fit a standardised target."""

    _is_classifier: ClassVar[bool] = False
    target_mean_: float
    target_scale_: float

    def _checked(
        self, X: TableLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[FloatArray, DoubleArray, DoubleArray | None]:
        """See `TableEstimator._checked`."""
        table, target, weight = self._kept(X, as_numbers(y, self), sample_weight)
        weight = None if weight is None else relative_weights(weight)
        matrix = self._encode_fit(table, weight, is_named=has_names(X))
        self.target_mean_ = float(np.average(target, weights=weight))
        deviation = target - self.target_mean_
        self.target_scale_ = _spread(deviation, weight)
        return matrix, deviation / self.target_scale_, weight

    @abstractmethod
    def _values(self, X: FloatArray) -> Array:
        """Return standardised numbers, (n_samples,)."""

    def predict(self, X: TableLike) -> DoubleArray:
        """Return a number for each row, (n_samples,)."""
        values = np.asarray(self._values(self._encode(X)), dtype=np.float64)
        return values * self.target_scale_ + self.target_mean_
