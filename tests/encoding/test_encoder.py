"""Tables to matrices, with values computed by hand."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import zoo
from zoo.encoding.encoder import TableEncoder
from zoo.encoding.scaling import smooth_clip
from zoo.errors import UnreadValuesWarning


def clipped(values):
    values = np.asarray(values, float)
    return values / np.sqrt(1 + (values / 3) ** 2)


def test_smooth_clip_is_the_identity_near_0_and_bounded_by_3():
    np.testing.assert_allclose(smooth_clip(np.array([0.0, 0.01, -0.01])), [0, 0.01, -0.01], 1e-4)
    np.testing.assert_allclose(smooth_clip(np.array([1e9, -1e9])), [3, -3])


def test_numbers_are_standardised_by_mean_and_deviation():
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0, 6.0]})
    made = TableEncoder(categories="onehot", scale="standard").fit(X).transform(X)
    np.testing.assert_allclose(made[:, 0], clipped([-2, -1, 0, 3] / np.sqrt(3.5)), rtol=1e-5)


def test_a_row_of_weight_w_counts_as_w_rows():
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


def test_mixed_categories_are_signs_onehot_columns_or_codes_by_their_number():
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
    assert encoder.n_categories_ == 10  # four categories and one for missing values, twice
    made = encoder.transform(X)
    np.testing.assert_array_equal(made[:, 1], [1, 2, 3, 4])
    np.testing.assert_array_equal(made[:, 2], [6, 7, 8, 9])
    np.testing.assert_array_equal(made[:, 3], [-1, 1, 0, -1])
    np.testing.assert_array_equal(made[:, 4:], [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
    new = X.iloc[:1].assign(two="z", three="z", four="z", four_too=None)
    np.testing.assert_array_equal(encoder.transform(new)[0, 1:], [0, 5, 0, 0, 0, 0])


def test_a_missing_number_is_0_with_an_indicator():
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
def test_an_unknown_option_is_refused(categories, scale):
    with pytest.raises(ValueError, match="expected one of"):
        TableEncoder(categories=categories, scale=scale)


def test_without_scaling_numbers_and_missing_values_are_unchanged():
    X = pd.DataFrame({"a": [1.0, np.nan, 1000.0], "b": ["x", "y", None]})
    made = TableEncoder(categories="ordinal", scale="none").fit(X).transform(X)
    np.testing.assert_array_equal(made, [[1, 0], [np.nan, 1], [1000, np.nan]])


def test_trees_get_unscaled_numbers():
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
            "missing": np.where(rng.uniform(size=3001) < 0.1, np.nan, rng.uniform(size=3001)),
            "constant": 7.0,
        }
    )
    encoder = TableEncoder(categories="onehot", scale="quantile").fit(X)
    made = encoder.transform(X)
    skewed = np.sort(made[:, 0])[40:-40]
    np.testing.assert_allclose(skewed, norm.ppf((np.arange(3001) / 3000)[40:-40]), atol=0.05)
    np.testing.assert_allclose(np.unique(made[:, 1]), norm.ppf([1 / 3, 5 / 6]), atol=0.05)
    assert (made[X["missing"].isna(), 2] == 0).all()
    assert abs(made[X["missing"].notna(), 2].mean()) < 0.05
    assert (made[:, 3] == 0).all()
    beyond = pd.DataFrame({"skewed": [-5.0, 1e300], "ties": [-1.0, 9.0], "missing": [0.5, 0.5],
                           "constant": [8.0, np.nan]})  # fmt: skip
    np.testing.assert_allclose(encoder.transform(beyond)[:, 0], norm.ppf([1e-7, 1 - 1e-7]), 1e-3)
    assert np.isfinite(encoder.transform(beyond)).all()
    again = TableEncoder.from_state(encoder.state())
    np.testing.assert_array_equal(again.transform(beyond), encoder.transform(beyond))


@pytest.mark.parametrize("bad", [[[0.0, 2.0, 1.0]], [[0.0, np.nan]], [[1.0]], [[]]])
def test_quantiles_that_do_not_rise_are_refused(bad):
    encoder = TableEncoder(categories="onehot", scale="quantile").fit(pd.DataFrame({"a": [1.0, 2]}))
    with pytest.raises(ValueError, match="quantiles in rising order"):
        TableEncoder.from_state(replace(encoder.state(), quantiles=bad))


# --- what a column may hold --------------------------------------------------------------------

SCALES = ["none", "standard", "robust", "quantile"]


def encoder_of(X, scale="standard", categories="onehot"):
    return TableEncoder(categories=categories, scale=scale).fit(X)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("largest", [1e39, 1e300, np.finfo(float).max])
def test_numbers_beyond_32_bits_are_finite_in_training_and_after(scale, largest):
    usual = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "constant": 5.0})
    wild = pd.DataFrame({"a": [-largest, largest, 3.0, 4.0], "constant": largest})
    for training in (usual, wild):
        encoder = encoder_of(training, scale)
        for X in (usual, wild):
            assert np.isfinite(encoder.transform(X)).all()
    bent = encoder_of(usual, scale).transform(wild)
    if scale == "quantile":  # the ends of the range are those of the scale
        assert bent[0, 0] < bent[2, 0] < bent[3, 0] <= bent[1, 0]
        return
    assert bent[0, 0] < bent[2, 0] < bent[3, 0] < bent[1, 0]
    if scale != "none":
        np.testing.assert_allclose(bent[:2, 0], [-3, 3])


@pytest.mark.parametrize("scale", SCALES)
def test_an_infinite_number_is_a_missing_one(scale):
    X = pd.DataFrame({"a": [1.0, np.inf, 3.0, -np.inf]})
    missing = X.replace([np.inf, -np.inf], np.nan)
    made, expected = (encoder_of(missing, scale).transform(table) for table in (X, missing))
    np.testing.assert_array_equal(made, expected)
    np.testing.assert_array_equal(encoder_of(X, scale).transform(X), expected)


TIMES = pd.to_datetime(["2026-01-01 00:00", "2026-02-01 05:00", None])
WAITS = pd.to_timedelta(["1 days", "2 hours", None])
WRONG = {
    "words": ("number", ["1.5", "many", None], "numbers", "'many'"),
    "words among numbers": ("number", [1.5, "?", 2], "numbers", "'?'"),
    "categories": ("number", pd.Categorical(["1", "few", "2"]), "numbers", "'few'"),
    "dates for numbers": ("number", TIMES, "numbers", "2026-01-01"),
    "durations for numbers": ("number", WAITS, "numbers", "1 days"),
    "words for dates": ("date", ["2026-01-01", "soon", None], "dates", "'soon'"),
    "numbers for dates": ("date", [1.0, 2.0, None], "dates", "got 1.0"),
    "durations for dates": ("date", WAITS, "dates", "1 days"),
    "words for durations": ("wait", ["1 days", "long", None], "durations", "'long'"),
    "numbers for durations": ("wait", [7, 8, 9], "durations", "got 7"),
    "dates for durations": ("wait", TIMES, "durations", "2026-01-01"),
}


def table_of_kinds():
    return pd.DataFrame({"number": [1.0, np.nan, 3.5], "date": TIMES, "wait": WAITS})


@pytest.mark.parametrize("what", WRONG)
def test_a_column_of_another_kind_than_in_training_is_refused_with_an_example(what):
    X = table_of_kinds()
    encoder = encoder_of(X)
    before = encoder.transform(X)
    column, values, expected, example = WRONG[what]
    with pytest.raises(ValueError, match="in training") as raised:
        encoder.transform(X.assign(**{column: values}))
    message = str(raised.value)
    assert f"the column '{column}' held {expected} in training" in message
    assert example in message
    assert "\n" not in message
    np.testing.assert_array_equal(encoder.transform(X), before)


@pytest.mark.parametrize(
    "written",
    [
        {"number": ["1", " nan ", "3.5"]},
        {"number": ["1e0", "", "+3.5"]},
        {"number": pd.array([1, None, 3.5], dtype="Float64")},
        {"number": pd.Categorical([1.0, None, 3.5])},
        {"number": np.array([1, None, "3.5"], dtype=object)},
        {"date": ["2026-01-01 00:00", "2026-02-01 05:00", None]},
        {"date": ["2026-01-01", "2026-02-01T05:00:00Z", None]},
        {"date": ["1 January 2026 00:00", "1 February 2026 05:00", None]},
        {"date": TIMES.tz_localize("UTC")},
        {"date": TIMES.to_list()},
        {"wait": ["1 days", "2 hours", None]},
        {"wait": ["24:00:00", "02:00:00", None]},
        {"wait": WAITS.to_list()},
    ],
    ids=str,
)
def test_numbers_and_times_may_be_text(written):
    X = table_of_kinds()
    encoder = encoder_of(X, "none")
    np.testing.assert_array_equal(encoder.transform(X.assign(**written)), encoder.transform(X))


def test_dates_in_new_text_that_may_be_read_in_two_ways_are_said():
    X = table_of_kinds()
    encoder = encoder_of(X, "none")
    text = X.assign(date=["01/01/2026 00:00", "02/01/2026 05:00", None])
    with pytest.warns(UnreadValuesWarning, match="whether the day or the month comes first"):
        found = encoder.transform(text)
    np.testing.assert_array_equal(found, encoder.transform(X))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT], ids=str)
@pytest.mark.parametrize("scale", SCALES)
def test_all_kinds_of_missing_values_are_equal(missing, scale):
    X = table_of_kinds().assign(
        flag=pd.array([True, False, None], dtype="boolean"), level=["a", "b", None]
    )
    encoder = encoder_of(X, scale)
    blank = pd.DataFrame({name: pd.Series([missing] * 3, dtype=object) for name in X})
    made = encoder.transform(blank)
    np.testing.assert_array_equal(made, encoder.transform(X.iloc[:0].reindex(range(3))))
    again = encoder_of(blank, scale).transform(blank)
    assert np.isfinite(again).all()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("categories", ["onehot", "ordinal", "mixed"])
@pytest.mark.parametrize("empty", [np.nan, None, pd.NaT], ids=str)
def test_a_column_without_training_values_may_hold_anything_later(scale, categories, empty):
    X = pd.DataFrame({"empty": [empty] * 3, "a": [1.0, 2.0, 3.0]})
    encoder = encoder_of(X, scale, categories)
    expected = encoder.transform(X)
    for values in ([1.0, 1e300, np.inf], ["word", None, "3"], TIMES, WAITS, [True, False, None]):
        made = encoder.transform(X.assign(empty=values))
        assert np.isfinite(made).all()
        np.testing.assert_array_equal(made[:, 1:], expected[:, 1:])


def test_categories_of_another_dtype_are_the_same_categories():
    X = pd.DataFrame({"a": np.array([1, 2, 3, 1], dtype=object), "b": ["u", "v", None, "u"]})
    encoder = encoder_of(X)
    expected = encoder.transform(X)
    for a in (np.array([1, 2, 3, 1]), [1.0, 2.0, 3.0, 1.0], ["1", "2", "3", "1"]):
        for dtype in (None, object, "category"):
            new = pd.DataFrame({"a": pd.Series(a, dtype=dtype), "b": X["b"].astype("category")})
            np.testing.assert_array_equal(encoder.transform(new), expected)
    more = pd.Categorical(["u", "v", None, "u"], categories=["z", "v", "u", "never"])
    np.testing.assert_array_equal(encoder.transform(X.assign(b=more)), expected)


@pytest.mark.parametrize("scale", SCALES)
def test_the_size_of_blocks_does_not_change_the_encoding(scale, monkeypatch):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(50, 3)), columns=list("abc"))
    X.loc[::7, "b"] = np.nan
    mixed = X.assign(level=rng.choice(list("uvw"), 50), day=pd.Timestamp("2026-01-01"))
    for table in (X, mixed):
        whole = encoder_of(table, scale, "mixed")
        expected = whole.transform(table)
        monkeypatch.setattr("zoo.encoding.encoder._BLOCK", 20)
        few = encoder_of(table, scale, "mixed")
        np.testing.assert_array_equal(few.transform(table), expected)
        assert few.state() == whole.state()
        monkeypatch.undo()


@pytest.mark.parametrize("scale", SCALES)
def test_encoding_needs_little_more_memory_than_the_matrix(scale):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(100_000, 20)).astype(np.float32))
    X.iloc[::9, ::2] = np.nan
    tracemalloc.start()
    try:
        encoder = encoder_of(X, scale, "ordinal")
        fit_peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        start = tracemalloc.get_traced_memory()[0]
        made = encoder.transform(X)
        peak = tracemalloc.get_traced_memory()[1] - start
    finally:
        tracemalloc.stop()
    assert fit_peak < 3 * 8e6
    assert peak < 1.5 * made.nbytes + 8e6


@pytest.mark.parametrize("scale", SCALES)
def test_booleans_may_be_moved_to_the_onehot_columns_unchanged(scale):
    X = pd.DataFrame(
        {
            "a": [1.0, 2.0, 5.0, 3.0, np.nan],
            "flag": [True, False, True, True, False],
            "level": list("uvuvu"),
            "maybe": pd.array([True, None, False, True, False], dtype="boolean"),
        }
    )
    among, apart = (
        TableEncoder(categories="mixed", scale=scale, flags=flags).fit(X)
        for flags in ("numbers", "onehot")
    )
    assert (among.n_numbers_, apart.n_numbers_, apart.n_fixed_) == (3, 1, 1)
    np.testing.assert_array_equal(among.transform(X), apart.transform(X))  # there are no codes
    again = TableEncoder.from_state(apart.state())
    np.testing.assert_array_equal(again.transform(X), apart.transform(X))
    as_numbers = X.astype({"flag": int, "maybe": "Int64"})
    np.testing.assert_array_equal(apart.transform(as_numbers), apart.transform(X))


def beyond_float32():
    """Return columns by name, each with the rank of every row, that float32 would merge."""
    rank = np.random.default_rng(3).permutation(np.arange(120) % 60)
    second = pd.to_timedelta(rank, unit="s")
    return rank, {
        "seconds since 1970": 1_700_000_000 + rank,
        "ids": 1e13 + rank,
        "integers": 2**53 - 100 + rank,
        "below 0": -1.7e9 + rank,
        "a billionth of the centre": 1.0 + 1e-11 * rank,
        "near the last bit": 7.0 + 1e-14 * rank,
        "minute": 1e-40 * rank,
        "smaller than any float32": 1e-200 * rank,
        "huge": 1e305 * rank,
        "of any size": 10.0 ** (5.0 * rank),
        "with a date": pd.Series(pd.Timestamp("2026-01-01") + second),
        "with missing values": np.where(rank == 7, np.nan, 1.7e9 + rank),
        "beside zeros": np.where(rank < 5, 0.0, 1.7e9 + rank),
    }


@pytest.mark.parametrize("name", [*beyond_float32()[1]])
@pytest.mark.parametrize("scale", ["none", "standard", "robust", "quantile"])
def test_what_float32_would_merge_stays_apart_and_in_order(name, scale):
    rank, columns = beyond_float32()
    X = pd.DataFrame({name: columns[name]})
    encoder = TableEncoder(categories="ordinal", scale=scale).fit(X[:100])
    is_known = X[name].notna().to_numpy()
    made = encoder.transform(X)[is_known, 0]
    merged = 5 if name == "beside zeros" else 1
    if scale != "none" and name in ("of any size", "beside zeros"):
        return  # a mean or quartile has no room for both; trees have
    order = np.argsort(made, kind="stable")
    assert (np.diff(rank[is_known][order])[rank[is_known][order][:-1] >= merged] >= 0).all()
    n_apart = len(np.unique(X[name][is_known]))
    assert len(np.unique(made)) >= (n_apart if scale != "quantile" else 0.8 * n_apart)
    again = TableEncoder.from_state(encoder.state())
    np.testing.assert_array_equal(again.transform(X), encoder.transform(X))


def test_ordinary_numbers_are_not_ranked():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "normal": rng.normal(size=5000),
            "years": rng.integers(1900, 2030, 5000),
            "kelvin": 273.15 + rng.normal(size=5000).round(2),
            "prices": 1e5 * rng.exponential(size=5000),
            "dates": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, 5000), "D"),
        }
    )
    encoder = TableEncoder(categories="ordinal", scale="none").fit(X)
    assert not any(encoder.state().knots)
    np.testing.assert_array_equal(encoder.transform(X)[:, 0], X["normal"].astype(np.float32))


def test_rounding_errors_are_not_information():
    X = pd.DataFrame({"a": np.where(np.arange(40) % 2, 0.1 + 0.2, 0.3), "b": np.arange(40.0)})
    for scale in ("none", "standard", "robust"):
        made = TableEncoder(categories="ordinal", scale=scale).fit(X).transform(X)
        assert len(np.unique(made[:, 0])) == 1


def test_a_number_far_beyond_those_of_training_is_clipped():
    X = pd.DataFrame({"a": 1e-300 * np.arange(40), "b": np.arange(40.0)})
    far = pd.DataFrame({"a": [1e300, -1e300], "b": [1e306, -1e306]})
    for scale, end in (("standard", 3), ("robust", 3), ("quantile", 5.2)):
        made = TableEncoder(categories="ordinal", scale=scale).fit(X).transform(far)
        np.testing.assert_allclose(made, [[end, end], [-end, -end]], rtol=1e-3)
