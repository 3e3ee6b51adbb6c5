"""Cosines and sines of turns beside the C library's."""

import keras
import numpy as np
import tensorflow as tf

from zoo.training.waves import cosine_of_turns, sine_of_turns

TURNS = np.concatenate([np.linspace(-3, 3, 4001), [0.0, 0.25, -0.5, 0.5, 1000.125, -77.0]])


def test_waves_are_those_of_the_library():
    turns = TURNS.astype(np.float32)
    exact = 2 * np.pi * turns.astype(np.float64)
    np.testing.assert_allclose(cosine_of_turns(turns), np.cos(exact), rtol=0, atol=1e-6)
    np.testing.assert_allclose(sine_of_turns(turns), np.sin(exact), rtol=0, atol=1e-6)


def test_slopes_are_those_of_waves():
    turns = tf.constant(TURNS.astype(np.float32))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(turns)
        cosine, sine = cosine_of_turns(turns), sine_of_turns(turns)
    exact = 2 * np.pi * TURNS.astype(np.float32).astype(np.float64)
    for made, expected in ((cosine, -np.sin(exact)), (sine, np.cos(exact))):
        slopes = keras.ops.convert_to_numpy(tape.gradient(made, turns))
        np.testing.assert_allclose(slopes, 2 * np.pi * expected, rtol=0, atol=2e-5)
