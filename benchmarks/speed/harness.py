"""Measures start-up, reading and the overhead of the harness; writes results/speed/harness.csv.

Run it with `make bench-speed`. Times depend on the machine, so each has a reference measured in the
same run: a bare interpreter, a plain JSON reader, the model's own fit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from zoo.bench.plan import make_plan
from zoo.bench.run import run_suite
from zoo.bench.store import CellWriter, pack, read
from zoo.bench.suite import load_suite

ROOT = Path(__file__).parents[2]
SUITE = """
title = "Overhead"
protocol = "nested-holdout/1"
datasets = ["breast_cancer"]
models = ["dummy"]
sizes = [100]
replicates = {replicates}
"""


def least_s(action: Callable[[], object], repeats: int = 7) -> float:
    """Return the least of several times, which other processes disturb least."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def python(*arguments: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def time_reading(folder: Path, n_cells: int) -> tuple[float, float]:
    writer = CellWriter(folder)
    scores = {"error_rate": 0.1234, "roc_auc": 0.9876, "log_loss": 0.4321}
    for i in range(n_cells):
        key = {
            "dataset": f"data{i % 10}", "dataset_revision": 1, "model": f"model{i // 10 % 20}",
            "model_version": 1, "params": {}, "n_train": 100, "replicate": i // 200,
            "protocol": "nested-holdout/1",
        }  # fmt: skip
        writer.write(
            {
                "key": key, "status": "ok", "reason": None,
                "scores": {"test": scores, "train": scores},
                "timings_s": {"compile": 0.0, "fit": 1.0, "predict": 0.1},
            }
        )  # fmt: skip
    writer.close()
    path = pack(folder)
    plain = least_s(lambda: [json.loads(line) for line in path.read_text().splitlines()], 3)
    return least_s(lambda: read(folder), 3), plain


def time_overhead(folder: Path) -> tuple[float, float]:
    """Return seconds per cell beyond fit and predict, and those of fit and predict."""
    walls, own = {}, 0.0
    for replicates in (50, 450):
        definitions = folder / f"suite{replicates}"
        definitions.mkdir()
        (definitions / "overhead.toml").write_text(SUITE.format(replicates=replicates))
        suite = load_suite("overhead", [definitions])
        out = folder / f"out{replicates}"
        start = time.perf_counter()
        run_suite(suite, make_plan(suite), out, n_workers=1)
        walls[replicates] = time.perf_counter() - start
        timings = [cell["timings_s"] for cell in read(out).cells]
        own = sum(t["fit"] + t["predict"] for t in timings) / len(timings)
    return (walls[450] - walls[50]) / 400 - own, own


def main() -> None:
    bare = least_s(python("-c", "pass"))
    rows = [
        (
            "import zoo over a bare interpreter",
            least_s(python("-c", "import zoo")) - bare,
            0.05,
            bare,
        ),
        ("zoo list models", least_s(python("-m", "zoo.cli", "list", "models")), 0.5, bare),
    ]
    with tempfile.TemporaryDirectory() as folder:
        reading, plain = time_reading(Path(folder) / "cells", 10_000)
        rows.append(("read 10,000 cells", reading, 1.0, plain))
        overhead, own = time_overhead(Path(folder))
        rows.append(("harness, a cell", overhead, 0.02, own))
    frame = pd.DataFrame(rows, columns=["what", "seconds", "at_most_s", "reference_s"])
    frame["ratio"] = frame["seconds"] / frame["reference_s"]
    target = ROOT / "results" / "speed"
    target.mkdir(parents=True, exist_ok=True)
    frame.to_csv(target / "harness.csv", index=False, float_format="%.4g", lineterminator="\n")
    print(frame.to_string(index=False))


if __name__ == "__main__":
    main()
