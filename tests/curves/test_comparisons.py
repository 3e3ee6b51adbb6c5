import numpy as np
import pandas as pd
import pytest
from scipy import stats

from zoo.curves.comparisons import corrected_test, paired_tests


def test_without_overlap_the_test_is_the_paired_t_test():
    values = [0.1, 0.3, 0.2, 0.15]
    found = corrected_test(values, test_ratio=0)
    assert found.p_value == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_the_correction_by_hand():
    # mean 2, variance 1, n 3: t = 2 / sqrt((1/3 + 1/3) * 1)
    found = corrected_test([1.0, 2.0, 3.0], test_ratio=1 / 3)
    assert found.p_value == pytest.approx(2 * stats.t.sf(2 / np.sqrt(2 / 3), 2))


def test_overlapping_replicates_give_false_positives_unless_corrected():
    rng = np.random.default_rng(0)
    positives = {0.0: 0, 1 / 3: 0}
    for _ in range(400):
        # overlapping replicates: correlation 1/4, as with a quarter of the rows for testing
        values = 0.5 * rng.standard_normal() + np.sqrt(0.75) * rng.standard_normal(10)
        for ratio in positives:
            positives[ratio] += corrected_test(values, test_ratio=ratio).p_value < 0.05
    assert positives[0.0] > 2.5 * 20
    assert positives[1 / 3] < 1.6 * 20


@pytest.mark.parametrize(("values", "n"), [([], 0), ([0.1], 1), ([np.nan, 0.2], 1)])
def test_too_few_replicates_give_no_p_value(values, n):
    found = corrected_test(values)
    assert found.replicates == n
    assert np.isnan(found.p_value)


def test_identical_differences_have_an_extreme_p_value():
    assert corrected_test([0.1, 0.1, 0.1]).p_value < 1e-12
    assert corrected_test([0.0, 0.0, 0.0]).p_value == 1


def test_the_best_model_is_compared_with_every_other_one():
    rng = np.random.default_rng(1)
    rows = []
    for replicate in range(10):
        shared = rng.normal(0, 0.05)
        for model, loss in (("good", 0.1), ("equal", 0.1005), ("bad", 0.2)):
            rows.append(("d", model, 100, replicate, loss + shared + rng.normal(0, 0.01)))
    losses = pd.DataFrame(rows, columns=["dataset", "model", "n_train", "replicate", "loss"])
    found = paired_tests(losses).set_index("model")
    assert found.loc["bad", "p_value"] < 0.001
    assert found.loc["bad", "low"] < 0.1 < found.loc["bad", "high"]
    even = found.drop(index="bad").iloc[0]
    assert even["p_value"] > 0.05
