"""The back-test on generated curves; no error model is tested on its own training data."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from zoo.curves.error_model import shipped_datasets, shipped_error_model

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


def test_on_power_laws_the_forecast_is_far_better_than_the_last_value(table):
    errors = table.set_index(["method", "ratio"])["mean_abs_error"]
    assert all(errors["zoo", ratio] < 0.5 * errors["last", ratio] for ratio in (2, 4, 8))


def test_the_intervals_have_the_stated_coverage(table):
    own = table[table["method"] == "zoo"]
    assert own["coverage_90"].between(0.7, 1.0).all()
    assert (own["coverage_50"] < own["coverage_90"]).all()


@pytest.fixture
def backtest(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("backtest")


def test_the_shipped_model_is_tested_on_data_sets_that_it_was_not_learned_on(curves, backtest):
    shipped = shipped_error_model().to_dict()
    assert [model.to_dict() for model in backtest.models_without_own_data(curves).values()] == [
        shipped
    ] * 3


def test_a_data_set_of_the_shipped_model_gets_one_learned_without_it(curves, backtest):
    names = dict(zip(("one", "two", "three"), shipped_datasets(), strict=False))
    renamed = curves.assign(name=curves["name"].map(names))
    more = renamed[renamed["name"] == names["one"]].assign(name="unknown")
    before = pd.concat([renamed, more])
    after = before.copy()
    here = after["name"] == names["two"]
    after.loc[here, "test_err_mean"] *= np.linspace(1, 0.2, here.sum())
    first, second = (
        backtest.models_without_own_data(before),
        backtest.models_without_own_data(after),
    )
    assert first[names["two"]].to_dict() == second[names["two"]].to_dict()
    assert first[names["one"]].to_dict() != second[names["one"]].to_dict()
    assert first["unknown"] is shipped_error_model()


def test_a_file_without_the_columns_is_refused(tmp_path, backtest):
    (tmp_path / "x.csv").write_text("name,learner\na,b\n")
    with pytest.raises(SystemExit, match="missing"):
        backtest.read_curves(tmp_path / "x.csv")


def test_missing_and_perfect_anchors_give_finite_errors(curves, backtest):
    holed = curves[curves["name"] == "one"].copy()
    holed.loc[holed.index[::7], "test_err_mean"] = np.nan
    holed.loc[holed["learner"] == "b", "test_err_mean"] = 0.0
    holed["test_err_se"] = np.nan
    parts = list(backtest.segments(holed.dropna(subset=["test_err_mean"])))
    assert {part.learner for part in parts} == {"a"}
    rows = [row for part in parts for row in backtest.forecast_rows(part, shipped_error_model())]
    assert np.isfinite([row["error"] for row in rows]).all()


def test_crossovers_need_both_learners(curves, backtest):
    table = backtest.crossovers(curves, "a", "b")
    assert table["dataset"].tolist() == ["one", "three", "two"]
    assert set(table["kind"]) <= {"within", "always", "forecast", "none"}
    assert backtest.crossovers(curves, "a", "nobody").empty
