"""How often the score on rows that nobody saw lies in the interval that `zoo curve` promised.

    python benchmarks/answers/promise.py [--seeds 10] [--out results/answers]

A random fifth of a real table is held out. The rest is cleaned, split and measured as `zoo curve`
does it, with three cheap models and three replicates at the largest size. The best model is fitted
on all of the rest, saved, loaded and scored on the rows that were held out: they are as many as the
interval is for. Writes promise.csv, one row for each table and seed, and promise_by_table.csv.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from tables import tables

from zoo.bench.cell import predict_classes, run_cell
from zoo.bench.run import provenance, write_cell
from zoo.bench.store import CellWriter
from zoo.curves.aggregate import mean_interval
from zoo.curves.curveset import CurveSet
from zoo.ingest.clean_table import OwnTable
from zoo.ingest.preparing import prepare
from zoo.ingest.transforms import apply_transform
from zoo.saving import load_model
from zoo.scores import score_classes, score_numbers
from zoo.study.advice import advise
from zoo.study.answers import Best
from zoo.study.design import Study
from zoo.study.refit import fit_and_save
from zoo.study.session import keep_table, make_study

MODELS = ("logistic", "decision_tree", "lightgbm")
REPLICATES = 3


def measure(folder: Path, table: OwnTable) -> tuple[Study, CurveSet]:
    study = make_study(keep_table(table, folder), MODELS)
    writer = CellWriter(folder)
    origin = provenance("promise", 1, writer)
    for model in study.models:
        for replicate in range(REPLICATES):
            job = study.job(model, study.sizes[-1], replicate)
            write_cell(
                writer, job, run_cell(job.key, job.metrics, threads=1, folders=(folder,)), origin
            )
    writer.close()
    return study, CurveSet.from_folder(folder)


def delivered(folder: Path, study: Study, table: OwnTable, model: str, X, y) -> float:
    """Return the score of the saved model on rows that were held out."""
    path = folder / "model.zoo"
    fit_and_save(str(folder), model, str(path))
    fitted, rows = load_model(path), apply_transform(X, table.transform)
    if table.task == "regression":
        found = score_numbers(y.to_numpy(float), fitted.predict(rows), [study.metric])
    else:
        classes = np.asarray(study.facts.classes, object)
        codes = np.searchsorted(classes, y.astype(str).to_numpy(object))
        found = score_classes(codes, predict_classes(fitted, rows, classes), [study.metric])
    return found[study.metric]


def row_of(name: str, seed: int, X: pd.DataFrame, y: pd.Series) -> dict:
    order = np.random.default_rng([seed, len(X)]).permutation(len(X))
    hold, rest = order[: len(X) // 5], order[len(X) // 5 :]
    table = prepare(X.iloc[rest], y.iloc[rest], name=name)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        study, curves = measure(folder, table)
        facts = study.facts
        advice = advise(curves, n_rows=facts.n_rows, n_test=facts.n_test, n_train=facts.n_train)
        best: Best = advice.best
        X_hold, y_hold = (part.iloc[hold].reset_index(drop=True) for part in (X, y))
        score = delivered(folder, study, table, best.model, X_hold, y_hold)
    scores = curves.scores.loc[curves.scores["model"] == best.model, "score"]
    _, low, high = mean_interval(scores)  # over the splits only
    return {
        "table": name, "seed": seed, "rows": len(rest), "metric": study.metric,
        "model": best.model, "score": best.score, "low": best.low, "high": best.high,
        "new_rows": best.n_new, "held_out_rows": len(hold), "held_out": score,
        "is_inside": bool(best.low <= score <= best.high),
        "is_inside_splits_only": bool(low <= score <= high),
    }  # fmt: skip


def rows(n_seeds: int) -> Iterator[dict]:
    for seed in range(n_seeds):
        for name, X, y in tables():
            row = row_of(name, seed, X, y)
            print(" ".join(f"{value:.4g}" if isinstance(value, float) else str(value)
                           for value in row.values()), flush=True)  # fmt: skip
            yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("results/answers"))
    options = parser.parse_args()
    found = pd.DataFrame(rows(options.seeds))
    options.out.mkdir(parents=True, exist_ok=True)
    write = {"index": False, "float_format": "%.5g", "lineterminator": "\n"}
    found.to_csv(options.out / "promise.csv", **write)
    inside = ["is_inside", "is_inside_splits_only"]
    by_table = found.groupby(["table", "metric"], as_index=False)[inside].mean()
    by_table.to_csv(options.out / "promise_by_table.csv", **write)
    print(by_table.to_string(index=False))
    print(found[inside].mean().to_string())


if __name__ == "__main__":
    main()
