"""The zoo's networks as stock Keras models: what a user would write by hand.

Same layers, optimiser, batches, held-out part, patience and number of epochs at most as the zoo's
estimators; a new model, compiled anew, for each fit.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from zoo.models.base import validation_split
from zoo.training.layers.namespaces import plain

__all__ = ["StockNetwork"]

_BATCH, _ROUND_STEPS = 64, 32


class StockNetwork(BaseEstimator):
    """Trains the architecture of a zoo estimator with Keras's own `fit`.

    Parameters
    ----------
    model : estimator of the zoo
        Not fitted; its parameters are used.
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
        # the zoo judges small data after every 32 steps; so does this, for equal work
        epochs_a_round = max(1, _ROUND_STEPS // -(-len(fitted) // _BATCH))
        # Keras counts judgements, not epochs, as patience
        stop = keras.callbacks.EarlyStopping(patience=model.patience, restore_best_weights=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # each epoch without a judgement brings one
            history = network.fit(
                rows[fitted], target[fitted], batch_size=_BATCH, verbose=0,
                epochs=model.max_epochs * epochs_a_round,
                validation_data=(rows[out], target[out]), validation_freq=epochs_a_round,
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
