"""The compiled program beside Keras's own training."""

from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.models.cnn import CNNClassifier, CNNConfig
from zoo.models.mlp import MLPClassifier, MLPConfig
from zoo.training.backends.choose import program_class
from zoo.training.optimizer import Adam
from zoo.training.padding import row_class
from zoo.training.program import Block, ProgramConfig

CLASSES = ProgramConfig(loss="crossentropy")
N_STEPS = CLASSES.block_steps


@cache
def program(build, n_inputs=3, config=CLASSES, **options):
    """Return a program; tests share it, because weights are arguments of its functions."""
    return program_class()(build, n_inputs, config, **options)


def small_network(layers, n_inputs):
    return MLPClassifier._build(layers, MLPConfig(n_inputs=n_inputs, n_outputs=3, units=5))


def normed_network(layers, n_inputs):
    return layers.Sequential(
        [
            layers.Input(n_inputs),
            layers.Dense(5, activation="relu", name="hidden"),
            layers.BatchNormalization(name="batch", momentum=0.9),
            layers.Dense(5, activation="relu", name="hidden_2"),
            layers.LayerNormalization(name="rows"),
            layers.NTKDense(3, has_scale=True, name="output"),
        ]
    )


def small_cnn(layers, n_inputs):
    config = CNNConfig(n_inputs=n_inputs, n_outputs=3, filters=2, units=4, image_shape=(6, 6, 1))
    return CNNClassifier._build(layers, config)


def fresh_state(compiled, seeds, n_inputs=None):
    train_state = compiled.empty()
    for r, seed in enumerate(seeds):
        rows = np.zeros((1, n_inputs or compiled.n_inputs), np.float32)
        train_state = compiled.enter(train_state, r, seed, rows)
    return train_state


def make_block(config, n_replicates, n_inputs, seed=0):
    rng = np.random.default_rng(seed)
    shape = (n_replicates, config.block_steps, config.batch_size)
    X = rng.normal(size=(*shape, n_inputs)).astype(np.float32)
    y = (X[..., 0] + rng.normal(size=shape) > 0) + (X[..., 1] > 0.5)
    return X, y.astype(np.float32), np.ones(shape, np.float32)


def rates_of(config, n_replicates, rate, decay=0.0):
    rates = np.ones((config.block_steps, 3, n_replicates), np.float32)
    rates[:, 0], rates[:, 1] = rate, decay
    return rates


def run(compiled, *, rate=0.01, decay=0.0, n_steps=None, seed=7, block=None):
    """Return weights and train_state of one network after a block of steps."""
    config = compiled.config
    block = block or make_block(config, 1, compiled.n_inputs)
    rates = rates_of(config, 1, rate, decay)
    train_state = compiled.train(
        fresh_state(compiled, [seed]), Block(*block, n_steps or config.block_steps, rates, [True])
    )
    return compiled.slice(train_state, 0), train_state


