import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from zoo.training.layers.namespaces import plain


def make(**params):
    return zoo.make("cnn", filters=4, units=8, max_epochs=3, random_state=0, **params)


def table(n_columns, n_rows=60):
    X = np.random.default_rng(0).normal(size=(n_rows, n_columns))
    return X, np.digitize(X[:, 0], [0.0])


@pytest.mark.parametrize(
    ("n_columns", "side"),
    [
        *((1, 4), (16, 4), (17, 5), (36, 6)),
        *(pytest.param(*sizes, marks=pytest.mark.slow) for sizes in ((9, 4), (15, 4), (37, 7))),
    ],
)
def test_columns_are_padded_to_the_next_square_image(n_columns, side):
    X, y = table(n_columns)
    model = make().fit(X, y)
    network = model.to_keras()
    layer = next(layer for layer in network.layers if isinstance(layer, keras.layers.Reshape))
    images = keras.Model(network.inputs[0], layer.output)(model._encode(X)).numpy()
    assert images.shape == (len(X), side, side, 1)
    flat = images.reshape(len(X), -1)
    np.testing.assert_array_equal(flat[:, :n_columns], model._encode(X))
    assert (flat[:, n_columns:] == 0).all()
    scores = network(model._encode(X)).numpy()
    np.testing.assert_array_equal(model.classes_[scores.argmax(axis=1)], model.predict(X))


def test_a_whole_image_is_not_padded():
    layers = [layer.name for layer in make().fit(*table(36)).to_keras().layers]
    assert not [name for name in layers if "fill" in name]


def test_a_table_with_categories_and_missing_values_is_an_image_too():
    X, y = table(3)
    frame = pd.DataFrame(X, columns=list("abc")).assign(category=["u", "v", None] * 20)
    frame.loc[::7, "b"] = np.nan
    model = make().fit(frame, y)
    scores = model.to_keras()(model.encoder_.transform(frame)).numpy()
    np.testing.assert_array_equal(model.classes_[scores.argmax(axis=1)], model.predict(frame))


@pytest.mark.parametrize("image_shape", [(4, 4, 1), (6, 6, 1), (5, 4, 2)])
def test_an_image_shape_that_does_not_match_the_columns_is_refused(image_shape):
    with pytest.raises(ValueError, match=r"20 columns are not an image of shape \(., ., .\)"):
        make(image_shape=image_shape).fit(*table(20))
    assert make(image_shape=(4, 5, 1)).fit(*table(20)).n_inputs_ == 20


@pytest.mark.parametrize(
    "image_shape",
    [
        (8, 8), (8, 8, 1, 1), (), 64, 0, (0, 8, 8), (-8, -8, 1), (8, 8, 0), (2, 32, 1), "8x8x1",
        "881", ("8", "8", "1"), (8.0, 8.0, 1.0), (8, 8, None), {8: 8}, np.ones((3, 3), int),
    ],
)  # fmt: skip
def test_an_image_shape_that_is_none_is_refused_in_one_line(image_shape):
    with pytest.raises(ValueError, match="height and width from 4") as caught:
        make(image_shape=image_shape).fit(*table(64))
    assert "\n" not in str(caught.value)


def test_padding_can_be_saved_and_loaded(tmp_path):
    network = plain().Sequential([plain().Input(3), plain().ZeroFill(5)])
    network.save(tmp_path / "n.keras")
    made = keras.models.load_model(tmp_path / "n.keras")(np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(made, [[1, 1, 1, 0, 0]] * 2)
