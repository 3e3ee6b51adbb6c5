from functools import partial

import keras
import numpy as np
import pytest

import zoo
from zoo.models.keras_network import fit_together
from zoo.models.tabm import TabMClassifier, TabMConfig
from zoo.training.backends.choose import program_class
from zoo.training.layers.namespaces import plain
from zoo.training.program import ProgramConfig

pytestmark = pytest.mark.usefixtures("without_xla")

OPTIONS = {
    "n_outputs": 3, "k": 4, "units": 6, "n_hidden": 2, "dropout": 0.0, "is_logits": True,
    "n_numbers": 3, "n_codes": 0, "n_categories": 0, "n_bins": 0, "embedding_units": 2,
}  # fmt: skip


def config(n_inputs, *, is_mini=False, **changed):
    return TabMConfig(n_inputs=n_inputs, is_mini=is_mini, **{**OPTIONS, **changed})


def build(layers, n_inputs, *, is_mini=False, **changed):
    return TabMClassifier._build(layers, config(n_inputs, is_mini=is_mini, **changed))


def draw(*given, **changed):
    return TabMClassifier._draw(*given, config(5, **changed))


def relu(values):
    return np.maximum(values, 0)


def by_hand(weights, X, *, is_mini):
    """Evaluate the paper's equations member by member."""
    named = {"/".join(path.split("/")[-2:]): value for path, value in weights.items()}
    logits = []
    for m in range(4):
        h = X * named["members/factors"][m] if is_mini else X
        for number in (1, 2):
            layer = f"hidden_{number}"
            if is_mini:
                h = relu(h @ named[f"{layer}/kernel"] + named[f"{layer}/bias"])
            else:
                r, s = named[f"{layer}/r"][m], named[f"{layer}/s"][m]
                h = relu(((h * r) @ named[f"{layer}/kernel"]) * s + named[f"{layer}/bias"][m])
        logits.append(h @ named["output/kernel"][m] + named["output/bias"][m])
    probabilities = [np.exp(one) / np.exp(one).sum(axis=1, keepdims=True) for one in logits]
    return np.stack(logits, axis=1), np.mean(probabilities, axis=0)


@pytest.mark.parametrize("is_mini", [False, True])
def test_the_forward_pass_is_that_of_the_paper(is_mini):
    network = build(plain(), 5, is_mini=is_mini)
    rng = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    X = rng.normal(size=(7, 5)).astype(np.float32)
    weights = {v.path: v.numpy() for v in network.trainable_variables}
    members, probabilities = by_hand(weights, X, is_mini=is_mini)
    np.testing.assert_allclose(network(X, training=True).numpy(), members, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.exp(network(X).numpy()), probabilities, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("is_mini", [False, True])
def test_replicated_networks_compute_the_same_as_each_alone(is_mini):
    made = partial(build, is_mini=is_mini)
    two = program_class()(made, 5, ProgramConfig(loss="crossentropy"), n_replicates=2, draw=draw)
    train_state = two.empty()
    X = np.random.default_rng(0).normal(size=(2, 7, 5)).astype(np.float32)
    for r in range(2):
        train_state = two.enter(train_state, r, r, X[r])
    outputs, _ = two.network.stateless_call(
        train_state.weights, train_state.state, X, training=False
    )
    for r in range(2):
        alone = two.forward(two.slice(train_state, r), X[r])
        np.testing.assert_allclose(np.asarray(outputs)[r], alone, atol=1e-5)


def test_members_start_with_different_signs_and_are_otherwise_equal():
    template = build(plain(), 5)
    paths = [v.path for v in template.trainable_variables]
    shapes = [tuple(v.shape) for v in template.trainable_variables]
    rng = np.random.default_rng(0)
    drawn = draw(paths, shapes, rng, np.zeros((1, 5), np.float32))
    named = {"/".join(p.split("/")[-2:]): w for p, w in zip(paths, drawn, strict=True)}
    assert set(np.unique(named["hidden_1/r"])) == {-1.0, 1.0}
    assert (named["hidden_2/r"] == 1).all()
    assert (named["hidden_1/s"] == 1).all()
    assert (named["hidden_1/bias"] == named["hidden_1/bias"][0]).all()
    assert np.abs(named["hidden_1/kernel"]).max() <= 1 / np.sqrt(5)
    assert np.abs(named["output/kernel"][0] - named["output/kernel"][1]).max() > 0


def test_members_of_embedded_numbers_start_with_one_factor_for_each_number():
    template = build(plain(), 5, is_mini=True, n_bins=4)
    paths = [v.path for v in template.trainable_variables]
    shapes = [tuple(v.shape) for v in template.trainable_variables]
    drawn = draw(paths, shapes, np.random.default_rng(0), np.zeros((1, 5), np.float32), n_bins=4)
    named = {"/".join(p.split("/")[-2:]): w for p, w in zip(paths, drawn, strict=True)}
    factors = named["members/factors"]
    assert factors.shape == (4, 3 * 2 + 2)
    np.testing.assert_array_equal(factors[:, 0:6:2], factors[:, 1:6:2])
    assert len(np.unique(factors)) == 4 * (3 + 2)
    assert (named["bins/kernel"] == 0).all()
    assert 0 < np.abs(named["bins/slopes"]).max() <= 1 / np.sqrt(2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tabm_ple", "tabm_mini"])
def test_embeddings_make_a_narrow_step_learnable(name):
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(700, 2))
    y = np.sin(40 * X[:, 0]) > 0
    small = {"k": 8, "units": 32, "max_epochs": 40, "random_state": 0}
    scores = {
        n_bins: zoo.make(name, **small, n_bins=n_bins).fit(X[:500], y[:500]).score(X[500:], y[500:])
        for n_bins in (0, 32)
    }
    assert scores[32] > max(0.9, scores[0])


def test_each_member_has_a_loss_of_its_own():
    compiled = program_class()(build, 5, ProgramConfig(loss="crossentropy"), draw=draw)
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(1, 6, 4, 3)).astype(np.float32)
    y = rng.integers(0, 3, size=(1, 6)).astype(np.float32)
    weight = rng.uniform(size=(1, 6)).astype(np.float32)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
    each = np.stack([np.asarray(loss(y[0], outputs[0, :, m])) for m in range(4)])
    expected = (each.mean(axis=0) * weight[0]).sum() / weight.sum()
    np.testing.assert_allclose(np.asarray(compiled._losses(outputs, y, weight))[0], expected, 1e-5)


