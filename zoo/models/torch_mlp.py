"""A network in PyTorch whose graph changes while it trains: its depth is drawn for each batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zoo.models.native import NativeClassifier, NativeRegressor, Steps, Weights
from zoo.models.targets import ClassWeight
from zoo.training.backends.torch_threads import one_thread
from zoo.training.tasks import Rows


class StochasticDepth(nn.Module):  # type: ignore[misc]
    """Residual blocks that are there with a probability, each drawn anew for a batch.

    A block that is not there is not computed: the graph that gradients go back through is as deep
    as the draw. In prediction all blocks are there, each with its probability as a factor (eq. 5
    of arXiv:1603.09382).
    """

    def __init__(self, weights: Weights, survival: float) -> None:
        super().__init__()
        pairs = zip(weights[::2], weights[1::2], strict=True)
        self.first, *blocks, self.output = (_linear(kernel, bias) for kernel, bias in pairs)
        self.blocks = nn.ModuleList(blocks)
        # falling in a line from the first block to the last (section 3)
        n_blocks = max(len(blocks), 1)
        self.shares = [1 - (1 - survival) * (i + 1) / n_blocks for i in range(len(blocks))]

    def forward(self, X: torch.Tensor, rng: np.random.Generator | None = None) -> torch.Tensor:
        """Return (n_rows, n_outputs); `rng` draws the blocks of a step of training."""
        values = torch.relu(self.first(X))
        for block, share in zip(self.blocks, self.shares, strict=True):
            if rng is None:
                values = values + share * torch.relu(block(values))
            elif rng.random() < share:
                values = values + torch.relu(block(values))
        return self.output(values)

    def arrays(self) -> list[NDArray[np.float32]]:
        """Return copies of kernels (n_inputs, n_outputs) and biases."""
        layers = [self.first, *self.blocks, self.output]
        with torch.no_grad():
            return [
                np.array(value.numpy())
                for layer in layers
                for value in (layer.weight.T, layer.bias)
            ]


def _linear(kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> nn.Linear:
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
        self._optimizer.zero_grad()  # a block that was not there has no gradient, and stays
        loss.backward()
        self._optimizer.step()
        return float(loss.detach())

    def weights(self) -> list[NDArray[np.float32]]:
        return self._network.arrays()


class _TorchMLP:
    """A hidden layer, then residual blocks of one layer each, of which some rest in a step."""

    def __init__(
        self,
        *,
        units: int = 128,
        n_hidden: int = 4,
        survival: float = 0.8,
        learning_rate: float = 0.001,
        weight_decay: float = 0.01,
        max_epochs: int = 150,
        patience: int = 12,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.units = units
        self.n_hidden = n_hidden
        self.survival = survival
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def _train(self, X: NDArray[np.float32], y: NDArray[Any], weight: Any) -> None:
        with one_thread():
            super()._train(X, y, weight)  # type: ignore[misc]

    def _begin(self, weights: Weights, seed: int) -> Steps:
        if not 0 < self.survival <= 1:
            raise ValueError(f"survival must be above 0 and at most 1, got {self.survival}")
        loss = self._loss  # type: ignore[attr-defined]
        return _TorchSteps(weights, self.survival, loss, seed)

    def _apply(self, weights: Weights, X: NDArray[np.float32]) -> NDArray[np.float32]:
        network = StochasticDepth(weights, self.survival)
        with torch.inference_mode():
            outputs: NDArray[np.float32] = network(torch.from_numpy(X)).numpy()
        return outputs


class TorchMLPClassifier(_TorchMLP, NativeClassifier):
    """A network of stochastic depth in PyTorch for classes.

    Parameters
    ----------
    units : int
        Units of each hidden layer.
    n_hidden : int
        Hidden layers.
    survival : float
        Probability that the last block is there in a step; those before it are there more often.
        1: all are, always.
    learning_rate : float
        Step size of Adam.
    weight_decay : float
        Decoupled decay of the kernels, not of the biases.
    max_epochs : int
        Rounds at most; a round is one epoch, or several that make 32 steps on small data.
    patience : int
        Rounds without a better held-out loss before training stops.
    validation_fraction : float
        Share of the training rows held out for early stopping.
    class_weight : dict, "balanced" or None
        What the weights of a class's rows are multiplied by; "balanced": all classes weigh the
        same; None: 1.
    random_state : int, RandomState or None

    References
    ----------
    Huang, Sun, Liu, Sedra & Weinberger 2016, arXiv:1603.09382.
    """

    def __init__(
        self,
        *,
        units: int = 128,
        n_hidden: int = 4,
        survival: float = 0.8,
        learning_rate: float = 0.001,
        weight_decay: float = 0.01,
        max_epochs: int = 150,
        patience: int = 12,
        validation_fraction: float = 0.2,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            units=units,
            n_hidden=n_hidden,
            survival=survival,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            max_epochs=max_epochs,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.class_weight = class_weight


class TorchMLPRegressor(_TorchMLP, NativeRegressor):
    """A network of stochastic depth in PyTorch for numbers.

    Parameters
    ----------
    units : int
        Units of each hidden layer.
    n_hidden : int
        Hidden layers.
    survival : float
        Probability that the last block is there in a step; those before it are there more often.
        1: all are, always.
    learning_rate : float
        Step size of Adam.
    weight_decay : float
        Decoupled decay of the kernels, not of the biases.
    max_epochs : int
        Rounds at most; a round is one epoch, or several that make 32 steps on small data.
    patience : int
        Rounds without a better held-out loss before training stops.
    validation_fraction : float
        Share of the training rows held out for early stopping.
    random_state : int, RandomState or None

    References
    ----------
    Huang, Sun, Liu, Sedra & Weinberger 2016, arXiv:1603.09382.
    """