@pytest.mark.parametrize("build", [small_network, normed_network])
def test_the_program_equals_keras_step_by_step(build):
    compiled = program(build)
    X, y, weight = block = make_block(CLASSES, 1, 3)
    weight[0, :, 50:] = 0.5
    network = keras.models.clone_model(compiled.template)
    variables = [*network.trainable_variables, *network.non_trainable_variables]
    start = compiled.slice(fresh_state(compiled, [7]), 0)
    for variable, value in zip(variables, start, strict=True):
        variable.assign(value)
    network.compile(
        optimizer=keras.optimizers.AdamW(0.01, weight_decay=0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"),
    )
    # Keras: gradient of the mean; vectors do not decay here
    network.optimizer.exclude_from_weight_decay(
        var_list=[v for v in network.trainable_variables if len(v.shape) == 1]
    )
    for i in range(N_STEPS):
        fraction = weight[0, i] / weight[0, i].sum()
        network.train_on_batch(X[0, i], y[0, i], sample_weight=fraction)
        if i in {0, 9, N_STEPS - 1}:
            ours, _ = run(compiled, decay=0.1, n_steps=i + 1, block=block)
            for value, theirs in zip(ours, variables, strict=True):
                np.testing.assert_allclose(value, np.asarray(theirs), rtol=2e-3, atol=3e-4)


@pytest.mark.parametrize("build", [small_network, normed_network])
def test_with_and_without_xla_the_program_computes_the_same(build):
    compiled, _ = run(program(build), decay=0.1)
    traced, _ = run(program(build, jit_compile=False), decay=0.1)
    for ours, theirs in zip(compiled, traced, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@keras.saving.register_keras_serializable("tests")
class OutsideOfXLA(keras.layers.Layer):
    """Passes rows through Python, which XLA cannot."""

    def call(self, inputs):
        @tf.custom_gradient
        def through(x):
            return tf.ensure_shape(
                tf.numpy_function(lambda v: v, [x], x.dtype), x.shape
            ), lambda g: g

        return through(inputs)


def test_without_xla_support_the_same_block_runs_as_a_graph():
    def build(layers, n_inputs):
        return layers.Sequential(
            [
                layers.Input(n_inputs),
                OutsideOfXLA(),
                layers.Dense(5, activation="relu", name="hidden"),
                layers.Dense(3, name="output"),
            ]
        )

    with pytest.warns(RuntimeWarning, match="XLA cannot compile this network"):
        odd, _ = run(program_class()(build, 3, CLASSES))
    usual, _ = run(program(small_network))
    for ours, theirs in zip(odd, usual, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_the_same_seed_gives_the_same_bits():
    first, _ = run(program(small_network))
    second, _ = run(program_class()(small_network, 3, CLASSES))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    other, _ = run(program(small_network), seed=8)
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("build", [small_network, normed_network, small_cnn])
def test_the_replicated_network_equals_the_ordinary_one(build):
    n_inputs = 36 if build is small_cnn else 3
    three = program(build, n_inputs, n_replicates=3, jit_compile=False)
    train_state = fresh_state(three, [1, 2, 3])
    X = np.random.default_rng(0).normal(size=(3, 5, n_inputs)).astype(np.float32)
    outputs, _ = three.network.stateless_call(
        train_state.weights, train_state.state, X, training=False
    )
    for r in range(3):
        alone = three.forward(three.slice(train_state, r), X[r])
        np.testing.assert_allclose(np.asarray(outputs)[r], alone, atol=1e-5)


def test_a_network_with_fewer_inputs_trains_in_a_wider_program_as_in_its_own():
    own, wide = (program(small_network, n_inputs, jit_compile=False) for n_inputs in (3, 6))
    X, y, weight = make_block(CLASSES, 1, 3)
    padded = np.concatenate([X, np.zeros_like(X)], axis=-1)
    rates = rates_of(CLASSES, 1, 0.01, 0.1)
    alone = own.train(fresh_state(own, [7]), Block(X, y, weight, N_STEPS, rates, [True]))
    among = wide.train(fresh_state(wide, [7], 3), Block(padded, y, weight, N_STEPS, rates, [True]))
    expected, weights = own.slice(alone, 0), wide.slice(among, 0)
    assert (weights[0][3:] == 0).all()
    for a, b in zip(wide.cropped(weights, 3), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        wide.forward(wide.cropped(weights, 3), X[0, 0]), own.forward(expected, X[0, 0]), atol=1e-3
    )


def moved(path_end, **options):
    """Return how far a variable of the normed network moved from its start in one step."""
    config = ProgramConfig(loss="crossentropy", optimizer=Adam(**options))
    compiled = program(normed_network, config=config, jit_compile=False)
    start = compiled.slice(fresh_state(compiled, [7]), 0)
    end, _ = run(compiled, n_steps=1, decay=0.1)
    paths = [v.path for v in compiled.template.trainable_variables]
    (position,) = [i for i, path in enumerate(paths) if path.endswith(path_end)]
    return end[position] - start[position], start[position]


@pytest.mark.parametrize("path", ["output/scale", "hidden/kernel", "hidden/bias"])
def test_a_rate_factor_scales_the_update_of_its_variable_alone(path):
    plain_step, _ = moved(path)
    scaled_step, _ = moved(path, rate_factors=((path, 6.0),))
    other_step, _ = moved(path, rate_factors=(("output/kernel", 6.0),))
    np.testing.assert_allclose(scaled_step, 6.0 * plain_step, rtol=1e-2, atol=1e-6)
    np.testing.assert_array_equal(other_step, plain_step)


def test_a_variable_without_decay_moves_by_its_gradient_alone():
    decaying, start = moved("hidden/kernel")
    kept, _ = moved("hidden/kernel", without_decay=("hidden/kernel",))
    np.testing.assert_allclose(decaying - kept, -0.01 * 0.1 * start, atol=1e-6)


def test_clipping_equals_the_global_norm_of_keras():
    config = ProgramConfig(loss="crossentropy", optimizer=Adam(clip_norm=0.05))
    compiled = program(small_network, config=config, jit_compile=False)
    X, y, _ = block = make_block(config, 1, 3)
    network = keras.models.clone_model(compiled.template)
    for variable, value in zip(
        network.weights, compiled.slice(fresh_state(compiled, [7]), 0), strict=True
    ):
        variable.assign(value)
    network.compile(
        optimizer=keras.optimizers.Adam(0.01, global_clipnorm=0.05),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    for i in range(20):
        network.train_on_batch(X[0, i], y[0, i])
    ours, _ = run(compiled, n_steps=20, block=block)
    free, _ = run(program(small_network, jit_compile=False), n_steps=20, block=block)
    assert np.abs(ours[0] - free[0]).max() > 1e-3
    for value, theirs in zip(ours, network.weights, strict=True):
        np.testing.assert_allclose(value, np.asarray(theirs), rtol=2e-3, atol=3e-4)


def test_each_replicate_is_clipped_by_its_own_norm():
    config = ProgramConfig(loss="crossentropy", optimizer=Adam(clip_norm=0.05))
    two = program(small_network, config=config, n_replicates=2, jit_compile=False)
    X, y, weight = make_block(config, 2, 3)
    loud = X.copy()
    loud[1] *= 100
    ends = [
        two.train(
            fresh_state(two, [7, 8]),
            Block(rows, y, weight, 20, rates_of(config, 2, 0.01), [True, True]),
        )
        for rows in (X, loud)
    ]
    for a, b in zip(two.slice(ends[0], 0), two.slice(ends[1], 0), strict=True):
        np.testing.assert_array_equal(a, b)


def test_label_smoothing_equals_that_of_keras():
    config = ProgramConfig(loss="crossentropy", label_smoothing=0.1)
    compiled = program(small_network, config=config, jit_compile=False)
    rng = np.random.default_rng(0)
    logits, codes = rng.normal(size=(1, 20, 3)).astype(np.float32), rng.integers(0, 3, (1, 20))
    ours = compiled._losses(tf.constant(logits), tf.constant(codes, tf.float32), tf.ones((1, 20)))
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)(
        np.eye(3)[codes[0]], logits[0]
    )
    np.testing.assert_allclose(np.asarray(ours)[0], np.asarray(theirs), rtol=1e-5)


def test_label_smoothing_keeps_probabilities_away_from_0_and_1():
    X = make_block(CLASSES, 1, 3)[0][0, 0]
    spread = []
    for smoothing in (0.0, 0.5):
        config = ProgramConfig(loss="crossentropy", label_smoothing=smoothing)
        compiled = program(small_network, config=config, jit_compile=False)
        weights, _ = run(compiled)
        spread.append(np.ptp(compiled.forward(weights, X), axis=1).mean())
    assert spread[1] < 0.7 * spread[0]


@pytest.mark.parametrize("batch_size", [16, 256])
def test_a_program_takes_batches_of_its_own_size(batch_size):
    config = ProgramConfig(loss="crossentropy", batch_size=batch_size)
    _, train_state = run(program(small_network, config=config, jit_compile=False))
    assert train_state.count.numpy() == config.block_steps
    assert config.block_steps * batch_size >= 4096


def test_sample_weights_count():
    X, y, weight = make_block(CLASSES, 1, 3)
    half = weight.copy()
    half[:, :, 32:] = 0
    other = y.copy()
    other[:, :, 32:] = 2 - other[:, :, 32:]  # labels of rows that weigh nothing
    compiled = program(small_network, jit_compile=False)
    a, b, c = (
        run(compiled, block=block)[0] for block in ((X, y, half), (X, other, half), (X, y, weight))
    )
    np.testing.assert_array_equal(a[0], b[0])
    assert np.abs(a[0] - c[0]).max() > 1e-3


def test_a_variable_without_an_initialiser_is_named():
    def odd(layers, n_inputs):
        odd_layer = keras.layers.PReLU(name="odd", shared_axes=[1])
        return layers.Sequential([layers.Input(n_inputs), layers.Reshape((1, 3)), odd_layer])

    with pytest.raises(ValueError, match=r"first values of the variable .*odd/alpha"):
        fresh_state(program_class()(odd, 3, CLASSES), [0])


def test_row_classes_are_few_and_add_about_a_quarter_at_most():
    classes = [row_class(n) for n in range(1, 8193)]
    assert all(n <= c <= 1.25 * n + 3 for n, c in enumerate(classes, start=1))
    assert len(set(classes)) < 50
    assert classes[0] == 1
