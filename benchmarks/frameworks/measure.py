"""Measure one framework in a separate process; print a line of JSON.

python benchmarks/frameworks/measure.py "keras fit, jax" logits.npy
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from engines import ENGINES, Engine
from task import Task, make_task

_CALLS = {1: 200, 1000: 50}  # repeats, by the number of predicted rows


def measure(engine_class: type[Engine], task: Task) -> tuple[dict[str, float], Any]:
    """Return times, memory and score of a framework on a task, and its logits for the test rows."""
    start = time.perf_counter()
    engine = engine_class(task)
    epochs_s = []
    for rows in task.batches:
        X, y = task.X[rows], task.y[rows]
        if not epochs_s:
            first = time.perf_counter() - start
        begun = time.perf_counter()
        engine.epoch(X, y)
        epochs_s.append(time.perf_counter() - begun)
    epoch_s = float(np.median(epochs_s[1:]))
    logits = engine.predict(task.X_test)
    found = {
        "score": float((logits.argmax(axis=1) == task.y_test).mean()),
        "epoch_s": epoch_s,
        "first_call_s": first + epochs_s[0] - epoch_s,
        **{f"predict_{n}_ms": _latency_ms(engine, task, n) for n in _CALLS},
    }
    # before saving, which makes Keras import TensorFlow on every backend
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**found, "peak_rss_mb": peak_kb / 1024, "size_kb": _size_kb(engine)}, logits


def _latency_ms(engine: Engine, task: Task, n_rows: int) -> float:
    rows = np.resize(task.X_test, (n_rows, task.X_test.shape[1]))
    engine.predict(rows)
    taken = []
    for _ in range(_CALLS[n_rows]):
        start = time.perf_counter()
        engine.predict(rows)
        taken.append(time.perf_counter() - start)
    return 1000 * float(np.median(taken))


def _size_kb(engine: Engine) -> float:
    with tempfile.TemporaryDirectory() as folder:
        engine.save(Path(folder))
        return sum(path.stat().st_size for path in Path(folder).iterdir()) / 1024


def main() -> None:
    name, target = sys.argv[1:3]
    options = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    found, logits = measure(ENGINES[name], make_task(**options))
    np.save(target, logits)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
