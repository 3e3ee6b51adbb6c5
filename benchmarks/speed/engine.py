"""Measures the training engine against its peers and against the matrix product.

Two hidden layers, Adam, 20,000 rows of 50 columns, two classes. Both sides train the same number of
epochs with the same batch size. The time is that of one epoch of one model, the least of several,
without compilation. Peers and ours take turns, so that a busy machine slows both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from ratios import record

N_ROWS, N_INPUTS, N_EPOCHS = 20_000, 50, 6
Case = tuple[int, float, bool, int]  # width, dropout, batch normalisation, batch size


def network(layers: Any, n_inputs: int, case: Case) -> Any:
    width, dropout, is_normed, _ = case
    stack = [layers.Input(n_inputs)]
    for number in (1, 2):
        stack.append(layers.Dense(width, activation="relu", name=f"hidden_{number}"))
        if is_normed:
            stack.append(layers.BatchNormalization(name=f"normed_{number}"))
        if dropout:
            stack.append(layers.Dropout(dropout, name=f"dropout_{number}"))
    return layers.Sequential([*stack, layers.Dense(2, name="output")])


def make_data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, N_INPUTS)).astype(np.float32)
    y = np.tanh(X[:, :10]).sum(axis=1) + rng.normal(size=N_ROWS) > 0
    return X, y.astype(np.int64)


def loss_of(logits: Any, y: Any) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_probability[np.arange(len(y)), y].mean())


class Engine:
    """Ours, with `n_replicates` networks side by side."""

    def __init__(self, case: Case, n_replicates: int) -> None:
        from zoo.training.backends.choose import program_class
        from zoo.training.program import ProgramConfig
        from zoo.training.stream import threads_for

        config = ProgramConfig(loss="crossentropy", batch_size=case[3])
        self.n_replicates = n_replicates
        self.n_threads, n_slots = threads_for(n_replicates)
        self.program = program_class()(
            lambda layers, n: network(layers, n, case), N_INPUTS, config, n_replicates=n_slots
        )
        self.epochs(1)

    def epochs(self, n_epochs: int) -> tuple[float, float]:
        """Return seconds per epoch and model of a fresh fit, and the training loss."""
        from zoo.training.stream import fit_networks
        from zoo.training.tasks import FitTask, Rows, TrainConfig

        X, y = make_data()
        rows = Rows(X, y.astype(np.float32), np.ones(N_ROWS, np.float32))
        validation = Rows(X[:64], rows.y[:64], rows.weight[:64])
        options = TrainConfig(
            learning_rate=0.001, weight_decay=0.0, max_epochs=n_epochs, patience=99
        )
        tasks = [FitTask(rows, validation, seed) for seed in range(self.n_replicates)]
        start = time.perf_counter()
        results = fit_networks(self.program, tasks, options, n_threads=self.n_threads)
        seconds = (time.perf_counter() - start) / n_epochs / self.n_replicates
        losses = [loss_of(self.program.forward(r.weights, X), y) for r in results[:2]]
        return seconds, float(np.mean(losses))


class KerasFit:
    """Stock Keras, optionally with an epoch as one execution."""

    def __init__(self, case: Case, *, is_one_execution: bool = False) -> None:
        self.case = case
        self.steps = -(-N_ROWS // case[3]) if is_one_execution else 1

    def epochs(self, n_epochs: int) -> tuple[float, float]:
        import keras

        from zoo.training.layers.namespaces import plain

        X, y = make_data()
        model = network(plain(), N_INPUTS, self.case)
        model.compile(
            optimizer=keras.optimizers.Adam(0.001),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            steps_per_execution=self.steps,
        )
        times = []
        for _ in range(n_epochs):
            start = time.perf_counter()
            model.fit(X, y, batch_size=self.case[3], epochs=1, verbose=0)
            times.append(time.perf_counter() - start)
        return min(times[1:]), loss_of(model.predict(X, batch_size=4096, verbose=0), y)


class KerasWrapper:
    """`keras.wrappers` or scikeras around the same model; the whole call of `fit` is timed."""

    def __init__(self, case: Case, *, is_scikeras: bool) -> None:
        self.case, self.is_scikeras = case, is_scikeras

    def epochs(self, n_epochs: int) -> tuple[float, float]:
        import keras

        from zoo.training.layers.namespaces import plain

        X, y = make_data()

        def build(X: Any = None, y: Any = None) -> Any:
            model = network(plain(), N_INPUTS, self.case)
            model.compile(
                optimizer=keras.optimizers.Adam(0.001),
                loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
                if self.is_scikeras
                else keras.losses.CategoricalCrossentropy(from_logits=True),
            )
            return model

        options = {"batch_size": self.case[3], "epochs": n_epochs, "verbose": 0}
        if self.is_scikeras:
            from scikeras.wrappers import KerasClassifier

            model = KerasClassifier(build, **options)
        else:
            model = keras.wrappers.SKLearnClassifier(build, fit_kwargs=options)
        start = time.perf_counter()
        model.fit(X, y)
        seconds = (time.perf_counter() - start) / n_epochs
        return seconds, loss_of(model.model_.predict(X, batch_size=4096, verbose=0), y)


class Torch:
    """A plain PyTorch loop over shuffled batches of a tensor."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def epochs(self, n_epochs: int) -> tuple[float, float]:
        import torch

        width, dropout, is_normed, batch = self.case
        X, y = (torch.from_numpy(part) for part in make_data())
        stack: list[Any] = []
        for n_inputs in (N_INPUTS, width):
            stack += [torch.nn.Linear(n_inputs, width), torch.nn.ReLU()]
            stack += [torch.nn.BatchNorm1d(width)] if is_normed else []
            stack += [torch.nn.Dropout(dropout)] if dropout else []
        model = torch.nn.Sequential(*stack, torch.nn.Linear(width, 2))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
        loss = torch.nn.CrossEntropyLoss()
        times = []
        for _ in range(n_epochs):
            start = time.perf_counter()
            for rows in torch.randperm(N_ROWS).split(batch):
                optimizer.zero_grad()
                loss(model(X[rows]), y[rows]).backward()
                optimizer.step()
            times.append(time.perf_counter() - start)
        model.eval()
        with torch.no_grad():
            return min(times[1:]), loss_of(model(X).numpy(), y.numpy())


