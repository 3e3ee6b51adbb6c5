import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.study.tables import churn, measured_folder
from tests.study.test_next_cells import add_cells, empty_history
from zoo.ingest.preparing import prepare
from zoo.saving import load_model
from zoo.study.delivery import Delivery
from zoo.study.measuring import history_of
from zoo.study.refit import Failure
from zoo.study.resources import open_pool
from zoo.study.session import Options, keep_table, make_study, run_study

MODELS = ("dummy", "logistic", "lightgbm", "xgboost", "mlp")


def delivery(losses, seconds, *, budget_s=100.0, busy=1.0):
    """Return a delivery after each model was measured at 1,000 rows, in so many seconds a fit."""
    known = empty_history(models=MODELS)
    for model, loss in losses.items():
        add_cells(known, model, 1000, [loss] * 3, seconds=seconds[model])
    return Delivery(known, Path("m.zoo"), budget_s=budget_s, deadline=0.0, busy=busy)


LOSSES = {"logistic": 0.3, "lightgbm": 0.2, "mlp": 0.1}
SECONDS = {"logistic": 0.1, "lightgbm": 2.0, "mlp": 60.0}


def test_the_best_model_that_there_is_time_for_is_chosen():
    asked = delivery(LOSSES, SECONDS)
    assert [asked.choose(left) for left in (300.0, 30.0, 7.0, 1.0)] == [
        "mlp", "lightgbm", "logistic", None,
    ]  # fmt: skip


def test_a_model_is_saved_before_slow_ones_and_only_once():
    asked = delivery(LOSSES, SECONDS)
    assert asked.choose_in_advance(60.0) == "lightgbm"
    assert asked.choose_in_advance(20.0) == "logistic"
    assert asked.choose_in_advance(1.0) is None
    asked.add("logistic", None)
    assert asked.choose_in_advance(60.0) is None
    assert asked.choose(30.0) == "lightgbm"  # at the end, a better one replaces it


def test_time_is_reserved_for_the_refit_until_the_best_model_is_saved():
    assert delivery({}, {}).reserve_s(60.0) == 0.0
    asked = delivery(LOSSES, SECONDS, budget_s=60.0)
    assert asked.reserve_s(60.0) == asked.refit_s("lightgbm")  # the best takes over half of it
    asked.add("lightgbm", None)
    assert asked.reserve_s(60.0) == 0.0
    asked.budget_s = 600.0
    assert asked.reserve_s(300.0) == asked.refit_s("mlp")
    asked.add("mlp", None)
    assert asked.reserve_s(300.0) == 0.0


def test_on_a_busy_machine_more_time_is_reserved():
    calm, busy = (delivery(LOSSES, SECONDS, busy=busy) for busy in (1.0, 4.0))
    assert busy.refit_s("logistic") > calm.refit_s("logistic") + 5.0


def test_when_no_time_is_left_a_cheap_model_is_fitted_nevertheless_and_that_is_said():
    asked = delivery(LOSSES, SECONDS)
    assert asked.choose(0.0) is None
    assert asked.choose_over_budget() == "logistic"
    asked.add("logistic", None)
    asked.is_over_budget = True
    assert asked.choose_over_budget() is None
    found = asked.outcome(0.0)
    assert (found.model, found.error) == ("logistic", None)
    assert "mlp has the best score, but a fit on all rows may take" in found.note
    assert "the budget was exceeded so that a model is saved" in found.note


def test_a_cheap_model_that_the_deadline_stopped_is_tried_once_more_without_it():
    asked = delivery({"logistic": 0.2, "lightgbm": 0.3}, {"logistic": 0.1, "lightgbm": 0.2})
    late = Failure("the time was up", is_late=True)
    asked.add("logistic", late)
    assert asked.choose(9.0) == "lightgbm"
    asked.add("lightgbm", late)
    assert asked.choose(9.0) is None
    assert asked.choose_over_budget() == "logistic"
    asked.add("logistic", late)
    assert asked.choose_over_budget() == "lightgbm"
    asked.add("lightgbm", late)
    assert asked.choose_over_budget() is None
    assert "time was up" in asked.outcome(0.0).error


