"""Measures how time and memory of a fit grow from 1,000 to 300,000 rows.

Each fit makes five epochs, so the number of steps grows with the rows. The ratio is the growth of
the rows over the growth of the measured quantity: 1 is linear, more is better.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import numpy as np
from ratios import record

SIZES = (1_000, 10_000, 100_000, 300_000)
N_INPUTS, N_EPOCHS = 20, 5


def measure(n_rows: int) -> dict[str, float]:
    """Return seconds of a warm fit and of prediction, and the megabytes that the fit added."""
    import psutil

    import zoo

    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, N_INPUTS)).astype(np.float32)
    y = X[:, 0] + 0.5 * rng.normal(size=n_rows) > 0
    model = zoo.make("mlp", random_state=0, max_epochs=N_EPOCHS, patience=N_EPOCHS)
    small = slice(0, 1000)
    model.fit(X[small], y[small]).predict(X[small])
    process = psutil.Process()
    with open("/proc/self/clear_refs", "w") as handle:  # noqa: PTH123
        handle.write("5")
    before = process.memory_info().rss
    start = time.perf_counter()
    model.fit(X, y)
    fit_s = time.perf_counter() - start
    epochs = model.n_epochs_
    start = time.perf_counter()
    model.predict(X)
    predict_s = time.perf_counter() - start
    lines = open("/proc/self/status").read().splitlines()  # noqa: PTH123, SIM115
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
    return {
        "fit_s": fit_s / epochs, "predict_s": predict_s, "memory_mb": (peak - before) / 2**20,
        "data_mb": X.nbytes / 2**20,
    }  # fmt: skip


def main() -> None:
    if sys.argv[1:]:
        print(json.dumps(measure(int(sys.argv[1]))))
        return
    found: dict[int, dict[str, float]] = {}
    for n_rows in SIZES:
        done = subprocess.run(
            [sys.executable, __file__, str(n_rows)], capture_output=True, text=True, check=True
        )
        found[n_rows] = json.loads(done.stdout.strip().splitlines()[-1])
        print(n_rows, found[n_rows], flush=True)
    rows: list[dict[str, Any]] = []
    last = SIZES[-1]
    for first in (SIZES[0], SIZES[1]):
        for what, unit in (("fit_s", "s an epoch"), ("predict_s", "s"), ("memory_mb", "MB")):
            grown = found[last][what] / max(found[first][what], 1e-9)
            rows.append(
                {
                    "comparison": f"{what} of mlp, {first:,} to {last:,} rows",
                    "ours": found[last][what], "peer": found[first][what], "unit": unit,
                    "ratio": last / first / grown,
                }
            )  # fmt: skip
    rows.append(
        {
            "comparison": f"memory of mlp beside its data, {last:,} rows",
            "ours": found[last]["memory_mb"], "peer": found[last]["data_mb"], "unit": "MB",
            "ratio": found[last]["data_mb"] / found[last]["memory_mb"],
        }
    )  # fmt: skip
    record("growth", rows)


if __name__ == "__main__":
    main()
