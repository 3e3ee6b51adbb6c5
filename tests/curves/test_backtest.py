"""The back-test on curves made here: its arithmetic, and that no data set teaches itself."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "backtest"


@pytest.fixture(scope="module")
def curves():
    rng = np.random.default_rng(0)
    rows = []
    for name in ("one", "two", "three"):
        for learner in ("a", "b"):
            floor, slope = rng.uniform(0, 0.1), rng.uniform(0.2, 0.6)
            for n in (2 ** (np.arange(8 * 4, 8 * 11 + 1) / 8)).round().astype(int):
                mean = floor + 1.5 * n**-slope
                noisy = mean * np.exp(rng.normal(0, 0.01))
                rows.append((name, learner, n, noisy, 0.01 * mean))
    columns = ["name", "learner", "n_train", "test_err_mean", "test_err_se"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(scope="module")
def table(curves, tmp_path_factory):
    folder = tmp_path_factory.mktemp("backtest")
    curves.to_csv(folder / "curves.csv", index=False)
    script = str(FOLDER / "backtest.py")
    command = [sys.executable, script, "curves.csv", "--out", "out", "--results", "none"]
    environment = os.environ | {"PYTHONPATH": str(FOLDER.parents[1])}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)
    return pd.read_csv(folder / "out" / "backtest.csv")


def test_the_table_has_every_method_at_every_ratio(table):
    assert set(table["method"]) == {"zoo", "last", "loglog", "pow3", "pow4", "mmf4", "wbl4"}
    assert table.groupby("ratio")["curves"].agg(set).tolist() == [{30}, {24}, {18}]


def test_on_power_laws_the_forecast_beats_the_last_value_by_far(table):
    errors = table.set_index(["method", "ratio"])["mean_abs_error"]
    assert all(errors["zoo", ratio] < 0.5 * errors["last", ratio] for ratio in (2, 4, 8))


def test_the_intervals_cover(table):
    own = table[table["method"] == "zoo"]
    assert own["coverage_90"].between(0.7, 1.0).all()
    assert (own["coverage_50"] < own["coverage_90"]).all()


def test_the_error_model_of_a_data_set_does_not_depend_on_it(curves, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import backtest

    changed = curves.copy()
    changed.loc[changed["name"] == "two", "test_err_mean"] *= np.linspace(1, 0.2, 114)
    before, after = backtest.held_out_models(curves), backtest.held_out_models(changed)
    assert before["two"].to_dict() == after["two"].to_dict()
    assert before["one"].to_dict() != after["one"].to_dict()
