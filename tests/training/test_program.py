import keras
import numpy as np
import tensorflow as tf

from zoo.models.mlp import MLPClassifier, MLPRegressor
from zoo.training.program import BATCH, BLOCK, Program


def test_the_program_equals_keras_step_by_step():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(BLOCK, BATCH, 3)).astype(np.float32)
    y = rng.integers(0, 2, size=(BLOCK, BATCH)).astype(np.float32)
    network = MLPClassifier._build(n_inputs=3, n_outputs=2, units=5)
    compiled = Program(network, "crossentropy", jit_compile=True)
    weights, state = compiled.initial(7)
    zeros = [tf.zeros_like(w) for w in weights]
    carry = (weights, state, zeros, list(zeros), tf.constant(0.0))
    ones = tf.ones((BLOCK, BATCH))
    carry = compiled.train(carry, (tf.constant(X), tf.constant(y), ones), BLOCK, (0.01, 0.0))

    for variable, value in zip(network.trainable_variables, weights, strict=True):
        variable.assign(value)
    network.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    for i in range(BLOCK):
        network.train_on_batch(X[i], y[i])
    for ours, theirs in zip(carry[0], network.trainable_variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-3, atol=1e-4)


def test_an_mlp_fits_a_curve():
    X = np.linspace(-3, 3, 400)[:, None]
    y = np.sin(2 * X[:, 0])
    assert MLPRegressor(random_state=0).fit(X, y).score(X, y) > 0.95


def test_a_trained_network_is_an_ordinary_keras_model_that_predicts_the_same():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    model = MLPClassifier(random_state=0, max_epochs=3).fit(X, X[:, 0] > 0)
    logits = model.to_keras()(model._encode(X)).numpy()
    share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(share, model.predict_proba(X), atol=1e-5)
