import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.models.cnn import CNNClassifier
from zoo.models.deep_mlp import DeepMLPClassifier, DeepMLPRegressor
from zoo.models.mlp import MLPClassifier, MLPRegressor
from zoo.training.fit import FitOptions, Rows, fit_networks
from zoo.training.layers import replicated
from zoo.training.program import BATCH, BLOCK, Program, _row_class


def small_network(layers):
    return MLPClassifier._build(layers, n_inputs=3, n_outputs=2, units=5)


def test_the_program_equals_keras_step_by_step():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(BLOCK, 1, BATCH, 3)).astype(np.float32)
    y = rng.integers(0, 2, size=(BLOCK, 1, BATCH)).astype(np.float32)
    compiled = Program(small_network, "crossentropy", jit_compile=True)
    carry = compiled.initial([7])
    network = compiled.template
    for variable, value in zip(
        network.trainable_variables, compiled.slice(carry[0], 0), strict=True
    ):
        variable.assign(value)
    ones = tf.ones((BLOCK, 1, BATCH))
    blocks = (tf.constant(X), tf.constant(y), ones)
    carry = compiled.train(carry, blocks, BLOCK, (0.01, 0.0), [True])

    network.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    for i in range(BLOCK):
        network.train_on_batch(X[i, 0], y[i, 0])
    ours = compiled.slice(carry[0], 0)
    for value, theirs in zip(ours, network.trainable_variables, strict=True):
        np.testing.assert_allclose(value, theirs.numpy(), rtol=1e-3, atol=1e-4)


def make_rows(seed, n_rows):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3)).astype(np.float32)
    y = (X[:, 0] + 0.5 * rng.normal(size=n_rows) > 0).astype(np.float32)
    return Rows(X, y, np.ones(n_rows, np.float32))


def deep_network(layers):
    return DeepMLPClassifier._build(
        layers, n_inputs=3, n_outputs=2, units=8, n_hidden=2, dropout=0.2
    )


OPTIONS = FitOptions(learning_rate=0.01, weight_decay=0.01, max_epochs=30, patience=4)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_a_replicate_among_ten_equals_the_same_replicate_alone(jit_compile):
    sizes = [65, 100, 127, 130, 64, 200, 90, 66, 129, 11]  # k batches, one more, less than one
    train = [make_rows(r, n) for r, n in enumerate(sizes)]
    held = [make_rows(100 + r, 40 + r) for r in range(9)] + [None]
    seeds = list(range(10))
    ten = Program(deep_network, "crossentropy", jit_compile=jit_compile, n_replicates=10)
    one = Program(deep_network, "crossentropy", jit_compile=jit_compile)
    together = fit_networks(ten, train, held, OPTIONS, seeds=seeds)
    assert len({result.n_epochs for result in together}) > 1  # they stop at different times
    for r in range(10):
        (alone,) = fit_networks(one, [train[r]], [held[r]], OPTIONS, seeds=[r])
        assert (alone.n_epochs, alone.best_epoch) == (together[r].n_epochs, together[r].best_epoch)
        for ours, theirs in zip(together[r].weights, alone.weights, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-4)


def test_a_replicate_with_bad_rows_fails_alone():
    bad = make_rows(1, 100)
    bad.X[3, 0] = np.nan
    train, held = [make_rows(0, 100), bad], [make_rows(2, 40), make_rows(3, 40)]
    two = Program(deep_network, "crossentropy", jit_compile=True, n_replicates=2)
    good, failed = fit_networks(two, train, held, OPTIONS, seeds=[0, 1])
    assert good.error is None
    assert "the loss became nan in epoch" in failed.error


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_zeroes_its_share_and_keeps_the_mean(rate):
    layer = replicated(3).Dropout(rate)
    layer.build((3, None, 64))
    layer.key.assign([[1], [2], [3]])
    X = np.ones((3, 500, 64), np.float32)
    first, second = (layer(X, training=True).numpy() for _ in range(2))
    for made in (first, second):
        np.testing.assert_allclose((made == 0).mean(axis=(1, 2)), rate, atol=0.01)
        np.testing.assert_allclose(made.mean(axis=(1, 2)), 1.0, atol=0.02)
    masks = [first[0], first[1], first[2], second[0]]
    for i, a in enumerate(masks):
        for b in masks[:i]:
            assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.02
    np.testing.assert_array_equal(layer(X).numpy(), X)


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_the_replicated_network_equals_the_ordinary_one(kind):
    build = (
        small_network
        if kind == "mlp"
        else lambda layers: CNNClassifier._build(
            layers, n_inputs=36, n_outputs=3, filters=2, units=4, image_shape=(6, 6, 1)
        )
    )
    three = Program(build, "crossentropy", jit_compile=False, n_replicates=3)
    carry = three.initial([1, 2, 3])
    X = np.random.default_rng(0).normal(size=(3, 5, three.template.input_shape[1]))
    outputs = three.forward(carry[0], carry[1], X.astype(np.float32))
    for r in range(3):
        weights = three.slice(carry[0], r)
        for variable, value in zip(three.template.trainable_variables, weights, strict=True):
            variable.assign(value)
        np.testing.assert_allclose(outputs[r], three.template(X[r]).numpy(), atol=1e-5)


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


def test_row_classes_waste_about_a_quarter_at_most_and_are_few():
    classes = [_row_class(n) for n in range(1, 8193)]
    assert all(n <= c <= 1.25 * n + 3 for n, c in enumerate(classes, start=1))
    assert len(set(classes)) < 50
    assert classes[0] == 1


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_dropout_that_leaves_nothing_is_refused(rate):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        replicated(1).Dropout(rate)


def test_a_deep_network_drops_units_for_classes_but_not_for_numbers():
    assert DeepMLPClassifier()._options(3)["dropout"] == 0.1
    assert DeepMLPRegressor()._options(3)["dropout"] == 0.0
    assert DeepMLPRegressor(dropout=0.2)._options(3)["dropout"] == 0.2
