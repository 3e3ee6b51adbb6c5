"""Measures small fits, as in a notebook: 150 rows, first fit and later ones, and one prediction.

Each first fit runs in a fresh process; frameworks are imported before the clock starts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import numpy as np
from ratios import record

REPEATS = 3


def iris() -> tuple[Any, Any]:
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    return X, y


def measure(side: str) -> dict[str, float]:
    """Return seconds of a first fit, a later one and one prediction, and the accuracy."""
    import keras  # noqa: F401

    import zoo

    X, y = iris()
    rng = np.random.default_rng(0)
    order = rng.permutation(len(X))
    X, y, test_X, test_y = X[order[:120]], y[order[:120]], X[order[120:]], y[order[120:]]

    def make() -> Any:
        model = zoo.make("mlp", random_state=0)
        if side == "zoo":
            return model
        from stock import StockNetwork

        return StockNetwork(model)

    times = []
    for _ in range(2):
        model = make()
        start = time.perf_counter()
        model.fit(X, y)
        times.append(time.perf_counter() - start)
    one = X[:1]
    predict = model.predict_proba if side == "zoo" else lambda rows: model.score(rows, y[:1])
    predict(one)
    rows = []
    for _ in range(30):
        start = time.perf_counter()
        predict(one)
        rows.append(time.perf_counter() - start)
    score = float(model.score(test_X, test_y))
    return {"first": times[0], "again": times[1], "row": float(np.median(rows)), "score": score}


def main() -> None:
    if sys.argv[1:]:
        print(json.dumps(measure(sys.argv[1])))
        return
    found: dict[str, list[dict[str, float]]] = {"zoo": [], "stock": []}
    for _ in range(REPEATS):
        for side, results in found.items():
            done = subprocess.run(
                [sys.executable, __file__, side], capture_output=True, text=True, check=True
            )
            results.append(json.loads(done.stdout.strip().splitlines()[-1]))
    rows = []
    for what, name, target in (
        ("first", "first fit of mlp on iris, compiling included", 1.0),
        ("again", "later fit of mlp on iris", 1.0),
        ("row", "one row predicted", None),
    ):
        ours, peer = (min(r[what] for r in found[side]) for side in ("zoo", "stock"))
        rows.append(
            {
                "comparison": f"{name}, against stock Keras", "ours": ours, "peer": peer,
                "unit": "s", "ratio": peer / ours, "target": target,
                "score_ours": found["zoo"][0]["score"], "score_peer": found["stock"][0]["score"],
            }
        )  # fmt: skip
        print(rows[-1], flush=True)
    record("small", rows)


if __name__ == "__main__":
    main()
