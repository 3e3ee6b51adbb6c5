import math
from pathlib import Path

import pandas as pd
import pytest

from zoo.data.kept import KeptFacts
from zoo.study.design import Study, cell_of
from zoo.study.elimination import MEASURED_ERROR
from zoo.study.fit_times import FitTimes
from zoo.study.left_out import Reason, left_out
from zoo.study.next_cells import next_jobs
from zoo.study.run_history import RunHistory

ROOT = Path(__file__).parents[2]


def study(
    models=("dummy", "logistic", "lightgbm", "xgboost", "mlp"), sizes=(100, 300, 1000), named=()
):
    facts = KeptFacts(
        name="t", target="y", digest="d", task="classification", n_rows=1333, n_features=20,
        n_train=1000, n_test=333, n_replicates=10, classes=("no", "yes"),
    )  # fmt: skip
    return Study(facts=facts, metric="error_rate", models=models, sizes=sizes, named=named)


def empty_history(**options):
    return RunHistory(study=study(**options), times=FitTimes(20, 2))


def add_cells(known, model, size, losses, *, seconds=0.1):
    for replicate, loss in enumerate(losses):
        job = known.study.job(model, size, replicate)
        known.add({"key": job.key, "status": "ok", "scores": {"test": {"error_rate": loss}}})
        known.times.add(model, size, seconds)


def drain(known, *, time_left_s=1e6, most=1000):
    """Return the cells in the order in which one worker would get them."""
    order = []
    while len(order) < most and (jobs := next_jobs(known, time_left_s)):
        for job in jobs:
            known.in_flight.add(cell_of(job.key))
            order.append(cell_of(job.key))
    return order


def test_models_of_the_first_answer_come_first_then_the_cheapest():
    order = drain(empty_history())
    first = [cell.model for cell in order[:27]]
    assert set(first) == {"dummy", "logistic", "lightgbm"}
    assert [cell.replicate for cell in order[:27]] == 9 * [0] + 9 * [1] + 9 * [2]
    assert [cell.n_train for cell in order[:9]] == 3 * [100] + 3 * [300] + 3 * [1000]
    assert order[27][:2] == ("xgboost", 100)


def test_a_model_is_measured_at_a_size_only_if_the_smaller_size_has_a_score():
    known = empty_history()
    assert ("xgboost", 300, 0) not in drain(known)
    known = empty_history()
    add_cells(known, "xgboost", 100, [0.3, 0.3, 0.3])
    assert ("xgboost", 300, 0) in drain(known)


def test_networks_train_side_by_side_and_alone_if_the_time_is_too_short_for_three():
    known = empty_history(models=("dummy", "mlp"))
    add_cells(known, "mlp", 100, [0.3, 0.31, 0.3], seconds=10.0)
    for size in known.study.sizes:
        add_cells(known, "dummy", size, [0.5] * 3)
    assert len(next_jobs(known, 1e6)) == 3
    assert len(next_jobs(known, 15.0)) == 1
    assert next_jobs(known, 5.0) == []


def test_a_network_is_started_if_there_is_time_for_the_first_half_of_the_sizes():
    known = empty_history(models=("dummy", "mlp"))  # sizes of 100, 300 and 1,000 rows
    for size in known.study.sizes:
        add_cells(known, "dummy", size, [0.5] * 3)
    alone = known.times.prior_s("mlp", 100)
    assert known.times.start_s("mlp") == pytest.approx(alone, rel=0.1)  # 100 rows are hardly more
    one_start = known.times.estimate_s("mlp", 300, n_together=3)
    assert len(next_jobs(known, 1.3 * one_start)) == 3
    assert next_jobs(known, 0.9 * one_start) == []
    add_cells(known, "mlp", 100, [0.3] * 3)
    assert known.times.start_s("mlp") == 0.0


def curve(known, model, losses, *, spread=0.001):
    for size, loss in zip(known.study.sizes, losses, strict=False):
        add_cells(known, model, size, [loss, loss + spread, loss - spread])


def test_a_model_whose_forecast_stays_behind_is_left_out_and_the_reason_says_where():
    known = empty_history(models=("dummy", "logistic", "lightgbm", "xgboost", "naive_bayes"))
    curve(known, "lightgbm", [0.10, 0.06, 0.04])
    curve(known, "naive_bayes", [0.45, 0.448])
    curve(known, "xgboost", [0.11, 0.07])
    asked = {cell.model for cell in drain(known)}
    assert "xgboost" in asked
    assert "naive_bayes" not in asked
    (one,) = [one for one in left_out(known, 100.0) if one.model == "naive_bayes"]
    assert one.sizes == (1000,)
    assert one.reason is Reason.ELIMINATED
    assert one.text == (
        "eliminated: after 300 rows, where its error rate was 0.448 and that of lightgbm 0.060; to "
        "measure it with more rows, name it in --model"
    )


def test_a_model_that_the_user_named_is_measured_at_every_size_that_fits():
    models = ("dummy", "logistic", "lightgbm", "naive_bayes", "mlp")
    known = empty_history(models=models, named=("naive_bayes", "mlp"))
    curve(known, "lightgbm", [0.10, 0.06, 0.04])
    curve(known, "naive_bayes", [0.45, 0.448])
    curve(known, "mlp", [0.5, 0.5])
    asked = {cell[:2] for cell in drain(known)}
    assert {("naive_bayes", 1000), ("mlp", 1000)} <= asked
    assert not known.eliminated


