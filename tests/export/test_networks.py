import keras
import numpy as np

from zoo.export.networks import _Bins, _MeanProbabilities
from zoo.training.layers.embeddings import PiecewiseLinearEmbedding
from zoo.training.layers.ensembles import MembersMean

EDGES = np.array([[-2.0, -1.0, 0.5, 0.75, 3.0], [0.0, 1.0, 1.0, 1.0, 1.0], [5.0] * 5], np.float32)


def test_bins_without_large_constants_are_equal_to_those_with_them():
    layers = [kind(n_bins=4, units=2) for kind in (PiecewiseLinearEmbedding, _Bins)]
    x = np.linspace(-9.0, 9.0, 73, dtype=np.float32)[:, None].repeat(3, axis=1)
    for layer in layers:
        layer.build((None, 3))
        layer.edges.assign(EDGES)
    published, ours = (keras.ops.convert_to_numpy(layer.encoding(x)) for layer in layers)
    np.testing.assert_allclose(ours, published, atol=1e-6)
    assert np.abs(ours).max() < 20


def test_the_mean_of_members_is_equal_to_that_of_the_training_layer():
    outputs = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)
    logits = MembersMean(is_logits=True)(outputs)
    probabilities = _MeanProbabilities(is_logits=True)(outputs)
    np.testing.assert_allclose(keras.ops.softmax(logits), probabilities, rtol=1e-5)
    numbers = [kind(is_logits=False)(outputs) for kind in (MembersMean, _MeanProbabilities)]
    np.testing.assert_allclose(*numbers, rtol=1e-6)
