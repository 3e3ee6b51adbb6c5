import numpy as np
import pandas as pd
import pytest

import zoo
from zoo.models.dcn_v2 import DCNv2Classifier, DCNv2Config, DCNv2Regressor
from zoo.models.keras_network import fit_together
from zoo.training.backends.choose import program_class
from zoo.training.layers.namespaces import plain
from zoo.training.program import ProgramConfig

pytestmark = pytest.mark.usefixtures("without_xla")

OPTIONS = {
    "n_outputs": 3, "n_numbers": 3, "n_codes": 2, "n_categories": 12, "units": 5, "n_crosses": 3,
    "n_hidden": 2, "embedding_units": 4, "dropout": 0.0,
}  # fmt: skip


def build(layers, n_inputs, **changed):
    return DCNv2Classifier._build(layers, DCNv2Config(n_inputs=n_inputs, **{**OPTIONS, **changed}))


def make_rows(n_rows=7, n_replicates=None):
    """Three numbers, two codes and a missing-value flag."""
    rng = np.random.default_rng(0)
    shape = (n_rows,) if n_replicates is None else (n_replicates, n_rows)
    codes = np.stack([rng.integers(0, 4, shape), rng.integers(4, 9, shape)], axis=-1)
    flag = rng.integers(0, 2, (*shape, 1))
    return np.concatenate([rng.normal(size=(*shape, 3)), codes, flag], -1).astype(np.float32)


def network_with_random_weights(**changed):
    network = build(plain(), 6, **changed)
    rng = np.random.default_rng(1)
    for variable in network.trainable_variables:
        variable.assign(0.5 * rng.normal(size=variable.shape))
    return network, {
        "/".join(v.path.split("/")[-2:]): v.numpy() for v in network.trainable_variables
    }


def by_hand(w, X):
    """Evaluate x_{l+1} = x_0 * (W x_l + b) + x_l, and the deep part, for one row at a time."""
    logits = []
    for row in X:
        vectors = [w["categories/embeddings"][int(code)] for code in row[3:5]]
        x0 = np.concatenate([row[:3], *vectors, row[5:]]) @ w["first/kernel"] + w["first/bias"]
        x = x0
        for number in (1, 2, 3):
            x = x0 * (x @ w[f"cross_{number}/kernel"] + w[f"cross_{number}/bias"]) + x
        h = x0
        for number in (1, 2):
            h = np.maximum(h @ w[f"hidden_{number}/kernel"] + w[f"hidden_{number}/bias"], 0)
        logits.append(np.concatenate([x, h]) @ w["output/kernel"] + w["output/bias"])
    return np.stack(logits)


def test_the_forward_pass_is_that_of_the_paper():
    network, weights = network_with_random_weights()
    X = make_rows()
    np.testing.assert_allclose(network(X).numpy(), by_hand(weights, X), rtol=1e-4, atol=1e-5)


def test_dropout_drops_products_and_not_the_layers_before():
    network, w = network_with_random_weights(dropout=0.999, n_crosses=1, n_hidden=0)
    X = make_rows(200)
    vectors = w["categories/embeddings"][X[:, 3:5].astype(int)].reshape(200, -1)
    inputs = np.concatenate([X[:, :3], vectors, X[:, 5:]], axis=1)
    first = inputs @ w["first/kernel"] + w["first/bias"]
    without = np.concatenate([first, first], axis=1) @ w["output/kernel"] + w["output/bias"]
    found = network(X, training=True).numpy()
    same = np.isclose(found, without, rtol=1e-3, atol=1e-4).all(axis=1)
    assert same.mean() > 0.95
    assert not np.isclose(network(X).numpy(), without, rtol=1e-3, atol=1e-4).all(axis=1).any()


def test_replicated_networks_compute_the_same_as_each_alone():
    two = program_class()(
        build, 6, ProgramConfig(loss="crossentropy"), n_replicates=2,
        draw=DCNv2Classifier._draw,
    )  # fmt: skip
    X = make_rows(n_replicates=2)
    train_state = two.empty()
    for r in range(2):
        train_state = two.enter(train_state, r, r, X[r])
    outputs, _ = two.network.stateless_call(
        train_state.weights, train_state.state, X, training=False
    )
    for r in range(2):
        alone = two.forward(two.slice(train_state, r), X[r])
        assert np.ptp(alone) > 0.01
        np.testing.assert_allclose(np.asarray(outputs)[r], alone, atol=1e-5)


def test_first_weights_are_within_one_over_the_root_of_the_inputs():
    network = build(plain(), 6, units=64, embedding_units=16)
    variables = network.trainable_variables
    drawn = DCNv2Classifier._draw(
        [v.path for v in variables],
        [tuple(v.shape) for v in variables],
        np.random.default_rng(0),
        make_rows(),
    )
    found = {v.path: np.abs(values).max() for v, values in zip(variables, drawn, strict=True)}
    n_first = 3 + 2 * 16 + 1
    for path, n_inputs in (
        ("categories/embeddings", 16), ("first/kernel", n_first), ("first/bias", n_first),
        ("cross_2/kernel", 64), ("hidden_1/bias", 64), ("output/kernel", 128),
    ):  # fmt: skip
        bound = 1 / np.sqrt(n_inputs)
        assert 0.9 * bound < found[path] <= bound, path


def table(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.normal(size=n_rows), "b": rng.normal(size=n_rows)})
    X["category"] = rng.choice(list("uvw"), n_rows)
    return X, X["a"] * X["b"] * np.where(X["category"] == "u", -1.0, 1.0)


@pytest.mark.slow
def test_networks_fitted_together_equal_each_alone_and_share_a_program():
    X, values = table(150)
    tables = [(X, values > 0), (X.assign(category=X["category"].replace("w", "v")), values > 0)]
    small = dict(zoo.spec("dcn_v2").smoke)
    models = [DCNv2Classifier(**small, random_state=i) for i in range(2)]
    assert dict(fit_together(models, tables, n_slots=2)) == {0: None, 1: None}
    assert models[0].encoder_.n_categories_ != models[1].encoder_.n_categories_
    assert models[0]._program() is models[1]._program()
    for i, (frame, y) in enumerate(tables):
        alone = DCNv2Classifier(**small, random_state=i).fit(frame, y)
        np.testing.assert_allclose(
            models[i].predict_proba(frame), alone.predict_proba(frame), atol=1e-3
        )


@pytest.mark.slow
def test_products_of_columns_are_learnt():
    X, values = table(600)
    new, truth = table(300, seed=1)
    small = {"units": 32, "embedding_units": 4, "max_epochs": 30, "learning_rate": 0.003}
    model = DCNv2Regressor(**small, random_state=0).fit(X, values)
    assert model.score(new, truth) > 0.8
    without = DCNv2Regressor(**small, n_crosses=0, n_hidden=0, random_state=0).fit(X, values)
    assert without.score(new, truth) < 0.2
