import numpy as np
import pytest

from zoo.curves.candidate_shapes import FORMS, shape_table
from zoo.curves.forecast import classify_shape, forecast
from zoo.curves.posterior import weighted_quantiles

SIZES = np.array([64, 128, 256, 512, 1024, 2048, 4096])


def power(n, floor=0.08, height=2.0, slope=0.5):
    return floor + height * np.asarray(n, dtype=float) ** -slope


def test_every_shape_is_finite_and_one_at_the_largest_size():
    table = shape_table()
    assert np.isfinite(table.log_loss).all()
    assert table.at(np.zeros(1))[:, 0] == pytest.approx(np.zeros(len(table.log_loss)), abs=1e-9)
    assert set(table.form) == set(range(len(FORMS)))


def test_weighted_quantiles_by_hand():
    found = weighted_quantiles(
        np.array([3.0, 1.0, 2.0]), np.array([0.5, 0.2, 0.3]), (0.1, 0.5, 0.6)
    )
    assert found.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("slope", [0.3, 0.5, 1.0])
def test_a_power_law_is_forecast_and_within_the_interval(slope):
    truth = power([8192, 16384, 32768], slope=slope)
    frame = forecast(
        SIZES, power(SIZES, slope=slope), [8192, 16384, 32768], metric="error_rate"
    ).frame
    assert frame["mean"].to_numpy() == pytest.approx(truth, rel=0.07)
    assert (frame["low_90"] <= truth).all() and (truth <= frame["high_90"]).all()
    assert (frame["low_90"] <= frame["low_50"]).all()
    assert (frame["high_50"] <= frame["high_90"]).all()


def log_width(losses, target):
    frame = forecast(SIZES, losses, [target], metric="rmse").frame
    return float(np.log(frame["high_90"] / frame["low_90"])[0])


def test_intervals_widen_with_distance():
    assert log_width(power(SIZES), 32768) > 1.5 * log_width(power(SIZES), 8192)


def test_intervals_widen_with_noise():
    rng = np.random.default_rng(0)
    widths = [
        log_width(power(SIZES) * np.exp(rng.normal(0, 0.1, len(SIZES))), 8192) for _ in range(15)
    ]
    assert np.median(widths) > 1.3 * log_width(power(SIZES), 8192)


@pytest.mark.parametrize("place", [10, 20, 30, 37])
def test_one_outlier_hardly_changes_the_forecast(place):
    sizes = 2 ** np.arange(5, 10.1, 0.125)
    losses = power(sizes) * np.exp(0.01 * np.random.default_rng(0).standard_normal(len(sizes)))
    spoiled = losses.copy()
    spoiled[place] *= 1.7
    clean, after = (
        forecast(sizes, values, [4096], metric="rmse").frame["mean"][0]
        for values in (losses, spoiled)
    )
    assert after == pytest.approx(clean, rel=0.02)


def test_a_late_fall_is_no_outlier():
    sizes = 2 ** np.arange(5, 10.1, 0.125)
    losses = power(sizes)
    losses[-2:] *= 0.7
    ahead = forecast(sizes, losses, [2048], metric="rmse").frame["mean"][0]
    assert ahead < 0.8 * forecast(sizes, power(sizes), [2048], metric="rmse").frame["mean"][0]


def test_large_standard_errors_widen_the_interval():
    tight = forecast(
        SIZES, power(SIZES), [8192], metric="error_rate", standard_errors=power(SIZES) * 1e-4
    ).frame
    loose = forecast(
        SIZES, power(SIZES), [8192], metric="error_rate", standard_errors=power(SIZES) * 0.2
    ).frame
    assert (loose["high_90"] - loose["low_90"])[0] > 1.3 * (tight["high_90"] - tight["low_90"])[0]


def test_accuracy_is_one_minus_the_forecast_of_the_error_rate():
    error = forecast(SIZES, power(SIZES), [8192], metric="error_rate").frame.iloc[0]
    right = forecast(SIZES, 1 - power(SIZES), [8192], metric="accuracy").frame.iloc[0]
    assert right["mean"] == pytest.approx(1 - error["mean"])
    assert right["low_90"] == pytest.approx(1 - error["high_90"])


