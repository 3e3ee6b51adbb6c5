import math

import numpy as np
import pandas as pd

from zoo.data.generated import BAYES_ERROR, _teacher, generate

N_ROWS = 20_000


def test_the_first_rows_of_a_longer_table_are_those_of_a_shorter():
    pd.testing.assert_frame_equal(generate(500, 3).head(100), generate(100, 3))


def test_the_same_seed_gives_the_same_table_and_another_seed_another():
    pd.testing.assert_frame_equal(generate(50, 3), generate(50, 3))
    assert not np.any(generate(50, 3)["x0"] == generate(50, 4)["x0"])


def test_there_are_twenty_inputs_and_two_labels():
    frame = generate(200, 0)
    assert frame.columns.tolist() == [*(f"x{i}" for i in range(20)), "label"]
    assert sorted(set(frame["label"])) == ["a", "b"]


def test_the_inputs_are_standard_normal():
    X = generate(N_ROWS, 0).drop(columns="label").to_numpy()
    assert np.all(np.abs(X.mean(axis=0)) < 4.5 / math.sqrt(N_ROWS))
    assert np.all(np.abs(X.var(axis=0) - 1) < 4.5 * math.sqrt(2 / N_ROWS))


def test_the_teacher_without_noise_errs_on_a_tenth_of_the_rows():
    frame = generate(N_ROWS, 1)
    says_a = _teacher(frame.drop(columns="label").to_numpy()) > 0
    error = np.mean(says_a != (frame["label"] == "a").to_numpy())
    # The number of errors is binomial: 4.5 standard deviations are passed once in 150,000 seeds.
    assert abs(error - BAYES_ERROR) < 4.5 * math.sqrt(0.1 * 0.9 / N_ROWS)


def test_the_noise_does_not_depend_on_the_label():
    frame = generate(N_ROWS, 1)
    says_a = _teacher(frame.drop(columns="label").to_numpy()) > 0
    is_wrong = says_a != (frame["label"] == "a").to_numpy()
    difference = is_wrong[says_a].mean() - is_wrong[~says_a].mean()
    assert abs(difference) < 4.5 * math.sqrt(0.1 * 0.9 * 4 / N_ROWS)


def test_the_two_classes_are_equally_likely():
    fraction = (generate(N_ROWS, 2)["label"] == "a").mean()
    assert abs(fraction - 0.5) < 4.5 * math.sqrt(0.25 / N_ROWS)


def test_the_teacher_is_an_odd_function():
    X = np.random.default_rng(0).standard_normal((100, 20))
    np.testing.assert_allclose(_teacher(-X), -_teacher(X), rtol=1e-12)