def test_a_network_that_the_user_named_is_started_even_if_there_is_time_for_one_size_only():
    for named, starts in (((), False), (("mlp",), True)):
        known = empty_history(models=("dummy", "logistic", "mlp"), named=named)
        for model in ("dummy", "logistic"):
            curve(known, model, [0.5] * 3)
        alone = known.times.estimate_s("mlp", 100)
        asked = drain(known, time_left_s=1.3 * alone, most=30)
        assert (("mlp", 100) in {cell[:2] for cell in asked}) == starts


def test_a_cell_that_would_not_end_in_time_is_not_started_and_the_reason_is_given():
    known = empty_history()
    for model in ("dummy", "logistic", "lightgbm"):
        curve(known, model, [0.3, 0.25, 0.2])
    add_cells(known, "xgboost", 100, [0.28] * 3, seconds=20.0)
    assert not [cell for cell in drain(known, time_left_s=10.0) if cell.model == "xgboost"]
    found = {one.model: one for one in left_out(known, 10.0)}
    assert found["xgboost"].reason is Reason.NO_TIME
    assert found["xgboost"].text.startswith("no time: about")
    assert "10 s were left" in found["xgboost"].text
    assert "up to 300 rows" in found["mlp"].text


def test_models_with_no_significant_difference_get_more_replicates_and_others_do_not():
    known = empty_history(models=("dummy", "logistic", "lightgbm", "xgboost"))
    curve(known, "dummy", [0.5] * 3)
    for model, losses in (
        ("lightgbm", (0.200, 0.210, 0.190)),
        ("xgboost", (0.205, 0.205, 0.195)),
        ("logistic", (0.300, 0.310, 0.290)),
    ):
        for size in known.study.sizes:
            add_cells(known, model, size, losses)
    order = drain(known)
    assert {cell.model for cell in order} == {"lightgbm", "xgboost"}
    assert max(cell.replicate for cell in order if cell.n_train == 1000) == 9
    assert max(cell.replicate for cell in order if cell.n_train == 100) == 4


def test_measuring_stops_early_when_one_model_is_significantly_better():
    known = empty_history(models=("dummy", "logistic", "lightgbm"))
    curve(known, "dummy", [0.5] * 3)
    curve(known, "logistic", [0.4, 0.38, 0.37])
    curve(known, "lightgbm", [0.2, 0.12, 0.08])
    order = drain(known)
    assert max(cell.replicate for cell in order) == 4  # five replicates for its own curve, no more


def test_only_one_large_fit_runs_at_a_time_and_other_workers_get_small_ones():
    known = empty_history(models=("dummy", "logistic", "mlp"), sizes=(1000, 200_000))
    curve(known, "dummy", [0.5, 0.5])
    curve(known, "logistic", [0.4])
    add_cells(known, "mlp", 1000, [0.4] * 3)
    (large,) = next_jobs(known, 1e6)
    assert large.key["n_train"] == 200_000
    known.in_flight.add(cell_of(large.key))
    assert all(job.key["n_train"] == 1000 for job in next_jobs(known, 1e6))
    known.in_flight.clear()
    curve(known, "logistic", [0.4, 0.39])
    assert len(next_jobs(known, 1e6)) == 1  # networks of many rows do not train side by side


def test_a_model_that_fails_is_not_tried_at_larger_sizes():
    known = empty_history()
    job = known.study.job("xgboost", 100, 0)
    known.add({"key": job.key, "status": "failed", "reason": "ValueError: no way"})
    assert all(cell[:2] == ("xgboost", 100) for cell in drain(known) if cell.model == "xgboost")
    found = {one.model: one for one in left_out(known, 100.0)}
    assert found["xgboost"].reason is Reason.FAILED
    assert found["xgboost"].text == "failed: ValueError: no way"


def test_a_cell_without_the_headline_metric_counts_as_failed():
    known = empty_history()
    job = known.study.job("lightgbm", 100, 0)
    known.add({"key": job.key, "status": "ok", "scores": {"test": {"log_loss": 1.0}}})
    assert known.failed["lightgbm", 100, 0] == "it has no error_rate"
    assert math.isnan(known.mean("lightgbm", 100))


@pytest.mark.parametrize(
    ("reason", "is_resumable"),
    [(Reason.ELIMINATED, False), (Reason.FAILED, False), (Reason.TIMED_OUT, True),
     (Reason.INTERRUPTED, True), (Reason.NO_TIME, True)],
)  # fmt: skip
def test_models_without_time_are_resumable_and_eliminated_or_failed_ones_are_not(
    reason, is_resumable
):
    assert reason.is_resumable == is_resumable


def test_a_fit_that_the_deadline_stopped_and_an_interrupted_run_have_reasons_of_their_own():
    known = empty_history(models=("dummy", "xgboost", "mlp"))
    known.timed_out["xgboost"] = (300, 20.0)
    found = {one.model: one for one in left_out(known, 0.0, was_stopped=True)}
    assert found["xgboost"].reason is Reason.TIMED_OUT
    assert found["xgboost"].text == "timed out: stopped at 300 rows after 20 s"
    assert found["mlp"].reason is Reason.INTERRUPTED


def test_the_error_of_leaving_models_out_is_that_of_the_stored_measurement():
    table = pd.read_csv(ROOT / "results" / "answers" / "elimination.csv")
    gone = table[table["left_out_at"].notna()]
    assert f"left out {len(gone)} of {len(table)} models" in MEASURED_ERROR
    assert f"{gone['is_best'].sum()} of the {len(gone)} were the best" in MEASURED_ERROR
    assert f"{(~gone['differs']).sum()} did not differ significantly" in MEASURED_ERROR