def test_a_worker_that_has_fitted_before_needs_no_time_to_start():
    asked = delivery(LOSSES, SECONDS, busy=4.0)
    assert asked.choose(18.0) is None
    assert asked.choose(18.0, is_warm=True) == "lightgbm"


def test_a_model_that_cannot_be_fitted_on_all_rows_is_replaced_by_the_next_best():
    asked = delivery(LOSSES, SECONDS)
    asked.add("mlp", Failure("RuntimeError: no way"))
    assert asked.choose(300.0) == "lightgbm"
    asked.add("lightgbm", None)
    assert asked.choose(300.0) is None
    found = asked.outcome(200.0)
    assert found.model == "lightgbm"
    assert found.note == "mlp has the best score, but RuntimeError: no way"


def test_if_every_fit_on_all_rows_fails_the_reason_is_given_in_one_line():
    asked = delivery(LOSSES, SECONDS)
    for model in LOSSES:
        asked.add(model, Failure("OSError: the disk is full"))
    assert asked.choose(300.0) is None
    assert asked.choose_over_budget() is None
    found = asked.outcome(200.0)
    assert found.error == "mlp has the best score, but OSError: the disk is full"


def test_ctrl_c_keeps_what_was_saved_in_advance():
    asked = delivery(LOSSES, SECONDS)
    asked.add("lightgbm", None)
    asked.stop()
    found = asked.outcome(50.0)
    assert (found.model, found.error) == ("lightgbm", None)
    assert "was stopped by Ctrl-C" in found.note
    asked.add("mlp", None)
    assert asked.outcome(50.0).note is None


def run(folder, X, y, models, path, *, budget_s, spent_s=0.0):
    """Run a study that began some seconds ago and saves a model, and return its result."""
    options = Options(budget_s=budget_s, models=models, n_workers=2, save_model=path)
    study = make_study(keep_table(prepare(X, y, name="churn"), folder), models)
    with closing(open_pool(folder, n_workers=2, budget_s=budget_s, models=models)) as pool:
        started = time.monotonic() - spent_s
        return run_study(study, folder, pool, options, started=started, say=lambda line, _: None)


@pytest.mark.slow
def test_a_network_that_the_time_limit_stops_does_not_cost_the_saved_model(
    tmp_path, foreign_models
):
    X, y = churn(600)
    models = ("logistic", "decision_tree", "sleeps_late")
    result = run(tmp_path / "out", X, y, models, tmp_path / "m.zoo", budget_s=16.0)
    assert "sleeps_late" in {one.model for one in result.outcome.left_out}
    assert result.refit.error is None
    assert len(load_model(tmp_path / "m.zoo").predict(X)) == 600


@pytest.mark.slow
def test_the_next_best_model_is_saved_if_the_best_one_hangs_on_all_rows(tmp_path, foreign_models):
    X, y = churn(400)
    models = ("decision_tree", "hangs_on_all")
    result = run(tmp_path / "out", X, y, models, tmp_path / "m.zoo", budget_s=25.0)
    assert result.refit.error is None
    assert result.refit.model == "decision_tree"
    assert result.refit.note.startswith("hangs_on_all has the best score, but the time was up")
    assert len(load_model(tmp_path / "m.zoo").predict(X)) == 400


@pytest.mark.slow
def test_a_budget_that_is_used_up_still_gives_a_model(tmp_path):
    X, y = churn()
    out, path = tmp_path / "out", tmp_path / "m.zoo"
    study = measured_folder(out, X, y, ("logistic", "decision_tree"), n_replicates=1)
    assert history_of(study, out)[0].ranking()
    models = ("logistic", "decision_tree")
    result = run(out, X, y, models, path, budget_s=60.0, spent_s=60.0)
    assert result.refit.error is None
    assert "the budget was exceeded" in result.refit.note
    assert path.is_file()
