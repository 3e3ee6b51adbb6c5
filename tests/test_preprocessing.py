"""Tables to matrices, with values computed by hand."""

import numpy as np
import pandas as pd
import pytest

import zoo
from zoo.preprocessing import TableEncoder, smooth_clip


def clipped(values):
    values = np.asarray(values, float)
    return values / np.sqrt(1 + (values / 3) ** 2)


def test_smooth_clip_keeps_the_middle_and_ends_at_3():
    np.testing.assert_allclose(smooth_clip(np.array([0.0, 0.01, -0.01])), [0, 0.01, -0.01], 1e-4)
    np.testing.assert_allclose(smooth_clip(np.array([1e9, -1e9])), [3, -3])


def test_numbers_are_centred_and_divided_by_mean_and_deviation():
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0, 6.0]})
    made = TableEncoder(categories="onehot", scale="standard").fit(X).transform(X)
    np.testing.assert_allclose(made[:, 0], clipped([-2, -1, 0, 3] / np.sqrt(3.5)), rtol=1e-5)


def test_a_weight_counts_as_so_many_rows():
    X = pd.DataFrame({"a": [1.0, 2.0, np.nan, 6.0]})
    weight = np.array([3.0, 1.0, 2.0, 1.0])
    weighted = TableEncoder(categories="onehot", scale="standard").fit(X, weight)
    repeated = X.loc[np.repeat(X.index, weight.astype(int))]
    expected = TableEncoder(categories="onehot", scale="standard").fit(repeated)
    np.testing.assert_allclose(weighted.transform(X), expected.transform(X), rtol=1e-5)


def test_robust_scaling_is_by_median_and_quartiles_or_half_the_range():
    X = pd.DataFrame(
        {
            "spread": [0.0, 1.0, 2.0, 3.0, 100.0],  # quartiles 1 and 3
            "mostly": [5.0, 5.0, 5.0, 5.0, 9.0],  # no quartile range: half of the range
            "constant": [7.0] * 5,
        }
    )
    made = TableEncoder(categories="mixed", scale="robust").fit(X).transform(X)
    np.testing.assert_allclose(made[:, 0], clipped([-1, -0.5, 0, 0.5, 49]), rtol=1e-5)
    np.testing.assert_allclose(made[:, 1], clipped([0, 0, 0, 0, 2]), rtol=1e-5)
    assert (made[:, 2] == 0).all()


