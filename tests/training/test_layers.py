"""Each replicated layer beside Keras's: outputs, gradients, moving statistics."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.training.layers.namespaces import plain, replicated, rows_present

N_REPLICATES, N_ROWS = 3, 5


def dense(layers, **options):
    return layers.Dense(4, activation="tanh", **options)


def layer_cases():
    """Name, maker, shape of one network's rows (without the batch axis)."""
    return {
        "dense": (dense, (6,)),
        "batch normalisation": (lambda layers, **o: layers.BatchNormalization(**o), (4,)),
        "layer normalisation": (lambda layers, **o: layers.LayerNormalization(**o), (4,)),
        "scaled dense": (lambda layers, **o: layers.NTKDense(3, has_scale=True, **o), (4,)),
        "activation": (lambda layers, **o: layers.Activation("selu", **o), (4,)),
        "convolution": (
            lambda layers, **o: layers.Conv2D(2, 3, padding="same", activation="tanh", **o),
            (4, 4, 2),
        ),
        "pooling": (lambda layers, **o: layers.MaxPooling2D(2, **o), (4, 4, 2)),
        "reshape": (lambda layers, **o: layers.Reshape((2, 2, 1), **o), (4,)),
        "zero fill": (lambda layers, **o: layers.ZeroFill(7, **o), (4,)),
        "flatten": (lambda layers, **o: layers.Flatten(**o), (2, 3)),
        "embedding": (lambda layers, **o: layers.Embedding(7, 3, **o), (2,)),
    }


CASES = layer_cases()


def make(name, dtype="float64"):
    make_layer, shape = CASES[name]
    rng = np.random.default_rng(0)
    ours = make_layer(replicated(N_REPLICATES), dtype=dtype)
    X = rng.normal(size=(N_REPLICATES, N_ROWS, *shape))
    if name == "embedding":
        X = rng.integers(0, 7, size=X.shape).astype(float)
    ours.build(X.shape)
    for variable in ours.weights:
        values = rng.normal(size=variable.shape)
        variable.assign(np.abs(values) if "variance" in variable.path else values)
    return ours, X


@pytest.mark.parametrize("is_training", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_replicate_of_a_layer_computes_what_keras_does(name, is_training):
    ours, X = make(name)
    options = {"training": is_training} if "normalisation" in name and "batch" in name else {}
    outputs = np.asarray(ours(X, **options))
    for r in range(N_REPLICATES):
        twin = CASES[name][0](plain(), dtype="float64")
        twin.build(X.shape[1:])
        moving = [np.asarray(v)[r] for v in ours.weights]  # after the step: moved once already
        for variable, value in zip(twin.weights, moving, strict=True):
            if "moving" not in variable.path:
                variable.assign(value.reshape(variable.shape))
        if options and not is_training:
            for variable, value in zip(twin.weights, moving, strict=True):
                variable.assign(value.reshape(variable.shape))
        np.testing.assert_allclose(outputs[r], np.asarray(twin(X[r], **options)), atol=1e-9)


def test_moving_statistics_equal_those_of_keras():
    ours, X = make("batch normalisation")
    before = [v.numpy().copy() for v in ours.weights]
    ours(X, training=True)
    for r in range(N_REPLICATES):
        twin = plain().BatchNormalization(dtype="float64")
        twin.build(X.shape[1:])
        for variable, value in zip(twin.weights, before, strict=True):
            variable.assign(value[r].reshape(variable.shape))
        twin(X[r], training=True)
        for variable, value in zip(twin.weights, ours.weights, strict=True):
            np.testing.assert_allclose(np.asarray(value)[r].ravel(), np.asarray(variable))


@pytest.mark.parametrize("name", CASES)
def test_gradients_equal_finite_differences(name):
    ours, X = make(name)
    rng = np.random.default_rng(1)
    variables = ours.trainable_variables
    options = {"training": True} if name == "batch normalisation" else {}
    shape = np.asarray(ours(X, **options)).shape
    mix = rng.normal(size=shape)

    def value(inputs):
        return tf.reduce_sum(ours(inputs, **options) * mix)

    inputs = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        total = value(inputs)
    watched = [v.value for v in variables] + ([] if name == "embedding" else [inputs])
    gradients = tape.gradient(total, watched)
    for number, gradient in enumerate(gradients):
        flat = np.ravel(tf.convert_to_tensor(gradient))
        for i in rng.choice(flat.size, size=min(12, flat.size), replace=False):
            differences = []
            for change in (1e-5, -1e-5):
                if number < len(variables):
                    kept = variables[number].numpy()
                    moved = kept.copy()
                    moved.ravel()[i] += change
                    variables[number].assign(moved)
                    differences.append(float(value(inputs)))
                    variables[number].assign(kept)
                else:
                    moved = X.copy()
                    moved.ravel()[i] += change
                    differences.append(float(value(tf.constant(moved))))
            expected = (differences[0] - differences[1]) / 2e-5
            np.testing.assert_allclose(flat[i], expected, rtol=1e-5, atol=1e-6)


def test_dropout_passes_gradients_through_the_kept_units():
    layer = replicated(2).Dropout(0.5, dtype="float64")
    layer.build((2, None, 8))
    layer.key.assign([[1], [2]])
    X = tf.ones((2, 50, 8), tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(X)
        outputs = layer(X, training=True)
    np.testing.assert_array_equal(np.asarray(tape.gradient(outputs, X)), np.asarray(outputs))


def test_padding_does_not_count_in_batch_normalisation():
    ours, X = make("batch normalisation")
    short = np.asarray(ours(X[:, :3], training=True))
    full = X.copy()
    full[:, 3:] = 1e6
    with rows_present(tf.constant([[True, True, True, False, False]] * N_REPLICATES)):
        padded = np.asarray(ours(full, training=True))
    np.testing.assert_allclose(padded[:, :3], short, atol=1e-9)


def test_a_batch_of_one_row_is_normalised_to_the_shift():
    ours, X = make("batch normalisation")
    outputs = np.asarray(ours(X[:, :1], training=True))
    np.testing.assert_allclose(outputs, np.asarray(ours.beta), atol=1e-9)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_zeroes_its_rate_and_keeps_the_mean(rate):
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


def test_the_strength_of_dropout_scales_its_rate():
    layer = replicated(3).Dropout(0.4)
    layer.build((3, None, 64))
    layer.key.assign([[1], [2], [3]])
    layer.strength.assign([[1.0], [0.5], [0.0]])
    made = layer(np.ones((3, 500, 64), np.float32), training=True).numpy()
    np.testing.assert_allclose((made == 0).mean(axis=(1, 2)), [0.4, 0.2, 0.0], atol=0.01)
    np.testing.assert_allclose(made.mean(axis=(1, 2)), 1.0, atol=0.02)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_dropout_that_leaves_nothing_is_refused(rate):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        replicated(1).Dropout(rate)


def test_a_network_with_our_own_layer_loads_from_its_file(tmp_path):
    layers = plain()
    network = layers.Sequential([layers.Input(3), layers.NTKDense(2, has_scale=True)])
    network.layers[0].scale.assign([1.0, 2.0, 3.0])
    network.save(tmp_path / "network.keras")
    X = np.ones((2, 3), np.float32)
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_allclose(np.asarray(loaded(X)), np.asarray(network(X)))
