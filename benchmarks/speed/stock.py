"""The zoo's networks as stock Keras models, as a user would write them.

They have the layers, optimizer, batches, validation rows, patience and maximum number of epochs of
the zoo's estimators. Each fit builds and compiles a new model.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from zoo.models.base import validation_split
from zoo.training.layers.namespaces import plain

__all__ = ["StockNetwork"]

_BATCH, _INTERVAL_STEPS = 64, 32


class StockNetwork(BaseEstimator):
    """Trains the architecture of a zoo estimator with Keras's own `fit`.

    Parameters
    ----------
    model : estimator of the zoo
        Not fitted; only its parameters are used.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def fit(self, X: Any, y: Any) -> StockNetwork:
        import keras

        model = self.model
        rows, target, _ = model._checked(X, y, None)
        self.is_classifier_ = hasattr(model, "classes_")
        n_outputs = len(model.classes_) if self.is_classifier_ else 1
        codes = target if self.is_classifier_ else None
        fitted, out = validation_split(codes, len(rows), model.validation_fraction, model._rng())
        n_inputs = rows.shape[1]
        model.n_outputs_ = n_outputs
        network = model._build(plain(), model._config(n_inputs))
        network.compile(
            optimizer=keras.optimizers.AdamW(model.learning_rate, weight_decay=model.weight_decay),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            if self.is_classifier_
            else "mean_squared_error",
        )
        # the zoo evaluates small data every 32 steps; so does this, for equal work
        interval = max(1, _INTERVAL_STEPS // -(-len(fitted) // _BATCH))
        # for Keras patience counts evaluations, not epochs
        stop = keras.callbacks.EarlyStopping(patience=model.patience, restore_best_weights=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # each epoch without an evaluation gives one
            history = network.fit(
                rows[fitted], target[fitted], batch_size=_BATCH, verbose=0,
                epochs=model.max_epochs * interval,
                validation_data=(rows[out], target[out]), validation_freq=interval,
                callbacks=[stop],
            )  # fmt: skip
        self.n_epochs_ = len(history.epoch)
        self.network_ = network
        return self

    def score(self, X: Any, y: Any) -> float:
        """Return accuracy, or R2, as scikit-learn's estimators do."""
        outputs = self.network_.predict(self.model._encode(X), verbose=0)
        if self.is_classifier_:
            labels = self.model.classes_[outputs.argmax(axis=1)]
            return float((labels == np.asarray(y)).mean())
        values = outputs[:, 0] * self.model.target_scale_ + self.model.target_mean_
        truth = np.asarray(y, np.float64)
        return float(1 - ((truth - values) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())
