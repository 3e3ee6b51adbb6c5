"""What all estimators of the zoo share: tables in, labels checked, columns matched by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from zoo.preprocessing import TableEncoder, as_frame

__all__ = ["TableClassifier", "TableEstimator", "TableRegressor", "held_out"]


def held_out(
    codes: NDArray[Any] | None, n_rows: int, fraction: float, rng: np.random.RandomState
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split row numbers into those to fit on and those held out for early stopping.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,) or None
        Class codes: each class gives `fraction` of its rows, rounded, and keeps at least one.
    n_rows : int
    fraction : float
        Share of the rows to hold out.
    rng : RandomState

    Returns
    -------
    fit_rows, held_out_rows : ndarrays; the second is empty when there are fewer than 10 rows.
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
    """An estimator over frames: encodes on `fit`, matches columns by name on `predict`."""

    _categories: ClassVar[Literal["onehot", "ordinal"]] = "onehot"
    _scale: ClassVar[bool] = True

    def _encode_fit(self, X: Any) -> NDArray[np.float32]:
        frame = as_frame(X)
        if len(frame) == 0:
            raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required")
        encoder = TableEncoder(categories=self._categories, scale=self._scale).fit(frame)
        self.n_features_in_ = frame.shape[1]
        self.encoder_ = encoder
        if isinstance(X, pd.DataFrame):
            self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return encoder.transform(frame)

    def _encode(self, X: Any) -> NDArray[np.float32]:
        check_is_fitted(self)
        frame = as_frame(X)
        if isinstance(X, pd.DataFrame) and hasattr(self, "feature_names_in_"):
            missing = [name for name in self.feature_names_in_ if name not in frame.columns]
            if missing:
                raise ValueError(f"X lacks columns that the model was fitted on: {missing}")
            frame = frame[list(self.feature_names_in_)]
        elif frame.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {frame.shape[1]} features, but {type(self).__name__} "
                f"is expecting {self.n_features_in_} features as input"
            )
        return self.encoder_.transform(frame)

    def _weights(self, sample_weight: Any, X: NDArray[np.float32]) -> NDArray[np.float64] | None:
        if sample_weight is None:
            return None
        weight: NDArray[np.float64] = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        return weight

    def _rng(self) -> np.random.RandomState:
        rng: np.random.RandomState = check_random_state(getattr(self, "random_state", None))
        return rng


class TableClassifier(ClassifierMixin, TableEstimator):  # type: ignore[misc]
    """A classifier over frames; subclasses fit and score a matrix of floats and class codes."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TableClassifier:
        """Fit on labelled rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Numbers, booleans, categories, dates, durations and missing values.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,), optional
            Not negative; not all zero.

        Raises
        ------
        ValueError
            If `y` has missing values or another length than `X`.
        """
        matrix, codes, weight = self._checked(X, y, sample_weight)
        if len(self.classes_) > 1:
            self._fit_codes(matrix, codes, weight)
        return self

    def _checked(
        self, X: Any, y: Any, sample_weight: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.float64] | None]:
        """Return the encoded rows, class codes and weights; learn columns and classes."""
        labels = np.asarray(y)
        if labels.ndim != 1 or pd.isna(labels).any():
            raise ValueError(f"y must be one column without missing values, got {labels.ndim}D")
        matrix = self._encode_fit(X)
        if len(labels) != len(matrix):
            raise ValueError(f"X has {len(matrix)} rows, but y has {len(labels)}")
        self.classes_, codes = np.unique(labels, return_inverse=True)
        return matrix, codes, self._weights(sample_weight, matrix)

    @abstractmethod
    def _fit_codes(
        self, X: NDArray[np.float32], y: NDArray[np.intp], weight: NDArray[np.float64] | None
    ) -> None:
        """Fit on (n_samples, n_columns) floats and class codes (n_samples,)."""

    @abstractmethod
    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        """Return a score a class, (n_samples, n_classes); the largest is predicted."""

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the label of the most probable class, (n_samples,)."""
        matrix = self._encode(X)
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, len(matrix))
        labels: NDArray[Any] = self.classes_[self._scores(matrix).argmax(axis=1)]
        return labels


class ProbabilityClassifier(TableClassifier):
    """A classifier whose scores are probabilities."""

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return probabilities (n_samples, n_classes), columns in the order of `classes_`."""
        matrix = self._encode(X)
        if len(self.classes_) == 1:
            return np.ones((len(matrix), 1))
        scores = np.asarray(self._scores(matrix), dtype=np.float64)
        normed: NDArray[np.float64] = scores / scores.sum(axis=1, keepdims=True)
        return normed


class TableRegressor(RegressorMixin, TableEstimator):  # type: ignore[misc]
    """A regressor over frames; subclasses fit a matrix of floats and a standardised target."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TableRegressor:
        """Fit on rows with a number each.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional

        Raises
        ------
        ValueError
            If `y` has missing or infinite values or another length than `X`.
        """
        self._fit_numbers(*self._checked(X, y, sample_weight))
        return self

    def _checked(
        self, X: Any, y: Any, sample_weight: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64] | None]:
        """Return the encoded rows, standardised target and weights; learn columns and scale."""
        target = np.asarray(y, dtype=np.float64)
        if target.ndim != 1 or not np.isfinite(target).all():
            raise ValueError("y must be one column of finite numbers")
        matrix = self._encode_fit(X)
        if len(target) != len(matrix):
            raise ValueError(f"X has {len(matrix)} rows, but y has {len(target)}")
        self.target_mean_ = float(target.mean())
        self.target_scale_ = float(target.std()) or 1.0
        scaled = (target - self.target_mean_) / self.target_scale_
        return matrix, scaled, self._weights(sample_weight, matrix)

    @abstractmethod
    def _fit_numbers(
        self, X: NDArray[np.float32], y: NDArray[np.float64], weight: NDArray[np.float64] | None
    ) -> None:
        """Fit on (n_samples, n_columns) floats and standardised numbers (n_samples,)."""

    @abstractmethod
    def _values(self, X: NDArray[np.float32]) -> NDArray[Any]:
        """Return standardised numbers, (n_samples,)."""

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return a number a row, (n_samples,)."""
        values = np.asarray(self._values(self._encode(X)), dtype=np.float64)
        return values * self.target_scale_ + self.target_mean_
