"""Measures what the early stops of slow networks save, and what they cost in score.

The same network, rows and seed, with the stop that the zoo has by default and as published, at
1,000 rows and at the most that the data set has (10,000 at most). The interval of the difference in
score is Student's, paired over data sets, sizes and seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np
from ratios import record
from scipy import stats

SIZES = (1_000, 10_000)
N_SEEDS = 3
PUBLISHED: dict[str, dict[str, Any]] = {  # how the published model is trained
    "realmlp": {"early_stopping": False},
    "realmlp_s": {"early_stopping": False},
    "tabm": {"patience": 16},
}
DATASETS = {
    "realmlp": ("thyroid", "credit_data", "flights", "mnist_5k"),
    "realmlp_s": ("thyroid", "credit_data", "flights", "mnist_5k"),
    "tabm": ("credit_data",),
}


def measure(name: str, dataset: str) -> None:
    """Print a line of JSON for each size and seed: CPU seconds and scores of both."""
    import pandas as pd

    import zoo
    from zoo.bench.metrics import ClassPrediction, score_classes
    from zoo.data.splits import split

    table = zoo.load(dataset)
    y, metric = pd.factorize(table.y, sort=True)[0], table.card.metric or "accuracy"
    for seed in range(N_SEEDS):
        parts = split(y, task="classification", dataset=dataset, replicate=seed)
        for n_train in sorted({min(size, len(parts.train)) for size in SIZES}):
            rows = parts.subset(n_train)
            X, X_test = table.X.iloc[rows], table.X.iloc[parts.test]
            cell: dict[str, Any] = {"dataset": dataset, "seed": seed, "n_train": n_train}
            zoo.make(name, random_state=seed, max_epochs=1).fit(X, y[rows])  # compiles
            for side, options in (("ours", {}), ("peer", PUBLISHED[name])):
                model = zoo.make(name, random_state=seed, **options)
                start = time.process_time()
                model.fit(X, y[rows])
                cell[f"{side}_s"] = time.process_time() - start
                shares = np.asarray(model.predict_proba(X_test), np.float64)
                guess = ClassPrediction(shares.argmax(axis=1), shares, is_probability=True)
                scores = score_classes(y[parts.test], guess, (metric, "log_loss"))
                cell[f"{side}_score"] = scores[metric]
                cell[f"{side}_log_loss"] = scores["log_loss"]
            print(json.dumps(cell), flush=True)


def interval(differences: Any) -> str:
    middle = np.mean(differences)
    margin = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
    return f"{middle:+.4f} ({middle - margin:+.4f} to {middle + margin:+.4f})"


def compare(name: str, where: str, cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of the table for some cells; print the intervals of the differences."""
    column = {key: np.array([cell[key] for cell in cells]) for key in cells[0] if "_" in key}
    score, loss = (
        interval(column[f"ours_{what}"] - column[f"peer_{what}"]) for what in ("score", "log_loss")
    )
    ours, peer = column["ours_s"].sum(), column["peer_s"].sum()
    print(f"{name}, {where}, {len(cells)} fits: {peer / ours:.2f} times faster, score {score}, "
          f"log loss {loss}", flush=True)  # fmt: skip
    return {
        "comparison": f"{name} on {where}, {len(cells)} fits, stopped early against as published",
        "ours": ours, "peer": peer, "unit": "CPU s", "ratio": peer / ours,
        "score_ours": column["ours_score"].mean(), "score_peer": column["peer_score"].mean(),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--measure", nargs=2, metavar=("MODEL", "DATASET"))
    chosen = parser.parse_args()
    if chosen.measure:
        measure(*chosen.measure)
        return
    rows = []
    for name, datasets in DATASETS.items():
        cells: list[dict[str, Any]] = []
        for dataset in datasets:
            done = subprocess.run(
                [sys.executable, __file__, "--measure", name, dataset],
                stdout=subprocess.PIPE, text=True, check=True,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            )  # fmt: skip
            new = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
            rows.append(compare(name, dataset, new))
            record("stopping", rows)
            cells += new
        if len(datasets) > 1:
            rows.append(compare(name, "all data sets", cells))
            record("stopping", rows)


if __name__ == "__main__":
    main()
