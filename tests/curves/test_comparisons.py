import numpy as np
import pandas as pd
import pytest
from scipy import stats

from zoo.curves.comparisons import (
    corrected_test,
    critical_difference,
    elo_ratings,
    mean_losses,
    normalised_scores,
    paired_tests,
    rank_table,
    win_rates,
)


def table(rows, columns=("dataset", "model", "n_train", "loss")):
    return pd.DataFrame(rows, columns=list(columns))


MEANS = table(
    [(f"d{d}", m, n, loss) for n, flip in ((100, False), (1000, True)) for d in range(6)
     for m, loss in zip("abc", (0.3, 0.2, 0.1) if flip else (0.1, 0.2, 0.3), strict=True)]
)  # fmt: skip


def test_without_overlap_the_test_is_students_paired_one():
    values = [0.1, 0.3, 0.2, 0.15]
    found = corrected_test(values, test_share=0)
    assert found.p_value == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_the_correction_by_hand():
    # mean 2, variance 1, n 3: t = 2 / sqrt((1/3 + 1/3) * 1)
    found = corrected_test([1.0, 2.0, 3.0], test_share=1 / 3)
    assert found.p_value == pytest.approx(2 * stats.t.sf(2 / np.sqrt(2 / 3), 2))


def test_overlapping_replicates_raise_false_alarms_unless_corrected():
    rng = np.random.default_rng(0)
    alarms = {0.0: 0, 1 / 3: 0}
    for _ in range(400):
        # replicates that share a part: correlation 1/4 as with a quarter for testing
        values = 0.5 * rng.standard_normal() + np.sqrt(0.75) * rng.standard_normal(10)
        for share in alarms:
            alarms[share] += corrected_test(values, test_share=share).p_value < 0.05
    assert alarms[0.0] > 2.5 * 20
    assert alarms[1 / 3] < 1.6 * 20


@pytest.mark.parametrize(("values", "n"), [([], 0), ([0.1], 1), ([np.nan, 0.2], 1)])
def test_too_few_replicates_give_no_p_value(values, n):
    found = corrected_test(values)
    assert found.replicates == n
    assert np.isnan(found.p_value)


def test_replicates_that_all_agree_are_certain():
    assert corrected_test([0.1, 0.1, 0.1]).p_value < 1e-12
    assert corrected_test([0.0, 0.0, 0.0]).p_value == 1


def test_the_best_model_is_compared_with_each_other_one():
    rng = np.random.default_rng(1)
    rows = []
    for replicate in range(10):
        shared = rng.normal(0, 0.05)
        for model, loss in (("good", 0.1), ("equal", 0.1005), ("bad", 0.2)):
            rows.append(("d", model, 100, replicate, loss + shared + rng.normal(0, 0.01)))
    losses = table(rows, ("dataset", "model", "n_train", "replicate", "loss"))
    found = paired_tests(losses).set_index("model")
    assert found.loc["bad", "p_value"] < 0.001
    assert found.loc["bad", "low"] < 0.1 < found.loc["bad", "high"]
    even = found.drop(index="bad").iloc[0]
    assert even["p_value"] > 0.05


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_differences_are_those_of_the_published_table(k, q):
    # q at 0.05 of Demsar 2006, table 5a
    assert critical_difference(k, 14) == pytest.approx(
        q * np.sqrt(k * (k + 1) / (6 * 14)), rel=5e-4
    )


def test_mean_ranks_turn_over_along_the_axis():
    found = rank_table(MEANS).set_index(["n_train", "model"])
    assert found.loc[(100, "a"), "mean_rank"] == 1
    assert found.loc[(1000, "a"), "mean_rank"] == 3
    assert found.loc[(100, "a"), "friedman_p"] == pytest.approx(np.exp(-6))
    assert not found.loc[(100, "c"), "tied_best"]


def test_a_model_missing_on_a_data_set_is_not_ranked_there():
    found = rank_table(MEANS.drop(index=1))
    assert set(found.loc[found["n_train"] == 100, "model"]) == {"a", "c"}


def test_win_rates_by_hand():
    rows = [("x", "a", 1, 0.1), ("x", "b", 1, 0.2), ("y", "a", 1, 0.3), ("y", "b", 1, 0.3)]
    found = win_rates(table(rows)).set_index("model")
    assert found["win_rate"].to_dict() == {"a": 0.75, "b": 0.25}
    assert found["comparisons"].tolist() == [2, 2]


def test_normalised_scores_by_hand():
    found = normalised_scores(MEANS[MEANS["n_train"] == 100]).set_index("model")["normalised"]
    assert found.to_dict() == pytest.approx({"a": 1, "b": 0, "c": 0})


def test_elo_of_two_models_is_the_logarithm_of_their_odds():
    rows = [(f"d{d}", m, 1, float((d < 90) == (m == "b"))) for d in range(100) for m in "ab"]
    found = elo_ratings(table(rows), resamples=50).set_index("model")
    # 90 wins and half a win of the prior's game against 10 and a half
    gap = found.loc["a", "elo"] - found.loc["b", "elo"]
    assert gap == pytest.approx(400 * np.log10(90.5 / 10.5), abs=0.5)
    assert found["elo"].mean() == pytest.approx(1000)
    assert (found["low"] < found["elo"]).all() and (found["elo"] < found["high"]).all()


def test_elo_recovers_the_order_of_known_strengths():
    rng = np.random.default_rng(2)
    strength = {"a": 0.0, "b": 0.3, "c": 0.6, "d": 1.2}
    rows = [(f"d{d}", m, 1, -s + rng.gumbel()) for d in range(300) for m, s in strength.items()]
    found = elo_ratings(table(rows), resamples=50).set_index("model")["elo"]
    assert found.sort_values().index.tolist() == ["a", "b", "c", "d"]


def test_means_are_over_replicates():
    rows = [("x", "a", 1, 0, 0.1), ("x", "a", 1, 1, 0.3)]
    found = mean_losses(table(rows, ("dataset", "model", "n_train", "replicate", "loss")))
    assert found["loss"].tolist() == [pytest.approx(0.2)]
