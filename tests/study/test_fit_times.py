import pytest

from zoo.study.fit_times import FitTimes


def test_estimates_follow_the_power_law_of_the_measured_times():
    times = FitTimes(20, 2)
    guess = times.estimate_s("svm_rbf", 10_000)
    for size, seconds in ((1000, 1.0), (2000, 8.0)):  # cubic, steeper than the prior
        times.add("svm_rbf", size, seconds)
    assert times.estimate_s("svm_rbf", 4000) == pytest.approx(8.0 * 2**2)  # the steepest allowed
    assert times.estimate_s("svm_rbf", 1000) == 1.0
    assert guess == times.prior_s("svm_rbf", 10_000)


def test_very_short_fits_say_nothing_about_the_power():
    times = FitTimes(20, 2)
    for size, seconds in ((100, 0.02), (300, 0.3)):
        times.add("logistic", size, seconds)
    assert times.estimate_s("logistic", 3000) < 1.0


def test_networks_side_by_side_take_less_time_than_one_after_another():
    times = FitTimes(20, 2)
    times.add("mlp", 1000, 11.0, n_together=3)
    assert times.estimate_s("mlp", 1000, n_together=3) == pytest.approx(11.0)
    assert times.estimate_s("mlp", 1000) < 11.0 < 3 * times.estimate_s("mlp", 1000)
