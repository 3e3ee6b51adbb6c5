"""Measures the quick suite's network cells against `learning_curve` with stock Keras.

Both sides use the same data, rows, sizes and replicates, with two threads in one process, one data
set after the other: `fit_together` on our side, `sklearn.model_selection.learning_curve` with
networks in plain Keras on the other. Compilation counts on both sides, since a user waits for it.

    python curve.py [--dataset NAME ...] [--model NAME ...]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from ratios import record
from sklearn.model_selection import learning_curve
from stock import StockNetwork

import zoo
from zoo.bench.plan import make_plan
from zoo.bench.suite import load_suite
from zoo.data.splits import split

MODELS = ("deep_mlp", "cnn")
TARGET = 8.0


def cells_of(datasets: list[str], models: list[str]) -> dict[tuple[str, str], list[Any]]:
    """Return the jobs of the quick suite that train networks, by data set and model."""
    suite = load_suite("quick")
    found: dict[tuple[str, str], list[Any]] = {}
    for job in make_plan(suite, models=models, datasets=datasets or suite.datasets).jobs:
        if job.skip is None:
            found.setdefault((job.key["dataset"], job.key["model"]), []).append(job.key)
    return found


def make(table: Any, name: str, seed: int) -> Any:
    params: dict[str, Any] = {"random_state": seed}
    if name == "cnn":
        shape = table.card.image_shape
        params["image_shape"] = shape if len(shape) == 3 else (*shape, 1)
    return zoo.make(name, task=table.card.task, **params)


def time_ours(table: Any, name: str, keys: list[Any]) -> tuple[float, float]:
    """Return seconds and the mean test score (accuracy or R2)."""
    keys = sorted(keys, key=lambda key: -key["n_train"])
    replicates = sorted({key["replicate"] for key in keys})
    start = time.perf_counter()
    parts = {r: rows_of(table, r) for r in replicates}
    models = [make(table, name, key["replicate"]) for key in keys]
    tables = (
        (table.X.iloc[rows], table.y.iloc[rows])
        for rows in (parts[key["replicate"]].subset(key["n_train"]) for key in keys)
    )
    scores = []
    for number, error in models[0].fit_together(models, tables, n_slots=len(replicates)):
        if error is not None:
            raise error
        test = parts[keys[number]["replicate"]].test
        scores.append(models[number].score(table.X.iloc[test], table.y.iloc[test]))
    return time.perf_counter() - start, float(np.mean(scores))


def time_stock(table: Any, name: str, keys: list[Any]) -> tuple[float, float]:
    """Return seconds and the mean test score of the same cells through `learning_curve`."""
    sizes = sorted({key["n_train"] for key in keys})
    start, scores = time.perf_counter(), []
    for replicate in sorted({key["replicate"] for key in keys}):
        rows = rows_of(table, replicate)
        estimator = StockNetwork(make(table, name, replicate))
        test = table.X.index[rows.test]

        def on_test_rows(model: Any, X: Any, y: Any, test: Any = test) -> float:
            return model.score(X, y) if X.index.equals(test) else 0.0  # training scores: unused

        _, _, test_scores = learning_curve(
            estimator, table.X, table.y, train_sizes=sizes, cv=[(rows.train, rows.test)],
            scoring=on_test_rows,
        )  # fmt: skip
        scores.append(test_scores)
    return time.perf_counter() - start, float(np.mean(scores))


def rows_of(table: Any, replicate: int) -> Any:
    card = table.card
    return split(table.y, task=card.task, dataset=card.name, replicate=replicate)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dataset", action="append", default=[])
    parser.add_argument("--model", action="append", default=[])
    chosen = parser.parse_args()
    found = cells_of(chosen.dataset, chosen.model or list(MODELS))
    warm = zoo.load("breast_cancer")  # imports and first calls are not measured
    zoo.make("mlp", max_epochs=1).fit(warm.X, warm.y)
    StockNetwork(zoo.make("mlp", max_epochs=1)).fit(warm.X, warm.y)
    rows, totals = [], {}
    for (dataset, name), keys in found.items():
        table = zoo.load(dataset)
        ours, score = time_ours(table, name, keys)
        peer, score_peer = time_stock(table, name, keys)
        rows.append(row_of(f"{name} on {dataset}", ours, peer, score, score_peer, len(keys)))
        print(f"{rows[-1]['comparison']}: {rows[-1]['ratio']:.3g}", flush=True)
        for group in (
            name,
            "all networks",
            "deep networks" if name in {"deep_mlp", "cnn"} else name,
        ):
            for part, values in zip(("o", "p"), ((ours, score), (peer, score_peer)), strict=True):
                totals.setdefault((group, part), {})[dataset, name] = (*values, len(keys))
    for group in dict.fromkeys(group for group, _ in totals):
        sums = []
        for part in ("o", "p"):
            cells = totals[group, part].values()
            n = sum(count for *_, count in cells)
            sums.append((sum(s for s, *_ in cells), sum(v * c for _, v, c in cells) / n, n))
        (ours, score, n), (peer, score_peer, _) = sums
        is_asked = group == "deep networks"
        name = f"{group}, all data sets"
        rows.append(
            row_of(name, ours, peer, score, score_peer, n, target=TARGET if is_asked else None)
        )
        print(f"{rows[-1]['comparison']}: {rows[-1]['ratio']:.3g}", flush=True)
    record("curve", rows)


def row_of(
    name: str,
    ours: float,
    peer: float,
    score: float,
    score_peer: float,
    n_cells: int,
    *,
    target: float | None = None,
) -> dict[str, Any]:
    return {
        "comparison": f"{name}, {n_cells} cells, against learning_curve with stock Keras",
        "ours": ours, "peer": peer, "unit": "s", "ratio": peer / ours, "target": target,
        "score_ours": score, "score_peer": score_peer,
    }  # fmt: skip


if __name__ == "__main__":
    main()
