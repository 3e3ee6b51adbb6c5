import math

import pytest

from zoo.data.kept import KeptFacts
from zoo.errors import DataError, DefinitionError, ZooError
from zoo.study.budget import parse_budget, round_seconds
from zoo.study.candidates import Study, models_for, sizes_for
from zoo.study.choose import Ledger, left_out, next_jobs
from zoo.study.pace import Pace


def study(models=("dummy", "logistic", "lightgbm", "xgboost", "mlp"), sizes=(100, 300, 1000)):
    facts = KeptFacts(
        name="t", target="y", digest="d", task="classification", n_rows=1333, n_features=20,
        n_train=1000, n_test=333, n_replicates=10, classes=("no", "yes"),
    )  # fmt: skip
    return Study(facts=facts, metric="error_rate", models=models, sizes=sizes)


def ledger(**options):
    return Ledger(study=study(**options), pace=Pace(20, 2))


def note(known, model, size, losses, *, seconds=0.1):
    for replicate, loss in enumerate(losses):
        job = known.study.job(model, size, replicate)
        known.take({"key": job.key, "status": "ok", "scores": {"test": {"error_rate": loss}}})
        known.pace.learn(model, size, seconds)


def drain(known, *, time_left_s=1e6, most=1000):
    """Return the cells in the order in which one worker would get them."""
    order = []
    while len(order) < most and (jobs := next_jobs(known, time_left_s)):
        for job in jobs:
            place = job.key["model"], job.key["n_train"], job.key["replicate"]
            known.in_flight.add(place)
            order.append(place)
    return order


@pytest.mark.parametrize(
    ("n_train", "n_classes", "sizes"),
    [
        (3750, 0, (100, 300, 1000, 3750)),
        (4600, 2, (100, 300, 1000, 3000, 4600)),
        (400, 2, (100, 400)),
        (67, 2, (16, 33, 67)),
        (30, 2, (15, 30)),
        (1000, 150, (300, 1000)),
        (295_000, 2, (1000, 3000, 10_000, 30_000, 100_000, 295_000)),
    ],
)
def test_sizes_grow_to_all_rows_and_hold_each_class(n_train, n_classes, sizes):
    assert sizes_for(n_train, n_classes) == sizes


def test_too_few_rows_are_refused():
    with pytest.raises(DataError, match="7 rows are left to train on, and 10 are the least"):
        sizes_for(7)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), (" 0.5H ", 1800)]
)
def test_a_budget_is_read_as_people_write_it(text, seconds):
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["10", "ten", "", "5 parsecs", "-3m", "5s"])
def test_a_budget_that_is_none_says_how_to_write_it(text):
    with pytest.raises(ZooError, match="--budget expects"):
        parse_budget(text)


def test_times_are_said_in_words():
    said = [round_seconds(s) for s in (0.034, 4.2, 61.0, 150.0, 1800.0, 7200.0)]
    assert said == ["0.034 s", "4.2 s", "61 s", "2.5 min", "30 min", "2 h"]


def test_models_are_checked_before_anything_is_measured():
    assert "cnn" in models_for("classification", is_images=True)
    assert models_for("regression", chosen=["xgboost"]) == ("dummy", "xgboost")
    with pytest.raises(DefinitionError, match="did you mean 'xgboost'"):
        models_for("regression", chosen=["xgbost"])
    with pytest.raises(DataError, match="'naive_bayes' does not do regression"):
        models_for("regression", chosen=["naive_bayes"])
    with pytest.raises(DataError, match="'cnn' takes pictures only"):
        models_for("classification", chosen=["cnn"])


def test_pace_goes_by_the_power_law_of_what_was_measured():
    pace = Pace(20, 2)
    guess = pace.estimate_s("svm_rbf", 10_000)
    for size, seconds in ((1000, 1.0), (2000, 8.0)):  # cubic, steeper than the prior
        pace.learn("svm_rbf", size, seconds)
    assert pace.estimate_s("svm_rbf", 4000) == pytest.approx(8.0 * 2**2)  # the steepest allowed
    assert pace.estimate_s("svm_rbf", 1000) == 1.0
    assert guess == pace.prior_s("svm_rbf", 10_000)


def test_fits_of_a_moment_tell_nothing_of_the_power():
    pace = Pace(20, 2)
    for size, seconds in ((100, 0.02), (300, 0.3)):
        pace.learn("logistic", size, seconds)
    assert pace.estimate_s("logistic", 3000) < 1.0


def test_networks_side_by_side_take_less_than_one_after_another():
    pace = Pace(20, 2)
    pace.learn("mlp", 1000, 11.0, n_together=3)
    assert pace.estimate_s("mlp", 1000, n_together=3) == pytest.approx(11.0)
    assert pace.estimate_s("mlp", 1000) < 11.0 < 3 * pace.estimate_s("mlp", 1000)


def test_the_models_of_the_first_answer_come_first_then_the_cheap_ones():
    order = drain(ledger())
    first = [place[0] for place in order[:27]]
    assert set(first) == {"dummy", "logistic", "lightgbm"}
    assert [place[2] for place in order[:27]] == 9 * [0] + 9 * [1] + 9 * [2]
    assert [place[1] for place in order[:9]] == 3 * [100] + 3 * [300] + 3 * [1000]
    assert order[27][:2] == ("xgboost", 100)


def test_a_model_climbs_only_when_its_smaller_size_has_a_score():
    known = ledger()
    assert ("xgboost", 300, 0) not in drain(known)
    known = ledger()
    note(known, "xgboost", 100, [0.3, 0.3, 0.3])
    assert ("xgboost", 300, 0) in drain(known)


