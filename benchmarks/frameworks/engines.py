"""The same network in each framework: two hidden layers with ReLU, trained with Adam."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
from task import LEARNING_RATE, Task

__all__ = ["BACKENDS", "ENGINES", "Engine"]


class Engine(ABC):
    """A network of one framework.

    Parameters
    ----------
    task : Task
        Its initial weights are the network's.
    """

    @abstractmethod
    def __init__(self, task: Task) -> None: ...

    @abstractmethod
    def epoch(self, X: NDArray[np.float32], y: NDArray[np.int32]) -> None:
        """Take a step on each of the batches (n_steps, batch_size, n_inputs), in order."""

    @abstractmethod
    def predict(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return logits (n_rows, n_classes)."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the network in the framework's own format."""


class KerasEngine(Engine):
    """Keras's own `fit`, on any of its backends."""

    def __init__(self, task: Task) -> None:
        import keras

        self.network = _keras_network(task)
        self.network.compile(
            keras.optimizers.Adam(LEARNING_RATE),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )

    def epoch(self, X: NDArray[np.float32], y: NDArray[np.int32]) -> None:
        batch_size = X.shape[1]
        rows, codes = X.reshape(-1, X.shape[2]), y.reshape(-1)
        self.network.fit(rows, codes, batch_size=batch_size, shuffle=False, verbose=0)

    def predict(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self.network.predict_on_batch(X))

    def save(self, folder: Path) -> None:
        self.network.save(folder / "network.keras")


def _build(layers: Any, *, sizes: list[int]) -> Any:
    n_inputs, *hidden, n_outputs = sizes
    stack = [layers.Dense(n, activation="relu", name=f"hidden_{i}") for i, n in enumerate(hidden)]
    output = layers.Dense(n_outputs, name="output")
    return layers.Sequential([layers.Input(n_inputs), *stack, output])


def _keras_network(task: Task) -> Any:
    from zoo.training.layers.namespaces import plain

    network = _build(plain(), sizes=task.sizes)
    for variable, value in zip(network.trainable_variables, task.weights, strict=True):
        variable.assign(value)
    return network


class ZooEngine(Engine):
    """The zoo's training program, on any of Keras's backends."""

    def __init__(self, task: Task) -> None:
        from zoo.training.backends.choose import program_class
        from zoo.training.program import ProgramConfig

        self._task = task
        config = ProgramConfig(loss="crossentropy", batch_size=task.batches.shape[2])
        self._program = program_class()(
            lambda layers, n_inputs: _build(layers, sizes=task.sizes), task.sizes[0], config
        )
        empty = self._program.empty()
        shapes = zip(empty.weights, task.weights, strict=True)
        self._train_state = empty._replace(weights=[w.reshape(e.shape) for e, w in shapes])

    def epoch(self, X: NDArray[np.float32], y: NDArray[np.int32]) -> None:
        from zoo.training.program import Block

        program, n_block = self._program, self._program.config.block_steps
        rates = np.zeros((n_block, 3, 1), np.float32)
        rates[:, 0] = LEARNING_RATE
        for start in range(0, len(X), n_block):
            part = slice(start, start + n_block)
            n_steps = len(X[part])
            padding = [(0, n_block - n_steps)]
            rows = np.pad(X[part], [*padding, (0, 0), (0, 0)])[None]
            codes = np.pad(y[part].astype(np.float32), [*padding, (0, 0)])[None]
            block = Block(rows, codes, np.ones(codes.shape, np.float32), n_steps, rates, [True])
            self._train_state = program.train(self._train_state, block)
        np.asarray(self._train_state.count)

    def predict(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._program.forward(self._program.slice(self._train_state, 0), X)

    def save(self, folder: Path) -> None:
        network = _keras_network(self._task)
        weights = self._program.slice(self._train_state, 0)
        for variable, value in zip(network.trainable_variables, weights, strict=True):
            variable.assign(value)
        network.save(folder / "network.keras")


class SonnetEngine(Engine):
    """Sonnet's modules and Adam with a `tf.function` per step, as in the model `sonnet_mlp`."""

    def __init__(self, task: Task) -> None:
        from zoo.models.sonnet_mlp import training

        self._training = training(tuple(task.sizes), "crossentropy")
        self._training.start(task.weights)

    def epoch(self, X: NDArray[np.float32], y: NDArray[np.int32]) -> None:
        import tensorflow as tf

        weight, rate, decay = tf.ones(X.shape[1]), tf.constant(LEARNING_RATE), tf.constant(0.0)
        for rows, codes in zip(X, y.astype(np.float32), strict=True):
            loss = self._training.step(tf.constant(rows), tf.constant(codes), weight, rate, decay)
        float(loss)

    def predict(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._training.network(X).numpy()

    def save(self, folder: Path) -> None:
        import tensorflow as tf

        tf.train.Checkpoint(network=self._training.network).write(str(folder / "network"))


class TorchEngine(Engine):
    """PyTorch's modules and Adam in a plain loop."""

    def __init__(self, task: Task) -> None:
        import torch
        from torch import nn

        layers: list[Any] = []
        for kernel, bias in zip(task.weights[::2], task.weights[1::2], strict=True):
            layer = nn.Linear(*kernel.shape)
            with torch.no_grad():
                layer.weight.copy_(torch.tensor(kernel.T))
                layer.bias.copy_(torch.tensor(bias))
            layers += [layer, nn.ReLU()]
        self._network = nn.Sequential(*layers[:-1])
        self._adam = torch.optim.Adam(self._network.parameters(), LEARNING_RATE, eps=1e-7)
        self._loss = nn.CrossEntropyLoss()

    def epoch(self, X: NDArray[np.float32], y: NDArray[np.int32]) -> None:
        import torch

        codes = torch.tensor(y.astype(np.int64))
        for rows, labels in zip(torch.tensor(X), codes, strict=True):
            self._adam.zero_grad()
            self._loss(self._network(rows), labels).backward()
            self._adam.step()

    def predict(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            return self._network(torch.from_numpy(X)).numpy()

    def save(self, folder: Path) -> None:
        import torch

        torch.save(self._network.state_dict(), folder / "network.pt")


class JaxEngine(Engine):
    """Functions of weights with a jitted step, as in the model `jax_mlp`."""

    def __init__(self, task: Task) -> None:
        from zoo.models.jax_mlp import JaxSteps

        self._steps = JaxSteps(task.weights, "crossentropy")

    def epoch(self, X: NDArray[np.float32], y: NDArray[np.int32]) -> None:
        from zoo.training.tasks import Rows

        weight = np.ones(X.shape[1], np.float32)
        for rows, codes in zip(X, y.astype(np.float32), strict=True):
            loss = self._steps.move(Rows(rows, codes, weight), LEARNING_RATE, 0.0)
        float(loss)

    def predict(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._steps.outputs(X)

    def save(self, folder: Path) -> None:
        np.savez(folder / "network.npz", *self._steps.weights())


ENGINES: dict[str, type[Engine]] = {
    "keras fit, tensorflow": KerasEngine,
    "keras fit, jax": KerasEngine,
    "keras fit, torch": KerasEngine,
    "zoo, tensorflow": ZooEngine,
    "zoo, jax": ZooEngine,
    "zoo, torch": ZooEngine,
    "sonnet": SonnetEngine,
    "pytorch": TorchEngine,
    "jax": JaxEngine,
}
BACKENDS = {name: name.partition(", ")[2] or "tensorflow" for name in ENGINES}
