"""What the batch normalisations of one network and of R share: their weights."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["BatchStatistics"]


class BatchStatistics(keras.layers.Layer):  # type: ignore[misc]
    """Batch normalisation (arXiv:1502.03167) without its `call`.

    Parameters
    ----------
    momentum : float
        Share of a moving statistic that stays at a step.
    epsilon : float
        Added to variances.
    """

    def __init__(self, *, momentum: float = 0.99, epsilon: float = 1e-3, **options: Any) -> None:
        super().__init__(**options)
        self.momentum, self.epsilon = momentum, epsilon

    def _shape(self, input_shape: Any) -> tuple[int, ...]:
        """Return the shape of the weights: one number a feature."""
        return (input_shape[-1],)

    def build(self, input_shape: Any) -> None:
        """Make gamma, beta and the moving mean and variance."""
        shape = self._shape(input_shape)

        def make(name: str, initializer: str, *, trainable: bool) -> Any:
            return self.add_weight(
                name=name, shape=shape, initializer=initializer, trainable=trainable
            )

        self.gamma = make("gamma", "ones", trainable=True)
        self.beta = make("beta", "zeros", trainable=True)
        self.moving_mean = make("moving_mean", "zeros", trainable=False)
        self.moving_variance = make("moving_variance", "ones", trainable=False)
