"""Periodic features and their sums beside those of the C library."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.training.layers import periodic
from zoo.training.layers.periodic import cosine_of_turns, periodic_sum, sine_of_turns

TURNS = np.concatenate([np.linspace(-3, 3, 4001), [0.0, 0.25, -0.5, 0.5, 1000.125, -77.0]])


def test_cosines_and_sines_equal_those_of_the_library():
    turns = TURNS.astype(np.float32)
    exact = 2 * np.pi * turns.astype(np.float64)
    np.testing.assert_allclose(cosine_of_turns(turns), np.cos(exact), rtol=0, atol=1e-6)
    np.testing.assert_allclose(sine_of_turns(turns), np.sin(exact), rtol=0, atol=1e-6)


def test_gradients_equal_those_by_hand():
    turns = tf.constant(TURNS.astype(np.float32))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(turns)
        cosine, sine = cosine_of_turns(turns), sine_of_turns(turns)
    exact = 2 * np.pi * TURNS.astype(np.float32).astype(np.float64)
    for made, expected in ((cosine, -np.sin(exact)), (sine, np.cos(exact))):
        slopes = keras.ops.convert_to_numpy(tape.gradient(made, turns))
        np.testing.assert_allclose(slopes, 2 * np.pi * expected, rtol=0, atol=2e-5)


def parts_of_a_sum(n=7, k=4, units=3, n_rows=5):
    rng = np.random.default_rng(0)
    shapes = ((n, n_rows), (n, k), (n, k), (n, k, units))
    return [tf.constant(rng.normal(size=shape).astype(np.float32)) for shape in shapes]


def by_hand(values, frequencies, phases, kernel):
    turns = values[:, None] * frequencies[..., None] + phases[..., None]
    return tf.einsum("nkb,nku->nub", tf.cos(2 * np.pi * turns), kernel)


@pytest.mark.parametrize("piece", [1, 45, 1 << 17])  # a number at a time, two, all at once
@pytest.mark.parametrize("is_compiled", [False, True])
def test_sums_and_their_gradients_do_not_depend_on_pieces(monkeypatch, piece, is_compiled):
    monkeypatch.setattr(periodic, "_PIECE", piece)
    parts = parts_of_a_sum()
    upstream = tf.constant(np.random.default_rng(1).normal(size=(7, 3, 5)).astype(np.float32))

    def with_gradients(function, parts):
        with tf.GradientTape() as tape:
            tape.watch(parts)
            made = function(*parts)
        return [made, *tape.gradient(made, parts, upstream)]

    def ours(*parts):
        return periodic_sum(*parts, training=True)

    compiled = tf.function(with_gradients, jit_compile=True) if is_compiled else with_gradients
    expected = with_gradients(by_hand, parts)
    for made, wanted in zip(compiled(ours, parts), expected, strict=True):
        np.testing.assert_allclose(made, wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(periodic_sum(*parts), expected[0], rtol=1e-4, atol=1e-5)


def test_the_number_of_rows_may_be_unknown(monkeypatch):
    monkeypatch.setattr(periodic, "_PIECE", 4096)
    parts = parts_of_a_sum()
    specs = [tf.TensorSpec((7, None)), *[tf.TensorSpec(part.shape) for part in parts[1:]]]
    function = tf.function(lambda *parts: periodic_sum(*parts, training=True), specs)
    np.testing.assert_allclose(function(*parts), by_hand(*parts), rtol=1e-4, atol=1e-5)
