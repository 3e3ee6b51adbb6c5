"""Compare frameworks on the same network, rows, batches and initial weights, one process each.

    python benchmarks/frameworks/run.py [repeats]

Frameworks take turns, so that other load on the machine affects all of them; the table has the
median over the repeats. Each process computes with one thread.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from engines import BACKENDS, ENGINES

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "results" / "frameworks"
COLUMNS = [
    "framework", "score", "epoch_s", "first_call_s", "peak_rss_mb", "predict_1_ms",
    "predict_1000_ms", "size_kb",
]  # fmt: skip
_THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS", "NPROC",
)  # fmt: skip


def measure_apart(name: str, target: Path, **options: Any) -> dict[str, float]:
    """Return what a separate process measured for one framework; its logits go to `target`."""
    env = {
        **os.environ,
        **dict.fromkeys(_THREADS, "1"),
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
        "KERAS_BACKEND": BACKENDS[name],
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    command = [sys.executable, HERE / "measure.py", name, target, json.dumps(options)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} could not be measured:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _softmax(logits: Any) -> Any:
    exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponent / exponent.sum(axis=1, keepdims=True)


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw a bar chart of the frameworks for each measure."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    panels = {
        "epoch_s": "epoch (s)",
        "first_call_s": "first call (s)",
        "peak_rss_mb": "peak memory (MB)",
        "predict_1_ms": "1 row (ms)",
        "predict_1000_ms": "1,000 rows (ms)",
        "size_kb": "size on disk (kB)",
    }
    colours = {"keras": "#0072B2", "zoo": "#D55E00", "sonnet": "#009E73"}
    colours |= {"pytorch": "#CC79A7", "jax": "#E69F00"}
    rows = table.iloc[::-1]
    figure, grid = plt.subplots(2, 3, figsize=(11, 6), sharey=True, layout="constrained")
    for axes, (column, title) in zip(grid.flat, panels.items(), strict=True):
        bars = [colours[name.split(" ")[0].rstrip(",")] for name in rows["framework"]]
        axes.barh(rows["framework"], rows[column], color=bars)
        axes.set_title(title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlim(0, 1.22 * rows[column].max())
        for position, value in enumerate(rows[column]):
            text = f" {value:,.0f}" if value >= 100 else f" {value:.3g}"
            axes.text(value, position, text, va="center", fontsize=8)
    figure.suptitle("One network of two hidden layers, 4,096 rows of thyroid, one thread")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    n_repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ENGINES}
    probabilities: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        logits = Path(folder, "logits.npy")
        for repeat in range(n_repeats):
            for name in ENGINES:
                found[name].append(measure_apart(name, logits))
                probabilities[name] = _softmax(np.load(logits).astype(np.float64))
                print(f"{repeat + 1}/{n_repeats} {name}: {found[name][-1]}", flush=True)
    medians = [{"framework": name, **pd.DataFrame(rows).median()} for name, rows in found.items()]
    table = pd.DataFrame(medians)[COLUMNS]
    TARGET.mkdir(parents=True, exist_ok=True)
    table.to_csv(TARGET / "frameworks.csv", index=False, float_format="%.4g", lineterminator="\n")
    reference = probabilities["keras fit, tensorflow"]
    differences = {name: np.abs(values - reference).max() for name, values in probabilities.items()}
    pd.Series(differences, name="max_abs_diff").rename_axis("framework").to_csv(
        TARGET / "agreement.csv", float_format="%.3g", lineterminator="\n"
    )
    draw(table, TARGET / "frameworks.png")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
