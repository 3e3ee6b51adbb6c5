"""Networks written in PyTorch, JAX and Sonnet."""

import numpy as np
import pytest

import zoo
from tests.matrix import ALL

pytestmark = pytest.mark.slow


def needs(*names):
    lacking = [name for name in names if name not in ALL]
    return pytest.mark.skipif(bool(lacking), reason=f"without its extra: {', '.join(lacking)}")


def rows(n_rows=200):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 5))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


@needs("jax_mlp", "sonnet_mlp")
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_jax_and_sonnet_learn_the_same_network_from_the_same_seed(task):
    X, y = rows()
    models = [
        zoo.make(name, task=task, units=16, max_epochs=2, random_state=3).fit(X, y)
        for name in ("jax_mlp", "sonnet_mlp")
    ]
    for ours, theirs in zip(models[0].weights_, models[1].weights_, strict=True):
        # Sonnet's epsilon is added after a correction, and its decay before the step
        np.testing.assert_allclose(ours, theirs, atol=1e-2)
    assert models[0].n_epochs_ == models[1].n_epochs_
    first = zoo.make("jax_mlp", task=task, units=16, max_epochs=1, random_state=3).fit(X, y)
    assert np.abs(first.weights_[0] - models[0].weights_[0]).max() > 0.01


@needs("torch_mlp")
def test_a_torch_network_skips_random_blocks_in_each_step():
    import torch

    from zoo.models.torch_mlp import StochasticDepth

    model = zoo.make("torch_mlp", units=8, n_hidden=4, max_epochs=1, random_state=0).fit(*rows())
    network = StochasticDepth(model.weights_, 0.5)
    assert np.allclose(network.probabilities, [5 / 6, 4 / 6, 0.5])
    rng, X = np.random.default_rng(0), torch.ones((3, model.n_inputs_))
    computed = []
    for block in network.blocks:
        block.register_forward_hook(lambda module, *_: computed.append(id(module)))
    depths = []
    for _ in range(300):
        computed.clear()
        network(X, rng).sum().backward()
        depths.append(len(computed))
    assert set(depths) == {0, 1, 2, 3}
    assert abs(np.mean(depths) - 2.0) < 0.15  # the sum of the probabilities
    computed.clear()
    network(X)
    assert len(computed) == 3  # all, in prediction


@needs("torch_mlp")
def test_prediction_multiplies_each_block_by_its_probability():
    model = zoo.make("torch_mlp", units=8, n_hidden=2, max_epochs=1, random_state=0).fit(*rows())
    X = np.random.default_rng(1).normal(size=(4, model.n_inputs_)).astype(np.float32)
    (first, shift, kernel, bias, last, offset), survival = model.weights_, model.survival
    hidden = np.maximum(X @ first + shift, 0)
    hidden = hidden + survival * np.maximum(hidden @ kernel + bias, 0)
    np.testing.assert_allclose(
        model._forward(model.weights_, X), hidden @ last + offset, rtol=1e-4, atol=1e-5
    )


@needs("torch_mlp")
@pytest.mark.parametrize("survival", [0.0, -1.0, 1.5])
def test_a_survival_that_is_no_probability_is_refused(survival):
    with pytest.raises(ValueError, match="survival must be above 0 and at most 1"):
        zoo.make("torch_mlp", survival=survival).fit(*rows())


@needs("torch_mlp")
def test_a_fit_leaves_the_threads_of_pytorch_as_they_were():
    import torch

    before = torch.get_num_threads()
    zoo.make("torch_mlp", **zoo.spec("torch_mlp").smoke).fit(*rows())
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("name", [name for name in ALL if zoo.spec(name).extra])
def test_a_native_network_keeps_its_fit_when_training_fails(name):
    X, y = rows()
    model = zoo.make(name, **zoo.spec(name).smoke, random_state=0).fit(X, y)
    expected = model.predict_proba(X)
    with pytest.raises(FloatingPointError, match="smaller learning_rate"):
        model.set_params(learning_rate=1e30).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), expected)


@pytest.mark.parametrize("name", [name for name in ALL if zoo.spec(name).extra])
def test_a_native_network_learns_what_is_not_linearly_separable(name):
    X, y = rows(600)
    model = zoo.make(name, random_state=0, units=32).fit(X[:400], y[:400])
    assert model.score(X[400:], y[400:]) > 0.85
    assert model.best_epoch_ <= model.n_epochs_
    assert min(model.validation_losses_) < model.validation_losses_[0]
