"""Small tables, and results folders of them that are measured in this process."""

import numpy as np
import pandas as pd

from zoo.bench.cell import run_cell
from zoo.bench.run import provenance, write_cell
from zoo.bench.store import CellWriter
from zoo.ingest.preparing import prepare
from zoo.study.session import keep_table, make_study


def churn(n_rows=400, seed=0):
    """Return numbers, a category and missing values, and a target that depends on some of them."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n_rows, 4)).round(3), columns=["a", "b", "c", "d"])
    X["plan"] = rng.choice(["basic", "gold", "trial"], n_rows)
    lean = 1.5 * X["a"] - X["b"] + (X["plan"] == "trial") + rng.normal(0, 0.7, n_rows)
    X.loc[rng.random(n_rows) < 0.05, "c"] = np.nan
    return X, pd.Series(np.where(lean > 0, "yes", "no"), name="churn")


def price(n_rows=400, seed=0):
    """Return a table whose target is a number."""
    X, _ = churn(n_rows, seed)
    noise = np.random.default_rng(seed + 1).normal(0, 0.3, n_rows)
    return X, pd.Series(2 * X["a"] - X["b"] + noise, name="price")


def measured_folder(folder, X, y, models=("logistic", "decision_tree"), *, n_replicates=3):
    """Measure all cells of a table into a folder and return its study."""
    study = make_study(keep_table(prepare(X, y, name="churn"), folder), models)
    writer = CellWriter(folder)
    origin = provenance("own table", 1, writer)
    for model in study.models:
        for size in study.sizes:
            for replicate in range(n_replicates):
                job = study.job(model, size, replicate)
                answer = run_cell(job.key, job.metrics, threads=1, folders=(folder,))
                write_cell(writer, job, answer, {**origin, "job_s": 0.1, "job_cells": 1})
    writer.close()
    return study
