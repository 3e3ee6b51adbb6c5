import numpy as np
import pandas as pd
import pytest

from zoo.curves.crossover import Crossover, CrossoverKind
from zoo.curves.curveset import CurveSet
from zoo.study.advice import advise
from zoo.study.answer_text import next_steps
from zoo.study.answers import Overtaking
from zoo.study.left_out import LeftOut, Reason

SIZES = (100, 300, 1000, 3000)
FAMILIES = {
    "dummy": "baseline", "logistic": "classical", "lightgbm": "boosting", "xgboost": "boosting",
    "mlp": "mlp", "realmlp": "deep",
}  # fmt: skip


def curves_of(replicates=5, noise=0.002, metric="error_rate", sizes=SIZES, **losses):
    """Return curves whose mean at each size is given by a function of it."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "dataset": "t", "model": model, "family": FAMILIES[model], "n_train": size,
            "replicate": r, "score": mean(size) + noise * rng.normal(), "fit_s": size / 1000,
            "compile_s": 0.0, "predict_s": 0.01, "peak_rss_mb": 100.0, "n_parameters": None,
        }
        for model, mean in losses.items() for size in sizes for r in range(replicates)
    ]  # fmt: skip
    return CurveSet.from_scores(pd.DataFrame(rows), metric=metric)


def advice_of(curves, n_train=3000):
    return advise(curves, n_rows=4000, n_test=1000, n_train=n_train)


def falling(at_thousand, power=0.5, floor=0.0):
    return lambda n: floor + at_thousand * (n / 1000) ** -power


def flat(value):
    return lambda n: value


def test_the_best_model_is_named_with_its_interval_and_its_lead():
    found = advice_of(curves_of(dummy=flat(0.5), lightgbm=falling(0.1), logistic=falling(0.2))).best
    assert (found.model, found.n_train, found.replicates) == ("lightgbm", 3000, 5)
    assert found.low < 0.1 * 3**-0.5 < found.high
    assert found.beats_baseline
    assert found.ties == ()
    assert found.rivals[0].model == "logistic"
    assert found.rivals[0].test.low > 0


def test_models_with_no_significant_difference_are_named_as_ties():
    found = advice_of(
        curves_of(
            noise=0.01,
            dummy=flat(0.5),
            lightgbm=falling(0.1),
            xgboost=falling(0.1),
            logistic=falling(0.3),
        )
    )
    assert len(found.best.ties) == 1
    text = dict(found.lines)["How sure"]
    assert text.startswith(f"No significant difference from {found.best.ties[0]} in 5 replicates")


def test_models_with_different_replicates_are_compared_on_those_that_both_have():
    curves = curves_of(noise=0.0, dummy=flat(0.5), lightgbm=flat(0.2), xgboost=flat(0.21))
    hard = curves.cells["replicate"] > 1
    curves.cells.loc[hard, "test_error_rate"] += 0.1
    cells = curves.cells[~(hard & (curves.cells["model"] == "xgboost"))]
    rows = cells.rename(columns={"test_error_rate": "score"})
    found = advice_of(CurveSet.from_scores(rows, metric="error_rate"))
    assert (
        found.best.model == "lightgbm"
    )  # its plain mean is worse, since it has the hard replicates
    (rival,) = found.best.rivals
    assert rival.test.difference == pytest.approx(0.01)
    assert rival.test.replicates == 2


def test_an_interval_stays_within_the_bounds_of_the_score():
    curves = curves_of(
        metric="roc_auc", replicates=2, noise=0.01, dummy=flat(0.5), lightgbm=flat(0.99)
    )
    best = advice_of(curves).best
    assert 0 <= best.low < best.score < best.high == 1.0


def test_one_replicate_without_an_error_of_its_score_gives_no_interval_and_no_test():
    found = advice_of(curves_of(replicates=1, dummy=flat(0.5), lightgbm=falling(0.1)))
    assert np.isnan(found.best.low)
    assert "one replicate only, so its lead cannot be tested" in dict(found.lines)["How sure"]
    assert found.best.beats_baseline is None


def test_columns_that_say_nothing_about_the_target_are_reported():
    found = advice_of(
        curves_of(noise=0.01, dummy=flat(0.5), lightgbm=flat(0.5), logistic=flat(0.501))
    )
    assert found.best.beats_baseline is False
    assert "not significantly better than the dummy baseline" in str(found)
    assert next_steps(found)[0].startswith("Find columns that relate to the target")


def test_more_data_helps_a_falling_curve_and_brings_a_flat_one_little():
    steep = advice_of(curves_of(dummy=flat(0.5), lightgbm=falling(0.1), noise=0.0005))
    assert [more.factor for more in steep.more] == [2, 10]
    assert [more.verdict for more in steep.more] == ["helps", "helps"]
    expected = 0.1 * 6**-0.5
    assert steep.more[0].low < expected < steep.more[0].high
    assert steep.more[1].high < steep.best.score
    assert "Collect more rows: the best model is forecast to improve with them." in next_steps(
        steep
    )
    even = advice_of(curves_of(dummy=flat(0.5), lightgbm=flat(0.1), noise=0.0002))
    assert even.more[0].verdict == "little"
    assert any(
        "More rows of the same kind are forecast to bring little" in step
        for step in next_steps(even)
    )


def test_answers_are_about_all_rows_even_if_the_best_model_was_measured_at_fewer():
    curves = curves_of(dummy=flat(0.5), lightgbm=falling(0.1), noise=0.0005)
    found = advice_of(curves, n_train=6000)
    assert [(more.factor, more.n_train) for more in found.more] == [
        (1, 6000), (2, 12_000), (10, 60_000),
    ]  # fmt: skip
    text = dict(found.lines)
    assert "with 3,000 of 6,000 training rows" in text["Best model"]
    assert text["All the data"].startswith("With all of today's rows the forecast for lightgbm is")
    assert found.more[1].low < 0.1 * 12**-0.5 < found.more[1].high
    far = advice_of(curves, n_train=30_000)
    assert "forecasts are validated up to 32 times that only" in far.more[2].reason
    assert far.more[1].reason is None


def test_a_model_that_is_better_with_fewer_rows_than_others_with_all_rows_is_the_best():
    curves = curves_of(dummy=flat(0.5), lightgbm=falling(0.1), logistic=flat(0.3))
    cells = curves.cells[
        (curves.cells["model"] != "lightgbm") | (curves.cells["n_train"] < 3000)
    ].rename(columns={"test_error_rate": "score"})
    found = advice_of(CurveSet.from_scores(cells, metric="error_rate"))
    assert (found.best.model, found.best.n_train) == ("lightgbm", 1000)
    assert found.best.rivals[0].model == "logistic"
    assert [more.factor for more in found.more] == [1, 2, 10]
    assert [cost.n_train for cost in found.costs if cost.model == "lightgbm"] == [1000]


def test_a_curve_of_one_size_has_no_forecast_and_the_reason_is_given():
    found = advice_of(curves_of(sizes=(3000,), dummy=flat(0.5), lightgbm=flat(0.1)))
    assert found.more[0].verdict == "cannot tell"
    assert dict(found.lines)["Twice the data"].startswith(
        "Cannot tell: expected at least two sizes"
    )


@pytest.mark.parametrize(
    ("network", "kind", "words"),
    [
        (falling(0.08, 0.2), "none", "realmlp, the best network, was behind lightgbm at 3,000"),
        (falling(0.01, 0.4), "always", "realmlp was ahead of lightgbm at every measured size up"),
        (falling(0.021, 0.7), "within", "realmlp overtook lightgbm at about"),
        (falling(0.05, 1.2), "forecast", "realmlp was behind lightgbm at 3,000 rows, the largest"),
        (falling(0.04, 0.5), "none", "Cannot tell whether realmlp, the best network, overtakes"),
    ],
)
def test_the_answer_tells_whether_and_where_deep_learning_overtakes_boosting(network, kind, words):
    curves = curves_of(
        noise=0.00006, dummy=flat(0.5), lightgbm=falling(0.02, 0.4), realmlp=network, mlp=flat(0.4)
    )
    found = advice_of(curves)
    assert found.overtaking.crossover.kind == kind
    assert (found.overtaking.network, found.overtaking.boosting) == ("realmlp", "lightgbm")
    assert dict(found.lines)["Deep learning"].startswith(words)
    assert found.overtaking.is_clear == (not words.startswith("Cannot tell"))


def up_to(curves, largest):
    """Return the curves without the cells of a model beyond its largest size."""
    cells = curves.cells
    sizes = cells["model"].map(lambda model: largest.get(model, np.inf))
    kept = cells[cells["n_train"] <= sizes].rename(columns={"test_error_rate": "score"})
    return CurveSet.from_scores(kept, metric="error_rate")


@pytest.mark.parametrize("network", [falling(0.05, 0.4), falling(0.09, 0.9)])
def test_a_lead_at_a_few_rows_is_no_answer_about_all_of_them(network):
    curves = curves_of(
        noise=0.0003, sizes=(300, 1000, 3000, 11_643), dummy=flat(0.5),
        lightgbm=falling(0.1, 0.4), realmlp=network,
    )  # fmt: skip
    found = advice_of(up_to(curves, {"realmlp": 1000}), n_train=11_643)
    assert found.overtaking.crossover.kind in ("always", "within")
    text = dict(found.lines)["Deep learning"]
    assert text.startswith("Cannot tell whether realmlp, the best network, is better than lightgbm")
    assert "it was ahead at 1,000 rows, and both were not measured beyond that" in text


@pytest.mark.parametrize("probability", [0.21, 0.4, 0.5, 0.59, 0.79, float("nan")])
@pytest.mark.parametrize("kind", ["forecast", "none", "always", "within"])
def test_what_fewer_than_four_of_five_forecasts_have_cannot_be_told(kind, probability):
    found = Overtaking(
        network="mlp", boosting="xgboost", n_measured=3000, is_near_all=True,
        crossover=Crossover(CrossoverKind(kind), 2000.0, 100.0, 9000.0, probability),
    )  # fmt: skip
    assert not found.is_clear


def test_no_answer_goes_beyond_what_was_measured_whatever_the_curves():
    rng = np.random.default_rng(1)
    words = ("surely", "stays ahead", "always", "never", "will ", "certain", "would reach")
    for _ in range(6):
        models = {
            name: falling(rng.uniform(0.02, 0.12), rng.uniform(0, 0.8), rng.uniform(0, 0.1))
            for name in ("logistic", "lightgbm", "xgboost", "mlp", "realmlp")
        }
        curves = curves_of(noise=rng.uniform(0, 0.02), dummy=flat(0.5), **models)
        text = str(advice_of(up_to(curves, {"realmlp": 300, "mlp": 1000})))
        assert not [word for word in words if word in text], text


def test_models_without_a_score_at_the_largest_size_are_named_where_it_says_how_sure_it_is():
    curves = curves_of(
        dummy=flat(0.5), lightgbm=falling(0.1), logistic=falling(0.2), realmlp=falling(0.3)
    )
    found = advise(
        up_to(curves, {"realmlp": 300}), n_rows=4000, n_test=1000, n_train=3000,
        models=["dummy", "lightgbm", "logistic", "realmlp", "mlp"],
    )  # fmt: skip
    assert [(one.model, one.n_train) for one in found.best.unmeasured] == [
        ("realmlp", 300), ("mlp", None),
    ]  # fmt: skip
    text = dict(found.lines)["How sure"]
    assert "Not measured with 3,000 rows: realmlp (up to 300) and mlp (not at all)" in text
    whole = advise(curves, n_rows=4000, n_test=1000, n_train=3000, models=["dummy", "lightgbm"])
    assert "Not measured" not in str(whole)


def test_a_rival_measured_with_more_rows_than_the_best_is_compared_at_those():
    curves = curves_of(noise=0.0, dummy=flat(0.5), lightgbm=falling(0.1), realmlp=flat(0.0576))
    found = advice_of(up_to(curves, {"realmlp": 1000}))
    assert (found.best.model, found.best.n_train) == ("realmlp", 1000)
    (rival,) = found.best.rivals
    assert (rival.model, rival.n_train) == ("lightgbm", 3000)
    assert rival.test.difference == pytest.approx(0.1 * 3**-0.5 - 0.0576)
    assert "It had 1,000 rows, lightgbm with 3,000." in dict(found.lines)["How sure"]


def test_without_a_network_there_is_no_answer_about_deep_learning():
    found = advice_of(curves_of(dummy=flat(0.5), lightgbm=falling(0.1)))
    assert dict(found.lines)["Deep learning"] == "Cannot tell: no network was measured."


def test_costs_are_those_of_the_largest_size_and_a_cheap_tie_is_recommended():
    curves = curves_of(noise=0.01, dummy=flat(0.5), lightgbm=falling(0.1), logistic=falling(0.1))
    curves.scores.loc[curves.scores["model"] == "lightgbm", "fit_s"] = 9.0
    curves.scores.loc[curves.scores["model"] == "logistic", "fit_s"] = 100.0
    found = advice_of(curves)
    costs = {cost.model: cost for cost in found.costs}
    assert costs["lightgbm"].fit_s == pytest.approx(9.0)
    assert costs["lightgbm"].predict_ms == pytest.approx(10.0)
    assert "One fit of" in str(found)
    steps = " ".join(next_steps(found))
    assert ("If time matters, use lightgbm" in steps) == (found.best.model == "logistic")


def test_warnings_come_first_and_models_without_time_last():
    found = advice_of(curves_of(dummy=flat(0.5), lightgbm=falling(0.1)))
    left = (
        LeftOut(model="mlp", sizes=(100,), reason=Reason.NO_TIME, detail="about 30 s"),
        LeftOut(model="knn", sizes=(100,), reason=Reason.ELIMINATED, detail="worse"),
    )
    steps = next_steps(found, has_warnings=True, left_out=left)
    assert steps[0].startswith("Resolve the warnings first")
    assert steps[-1].startswith("Run the same command again to continue with mlp;")


def test_baselines_alone_give_no_advice():
    assert advice_of(curves_of(dummy=flat(0.5))) is None


def test_scores_where_higher_is_better_are_reported_as_such():
    found = advice_of(
        curves_of(
            metric="roc_auc",
            dummy=flat(0.5),
            lightgbm=lambda n: 1 - 0.1 * (n / 1000) ** -0.5,
            logistic=flat(0.8),
        )
    )
    assert found.best.model == "lightgbm"
    assert found.more[1].score > found.best.score
    assert "Higher is better." in dict(found.lines)["Best model"]