class SklearnMLP:
    """scikit-learn's MLPClassifier."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def epochs(self, n_epochs: int) -> tuple[float, float]:
        from sklearn.neural_network import MLPClassifier

        X, y = make_data()
        model = MLPClassifier(
            (self.case[0], self.case[0]), alpha=0.0, batch_size=self.case[3], max_iter=n_epochs,
            tol=0.0, n_iter_no_change=10_000,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = time.perf_counter()
            model.fit(X, y)
        return (time.perf_counter() - start) / n_epochs, float(model.loss_)


def peers_of(case: Case) -> dict[str, Callable[[], Any]]:
    peers: dict[str, Callable[[], Any]] = {
        "Keras fit": lambda: KerasFit(case),
        "Keras fit, an epoch as one execution": lambda: KerasFit(case, is_one_execution=True),
        "PyTorch loop": lambda: Torch(case),
    }
    _, dropout, is_normed, batch = case
    if not dropout and not is_normed:
        peers["MLPClassifier"] = lambda: SklearnMLP(case)
        if batch == 256:
            peers["keras.wrappers"] = lambda: KerasWrapper(case, is_scikeras=False)
            peers["scikeras"] = lambda: KerasWrapper(case, is_scikeras=True)
    return peers


def target_of(case: Case, n_replicates: int, peer: str) -> float | None:
    width, dropout, is_normed, batch = case
    if peer in {"PyTorch loop", "MLPClassifier"}:
        return 1.0
    if peer != "Keras fit" or batch != 256 or is_normed:
        return None
    is_many = n_replicates > 1
    asked = {(32, 0.0): 25.0, (64, 0.0): 12.0, (64, 0.1): 9.0}
    return (
        3.0 if (width, dropout) == (256, 0.0) else asked.get((width, dropout)) if is_many else None
    )


def compare(case: Case, n_turns: int = 3) -> list[dict[str, Any]]:
    width, dropout, is_normed, batch = case
    many = 10 if width < 256 else 4
    makers = {
        **{n: (lambda n=n: Engine(case, n)) for n in (1, many)},  # type: ignore[misc]
        **peers_of(case),
    }
    found: dict[Any, list[tuple[float, float]]] = {}
    sides = {}
    for name, make in makers.items():
        try:
            sides[name] = make()
            found[name] = [sides[name].epochs(N_EPOCHS)]
        except Exception as error:  # noqa: BLE001 (a peer that does not run here is reported)
            print(f"left out: {name} at {case}: {type(error).__name__}: {error}"[:300], flush=True)
            sides.pop(name, None)
    for _ in range(n_turns - 1):
        for name, side in sides.items():
            found[name].append(side.epochs(N_EPOCHS))
    what = f"width {width}, batch {batch}"
    what += (f", dropout {dropout}" if dropout else "") + (", normalised" if is_normed else "")
    rows = []
    for n in (1, many):
        ours, score = min(found[n])
        for peer in peers_of(case):
            if peer not in found:
                continue
            theirs, score_peer = min(found[peer])
            rows.append(
                {
                    "comparison": f"{what}, {n} replicate{'s' * (n > 1)}, against {peer}",
                    "ours": ours, "peer": theirs, "unit": "s an epoch and model",
                    "ratio": theirs / ours, "target": target_of(case, n, peer),
                    "score_ours": score, "score_peer": score_peer,
                }
            )  # fmt: skip
            print(f"{rows[-1]['comparison']}: {rows[-1]['ratio']:.3g}", flush=True)
    return rows


def gigaflops(case: Case, n_replicates: int) -> float:
    """Return the rate of the matrix products of a training epoch, forward and backward."""
    width, _, _, _ = case
    engine = Engine(case, n_replicates)
    seconds = min(engine.epochs(N_EPOCHS)[0] for _ in range(3))
    products = 2 * N_ROWS * (2 * N_INPUTS * width + 3 * width * width + 3 * 2 * width)
    return products / seconds / 1e9


def peak_gigaflops() -> float:
    """Return the best rate of a large matrix product in TensorFlow or NumPy."""
    import tensorflow as tf

    best = 0.0
    for n in (1024, 2048):
        a, b = (np.random.default_rng(i).normal(size=(n, n)).astype(np.float32) for i in (0, 1))
        ta, tb = tf.constant(a), tf.constant(b)
        for product in (lambda: a @ b, lambda: tf.matmul(ta, tb).numpy()):  # noqa: B023
            for _ in range(6):
                start = time.perf_counter()
                product()
                best = max(best, 2 * n**3 / (time.perf_counter() - start) / 1e9)
    return best


def worker_gigaflops(case: Case, n_replicates: int) -> float:
    """Return the joint rate of one-thread processes, as many as there are cores."""
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    one = {**os.environ, **dict.fromkeys(names, "1"), "OPENBLAS_NUM_THREADS": "1"}
    arguments = [sys.executable, __file__, "--worker", json.dumps([*case, n_replicates])]
    processes = [
        subprocess.Popen(arguments, env=one, stdout=subprocess.PIPE, text=True)
        for _ in range(os.cpu_count() or 1)
    ]
    return sum(float(p.communicate()[0].split()[-1]) for p in processes)


def fraction_of_peak() -> list[dict[str, Any]]:
    rows = []
    for dropout, target in ((0.0, 0.75), (0.1, 0.55)):
        case: Case = (256, dropout, False, 256)
        for how, rate in (
            ("one process, 1 replicate", lambda: gigaflops(case, 1)),  # noqa: B023
            ("one process, 4 replicates", lambda: gigaflops(case, 4)),  # noqa: B023
            ("a process a core, 4 replicates each", lambda: worker_gigaflops(case, 4)),  # noqa: B023
        ):
            peak, ours = peak_gigaflops(), rate()
            what = "width 256, batch 256" + (f", dropout {dropout}" if dropout else "")
            rows.append(
                {
                    "comparison": f"{what}, {how}, fraction of the matrix product's peak",
                    "ours": ours, "peer": peak, "unit": "GFLOP/s", "ratio": ours / peak,
                    "target": target,
                }
            )  # fmt: skip
            print(f"{rows[-1]['comparison']}: {rows[-1]['ratio']:.3g}", flush=True)
    return rows


def main() -> None:
    if sys.argv[1:2] == ["--worker"]:
        *case, n_replicates = json.loads(sys.argv[2])
        print(gigaflops((case[0], case[1], case[2], case[3]), n_replicates))
        return
    cases: list[Case] = [
        (32, 0.0, False, 256), (64, 0.0, False, 256), (64, 0.1, False, 256),
        (64, 0.0, True, 256), (256, 0.0, False, 256), (256, 0.1, False, 256),
        (32, 0.0, False, 64), (64, 0.0, False, 64), (256, 0.0, False, 64),
    ]  # fmt: skip
    rows = [row for case in cases for row in compare(case)]
    record("engine", rows + fraction_of_peak())


if __name__ == "__main__":
    main()