def test_networks_train_side_by_side_and_a_lone_one_where_three_do_not_fit():
    known = ledger(models=("dummy", "mlp"))
    note(known, "mlp", 100, [0.3, 0.31, 0.3], seconds=10.0)
    for size in known.study.sizes:
        note(known, "dummy", size, [0.5] * 3)
    assert len(next_jobs(known, 1e6)) == 3
    assert len(next_jobs(known, 15.0)) == 1
    assert next_jobs(known, 5.0) == []


def test_a_network_is_begun_where_one_start_and_its_sizes_up_to_the_middle_fit():
    known = ledger(models=("dummy", "mlp"))  # sizes of 100, 300 and 1,000 rows
    for size in known.study.sizes:
        note(known, "dummy", size, [0.5] * 3)
    alone = known.pace.prior_s("mlp", 100)
    assert known.pace.start_s("mlp") == pytest.approx(alone, rel=0.1)  # 100 rows are hardly more
    one_start = known.pace.estimate_s("mlp", 300, n_together=3)
    assert len(next_jobs(known, 1.3 * one_start)) == 3
    assert next_jobs(known, 0.9 * one_start) == []
    note(known, "mlp", 100, [0.3] * 3)
    assert known.pace.start_s("mlp") == 0.0


def curve(known, model, losses, *, spread=0.001):
    for size, loss in zip(known.study.sizes, losses, strict=False):
        note(known, model, size, [loss, loss + spread, loss - spread])


def test_a_model_that_is_surely_beaten_is_stopped_and_it_is_said_by_whom():
    known = ledger(models=("dummy", "logistic", "lightgbm", "xgboost", "naive_bayes"))
    curve(known, "lightgbm", [0.10, 0.06, 0.04])
    curve(known, "naive_bayes", [0.45, 0.448])
    curve(known, "xgboost", [0.11, 0.07])
    asked = {place[0] for place in drain(known)}
    assert "xgboost" in asked
    assert "naive_bayes" not in asked
    (one,) = [one for one in left_out(known, 100.0) if one.model == "naive_bayes"]
    assert one.sizes == (1000,)
    assert "surely beaten" in one.reason
    assert "lightgbm" in one.reason


def test_no_cell_is_started_that_would_not_end_in_time_and_it_is_said_why():
    known = ledger()
    for model in ("dummy", "logistic", "lightgbm"):
        curve(known, model, [0.3, 0.25, 0.2])
    note(known, "xgboost", 100, [0.28] * 3, seconds=20.0)
    assert not [place for place in drain(known, time_left_s=10.0) if place[0] == "xgboost"]
    reasons = {one.model: one.reason for one in left_out(known, 10.0)}
    assert reasons["xgboost"].startswith("no time: about")
    assert "10 s were left" in reasons["xgboost"]
    assert "up to 300 rows" in reasons["mlp"]


def test_close_models_get_more_draws_and_those_told_apart_do_not():
    known = ledger(models=("dummy", "logistic", "lightgbm", "xgboost"))
    curve(known, "dummy", [0.5] * 3)
    for model, losses in (
        ("lightgbm", (0.200, 0.210, 0.190)),
        ("xgboost", (0.205, 0.205, 0.195)),
        ("logistic", (0.300, 0.310, 0.290)),
    ):
        for size in known.study.sizes:
            note(known, model, size, losses)
    order = drain(known)
    assert {place[0] for place in order} == {"lightgbm", "xgboost"}
    assert max(place[2] for place in order if place[1] == 1000) == 9
    assert max(place[2] for place in order if place[1] == 100) == 4


def test_when_one_model_is_ahead_for_sure_it_stops_early():
    known = ledger(models=("dummy", "logistic", "lightgbm"))
    curve(known, "dummy", [0.5] * 3)
    curve(known, "logistic", [0.4, 0.38, 0.37])
    curve(known, "lightgbm", [0.2, 0.12, 0.08])
    order = drain(known)
    assert max(place[2] for place in order) == 4  # a second wave for its own curve, no more


def test_only_one_fit_of_many_rows_is_made_at_a_time_and_other_workers_do_small_ones():
    known = ledger(models=("dummy", "logistic", "mlp"), sizes=(1000, 200_000))
    curve(known, "dummy", [0.5, 0.5])
    curve(known, "logistic", [0.4])
    note(known, "mlp", 1000, [0.4] * 3)
    (large,) = next_jobs(known, 1e6)
    assert large.key["n_train"] == 200_000
    known.in_flight.add((large.key["model"], 200_000, large.key["replicate"]))
    assert all(job.key["n_train"] == 1000 for job in next_jobs(known, 1e6))
    known.in_flight.clear()
    curve(known, "logistic", [0.4, 0.39])
    assert len(next_jobs(known, 1e6)) == 1  # networks of many rows do not train side by side


def test_a_model_that_fails_is_not_tried_at_larger_sizes():
    known = ledger()
    job = known.study.job("xgboost", 100, 0)
    known.take({"key": job.key, "status": "failed", "reason": "ValueError: no way"})
    assert all(place[:2] == ("xgboost", 100) for place in drain(known) if place[0] == "xgboost")
    reasons = {one.model: one.reason for one in left_out(known, 100.0)}
    assert reasons["xgboost"] == "it failed: ValueError: no way"


def test_a_metric_that_a_model_does_not_have_is_no_score():
    known = ledger()
    job = known.study.job("lightgbm", 100, 0)
    known.take({"key": job.key, "status": "ok", "scores": {"test": {"log_loss": 1.0}}})
    assert known.failed["lightgbm", 100, 0] == "it has no error_rate"
    assert math.isnan(known.mean("lightgbm", 100))
