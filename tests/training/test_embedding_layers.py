"""Embeddings of numbers beside values by hand and the authors' package."""

import keras
import numpy as np
import pytest

from zoo.training.initialisers import bin_edges
from zoo.training.layers import periodic
from zoo.training.layers.embeddings import PeriodicEmbedding, PiecewiseLinearEmbedding
from zoo.training.layers.tabular import PBLDEmbedding


def fill(layer, scale=1.0):
    rng = np.random.default_rng(0)
    for variable in layer.trainable_variables:
        variable.assign(scale * rng.normal(size=variable.shape))
    return {v.path.rsplit("/", 1)[-1]: v.numpy() for v in layer.trainable_variables}


def numbers(n_rows=9, n=3):
    return np.random.default_rng(1).normal(size=(n_rows, n)).astype(np.float32)


@pytest.mark.parametrize("is_lite", [False, True])
def test_periodic_embeddings_are_rectified_sums_of_periodic_features(is_lite):
    layer = PeriodicEmbedding(4, 5, is_lite=is_lite)
    X = numbers()
    layer.build(X.shape)
    w = fill(layer, 0.3)
    made = layer(X).numpy()
    for j in range(3):
        phases = 2 * np.pi * np.outer(X[:, j], w["frequencies"][j])
        both = np.concatenate([np.cos(phases), np.sin(phases)], axis=1)
        own = () if is_lite else j
        expected = np.maximum(both @ w["kernel"][own] + w["offset"][own], 0)
        np.testing.assert_allclose(made[:, j], expected, rtol=1e-4, atol=1e-5)


def test_the_piecewise_linear_encoding_is_the_position_within_each_bin():
    layer = PiecewiseLinearEmbedding(3, 1)
    layer.build((None, 3))
    edges = [[0.0, 1.0, 3.0, 4.0], [0.0, 2.0, 2.0, 2.0], [5.0, 5.0, 5.0, 5.0]]
    layer.edges.assign(np.array(edges))
    X = np.array([[2.0, 1.0, 7.0], [-1.0, -1.0, 5.0], [5.0, 3.0, 0.0], [0.5, 2.0, 5.0]], np.float32)
    expected = {  # three bins; one bin, which goes on both ways; none
        0: [[1, 0.5, 0], [-1, 0, 0], [1, 1, 2], [0.5, 0, 0]],
        1: [[0.5, 0, 0], [-0.5, 0, 0], [1.5, 0, 0], [1, 0, 0]],
        2: np.zeros((4, 3)),
    }
    encoding = layer.encoding(X).numpy()
    for j, wanted in expected.items():
        np.testing.assert_allclose(encoding[:, j], wanted, atol=1e-6)


def test_edges_are_quantiles_and_a_column_with_few_values_has_few():
    X = np.column_stack([np.arange(101), np.repeat([0, 7], [60, 41]), np.full(101, 3)])
    edges = bin_edges(X.astype(np.float32), 5)
    np.testing.assert_allclose(edges, [[0, 25, 50, 75, 100], [0, 7, 7, 7, 7], [3] * 5])


def test_layers_with_a_leading_axis_are_the_ordinary_ones_side_by_side():
    X = np.stack([numbers(), 2 * numbers()])
    for make in (
        lambda: PeriodicEmbedding(4, 5),
        lambda: PeriodicEmbedding(4, 5, is_lite=True),
        lambda: PiecewiseLinearEmbedding(6, 5),
    ):
        many = make()
        many.build(X.shape)
        rng = np.random.default_rng(0)
        for variable in many.variables:
            variable.assign(rng.normal(size=variable.shape))
        if hasattr(many, "edges"):
            many.edges.assign(np.stack([bin_edges(x, 7) for x in X]))
        made = many(X).numpy()
        for r in range(2):
            one = make()
            one.build(X[r].shape)
            for variable, value in zip(one.variables, many.variables, strict=True):
                variable.assign(value[r])
            np.testing.assert_allclose(one(X[r]).numpy(), made[r], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("lead", [(), (2,)])
@pytest.mark.parametrize(
    "make",
    [
        lambda: PeriodicEmbedding(4, 5),
        lambda: PeriodicEmbedding(4, 5, is_lite=True),
        lambda: PBLDEmbedding(4, 5),
    ],
)
def test_periodic_features_are_the_same_in_training_and_prediction(monkeypatch, make, lead):
    monkeypatch.setattr(periodic, "_PIECE", 80)  # a number or two at a time
    X = np.random.default_rng(1).normal(size=(*lead, 9, 3)).astype(np.float32)
    layer = make()
    layer.build(X.shape)
    fill(layer, 0.3)
    predicted = layer(X).numpy()
    assert predicted.std() > 0
    np.testing.assert_allclose(layer(X, training=True).numpy(), predicted, rtol=1e-4, atol=1e-5)


def test_embeddings_can_be_made_from_their_configuration():
    for layer in (PeriodicEmbedding(4, 5, is_lite=True), PiecewiseLinearEmbedding(6, 5)):
        again = keras.layers.deserialize(keras.layers.serialize(layer))
        assert again.get_config() == layer.get_config()


def test_the_authors_package_computes_the_same_periodic_embeddings():
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("rtdl_num_embeddings")
    for is_lite in (False, True):
        layer = PeriodicEmbedding(4, 5, is_lite=is_lite)
        X = numbers()
        layer.build(X.shape)
        w = fill(layer, 0.3)
        theirs = package.PeriodicEmbeddings(
            3, 5, n_frequencies=4, frequency_init_scale=0.1, activation=True, lite=is_lite
        )
        state = theirs.state_dict()
        copied = [w["frequencies"], w["kernel"], w["offset"]]
        if is_lite:
            copied = [w["frequencies"], w["kernel"].T, w["offset"]]
        for name, value in zip(state, copied, strict=True):
            assert tuple(state[name].shape) == value.shape, name
            state[name] = torch.from_numpy(np.ascontiguousarray(value))
        theirs.load_state_dict(state)
        with torch.no_grad():
            expected = theirs(torch.from_numpy(X)).numpy()
        np.testing.assert_allclose(layer(X).numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore:The 2-th feature has just two bin edges")
def test_the_authors_package_computes_the_same_bins():
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("rtdl_num_embeddings")
    X = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    X[:, 1] = np.round(X[:, 1])  # fewer values than bins
    X[:, 2] = X[:, 2] > 0  # a single bin
    edges = bin_edges(X, 9)
    bins = [torch.from_numpy(np.unique(one)) for one in edges]
    theirs = package.PiecewiseLinearEmbeddings(bins, 5, activation=False, version="B")
    layer = PiecewiseLinearEmbedding(8, 5)
    layer.build(X.shape)
    w = fill(layer)
    layer.edges.assign(edges)
    state = theirs.state_dict()
    kernel = np.zeros(tuple(state["linear.weight"].shape), np.float32)
    for j, one in enumerate(bins):  # there the last bin of each number is the last of the row
        n_bins, n_slots = len(one) - 1, kernel.shape[1]
        kernel[j, : n_bins - 1] = w["kernel"][j, : n_bins - 1]
        kernel[j, n_slots - 1] = w["kernel"][j, n_bins - 1]
    state["linear.weight"] = torch.from_numpy(kernel)
    state["linear0.weight"] = torch.from_numpy(w["slopes"])
    state["linear0.bias"] = torch.from_numpy(w["offset"])
    theirs.load_state_dict(state)
    new = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32) * 2
    with torch.no_grad():
        expected = theirs(torch.from_numpy(new)).numpy()
    np.testing.assert_allclose(layer(new).numpy(), expected, rtol=1e-4, atol=1e-5)
