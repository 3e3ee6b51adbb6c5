"""Boosted trees, with the number of trees chosen on validation rows, so that it grows with data.

Defaults follow the tuned defaults of arXiv:2407.04491 (appendix C): up to 1,000 trees.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np

from zoo.encoding.encoder import Categories, Scale
from zoo.models.base import ProbabilityClassifier, TableRegressor, validation_split
from zoo.models.parameters import RandomState, estimator
from zoo.models.wrapped import LibraryEstimator, LibraryModel
from zoo.training.types import Array, DoubleArray, FloatArray, IntArray

Split: TypeAlias = tuple[IntArray, IntArray]  # rows to fit, validation rows


@estimator
class _Boosting(LibraryEstimator):
    """Parameters and split of all boosting estimators."""

    n_estimators: Annotated[int, "Maximum number of trees (boosting rounds)."] = 1000
    learning_rate: Annotated[float, "Factor of each tree's contribution."] = 0.05
    patience: Annotated[int, "Trees without a lower validation loss before training stops."] = 50
    validation_fraction: Annotated[
        float, "Fraction of the rows on which the number of trees is chosen."
    ] = 0.2
    n_jobs: Annotated[int, "Number of threads."] = 1
    random_state: RandomState = None

    _categories: ClassVar[Categories] = "ordinal"
    _scale: ClassVar[Scale] = "none"

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        rng = self._rng()
        codes = y if self._is_classifier else None
        split = validation_split(codes, len(X), self.validation_fraction, rng)
        seed = int(rng.randint(2**31))
        self.model_ = self._boost(X, y, weight, split, seed)

    @abstractmethod
    def _boost(
        self, X: FloatArray, y: Array, weight: DoubleArray | None, split: Split, seed: int
    ) -> LibraryModel:
        """Return the library's booster, fitted on the rows of `split`."""


class _XGBoost(_Boosting):
    def _boost(
        self, X: FloatArray, y: Array, weight: DoubleArray | None, split: Split, seed: int
    ) -> LibraryModel:
        import xgboost

        rows, out = split
        kind = xgboost.XGBClassifier if self._is_classifier else xgboost.XGBRegressor
        model = kind(
            n_estimators=self.n_estimators,
            learning_rate=self.learning_rate,
            max_depth=6,
            subsample=0.7,
            colsample_bylevel=0.9,
            tree_method="hist",
            enable_categorical=True,
            feature_types=["c" if flag else "q" for flag in self.encoder_.is_categorical_],
            early_stopping_rounds=self.patience if len(out) else None,
            n_jobs=self.n_jobs,
            random_state=seed,
        )
        options: dict[str, Any] = {"verbose": False}
        if len(out):
            options["eval_set"] = [(X[out], y[out])]
        if weight is not None:
            options["sample_weight"] = weight[rows]
            if len(out):
                options["sample_weight_eval_set"] = [weight[out]]
        return model.fit(X[rows], y[rows], **options)


class _LightGBM(_Boosting):
    def _boost(
        self, X: FloatArray, y: Array, weight: DoubleArray | None, split: Split, seed: int
    ) -> LibraryModel:
        import lightgbm

        rows, out = split
        kind = lightgbm.LGBMClassifier if self._is_classifier else lightgbm.LGBMRegressor
        model = kind(
            n_estimators=self.n_estimators,
            learning_rate=self.learning_rate,
            num_leaves=31,
            min_child_samples=max(1, min(20, len(rows) // 20)),
            subsample=0.75,
            subsample_freq=1,
            n_jobs=self.n_jobs,
            random_state=seed,
            deterministic=True,
            force_row_wise=True,
            verbose=-1,
        )
        options: dict[str, Any] = {}
        if len(out):
            options.update(eval_X=X[out], eval_y=y[out])
            options["callbacks"] = [lightgbm.early_stopping(self.patience, verbose=False)]
        if weight is not None:
            options["sample_weight"] = weight[rows]
            if len(out):
                options["eval_sample_weight"] = [weight[out]]
        categories = np.flatnonzero(self.encoder_.is_categorical_).tolist()
        return model.fit(X[rows], y[rows], categorical_feature=categories, **options)

    def _predicted(self, X: FloatArray) -> Array:
        # the booster itself: the wrapper warns that a matrix has no column names
        values: Array = self.model_.booster_.predict(X, num_threads=self.n_jobs)
        return values

    def _scores(self, X: FloatArray) -> Array:
        scores = self._predicted(X)
        return scores if scores.ndim == 2 else np.column_stack([1 - scores, scores])

    def _values(self, X: FloatArray) -> Array:
        return self._predicted(X)


class _Hist(_Boosting):
    def _threads(self) -> AbstractContextManager[object]:
        # the library has no parameter for it and would take every core
        from threadpoolctl import threadpool_limits

        limit = self.n_jobs if self.n_jobs is not None and self.n_jobs > 0 else None
        limits: AbstractContextManager[object] = threadpool_limits(limit, user_api="openmp")
        return limits

    def _scores(self, X: FloatArray) -> Array:
        with self._threads():
            return super()._scores(X)

    def _values(self, X: FloatArray) -> Array:
        with self._threads():
            return super()._values(X)

    def _boost(
        self, X: FloatArray, y: Array, weight: DoubleArray | None, split: Split, seed: int
    ) -> LibraryModel:
        from sklearn import ensemble

        rows, out = split
        kind = (
            ensemble.HistGradientBoostingClassifier
            if self._is_classifier
            else ensemble.HistGradientBoostingRegressor
        )
        model = kind(
            max_iter=self.n_estimators,
            learning_rate=self.learning_rate,
            min_samples_leaf=max(1, min(20, len(rows) // 20)),
            categorical_features=self.encoder_.is_categorical_,
            early_stopping=bool(len(out)),
            n_iter_no_change=self.patience,
            random_state=seed,
        )
        options: dict[str, Any] = {}
        if len(out):
            options.update(X_val=X[out], y_val=y[out])
        if weight is not None:
            options["sample_weight"] = weight[rows]
            if len(out):
                options["sample_weight_val"] = weight[out]
        with self._threads():
            return model.fit(X[rows], y[rows], **options)


@estimator
class XGBoostClassifier(_XGBoost, ProbabilityClassifier):
    """XGBoost for classes."""


@estimator
class XGBoostRegressor(_XGBoost, TableRegressor):
    """XGBoost for numbers."""


@estimator
class LightGBMClassifier(_LightGBM, ProbabilityClassifier):
    """LightGBM for classes."""


@estimator
class LightGBMRegressor(_LightGBM, TableRegressor):
    """LightGBM for numbers."""


@estimator
class HistClassifier(_Hist, ProbabilityClassifier):
    """Histogram gradient boosting for classes."""


@estimator
class HistRegressor(_Hist, TableRegressor):
    """Histogram gradient boosting for numbers."""
