"""What all estimators of the zoo share: tables in, labels checked, columns matched by name."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from zoo.encoding.encoder import Categories, Flags, Scale, TableEncoder
from zoo.encoding.frames import as_frame
from zoo.models.targets import ClassWeight, as_labels, as_numbers, class_weights

__all__ = ["TableClassifier", "TableEstimator", "TableRegressor", "validation_split"]


def validation_split(
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

    _categories: ClassVar[Categories] = "onehot"
    _max_onehot: ClassVar[int] = 9
    _scale: ClassVar[Scale] = "standard"
    _flags: ClassVar[Flags] = "numbers"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inputs = tags.input_tags
        inputs.allow_nan = inputs.categorical = inputs.string = True
        return tags

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Put every attribute back if the block fails, so that a refused fit changes nothing."""
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _forget(self) -> None:
        """Drop what an earlier fit learnt, so that nothing of it outlives the next one."""
        params = self.get_params(deep=False)
        for name in [*vars(self)]:
            if name.endswith("_") and not name.startswith("_") and name not in params:
                delattr(self, name)

    def _kept(
        self, X: Any, y: NDArray[Any], sample_weight: Any
    ) -> tuple[pd.DataFrame, NDArray[Any], NDArray[np.float64] | None]:
        """Return table, target and weights without the rows of weight zero."""
        table = as_frame(X)
        if len(y) != len(table):
            raise ValueError(f"X has {len(table)} rows, but y has {len(y)}; pass one y a row")
        if sample_weight is None:
            return table, y, None
        weight: NDArray[np.float64] = _check_sample_weight(
            sample_weight, y, dtype=np.float64, ensure_non_negative=True
        )
        kept = weight > 0
        if kept.all():
            return table, y, weight
        rest = table[kept]
        # of an array, types are those of the rows that stay
        return rest if table is X else rest.infer_objects(), y[kept], weight[kept]

    def _encode_fit(
        self, frame: pd.DataFrame, weight: NDArray[np.float64] | None, *, is_named: bool
    ) -> NDArray[np.float32]:
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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to one file, for `zoo.load_model`.

        Parameters
        ----------
        path : path-like
            Replaced if it is there.

        Raises
        ------
        NotFittedError
            If the model has not been fitted.
        ModelFileError
            If it cannot be written, or a parameter is not plain data (a `RandomState`, say).
        """
        from zoo.saving import save_model

        save_model(self, path)

    def _rng(self) -> np.random.RandomState:
        rng: np.random.RandomState = check_random_state(getattr(self, "random_state", None))
        return rng


class TableClassifier(ClassifierMixin, TableEstimator):  # type: ignore[misc]
    """A classifier over frames; subclasses fit and score a matrix of floats and class codes."""

    class_weight: ClassWeight = None  # a parameter of the zoo's own; others may do without

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TableClassifier:
        """Fit on labelled rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Numbers, booleans, categories, dates, durations and missing values.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,), optional
            Not negative; not all zero. A row of weight zero is as if it were not there.

        Raises
        ------
        ValueError
            If `y` has missing values, continuous numbers or another length than `X`, or
            `class_weight` does not fit it. A model that was fitted before is then as it was.
        """
        with self._all_or_nothing():
            matrix, codes, weight = self._checked(X, y, sample_weight)
            if len(self.classes_) > 1:
                self._fit_codes(matrix, codes, weight)
        return self

    def _checked(
        self, X: Any, y: Any, sample_weight: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.float64] | None]:
        """Return the encoded rows, class codes and weights; learn columns and classes."""
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
            shares = class_weights(self.class_weight, classes, labels, weight)
            weight = shares[codes] * (1.0 if weight is None else weight)
            table, labels, weight = self._kept(table, labels, weight)
            classes, codes = np.unique(labels, return_inverse=True)
        with self._all_or_nothing():
            self._forget()
            matrix = self._encode_fit(table, weight, is_named=isinstance(X, pd.DataFrame))
            self.classes_ = classes
        return matrix, codes, weight

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
            Not negative; not all zero. A row of weight zero is as if it were not there.

        Raises
        ------
        ValueError
            If `y` has missing or infinite values or another length than `X`. A model that was
            fitted before is then as it was.
        """
        with self._all_or_nothing():
            self._fit_numbers(*self._checked(X, y, sample_weight))
        return self

    def _checked(
        self, X: Any, y: Any, sample_weight: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64] | None]:
        """Return the encoded rows, standardised target and weights; learn columns and scale."""
        table, target, weight = self._kept(X, as_numbers(y, self), sample_weight)
        with self._all_or_nothing():
            self._forget()
            matrix = self._encode_fit(table, weight, is_named=isinstance(X, pd.DataFrame))
            self.target_mean_ = float(np.average(target, weights=weight))
            deviation = target - self.target_mean_
            self.target_scale_ = float(np.sqrt(np.average(deviation**2, weights=weight))) or 1.0
        return matrix, deviation / self.target_scale_, weight

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
