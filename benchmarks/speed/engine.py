"""Measures the training engine against stock Keras; writes results/speed/ratios.csv.

Two hidden layers, Adam, 20,000 x 50 rows, two classes, batches of 64 on both sides. Seconds an
epoch and model, the least of several; compiling is left out on both sides.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from zoo.training.fit import FitOptions, Rows, fit_networks
from zoo.training.program import BATCH, Program

ROOT = Path(__file__).parents[2]
N_ROWS, N_INPUTS = 20_000, 50


def network(layers: Any, units: int, dropout: float) -> Any:
    stack = [layers.Input(N_INPUTS)]
    for number in (1, 2):
        stack.append(layers.Dense(units, activation="relu", name=f"hidden_{number}"))
        if dropout:
            stack.append(layers.Dropout(dropout, name=f"dropout_{number}"))
    return layers.Sequential([*stack, layers.Dense(2, name="output")])


def make_rows(seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N_ROWS, N_INPUTS)).astype(np.float32)
    y = (np.tanh(X[:, :10]).sum(axis=1) + rng.normal(size=N_ROWS) > 0).astype(np.float32)
    return Rows(X, y, np.ones(N_ROWS, np.float32))


def time_engine(
    units: int, dropout: float, n_replicates: int, n_epochs: int
) -> tuple[float, float]:
    """Return seconds an epoch and model, and the training loss at the end."""
    compiled = Program(
        lambda layers: network(layers, units, dropout),
        "crossentropy",
        jit_compile=True,
        n_replicates=n_replicates,
    )
    rows = [make_rows(0)] * n_replicates
    held = [Rows(data.X[:64], data.y[:64], data.weight[:64]) for data in rows]
    times = []
    for n in (1, 1 + n_epochs, 1 + n_epochs):
        options = FitOptions(learning_rate=0.001, weight_decay=0.0, max_epochs=n, patience=99)
        start = time.perf_counter()
        results = fit_networks(compiled, rows, held, options, seeds=range(n_replicates))
        times.append(time.perf_counter() - start)
    network_ = compiled.template
    for variable, value in zip(network_.trainable_variables, results[0].weights, strict=True):
        variable.assign(value)
    return min(times[1:]) / (1 + n_epochs) / n_replicates, loss_of(network_, rows[0])


def loss_of(model: Any, data: Rows) -> float:
    logits = model(data.X)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return float(loss(data.y, logits))


def time_keras(units: int, dropout: float, n_epochs: int) -> tuple[float, float]:
    from zoo.training.layers import plain

    data = make_rows(0)
    model = network(plain(), units, dropout)
    model.compile(
        optimizer=keras.optimizers.Adam(0.001),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    times = []
    for _ in range(1 + n_epochs):
        start = time.perf_counter()
        model.fit(data.X, data.y, batch_size=BATCH, epochs=1, verbose=0)
        times.append(time.perf_counter() - start)
    return min(times[1:]), loss_of(model, data)


def main() -> None:
    rows = []
    for units, dropout in ((32, 0.0), (64, 0.0), (64, 0.1), (256, 0.0), (256, 0.1)):
        peer, score_peer = time_keras(units, dropout, 3)
        for n_replicates in (1, 10 if units < 256 else 4):
            ours, score = time_engine(units, dropout, n_replicates, 3)
            rows.append(
                {
                    "comparison": f"width {units}, dropout {dropout}, {n_replicates} replicates, "
                    "against Keras fit",
                    "ours": ours, "peer": peer, "unit": "s an epoch and model",
                    "ratio": peer / ours, "target": None,
                    "score_ours": score, "score_peer": score_peer,
                }
            )  # fmt: skip
            print(rows[-1], flush=True)
    frame = pd.DataFrame(rows)
    target = ROOT / "results" / "speed"
    target.mkdir(parents=True, exist_ok=True)
    frame.to_csv(target / "ratios.csv", index=False, float_format="%.4g", lineterminator="\n")


if __name__ == "__main__":
    main()
