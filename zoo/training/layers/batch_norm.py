"""Weights of batch normalisation, for one network and for R."""

from __future__ import annotations

from typing import Any

from zoo.training.layers.layer import Layer
from zoo.training.types import Shape, Tensor

__all__ = ["BatchStatistics"]


class BatchStatistics(Layer):
    """Batch normalisation (arXiv:1502.03167) without its `call`.

    Parameters
    ----------
    momentum : float
        Weight of the old moving statistic at a step.
    epsilon : float
        Added to variances.
    """

    def __init__(self, *, momentum: float = 0.99, epsilon: float = 1e-3, **options: Any) -> None:
        super().__init__(**options)
        self.momentum, self.epsilon = momentum, epsilon

    def _shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the weights: one number a feature."""
        return (input_shape[-1],)

    def build(self, input_shape: Shape) -> None:
        """Make gamma, beta and the moving mean and variance."""
        shape = self._shape(input_shape)

        def make(name: str, initializer: str, *, trainable: bool) -> Tensor:
            return self.add_weight(
                name=name, shape=shape, initializer=initializer, trainable=trainable
            )

        self.gamma = make("gamma", "ones", trainable=True)
        self.beta = make("beta", "zeros", trainable=True)
        self.moving_mean = make("moving_mean", "zeros", trainable=False)
        self.moving_variance = make("moving_variance", "ones", trainable=False)
