import numpy as np
import pandas as pd
import pytest

from zoo.models.keras_network import fit_together
from zoo.models.mlp_plr import MLPPLRClassifier, MLPPLRConfig
from zoo.training.backends.choose import program_class
from zoo.training.layers.namespaces import plain
from zoo.training.program import ProgramConfig

pytestmark = pytest.mark.usefixtures("without_xla")

OPTIONS = {
    "n_outputs": 2, "n_numbers": 2, "n_codes": 1, "n_categories": 9, "units": (7, 5),
    "n_frequencies": 4, "embedding_units": 3, "frequency_scale": 0.1, "is_lite": False,
    "dropout": 0.0,
}  # fmt: skip


def config(n_inputs, **changed):
    return MLPPLRConfig(n_inputs=n_inputs, **{**OPTIONS, **changed})


def build(layers, n_inputs, **changed):
    return MLPPLRClassifier._build(layers, config(n_inputs, **changed))


def make_rows(n_rows=7, n_replicates=None):
    rng = np.random.default_rng(0)
    shape = (n_rows,) if n_replicates is None else (n_replicates, n_rows)
    parts = [rng.normal(size=(*shape, 2)), rng.integers(0, 9, (*shape, 1)), np.ones((*shape, 2))]
    return np.concatenate(parts, axis=-1).astype(np.float32)


def by_hand(w, X, *, is_lite):
    """Evaluate the paper's equations."""
    parts = []
    for j in range(2):
        features = 2 * np.pi * np.outer(X[:, j], w["periodic/frequencies"][j])
        own = () if is_lite else j
        sums = (
            np.concatenate([np.cos(features), np.sin(features)], axis=1) @ w["periodic/kernel"][own]
        )
        parts.append(np.maximum(sums + w["periodic/offset"][own], 0))
    h = np.concatenate([*parts, w["categories/embeddings"][X[:, 2].astype(int)], X[:, 3:]], axis=1)
    for number in (1, 2):
        h = np.maximum(h @ w[f"hidden_{number}/kernel"] + w[f"hidden_{number}/bias"], 0)
    return h @ w["output/kernel"] + w["output/bias"]


@pytest.mark.parametrize("is_lite", [False, True])
def test_the_forward_pass_is_that_of_the_paper(is_lite):
    network = build(plain(), 5, is_lite=is_lite)
    rng = np.random.default_rng(1)
    for variable in network.trainable_variables:
        variable.assign(0.5 * rng.normal(size=variable.shape))
    weights = {"/".join(v.path.split("/")[-2:]): v.numpy() for v in network.trainable_variables}
    X = make_rows()
    expected = by_hand(weights, X, is_lite=is_lite)
    np.testing.assert_allclose(network(X).numpy(), expected, rtol=1e-4, atol=1e-4)


def draw(*given):
    return MLPPLRClassifier._draw(*given, config(5))


def test_replicated_networks_compute_the_same_as_each_alone():
    two = program_class()(build, 5, ProgramConfig(loss="crossentropy"), n_replicates=2, draw=draw)
    X = make_rows(n_replicates=2)
    train_state = two.empty()
    for r in range(2):
        train_state = two.enter(train_state, r, r, X[r])
    outputs, _ = two.network.stateless_call(
        train_state.weights, train_state.state, X, training=False
    )
    for r in range(2):
        alone = two.forward(two.slice(train_state, r), X[r])
        np.testing.assert_allclose(np.asarray(outputs)[r], alone, atol=1e-5)


def test_first_frequencies_are_of_a_truncated_normal_distribution():
    network = build(plain(), 5, n_frequencies=2000)
    paths = [v.path for v in network.trainable_variables]
    shapes = [tuple(v.shape) for v in network.trainable_variables]
    drawn = draw(paths, shapes, np.random.default_rng(0), make_rows())
    assert [w.shape for w in drawn] == shapes
    assert 0.095 < drawn[0].std() < 0.1
    assert 0.25 < np.abs(drawn[0]).max() <= 0.3
    found = {path: np.abs(values).max() for path, values in zip(paths, drawn, strict=True)}
    assert 0.9 / np.sqrt(8) < found["categories/embeddings"] <= 1 / np.sqrt(8)
    n_inputs = dict(zip(paths, shapes, strict=True))["hidden_1/kernel"][0]
    assert 0.9 / np.sqrt(n_inputs) < found["hidden_1/kernel"] <= 1 / np.sqrt(n_inputs)


def table(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.uniform(size=n_rows), "category": rng.choice(list("uvw"), n_rows)})
    return X, np.where((np.sin(30 * X["a"]) > 0) ^ (X["category"] == "u"), "yes", "no")


@pytest.mark.slow
def test_networks_fitted_together_equal_each_alone():
    X, y = table(120)
    small = {"units": (64, 64), "frequency_scale": 0.5, "max_epochs": 3}
    models = [MLPPLRClassifier(**small, random_state=i) for i in range(2)]
    assert dict(fit_together(models, [(X, y)] * 2, n_slots=2)) == {0: None, 1: None}
    alone = MLPPLRClassifier(**small, random_state=1).fit(X, y)
    np.testing.assert_allclose(models[1].predict_proba(X), alone.predict_proba(X), atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("is_lite", [False, True])
def test_many_periods_along_a_column_are_learnt(is_lite):
    X, y = table(1500)
    new, truth = table(500, seed=1)
    model = MLPPLRClassifier(
        units=(64, 64), frequency_scale=0.5, max_epochs=60, is_lite=is_lite, random_state=0
    )
    assert model.fit(X, y).score(new, truth) > 0.9
