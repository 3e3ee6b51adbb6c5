"""Measures `zoo curve`: time to a first answer, whether budgets are kept, and memory.

Writes results/speed/own_table.csv. The tables are generated: 20 columns of numbers, text and dates,
with missing values. The same command on the first rows of a table measures the memory of imports;
the rest is that of the data. Run it on an idle machine.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

ROOT = Path(__file__).parents[2]
FEW = 1000


def make_table(n_rows: int, path: Path) -> None:
    """Write a CSV of 14 numbers, 4 categories, a date and a flag, and a target."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(n_rows, 14)).round(4)
    frame = pd.DataFrame(numbers, columns=[f"measure_{i}" for i in range(14)])
    for number, n_categories in enumerate((3, 5, 12, 40)):
        names = np.array([f"level {k}" for k in range(n_categories)])
        frame[f"group_{number}"] = names[rng.integers(0, n_categories, n_rows)]
    days = pd.to_timedelta(rng.integers(0, 1500, n_rows), unit="D")
    frame["joined"] = (pd.Timestamp("2019-01-01") + days).strftime("%Y-%m-%d")
    frame["is_member"] = np.where(rng.random(n_rows) < 0.4, "yes", "no")
    logit = numbers[:, 0] * numbers[:, 1] + np.sin(2 * numbers[:, 2]) + numbers[:, 3]
    logit += 0.4 * (frame["group_1"] == "level 3") + rng.normal(0, 0.8, n_rows)
    frame.loc[rng.random(n_rows) < 0.05, "measure_5"] = np.nan
    frame["churn"] = np.where(logit > 0.5, "yes", "no")
    frame.to_csv(path, index=False)


def watch(command: list[str], folder: Path) -> dict[str, Any]:
    """Run a command; return its time, its output, and the peak memory of its processes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    start = time.perf_counter()
    log = folder / "output.txt"
    with log.open("w") as output:
        process = psutil.Popen(command, cwd=folder, stdout=output, stderr=output, env=environment)
        parent, worker, together, busy = 0, 0, 0, float("nan")
        while process.poll() is None:
            below = children(process)
            own, others = resident(process), [resident(child) for child in below]
            if np.isnan(busy) and "first answer" in log.read_text():
                busy = sum(processor_s(one) for one in (process, *below))
            parent, worker = max(parent, own), max(worker, *others, 0)
            together = max(together, own + sum(others))
            time.sleep(0.05)
    seconds = time.perf_counter() - start
    text = log.read_text()
    if process.returncode not in (0, 1):
        raise RuntimeError(text)
    scale = 2**20
    peaks = {"parent": parent / scale, "worker": worker / scale, "together": together / scale}
    return {"seconds": seconds, "output": text, "busy_s": busy, **peaks}


def resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def processor_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def curve(file: Path, budget: str, folder: Path, *options: str) -> dict[str, Any]:
    """Run `zoo curve` into a new folder."""
    out = folder / f"out-{time.monotonic_ns()}"
    zoo = [sys.executable, "-m", "zoo.cli", "curve", str(file), "--target", "churn"]
    model = ["--save-model", str(folder / "best.zoo")]
    return watch([*zoo, "--budget", budget, "--out", str(out), *model, *options], folder)


def first_answer_s(output: str) -> float:
    found = re.search(r"first answer, after ([\d.]+) (s|min)", output)
    return float(found[1]) * (60 if found[2] == "min" else 1) if found else float("nan")


def row(what: str, value: float, unit: str, at_most: float) -> dict[str, Any]:
    kept = "yes" if value <= at_most else "no"
    load = os.getloadavg()[0]
    return {
        "what": what, "value": value, "unit": unit, "at_most": at_most, "kept": kept, "load": load,
    }  # fmt: skip


def measure_small(folder: Path) -> list[dict[str, Any]]:
    make_table(5000, folder / "small.csv")
    rows = []
    for budget, seconds in (("60s", 60), ("3m", 180)):
        found = curve(folder / "small.csv", budget, folder)
        print(found["output"], flush=True)
        name = f"5,000 x 20, budget {budget}"
        answer_s = first_answer_s(found["output"])
        rows.append(row(f"{name}: first answer", answer_s, "s", 30))
        rows.append(row(f"{name}: first answer, time of processors", found["busy_s"], "s", 60))
        rows.append(row(f"{name}: whole command", found["seconds"], "s", 1.1 * seconds))
    return rows


def measure_large(folder: Path) -> list[dict[str, Any]]:
    make_table(300_000, folder / "large.csv")
    frame = pd.read_csv(folder / "large.csv")
    frame_mb = float(frame.memory_usage(deep=True).sum() / 2**20)
    frame.head(FEW).to_csv(folder / "few.csv", index=False)
    del frame
    found = curve(folder / "large.csv", "3m", folder)
    print(found["output"], flush=True)
    name = "300,000 x 20, budget 3m"
    rows = [
        row(f"{name}: first answer", first_answer_s(found["output"]), "s", float("inf")),
        row(f"{name}: whole command", found["seconds"], "s", 198),
        row(f"{name}: the parsed frame", frame_mb, "MB", float("inf")),
    ]
    # the same models on both tables, so that frameworks take the same memory
    models = ("--model", "logistic,lightgbm,xgboost,random_forest")
    few = curve(folder / "few.csv", "1m", folder, *models)
    found = curve(folder / "large.csv", "3m", folder, *models)
    print(found["output"], flush=True)
    name += ", no network"
    names = {"parent": "the command", "worker": "a worker", "together": "all processes"}
    for key, process in names.items():
        more = found[key] - few[key]
        rows.append(row(f"{name}: {process}, peak with imports", found[key], "MB", float("inf")))
        rows.append(row(f"{name}: {process}, beyond {FEW:,} rows", more, "MB", 4 * frame_mb))
    return rows


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        rows = [*measure_small(Path(name)), *measure_large(Path(name))]
    frame = pd.DataFrame(rows)
    target = ROOT / "results" / "speed" / "own_table.csv"
    frame.to_csv(target, index=False, float_format="%.4g", lineterminator="\n")
    print(frame.to_string(index=False))


if __name__ == "__main__":
    main()