def test_the_unit_of_an_error_does_not_matter():
    one = forecast(SIZES, power(SIZES), [8192], metric="rmse").frame
    thousand = forecast(SIZES, 1000 * power(SIZES), [8192], metric="rmse").frame
    assert thousand.filter(regex="mean|low|high").to_numpy() == pytest.approx(
        1000 * one.filter(regex="mean|low|high").to_numpy()
    )


@pytest.mark.parametrize("metric", ["error_rate", "accuracy", "roc_auc"])
@pytest.mark.parametrize("seed", range(5))
def test_forecasts_stay_within_the_bounds_of_the_metric(metric, seed):
    scores = np.random.default_rng(seed).uniform(0, 1, 5)
    frame = forecast([10, 20, 50, 100, 200], scores, [400, 10**5, 10**8], metric=metric).frame
    assert frame["mean"].notna().all()
    assert frame.drop(columns="n_train").stack().between(0, 1).all()


def test_constant_scores_are_forecast_to_stay_constant():
    frame = forecast(SIZES, np.full(7, 0.25), [8192, 16384], metric="error_rate").frame
    assert frame["mean"].to_numpy() == pytest.approx([0.25, 0.25], rel=0.02)


def test_a_curve_that_worsens_is_not_forecast_to_improve_much():
    ahead = forecast(SIZES, 0.1 * SIZES**0.1, [8192], metric="error_rate")
    assert ahead.shape == "worsening"
    assert ahead.frame["mean"][0] > 0.95 * 0.1 * 4096**0.1
    assert any("ill-behaved" in note for note in ahead.notes)


def test_two_anchors_give_a_forecast_and_a_note():
    ahead = forecast([1000, 2000], [0.3, 0.25], [4000], metric="error_rate")
    assert 0.17 < ahead.frame["mean"][0] < 0.25
    assert any("two sizes" in note for note in ahead.notes)


@pytest.mark.parametrize(
    ("sizes", "means", "said"),
    [
        ([100], [0.2], "two sizes"),
        ([100, 200], [0.2, np.nan], "two sizes"),
        ([], [], "two sizes"),
        ([100, 200, 400], [0.0, 0.0, 0.0], "every score is perfect"),
        ([100, 200, 400], [-0.1, 0.2, 0.1], "0 or more"),
    ],
)
def test_a_missing_forecast_has_a_reason(sizes, means, said):
    ahead = forecast(sizes, means, [1000], metric="error_rate")
    assert said in ahead.reason
    assert ahead.frame["mean"].isna().all()


def test_missing_anchors_are_ignored():
    scores = power(SIZES)
    scores[2] = np.nan
    whole = forecast(np.delete(SIZES, 2), np.delete(scores, 2), [8192], metric="error_rate").frame
    assert forecast(SIZES, scores, [8192], metric="error_rate").frame.equals(whole)


def test_the_order_of_anchors_does_not_matter():
    there = forecast(SIZES, power(SIZES), [8192], metric="error_rate").frame
    back = forecast(SIZES[::-1], power(SIZES)[::-1], [8192], metric="error_rate").frame
    assert there.equals(back)


def test_targets_within_the_data_are_refused():
    with pytest.raises(ValueError, match="targets above 4096"):
        forecast(SIZES, power(SIZES), [4096], metric="error_rate")


@pytest.mark.parametrize(
    ("losses", "shape"),
    [
        ([0.4, 0.3, 0.22, 0.16, 0.12, 0.09, 0.07], "falling"),
        ([0.4, 0.3, 0.22, 0.2, 0.2, 0.2, 0.2], "plateau"),
        ([0.4, 0.3, 0.45, 0.3, 0.2, 0.15, 0.1], "peak"),
        ([0.4, 0.3, 0.2, 0.25, 0.26, 0.27, 0.27], "dip"),
        ([0.2, 0.22, 0.25, 0.28, 0.3, 0.33, 0.35], "worsening"),
    ],
)
def test_shapes_are_classified(losses, shape):
    assert classify_shape(SIZES.astype(float), np.array(losses), 0.001) == shape


def test_noise_as_large_as_a_peak_hides_it():
    losses = np.array([0.4, 0.3, 0.32, 0.25, 0.2, 0.15, 0.1])
    assert classify_shape(SIZES.astype(float), losses, 0.001) == "peak"
    assert classify_shape(SIZES.astype(float), losses, 0.05) == "falling"
