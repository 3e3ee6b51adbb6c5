import gc
import math
import time
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

import zoo
from tests.study.tables import churn, measured_folder, price
from zoo.bench.store import read
from zoo.errors import DataError, StoreError
from zoo.ingest.preparing import prepare
from zoo.saving import load_model, load_table
from zoo.study.left_out import Reason
from zoo.study.measuring import Measuring, history_of
from zoo.study.page import advice_of
from zoo.study.resources import open_pool
from zoo.study.session import keep_table, load_state, make_study

LIGHT = ["logistic", "decision_tree"]


def scores_of(folder):
    return {
        (cell["key"]["model"], cell["key"]["n_train"], cell["key"]["replicate"]): cell["scores"]
        for cell in read(folder).cells
    }


def test_cells_of_the_study_in_a_folder_are_reused_and_others_are_not(tmp_path):
    X, y = churn()
    study = measured_folder(tmp_path, X, y, LIGHT, n_replicates=2)
    history, count = history_of(study, tmp_path)
    assert count == 3 * len(study.sizes) * 2
    assert history.mean("logistic", study.sizes[-1]) < history.mean("dummy", study.sizes[-1])
    assert history.times.has_measured("decision_tree")
    other = make_study(study.facts, ["xgboost"])
    history, count = history_of(other, tmp_path)
    assert count == len(study.sizes) * 2  # of the dummy
    assert not history.times.has_measured("logistic")


@pytest.mark.parametrize("make", [churn, price])
def test_cells_store_the_standard_error_of_each_test_score_and_the_promise_rests_on_it(
    tmp_path, make
):
    X, y = make(200)
    study = measured_folder(tmp_path, X, y, ["decision_tree"], n_replicates=1)
    for cell in read(tmp_path).cells:
        assert cell["score_errors"].keys() == cell["scores"]["test"].keys()
        assert all(error >= 0 for error in cell["score_errors"].values())
    best = advice_of(tmp_path).best
    assert best.replicates == 1
    assert best.low < best.score < best.high
    assert best.n_new == study.facts.n_test


def test_a_changed_table_sets_earlier_results_aside(tmp_path):
    X, y = churn()
    study = measured_folder(tmp_path, X, y, LIGHT, n_replicates=1)
    same = keep_table(prepare(X, y, name="churn"), tmp_path)
    assert same == study.facts
    assert len(read(tmp_path).cells) == 3 * len(study.sizes)
    lines = []
    X.loc[0, "a"] = 9.0
    changed = keep_table(prepare(X, y, name="churn"), tmp_path, lambda line, _: lines.append(line))
    assert changed.digest != study.facts.digest
    assert read(tmp_path).cells == []
    assert len(read(tmp_path / "earlier-1").cells) == 3 * len(study.sizes)
    assert "earlier-1" in lines[0]


