"""Fits one model, or its peer, on some seeds of one data set; prints one JSON line per fit.

It uses one core and one thread. Times are CPU seconds, which other processes disturb least.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")


def make_ours(name: str, seed: int) -> Any:
    import zoo
    import zoo.training.program  # imports TensorFlow before the clock starts, as for the peers

    return zoo.make(name, random_state=seed)


def make_peer(name: str, seed: int, X: Any) -> Any:
    """Return the peer behind an imputer: it does not accept missing values in numbers."""
    import torch
    from cases import PEERS
    from pytabkit.models.sklearn import sklearn_interfaces
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    torch.set_num_threads(1)
    peer = getattr(sklearn_interfaces, PEERS[name])(random_state=seed, n_threads=1, device="cpu")
    filled = make_column_transformer(
        (SimpleImputer(strategy="median", add_indicator=True), make_column_selector(
            dtype_include="number")),
        remainder="passthrough", verbose_feature_names_out=False,
    ).set_output(transform="pandas")  # fmt: skip
    return make_pipeline(filled, peer)


def as_categories(X: Any) -> Any:
    """Return text and boolean columns as categories of integers, as the peers need them."""
    import pandas as pd

    X = X.copy()
    for name in X.columns:
        if not pd.api.types.is_numeric_dtype(X[name]) or pd.api.types.is_bool_dtype(X[name]):
            categories = sorted(X[name].dropna().astype(str).unique())
            codes = X[name].astype(object).map(str, na_action="ignore")
            codes = codes.map({category: code for code, category in enumerate(categories)})
            X[name] = codes.fillna(-1).astype(int).astype("category")
    return X


def scores_of(model: Any, X: Any, y: Any) -> dict[str, float]:
    import numpy as np

    from zoo.scores import ClassPrediction, score_classes

    probabilities = np.asarray(model.predict_proba(X), np.float64)
    prediction = ClassPrediction(probabilities.argmax(axis=1), probabilities, is_probability=True)
    return score_classes(y, prediction, ("accuracy", "roc_auc", "log_loss"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", choices=("ours", "peer"), required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--n-train", type=int)
    parser.add_argument("--seed", type=int, action="append", required=True)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--adult", type=Path)
    chosen = parser.parse_args()
    os.sched_setaffinity(0, {chosen.core})
    import pandas as pd
    from cases import load_part

    from zoo.bench.environment import describe_environment

    adult = chosen.adult and chosen.adult.resolve()
    os.chdir(tempfile.mkdtemp())  # some peers write their weights to the working directory
    for seed in chosen.seed:
        part = load_part(chosen.dataset, chosen.n_train, seed, adult)
        X, X_test = part.X, part.X_test
        if chosen.side == "peer":
            both = as_categories(pd.concat([X, X_test]))
            X, X_test = both.iloc[: len(X)], both.iloc[len(X) :]
            model = make_peer(chosen.model, seed, X)
        else:
            model = make_ours(chosen.model, seed)
        start, wall = time.process_time(), time.perf_counter()
        model.fit(X, part.y)
        cell = {
            "dataset": chosen.dataset, "model": chosen.model, "n_train": len(X),
            "side": chosen.side, "seed": seed, "metric": part.metric,
            "machine": describe_environment()["machine"],
            "fit_s": round(time.process_time() - start, 3),
            "wall_s": round(time.perf_counter() - wall, 3),
            "scores": scores_of(model, X_test, part.y_test),
        }  # fmt: skip
        if chosen.side == "ours":
            import zoo

            cell["version"] = zoo.registry.spec(chosen.model).version
            cell["n_epochs"] = model.n_epochs_
        print(json.dumps(cell), flush=True)


if __name__ == "__main__":
    main()
