"""Measures how much time early stopping of slow networks saves, and its effect on the score.

The same network, rows and seed, with the zoo's default early stopping and as published, on all
training rows (10,000 at most). The interval of the difference in score is Student's, paired over
data sets and seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from ratios import record

from zoo.curves.aggregate import mean_interval

MOST_ROWS = 10_000
N_SEEDS = 3
PUBLISHED: dict[str, dict[str, Any]] = {  # training of the published model
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
    """Print a line of JSON for each seed: CPU seconds and scores of both."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "parity"))
    from cases import load_part
    from measure import scores_of

    import zoo

    for seed in range(N_SEEDS):
        n_train = min(MOST_ROWS, len(load_part(dataset, None, seed, None).X))
        part = load_part(dataset, n_train, seed, None)
        metric = part.metric or "accuracy"
        cell: dict[str, Any] = {"dataset": dataset, "seed": seed, "n_train": n_train}
        zoo.make(name, random_state=seed, max_epochs=1).fit(part.X, part.y)  # compiles
        for side, options in (("ours", {}), ("peer", PUBLISHED[name])):
            model = zoo.make(name, random_state=seed, **options)
            start = time.process_time()
            model.fit(part.X, part.y)
            cell[f"{side}_s"] = time.process_time() - start
            scores = scores_of(model, part.X_test, part.y_test)
            cell[f"{side}_score"], cell[f"{side}_log_loss"] = scores[metric], scores["log_loss"]
        print(json.dumps(cell), flush=True)


def compare(name: str, where: str, cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of the table for some cells; print the intervals of the differences."""
    column = {key: np.array([cell[key] for cell in cells]) for key in cells[0] if "_" in key}
    score, loss = (
        "{:+.4f} ({:+.4f} to {:+.4f})".format(
            *mean_interval(column[f"ours_{what}"] - column[f"peer_{what}"])
        )
        for what in ("score", "log_loss")
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
