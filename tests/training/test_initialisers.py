"""First weights from tables of path patterns."""

import numpy as np
import pytest

from zoo.training.initialisers import (
    STANDARD,
    UNIFORM,
    draw_weights,
    initial_weights,
    ones,
    zeros,
)


def test_the_first_pattern_that_matches_counts():
    table = (("output/*", zeros), ("*/kernel", ones))
    paths = ["net/hidden/kernel", "net/output/kernel"]
    hidden, output = draw_weights(table, paths, [(2, 3), (3, 1)], np.random.default_rng(0))
    assert (hidden == 1).all()
    assert (output == 0).all()


def test_a_bias_finds_the_kernel_of_its_layer_wherever_it_stands():
    paths = ["net/a/bias", "net/b/kernel", "net/a/kernel"]
    shapes = [(1000,), (4, 5), (10_000, 1000)]
    bias, *_ = draw_weights(UNIFORM, paths, shapes, np.random.default_rng(0))
    assert 0.009 < np.abs(bias).max() <= 0.01


def test_a_variable_without_a_rule_is_named():
    with pytest.raises(ValueError, match="first values of the variable odd/alpha"):
        draw_weights(STANDARD, ["net/odd/alpha"], [(3,)], np.random.default_rng(0))


def test_kernels_of_hidden_layers_and_of_the_output_have_their_own_variance():
    paths = ["net/hidden/kernel", "net/output/kernel"]
    rng, X = np.random.default_rng(0), np.zeros((1, 100), np.float32)
    hidden, output = initial_weights(paths, [(100, 400), (400, 100)], rng, X)
    np.testing.assert_allclose(hidden.var(), 1 / np.sqrt(100 * 400), rtol=0.05)
    np.testing.assert_allclose(output.var(), 2 / (100 + 400), rtol=0.05)