def test_small_data_are_evaluated_every_eight_steps():
    X = np.random.default_rng(0).normal(size=(20, 3))
    model = TabMClassifier(k=8, units=32, max_epochs=3, batch_size=8, random_state=0)
    model.fit(X, X[:, 0] > 0)
    assert len(model.validation_losses_) == 3
    assert model.n_epochs_ == 3 * (8 // 2)  # 16 rows train: two steps an epoch


def test_networks_fitted_together_equal_each_alone():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    y = np.where(X[:, 0] * X[:, 1] > 0, "yes", "no")
    small = {"k": 8, "units": 32, "max_epochs": 4, "batch_size": 8}
    models = [TabMClassifier(**small, random_state=i) for i in range(2)]
    assert dict(fit_together(models, [(X, y)] * 2, n_slots=2)) == {0: None, 1: None}
    alone = TabMClassifier(**small, random_state=1).fit(X, y)
    np.testing.assert_allclose(models[1].predict_proba(X), alone.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize("is_mini", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_an_interaction_is_learnt(is_mini):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    y = X[:, 0] * X[:, 1] > 0
    small = {"k": 8, "units": 32, "max_epochs": 10, "batch_size": 8}
    model = zoo.make("tabm", **small, is_mini=is_mini, random_state=0)
    assert model.fit(X[:400], y[:400]).score(X[400:], y[400:]) > 0.85


@pytest.mark.parametrize("is_mini", [False, True])
def test_the_authors_package_computes_the_same(is_mini):
    torch = pytest.importorskip("torch")
    tabm = pytest.importorskip("tabm")
    theirs = tabm.TabM.make(
        n_num_features=5, d_out=3, k=4, n_blocks=2, d_block=6, dropout=0.0,
        arch_type="tabm-mini" if is_mini else "tabm",
    )  # fmt: skip
    network = build(plain(), 5, is_mini=is_mini)
    rng = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    ours = {"/".join(v.path.split("/")[-2:]): v.numpy() for v in network.trainable_variables}
    state = theirs.state_dict()
    for name, value in state.items():
        state[name] = torch.from_numpy(_copied(name, tuple(value.shape), ours))
    theirs.load_state_dict(state)
    theirs.eval()
    X = rng.normal(size=(7, 5)).astype(np.float32)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(network(X, training=True).numpy(), expected, rtol=1e-4, atol=1e-5)


def _copied(name, shape, ours):
    """Return the weight of ours that the other package calls `name`."""
    *parts, kind = name.split(".")
    if parts[0] == "output":
        return ours[f"output/{'kernel' if kind == 'weight' else 'bias'}"]
    if parts[1] == "affine":
        return ours["members/factors"]
    layer = f"hidden_{int(parts[2]) + 1}"
    value = ours[f"{layer}/kernel"].T if kind == "weight" else ours[f"{layer}/{kind}"]
    assert value.shape == shape
    return np.ascontiguousarray(value)
