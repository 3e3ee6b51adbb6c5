"""Boosted trees, with the number of trees chosen on validation rows, so that it grows with data.

Defaults follow the tuned defaults of arXiv:2407.04491 (appendix C): up to 1,000 trees.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import Annotated, Any, NamedTuple

import numpy as np

from zoo.models.base import ProbabilityClassifier, TableRegressor, validation_split
from zoo.models.parameters import RandomState, estimator
from zoo.models.targets import relative_weights
from zoo.models.wrapped import LibraryEstimator, LibraryModel, usable_threads
from zoo.training.forked import is_forked, openmp_threads
from zoo.training.types import Array, DoubleArray, FloatArray


class _Part(NamedTuple):
    """Encoded rows, their codes or numbers, and their weights."""

    X: FloatArray
    y: Array
    weight: DoubleArray | None


@estimator
class _Boosting(LibraryEstimator):
    """Parameters and split of all boosting estimators."""

    n_estimators: Annotated[int, "Maximum number of trees (boosting rounds)."] = 1000
    learning_rate: Annotated[float, "Factor of each tree's contribution."] = 0.05
    patience: Annotated[int, "Trees without a lower validation loss before training stops."] = 50
    validation_fraction: Annotated[
        float, "Fraction of the rows on which the number of trees is chosen."
    ] = 0.2
    n_jobs: Annotated[int, "Number of threads; in a process that was forked, 1."] = 1
    random_state: RandomState = None

    _categories = "ordinal"
    _scale = "none"

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        rng = self._rng()
        codes = y if self._is_classifier else None
        train, validation = (
            _Part(X[rows], y[rows], None if weight is None else relative_weights(weight[rows]))
            for rows in validation_split(codes, len(X), self.validation_fraction, rng)
        )
        model = self._make(len(train.y)).set_params(random_state=int(rng.randint(2**31)))
        self.model_ = self._boost(model, train, validation if len(validation.y) else None)

    @abstractmethod
    def _boost(self, model: LibraryModel, train: _Part, validation: _Part | None) -> LibraryModel:
        """Return the library's booster, fitted on training rows."""

    def _n_threads(self) -> int | None:
        """Return the number of threads to use."""
        return 1 if is_forked() else usable_threads(self.n_jobs)


def _min_leaf(n_rows: int) -> int:
    """Return the minimum number of rows in a leaf, which is smaller for few rows."""
    return max(1, min(20, n_rows // 20))


class _XGBoost(_Boosting):
    """The parts that both estimators of XGBoost share."""

    @staticmethod
    def load_framework() -> None:
        """Import what the first fit would import."""
        import xgboost

        del xgboost

    def _make(self, n_rows: int) -> LibraryModel:
        import xgboost

        kind = xgboost.XGBClassifier if self._is_classifier else xgboost.XGBRegressor
        return kind(
            n_estimators=self.n_estimators,
            learning_rate=self.learning_rate,
            max_depth=6,
            subsample=0.7,
            colsample_bylevel=0.9,
            tree_method="hist",
            enable_categorical=True,
            feature_types=["c" if flag else "q" for flag in self.encoder_.is_categorical_],
            early_stopping_rounds=self.patience,
            n_jobs=self._n_threads(),
        )

    def _boost(self, model: LibraryModel, train: _Part, validation: _Part | None) -> LibraryModel:
        if not validation:
            model.set_params(early_stopping_rounds=None)
        options: dict[str, Any] = {"sample_weight": train.weight, "verbose": False}
        if validation:
            options["eval_set"] = [(validation.X, validation.y)]
            options["sample_weight_eval_set"] = [validation.weight]
        with openmp_threads(None):  # some of its code goes by that, and not by `n_jobs`
            return model.fit(train.X, train.y, **options)

    def _single_threaded(self) -> None:
        """Let a model that a parent process fitted predict in a forked one."""
        if is_forked():
            self.model_.get_booster().set_param("nthread", 1)

    def _scores(self, X: FloatArray) -> Array:
        self._single_threaded()
        return super()._scores(X)

    def _values(self, X: FloatArray) -> Array:
        self._single_threaded()
        return super()._values(X)


class _LightGBM(_Boosting):
    """The parts that both estimators of LightGBM share."""

    @staticmethod
    def load_framework() -> None:
        """Import what the first fit would import."""
        import lightgbm

        del lightgbm

    def _make(self, n_rows: int) -> LibraryModel:
        import lightgbm

        kind = lightgbm.LGBMClassifier if self._is_classifier else lightgbm.LGBMRegressor
        return kind(
            n_estimators=self.n_estimators,
            learning_rate=self.learning_rate,
            num_leaves=31,
            min_child_samples=_min_leaf(n_rows),
            subsample=0.75,
            subsample_freq=1,
            n_jobs=self._n_threads(),
            deterministic=True,
            force_row_wise=True,
            verbose=-1,
        )

    def _boost(self, model: LibraryModel, train: _Part, validation: _Part | None) -> LibraryModel:
        import lightgbm

        options: dict[str, Any] = {"sample_weight": train.weight}
        if validation:
            options |= {"eval_X": validation.X, "eval_y": validation.y}
            options["eval_sample_weight"] = [validation.weight]
            options["callbacks"] = [lightgbm.early_stopping(self.patience, verbose=False)]
        categories = np.flatnonzero(self.encoder_.is_categorical_).tolist()
        return model.fit(train.X, train.y, categorical_feature=categories, **options)

    def _predicted(self, X: FloatArray) -> Array:
        # the booster itself: the wrapper warns that a matrix has no column names
        values: Array = self.model_.booster_.predict(X, num_threads=self._n_threads())
        return values

    def _scores(self, X: FloatArray) -> Array:
        scores = self._predicted(X)
        return scores if scores.ndim == 2 else np.column_stack([1 - scores, scores])

    def _values(self, X: FloatArray) -> Array:
        return self._predicted(X)


class _Hist(_Boosting):
    """The parts that both estimators of scikit-learn share."""

    def _threads(self) -> AbstractContextManager[object]:
        """Limit the threads: the library has no parameter for them and would take every core."""
        n_threads = usable_threads(self.n_jobs)
        return openmp_threads(n_threads if n_threads is not None and n_threads > 0 else None)

    def _scores(self, X: FloatArray) -> Array:
        with self._threads():
            return super()._scores(X)

    def _values(self, X: FloatArray) -> Array:
        with self._threads():
            return super()._values(X)

    def _make(self, n_rows: int) -> LibraryModel:
        from sklearn import ensemble

        kind = "Classifier" if self._is_classifier else "Regressor"
        return getattr(ensemble, f"HistGradientBoosting{kind}")(
            max_iter=self.n_estimators,
            learning_rate=self.learning_rate,
            min_samples_leaf=_min_leaf(n_rows),
            categorical_features=self.encoder_.is_categorical_,
            early_stopping=True,
            n_iter_no_change=self.patience,
        )

    def _boost(self, model: LibraryModel, train: _Part, validation: _Part | None) -> LibraryModel:
        model.set_params(early_stopping=validation is not None)
        options = {}
        if validation:
            options = dict(zip(("X_val", "y_val", "sample_weight_val"), validation, strict=True))
        with self._threads():
            return model.fit(train.X, train.y, train.weight, **options)


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
