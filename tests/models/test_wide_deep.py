from itertools import product

import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from zoo.models.keras_network import fit_together
from zoo.models.wide_deep import WideDeepClassifier, WideDeepConfig, WideDeepRegressor
from zoo.training.backends.choose import program_class
from zoo.training.layers.namespaces import plain
from zoo.training.layers.tabular import Crossings
from zoo.training.program import ProgramConfig

pytestmark = pytest.mark.usefixtures("without_xla")

OPTIONS = {
    "n_outputs": 3, "n_numbers": 2, "n_codes": 3, "n_categories": 12, "units": 5, "n_hidden": 2,
    "embedding_units": 4, "max_crossings": 64, "dropout": 0.0,
}  # fmt: skip


def build(layers, n_inputs, **changed):
    return WideDeepClassifier._build(
        layers, WideDeepConfig(n_inputs=n_inputs, **{**OPTIONS, **changed})
    )


def make_rows(n_rows=7, n_replicates=None):
    """Two numbers, three codes and a missing-value flag."""
    rng = np.random.default_rng(0)
    shape = (n_rows,) if n_replicates is None else (n_replicates, n_rows)
    codes = [rng.integers(first, last, shape) for first, last in ((0, 4), (4, 9), (9, 12))]
    flag = rng.integers(0, 2, (*shape, 1))
    numbers = rng.normal(size=(*shape, 2))
    return np.concatenate([numbers, np.stack(codes, axis=-1), flag], -1).astype(np.float32)


def network_with_random_weights(**changed):
    network = build(plain(), 6, **changed)
    rng = np.random.default_rng(1)
    for variable in network.trainable_variables:
        variable.assign(0.5 * rng.normal(size=variable.shape))
    return network, {
        "/".join(v.path.split("/")[-2:]): v.numpy() for v in network.trainable_variables
    }


def by_hand(w, X, pairs):
    """Evaluate w [x, phi(x)] + w' a + b for one row at a time, a from the deep part."""
    logits = []
    for row in X:
        codes = row[2:5].astype(int)
        rest = np.concatenate([row[:2], row[5:]])
        wide = rest @ w["wide/kernel"] + w["wide/bias"]
        for code in codes:
            wide = wide + w["wide_categories/embeddings"][code]
        for number, (i, j) in enumerate(pairs):
            bucket = (610 * codes[i] + codes[j]) % 987
            wide = wide + w["wide_crossings/embeddings"][987 * number + bucket]
        a = np.concatenate([*[w["categories/embeddings"][code] for code in codes], rest])
        for number in (1, 2):
            a = np.maximum(a @ w[f"hidden_{number}/kernel"] + w[f"hidden_{number}/bias"], 0)
        logits.append(wide + a @ w["output/kernel"] + w["output/bias"])
    return np.stack(logits)


@pytest.mark.parametrize(
    ("max_crossings", "pairs"), [(64, [(0, 1), (0, 2), (1, 2)]), (2, [(0, 1), (0, 2)]), (0, [])]
)
def test_the_forward_pass_is_that_of_the_paper(max_crossings, pairs):
    network, weights = network_with_random_weights(max_crossings=max_crossings)
    X = make_rows()
    np.testing.assert_allclose(network(X).numpy(), by_hand(weights, X, pairs), rtol=1e-4, atol=1e-5)


def buckets(n_first, n_second, start=5):
    codes = np.array(list(product(range(n_first), range(start, start + n_second))), np.float32)
    return np.asarray(Crossings([(0, 1)])(codes))[:, 0]


@pytest.mark.parametrize("sizes", [(21, 21), (13, 34), (34, 13), (8, 55), (55, 8), (3, 144)])
def test_pairs_of_few_categories_have_a_bucket_each(sizes):
    assert len(set(buckets(*sizes))) == sizes[0] * sizes[1]


def test_pairs_of_many_categories_share_the_buckets_evenly():
    counts = np.bincount(buckets(200, 254), minlength=987)
    assert len(counts) == 987
    assert counts.min() > 0.9 * counts.mean()
    assert counts.max() < 1.1 * counts.mean()


def test_crossings_can_be_saved_and_loaded(tmp_path):
    network, _ = network_with_random_weights()
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(loaded(make_rows()).numpy(), network(make_rows()).numpy())


def test_replicated_networks_compute_the_same_as_each_alone():
    two = program_class()(build, 6, ProgramConfig(loss="crossentropy"), n_replicates=2)
    X = make_rows(n_replicates=2)
    train_state = two.empty()
    for r in range(2):
        train_state = two.enter(train_state, r, r, X[r])
    outputs, _ = two.network.stateless_call(
        train_state.weights, train_state.state, X, training=False
    )
    for r in range(2):
        alone = two.forward(two.slice(train_state, r), X[r])
        assert np.ptp(alone) > 0.1
        np.testing.assert_allclose(np.asarray(outputs)[r], alone, atol=1e-5)


def test_the_wide_part_starts_at_zero_and_the_deep_part_does_not():
    variables = build(plain(), 6).trainable_variables
    drawn = WideDeepClassifier._draw(
        [v.path for v in variables],
        [tuple(v.shape) for v in variables],
        np.random.default_rng(0),
        make_rows(),
        None,
    )
    for variable, values in zip(variables, drawn, strict=True):
        is_zero = "wide" in variable.path or variable.path.endswith("output/bias")
        assert is_zero == (not values.any()), variable.path


def table(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.normal(size=n_rows)})
    for name in ("b", "c"):
        X[name] = rng.choice(list("stuvwxyz"), n_rows)
    signs = np.random.default_rng(5).choice([-1.0, 1.0], (8, 8))
    first, second = (X[name].map("stuvwxyz".index).to_numpy() for name in ("b", "c"))
    return X, signs[first, second]


@pytest.mark.slow
def test_networks_fitted_together_equal_each_alone_and_share_a_program():
    X, values = table(150)
    tables = [(X, values > 0), (X.assign(b=X["b"].replace("s", "t")), values > 0)]
    small = dict(zoo.spec("wide_deep").smoke)
    models = [WideDeepClassifier(**small, random_state=i) for i in range(2)]
    assert dict(fit_together(models, tables, n_slots=2)) == {0: None, 1: None}
    assert models[0].encoder_.n_categories_ != models[1].encoder_.n_categories_
    assert models[0]._program() is models[1]._program()
    for i, (frame, y) in enumerate(tables):
        alone = WideDeepClassifier(**small, random_state=i).fit(frame, y)
        np.testing.assert_allclose(
            models[i].predict_proba(frame), alone.predict_proba(frame), atol=1e-3
        )


@pytest.mark.slow
def test_an_effect_of_a_pair_of_categories_is_learnt():
    X, values = table(600)
    new, truth = table(300, seed=1)
    linear = {"n_hidden": 0, "learning_rate": 0.01, "max_epochs": 40, "random_state": 0}
    assert WideDeepRegressor(**linear).fit(X, values).score(new, truth) > 0.9
    without = WideDeepRegressor(**linear, max_crossings=0).fit(X, values)
    assert without.score(new, truth) < 0.3


def test_a_table_of_categories_alone_can_be_fitted():
    X, values = table(200)
    small = {**zoo.spec("wide_deep").smoke, "max_epochs": 30, "learning_rate": 0.01}
    model = WideDeepClassifier(**small, random_state=0).fit(X[["b", "c"]], values > 0)
    assert model.score(X[["b", "c"]], values > 0) > 0.9
