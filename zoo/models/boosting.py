"""Boosted trees, with the number of trees chosen on held-out rows so that capacity grows with data.

Defaults follow the tuned defaults of arXiv:2407.04491 (appendix C): up to 1,000 trees.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.encoding.encoder import Scale
from zoo.models.base import ProbabilityClassifier, TableRegressor, validation_split
from zoo.models.targets import ClassWeight


class _Boosting(ABC):
    """The parameters and the split that all boosting estimators share."""

    _categories: ClassVar[Literal["onehot", "ordinal", "mixed"]] = "ordinal"
    _scale: ClassVar[Scale] = "none"
    _is_classifier: ClassVar[bool]
    encoder_: Any
    model_: Any

    def __init__(
        self,
        *,
        n_estimators: int = 1000,
        learning_rate: float = 0.05,
        patience: int = 50,
        validation_fraction: float = 0.2,
        n_jobs: int = 1,
        random_state: Any = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _fit_trees(self, X: Any, y: Any, weight: Any) -> None:
        rng: np.random.RandomState = self._rng()  # type: ignore[attr-defined]
        codes = y if self._is_classifier else None
        split = validation_split(codes, len(X), self.validation_fraction, rng)
        seed = int(rng.randint(2**31))
        self.model_ = self._boost(X, y, weight, split, seed)

    @abstractmethod
    def _boost(self, X: Any, y: Any, weight: Any, split: Any, seed: int) -> Any:
        """Return the library's booster, fitted on `split`: rows to fit, rows held out."""

    def _fit_codes(self, X: Any, y: Any, weight: Any) -> None:
        self._fit_trees(X, y, weight)

    def _fit_numbers(self, X: Any, y: Any, weight: Any) -> None:
        self._fit_trees(X, y, weight)

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        scores: NDArray[Any] = self.model_.predict_proba(X)
        return scores

    def _values(self, X: NDArray[np.float32]) -> NDArray[Any]:
        values: NDArray[Any] = self.model_.predict(X)
        return values


class _XGBoost(_Boosting):
    def _boost(self, X: Any, y: Any, weight: Any, split: Any, seed: int) -> Any:
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
    def _boost(self, X: Any, y: Any, weight: Any, split: Any, seed: int) -> Any:
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

    def _native(self, X: NDArray[np.float32]) -> NDArray[Any]:
        # the booster itself: the wrapper warns that a matrix has no column names
        values: NDArray[Any] = self.model_.booster_.predict(X, num_threads=self.n_jobs)
        return values

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        scores = self._native(X)
        return scores if scores.ndim == 2 else np.column_stack([1 - scores, scores])

    def _values(self, X: NDArray[np.float32]) -> NDArray[Any]:
        return self._native(X)


class _Hist(_Boosting):
    def _threads(self) -> Any:
        # the library has no parameter for it and would take every core
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        limit = self.n_jobs if self.n_jobs is not None and self.n_jobs > 0 else None
        return threadpool_limits(limit, user_api="openmp")

    def _scores(self, X: NDArray[np.float32]) -> NDArray[Any]:
        with self._threads():
            return super()._scores(X)

    def _values(self, X: NDArray[np.float32]) -> NDArray[Any]:
        with self._threads():
            return super()._values(X)

    def _boost(self, X: Any, y: Any, weight: Any, split: Any, seed: int) -> Any:
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


class _BoostingClassifier(_Boosting, ProbabilityClassifier):
    """The parameters of the classifiers."""

    _is_classifier: ClassVar[bool] = True

    def __init__(
        self,
        *,
        n_estimators: int = 1000,
        learning_rate: float = 0.05,
        patience: int = 50,
        validation_fraction: float = 0.2,
        n_jobs: int = 1,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            n_estimators=n_estimators,
            learning_rate=learning_rate,
            patience=patience,
            validation_fraction=validation_fraction,
            n_jobs=n_jobs,
            random_state=random_state,
        )
        self.class_weight = class_weight


class XGBoostClassifier(_XGBoost, _BoostingClassifier):
    """XGBoost for classes.

    Parameters
    ----------
    n_estimators : int
        Trees (rounds) at most.
    learning_rate : float
    patience : int
        Rounds without a better held-out loss before it stops.
    validation_fraction : float
        Share of the rows held out to choose the number of trees.
    n_jobs : int
        Threads.
    class_weight : dict, "balanced" or None
        What the weights of a class's rows are multiplied by; "balanced": all classes weigh the
        same; None: 1.
    random_state : int, RandomState or None
    """


class XGBoostRegressor(_XGBoost, TableRegressor):
    """XGBoost for numbers; parameters as in `XGBoostClassifier`."""

    _is_classifier: ClassVar[bool] = False


class LightGBMClassifier(_LightGBM, _BoostingClassifier):
    """LightGBM for classes; parameters as in `XGBoostClassifier`."""


class LightGBMRegressor(_LightGBM, TableRegressor):
    """LightGBM for numbers; parameters as in `XGBoostClassifier`."""

    _is_classifier: ClassVar[bool] = False


class HistClassifier(_Hist, _BoostingClassifier):
    """Histogram gradient boosting for classes; parameters as in `XGBoostClassifier`."""


class HistRegressor(_Hist, TableRegressor):
    """Histogram gradient boosting for numbers; parameters as in `XGBoostClassifier`."""

    _is_classifier: ClassVar[bool] = False
