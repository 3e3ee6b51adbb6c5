import numpy as np
import pytest

from zoo.curves.forecast import fit_losses
from zoo.curves.plateau import gain_from, marginal_value, plateau, rows_needed
from zoo.metrics import metric

SIZES = 2.0 ** np.arange(6, 14)
ERROR = metric("error_rate")


def fitted(curve, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    return fit_losses(SIZES, curve(SIZES) * np.exp(noise * rng.standard_normal(len(SIZES))))


def steep(n):
    return 2 * n**-0.4


def flat(n):
    return 0.2 + 2 * n**-1.5


def test_the_gain_from_doubling_a_power_law_is_that_of_its_slope():
    gain = gain_from(fitted(steep))
    assert gain.value == pytest.approx(1 - 2**-0.4, abs=0.04)
    assert gain.low < gain.value < gain.high


def test_a_flat_curve_has_reached_its_plateau_and_a_steep_one_has_not():
    assert plateau(fitted(steep)).verdict == "not reached"
    assert plateau(fitted(flat)).verdict == "reached"


def test_a_noisy_curve_leaves_the_plateau_undecided():
    verdicts = [plateau(fitted(lambda n: n**-0.1, 0.15, seed)).verdict for seed in range(10)]
    assert verdicts.count("cannot tell") >= 8


def test_the_plateau_depends_on_the_smallest_gain_of_interest():
    fit = fitted(steep)
    assert plateau(fit, smallest_gain=0.1).verdict == "not reached"
    assert plateau(fit, smallest_gain=0.5).verdict == "reached"


def test_rows_for_a_score_beyond_the_data_are_forecast():
    wanted = float(steep(SIZES[-1] * 4))
    found = rows_needed(fitted(steep), ERROR, wanted)
    assert found.value == pytest.approx(SIZES[-1] * 4, rel=0.5)
    assert found.low < SIZES[-1] * 4 < found.high


def test_rows_for_a_score_within_the_data_are_interpolated():
    found = rows_needed(fitted(steep), ERROR, float(steep(1500.0)))
    assert found.value == pytest.approx(1500, rel=0.05)


def test_a_score_below_the_floor_needs_infinite_rows():
    assert rows_needed(fitted(flat), ERROR, 0.05).value == np.inf


def test_a_target_accuracy_is_one_minus_a_target_error():
    wanted = float(steep(SIZES[-1] * 4))
    fit = fitted(steep)
    assert rows_needed(fit, metric("accuracy"), 1 - wanted) == rows_needed(fit, ERROR, wanted)


def test_a_score_that_the_metric_cannot_have_is_refused():
    with pytest.raises(ValueError, match="score that error_rate can have"):
        rows_needed(fitted(steep), ERROR, 1.5)


def test_a_thousand_rows_are_worth_less_at_the_end_of_a_longer_curve():
    short = fit_losses(SIZES[:5], steep(SIZES[:5]))
    assert marginal_value(short, ERROR).value > marginal_value(fitted(steep), ERROR).value > 0
    truth = steep(SIZES[-1]) - steep(SIZES[-1] + 1000)
    assert marginal_value(fitted(steep), ERROR).value == pytest.approx(truth, rel=0.3)


def test_more_rows_have_negative_value_on_a_worsening_curve():
    worse = fit_losses(SIZES, 0.1 * SIZES**0.15)
    assert marginal_value(worse, ERROR).value <= 0
    assert gain_from(worse).value <= 0
