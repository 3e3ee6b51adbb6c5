"""A residual network in PyTorch of stochastic depth: each training step skips random blocks."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from torch import nn

from zoo.models.native import NativeNetwork, Steps, Weights
from zoo.models.network import NetworkClassifier, NetworkRegressor
from zoo.models.parameters import estimator
from zoo.training.backends.torch_threads import one_thread
from zoo.training.tasks import Rows
from zoo.training.types import Array, DoubleArray, FloatArray


class StochasticDepth(nn.Module):  # type: ignore[misc]
    """Residual blocks, each kept with a probability in a training step.

    Skipped blocks are not computed. Prediction uses all blocks, each multiplied by its probability
    (eq. 5 of arXiv:1603.09382).
    """

    def __init__(self, weights: Weights, survival: float) -> None:
        super().__init__()
        pairs = zip(weights[::2], weights[1::2], strict=True)
        self.first, *blocks, self.output = (_linear(kernel, bias) for kernel, bias in pairs)
        self.blocks = nn.ModuleList(blocks)
        # decreasing linearly from the first block to the last (section 3)
        n_blocks = max(len(blocks), 1)
        self.probabilities = [1 - (1 - survival) * (i + 1) / n_blocks for i in range(len(blocks))]

    def forward(self, X: torch.Tensor, rng: np.random.Generator | None = None) -> torch.Tensor:
        """Return (n_rows, n_outputs); `rng` draws the blocks that a training step keeps."""
        values = torch.relu(self.first(X))
        for block, probability in zip(self.blocks, self.probabilities, strict=True):
            if rng is None:
                values = values + probability * torch.relu(block(values))
            elif rng.random() < probability:
                values = values + torch.relu(block(values))
        return self.output(values)

    def arrays(self) -> list[FloatArray]:
        """Return copies of kernels (n_inputs, n_outputs) and biases."""
        layers = [self.first, *self.blocks, self.output]
        with torch.no_grad():
            return [np.array(v.numpy()) for layer in layers for v in (layer.weight.T, layer.bias)]


def _linear(kernel: FloatArray, bias: FloatArray) -> nn.Linear:
    layer = nn.utils.skip_init(nn.Linear, *kernel.shape)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(kernel.T))
        layer.bias.copy_(torch.tensor(bias))
    return layer


class _TorchSteps(Steps):
    def __init__(self, weights: Weights, survival: float, loss: str, seed: int) -> None:
        self._network = StochasticDepth(weights, survival)
        self._rng = np.random.default_rng(seed)
        self._loss = loss
        parameters = list(self._network.parameters())
        kernels = [p for p in parameters if p.ndim > 1]
        biases = [p for p in parameters if p.ndim == 1]
        groups = [{"params": kernels}, {"params": biases, "weight_decay": 0.0}]
        self._optimizer = torch.optim.AdamW(groups, foreach=True)

    def take(self, batch: Rows, learning_rate: float, weight_decay: float) -> float:
        kernels, biases = self._optimizer.param_groups
        kernels["lr"] = biases["lr"] = learning_rate
        kernels["weight_decay"] = weight_decay
        y, weight = torch.from_numpy(batch.y), torch.from_numpy(batch.weight)
        outputs = self._network(torch.from_numpy(batch.X), self._rng)
        if self._loss == "squared":
            losses = torch.square(outputs[:, 0] - y)
        else:
            losses = nn.functional.cross_entropy(outputs, y.long(), reduction="none")
        loss = (losses * weight).sum() / weight.sum().clamp_min(1e-12)
        self._optimizer.zero_grad()  # a skipped block has no gradient, and stays
        loss.backward()
        self._optimizer.step()
        return float(loss.detach())

    def weights(self) -> list[FloatArray]:
        return self._network.arrays()


@estimator
class _TorchMLP(NativeNetwork):
    """A hidden layer, then residual blocks of one layer each, some of which a step skips.

    References
    ----------
    Huang, Sun, Liu, Sedra & Weinberger 2016, arXiv:1603.09382.
    """

    n_hidden: int = 4
    survival: Annotated[
        float,
        "Probability that a step keeps the last block; earlier blocks are kept more often. 1: all "
        "are always kept.",
    ] = 0.8

    def _fit_matrix(self, X: FloatArray, y: Array, weight: DoubleArray | None) -> None:
        with one_thread():
            super()._fit_matrix(X, y, weight)

    def _begin(self, weights: Weights, seed: int) -> Steps:
        if not 0 < self.survival <= 1:
            raise ValueError(f"survival must be above 0 and at most 1, got {self.survival}")
        return _TorchSteps(weights, self.survival, self._loss, seed)

    def _apply(self, weights: Weights, X: FloatArray) -> FloatArray:
        network = StochasticDepth(weights, self.survival)
        with torch.inference_mode():
            outputs: FloatArray = network(torch.from_numpy(X)).numpy()
        return outputs


@estimator
class TorchMLPClassifier(_TorchMLP, NetworkClassifier):
    """A network of stochastic depth in PyTorch for classes."""


@estimator
class TorchMLPRegressor(_TorchMLP, NetworkRegressor):
    """A network of stochastic depth in PyTorch for numbers."""