def test_mixed_categories_are_signs_columns_or_codes_by_their_number_of_levels():
    X = pd.DataFrame(
        {
            "n": [1.0, 2.0, 3.0, 4.0],
            "two": ["a", "b", None, "a"],
            "three": ["u", "v", "w", "u"],
            "four": ["p", "q", "r", "s"],
            "four_too": ["p", "q", "r", "s"],
        }
    )
    encoder = TableEncoder(categories="mixed", scale="standard", max_onehot=3).fit(X)
    assert (encoder.n_numbers_, encoder.n_codes_, encoder.n_fixed_) == (1, 2, 3)
    assert encoder.n_levels_ == 10  # four levels and one for what is missing, twice
    made = encoder.transform(X)
    np.testing.assert_array_equal(made[:, 1], [1, 2, 3, 4])
    np.testing.assert_array_equal(made[:, 2], [6, 7, 8, 9])
    np.testing.assert_array_equal(made[:, 3], [-1, 1, 0, -1])
    np.testing.assert_array_equal(made[:, 4:], [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
    new = X.iloc[:1].assign(two="z", three="z", four="z", four_too=None)
    np.testing.assert_array_equal(encoder.transform(new)[0, 1:], [0, 5, 0, 0, 0, 0])


def test_a_missing_number_is_0_beside_a_sign_of_it():
    X = pd.DataFrame({"a": [1.0, np.nan, 3.0]})
    made = TableEncoder(categories="onehot", scale="standard").fit(X).transform(X)
    np.testing.assert_allclose(made, [[clipped(-1), 0], [0, 1], [clipped(1), 0]], rtol=1e-6)


@pytest.mark.parametrize("scale", ["none", "standard", "robust"])
@pytest.mark.parametrize("categories", ["onehot", "ordinal", "mixed"])
def test_a_table_without_numbers_or_without_categories_is_encoded(categories, scale):
    encoder = TableEncoder(categories=categories, scale=scale)
    for X in (pd.DataFrame({"a": [1.0, 2.0]}), pd.DataFrame({"b": ["x", "y"]})):
        made = encoder.fit(X).transform(X)
        assert made.shape[0] == 2
        assert np.isfinite(made).all()
        assert made.shape[1] == len(encoder.is_categorical_)


@pytest.mark.parametrize(("categories", "scale"), [("onehot", False), ("one-hot", "none")])
def test_an_unknown_way_to_encode_is_refused(categories, scale):
    with pytest.raises(ValueError, match="expected one of"):
        TableEncoder(categories=categories, scale=scale)


def test_without_scaling_numbers_and_gaps_stay_as_they_are():
    X = pd.DataFrame({"a": [1.0, np.nan, 1000.0], "b": ["x", "y", None]})
    made = TableEncoder(categories="ordinal", scale="none").fit(X).transform(X)
    np.testing.assert_array_equal(made, [[1, 0], [np.nan, 1], [1000, np.nan]])


def test_trees_get_numbers_as_they_are():
    X = pd.DataFrame({"a": [1.0, np.nan, 1000.0] * 10})
    y = [0, 1, 1] * 10
    for name in ("lightgbm", "xgboost", "hist_gradient_boosting"):
        matrix = zoo.make(name).fit(X, y)._encode(X)
        np.testing.assert_array_equal(matrix[:3, 0], [1, np.nan, 1000])


def test_ranks_become_normal_quantiles():
    from scipy.stats import norm

    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "skewed": np.exp(rng.normal(size=3001)),
            "ties": np.repeat([0.0, 1.0], [2001, 1000]),  # ranks 0 to 2/3, and 2/3 to 1
            "gap": np.where(rng.uniform(size=3001) < 0.1, np.nan, rng.uniform(size=3001)),
            "constant": 7.0,
        }
    )
    encoder = TableEncoder(categories="onehot", scale="quantile").fit(X)
    made = encoder.transform(X)
    skewed = np.sort(made[:, 0])[40:-40]
    np.testing.assert_allclose(skewed, norm.ppf((np.arange(3001) / 3000)[40:-40]), atol=0.05)
    np.testing.assert_allclose(np.unique(made[:, 1]), norm.ppf([1 / 3, 5 / 6]), atol=0.05)
    assert (made[X["gap"].isna(), 2] == 0).all()
    assert abs(made[X["gap"].notna(), 2].mean()) < 0.05
    assert (made[:, 3] == 0).all()
    beyond = pd.DataFrame({"skewed": [-5.0, 1e300], "ties": [-1.0, 9.0], "gap": [0.5, 0.5],
                           "constant": [8.0, np.nan]})  # fmt: skip
    np.testing.assert_allclose(encoder.transform(beyond)[:, 0], norm.ppf([1e-7, 1 - 1e-7]), 1e-3)
    assert np.isfinite(encoder.transform(beyond)).all()
    again = TableEncoder.from_data(encoder.to_data())
    np.testing.assert_array_equal(again.transform(beyond), encoder.transform(beyond))


@pytest.mark.parametrize("bad", [[[0.0, 2.0, 1.0]], [[0.0, np.nan]], [[1.0]], [[]]])
def test_quantiles_that_do_not_rise_are_refused(bad):
    encoder = TableEncoder(categories="onehot", scale="quantile").fit(pd.DataFrame({"a": [1.0, 2]}))
    with pytest.raises(ValueError, match="quantiles in rising order"):
        TableEncoder.from_data({**encoder.to_data(), "numbers": [bad]})