def test_a_folder_without_results_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    X, y = churn(60)
    with pytest.raises(StoreError, match="is not a results folder"):
        keep_table(prepare(X, y), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.slow
def test_a_learning_curve_in_python_answers_stops_early_and_resumes(tmp_path):
    X, y = churn(500)
    started = time.monotonic()
    found = zoo.learning_curve(X, y, LIGHT, budget="10m", out=tmp_path / "out", n_workers=1)
    assert time.monotonic() - started < 300
    frame = found.frame()
    assert set(frame["model"]) == {"dummy", *LIGHT}
    assert set(frame["n_train"]) == {93, 187, 375} or set(frame["n_train"]) == {100, 375}
    advice = found.advice()
    assert advice.best.model in LIGHT
    assert "Best model: " in str(advice)
    assert found.plot().axes[0].get_xlabel() == "training rows"
    page = found.report(tmp_path / "elsewhere")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    before = scores_of(tmp_path / "out")
    again = zoo.learning_curve(X, y, LIGHT, budget="10m", out=tmp_path / "out", n_workers=1)
    assert again.result.outcome.n_measured == 0
    assert again.result.outcome.n_kept == len(before)
    assert scores_of(tmp_path / "out") == before


@pytest.mark.slow
def test_regression_on_arrays_answers_and_its_temporary_folder_goes_with_the_object():
    X, y = price(200)
    found = zoo.learning_curve(
        X.to_numpy()[:, :4], y.to_numpy(), ["decision_tree"], budget="2m", n_workers=1
    )
    advice = found.advice()
    assert advice.metric in ("rmse", "mae", "r2")
    assert advice.best.score < advice.best.baseline
    folder = found.folder
    assert folder.is_dir()
    del found
    gc.collect()
    assert not folder.exists()


@pytest.mark.slow
def test_a_model_that_overruns_is_killed_one_that_fails_is_listed_and_the_rest_is_reported(
    tmp_path, foreign_models
):
    X, y = churn(600)
    out, started = tmp_path / "out", time.monotonic()
    models = ["logistic", "raises_late", "sleeps_late"]
    found = zoo.learning_curve(X, y, models, budget="20s", out=out, n_workers=2)
    assert time.monotonic() - started < 24
    left = {one.model: one for one in found.result.outcome.left_out}
    assert left["raises_late"].text == "failed: RuntimeError: no way"
    assert left["sleeps_late"].reason is Reason.TIMED_OUT
    assert found.advice().best.model == "logistic"
    stored = {cell["status"] for cell in read(out).cells if cell["key"]["model"] == "sleeps_late"}
    assert stored == {"ok"}  # what the deadline stopped is no result, and is tried again
    assert tuple(load_state(out)["left_out"]) == found.result.outcome.left_out


@pytest.mark.slow
def test_running_fits_end_earlier_when_the_reserve_for_what_follows_grows(tmp_path, foreign_models):
    X, y = churn(600)
    out = tmp_path / "out"
    measured_folder(out, X, y, ["logistic"])
    study = make_study(keep_table(prepare(X, y, name="churn"), out), ["logistic", "sleeps_late"])
    with closing(open_pool(out, n_workers=2, budget_s=300.0)) as pool:
        started = time.monotonic()
        history, _ = history_of(study, out)
        measuring = Measuring(
            history, pool, out, end=started + 200, started=started,
            reserve_s=lambda known: 0.0 if time.monotonic() < started + 5 else 192.0,
            say=lambda line, is_answer: None,
        )  # fmt: skip
        outcome = measuring.run(0)
    assert 7 < time.monotonic() - started < 40
    assert history.leader()[0] == "logistic"
    assert "sleeps_late" in {one.model for one in outcome.left_out}


@pytest.mark.slow
def test_a_worker_fits_the_best_model_on_all_rows_and_saves_it_with_its_transform_spec(tmp_path):
    X, y = churn()
    out = tmp_path / "out"
    study = measured_folder(out, X, y, LIGHT, n_replicates=1)
    with closing(open_pool(out, n_workers=1, budget_s=100.0)) as pool:
        history, _ = history_of(study, out)
        measuring = Measuring(
            history, pool, out, end=math.inf, started=0.0,
            reserve_s=lambda known: 0.0, say=lambda line, is_answer: None,
        )  # fmt: skip
        deadline = time.monotonic() + 100
        assert measuring.refit("logistic", tmp_path / "m.zoo", deadline=deadline) is None
        wrong = measuring.refit("logistic", tmp_path / "no" / "m.zoo", deadline=deadline)
        late = measuring.refit("logistic", tmp_path / "late.zoo", deadline=time.monotonic())
    table = prepare(X, y, name="churn")
    alone = zoo.make("logistic").fit(table.X, table.y)
    again = load_model(tmp_path / "m.zoo")
    np.testing.assert_array_equal(again.predict_proba(table.X), alone.predict_proba(table.X))
    kept = load_table(tmp_path / "m.zoo")
    assert (kept["target"], kept["n_rows"], kept["transform"]) == ("churn", len(X), table.transform)
    assert late is not None
    assert late.is_late
    assert not (tmp_path / "late.zoo").exists()
    assert wrong is not None
    assert "cannot be written" in wrong.reason


def test_a_model_saved_without_a_table_loads_and_has_none(tmp_path):
    X, y = churn(60)
    zoo.make("decision_tree").fit(X, y).save(tmp_path / "m.zoo")
    assert load_table(tmp_path / "m.zoo") is None
    assert len(load_model(tmp_path / "m.zoo").predict(X)) == 60


def test_a_target_of_too_few_rows_is_refused_before_anything_is_written(tmp_path):
    X, y = churn(12)
    with pytest.raises(DataError):
        zoo.learning_curve(X, y, models=LIGHT, budget="20s", out=tmp_path / "out")
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_groups_and_times_reach_the_splits(tmp_path):
    X, y = churn(200)
    groups = pd.Series(np.arange(200) // 10)
    facts = keep_table(prepare(X, y, groups=groups), tmp_path)
    from zoo.data.kept import read_split

    split = read_split(tmp_path, 0)
    assert facts.about["has_groups"]
    assert not set(groups[split.test]) & set(groups[split.train])
