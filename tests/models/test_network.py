"""All Keras estimators."""

import functools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import zoo
from tests.matrix import ALL, marks
from zoo.models.deep_mlp import DeepMLPClassifier, DeepMLPRegressor
from zoo.models.keras_network import fit_together, rounded_up
from zoo.models.mlp import MLPClassifier, MLPRegressor
from zoo.registry import spec

NETWORKS = [name for name in zoo.models() if spec(name).trains_together]


def table(seed=0, n_rows=100):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "a": rng.normal(size=n_rows),
            "b": rng.normal(size=n_rows),
            "category": rng.choice(list("uvwxyz")[: 3 + seed], n_rows),
        }
    )
    return X, np.where(X["a"] + 0.3 * rng.normal(size=n_rows) > 0, "yes", "no")


@pytest.mark.parametrize("name", ALL)
def test_the_registry_says_which_models_train_together(name):
    for task in spec(name).tasks:
        assert hasattr(type(zoo.make(name, task=task)), "fit_together") == (name in NETWORKS)


@pytest.mark.slow
def test_models_fitted_together_equal_those_fitted_alone():
    tables = [table(seed, n) for seed, n in ((0, 120), (1, 100), (2, 65), (3, 40))]
    models = [DeepMLPClassifier(units=16, random_state=i) for i in range(4)]
    done = dict(fit_together(models, tables, n_slots=2))
    assert done == dict.fromkeys(range(4))
    widths = {model.n_inputs_ for model in models}
    assert len(widths) > 1  # categories differ
    for i, (X, y) in enumerate(tables):
        alone = DeepMLPClassifier(units=16, random_state=i).fit(X, y)
        assert (models[i].best_epoch_, models[i].n_epochs_) == (alone.best_epoch_, alone.n_epochs_)
        np.testing.assert_allclose(models[i].predict_proba(X), alone.predict_proba(X), atol=1e-3)
        assert models[i].weights_[0].shape == alone.weights_[0].shape
        assert models[i].fit_s_ > 0


def test_one_of_many_that_cannot_be_fitted_fails_alone():
    X, y = table()
    bad = y.astype(object)
    bad[3] = None
    wild = MLPClassifier(random_state=2, learning_rate=1e30)
    models = [MLPClassifier(random_state=i) for i in range(3)]
    models[2] = wild
    data = [(X, y), (X, bad), (X, y)]
    done = dict(fit_together(models, data, n_slots=2))
    assert done[0] is None
    assert "without missing values" in str(done[1])
    assert isinstance(done[2], FloatingPointError)
    assert "the loss at step 2 (epoch 1) is not a finite number" in str(done[2])
    with pytest.raises(FloatingPointError, match=r"step 2 \(epoch 1\)"):
        wild.fit(X, y)


def test_a_model_with_one_class_among_others_needs_no_training():
    X, y = table()
    models = [MLPClassifier(random_state=i) for i in range(2)]
    assert dict(fit_together(models, [(X, np.full(100, "no")), (X, y)], n_slots=2)) == {
        0: None,
        1: None,
    }
    assert set(models[0].predict(X)) == {"no"}


def test_regressors_train_together_too():
    X, _ = table()
    models = [MLPRegressor(random_state=i, max_epochs=5) for i in range(2)]
    assert dict(fit_together(models, [(X, X["a"])] * 2, n_slots=2)) == {0: None, 1: None}
    alone = MLPRegressor(random_state=1, max_epochs=5).fit(X, X["a"])
    np.testing.assert_allclose(models[1].predict(X), alone.predict(X), atol=1e-3)


def test_numbers_of_one_hot_columns_are_rounded_up_to_few_sizes():
    assert [rounded_up(n) for n in (0, 1, 4, 5, 7, 9, 13, 17, 33)] == [
        0, 4, 4, 6, 8, 12, 16, 24, 48,
    ]  # fmt: skip
    assert all(n <= rounded_up(n) <= 1.5 * n for n in range(4, 5000))


def test_an_mlp_fits_a_curve():
    X = np.linspace(-3, 3, 400)[:, None]
    y = np.sin(2 * X[:, 0])
    assert MLPRegressor(random_state=0).fit(X, y).score(X, y) > 0.95


def has_own_layers(network):
    return any(type(layer).__module__.startswith("zoo.") for layer in network.layers)


@functools.cache
def elsewhere(names, folder):
    """Save each trained network; return its logits here and in a process that only has Keras.

    Networks with layers of the zoo's own are read by a process that imports those.
    """
    here, groups = {}, {"": [], "import zoo.training.layers.namespaces; ": []}
    for name in names:
        X, y = table()
        if name == "cnn":
            X = np.random.default_rng(0).normal(size=(60, 36))
            y = np.where(X[:, 0] > 0, "yes", "no")
        model = zoo.make(name, **{**spec(name).smoke, "max_epochs": 3, "random_state": 0})
        model._jit_compile = False  # the same network, sooner
        model.fit(X, y)
        encoded, network = model.encoder_.transform(pd.DataFrame(X)), model.to_keras()
        here[name] = network(encoded).numpy(), model.predict_proba(X)
        network.save(folder / f"{name}.keras")
        np.save(folder / f"{name} rows.npy", encoded)
        imported = "import zoo.training.layers.namespaces; " if has_own_layers(network) else ""
        groups[imported].append(name)
    for imported, group in groups.items():
        code = (
            f"{imported}import keras, numpy as np, sys\n"
            f"for name in {group}:\n"
            "    network = keras.models.load_model(f'{name}.keras')\n"
            "    logits = network(np.load(f'{name} rows.npy')).numpy()\n"
            "    np.save(f'{name} logits.npy', logits)\n"
            f"assert {bool(imported)} == any(name.split('.')[0] == 'zoo' for name in sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True)
    there = {name: np.load(folder / f"{name} logits.npy") for name in names}
    return here, there


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("networks")


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_trained_network_is_an_ordinary_keras_model_that_loads_in_another_process(name, folder):
    is_slow = bool(marks(name))
    names = tuple(other for other in NETWORKS if bool(marks(other)) == is_slow)
    here, there = elsewhere(names, folder)
    logits, probabilities = here[name]
    exponents = np.exp(logits)
    np.testing.assert_allclose(
        exponents / exponents.sum(axis=1, keepdims=True), probabilities, atol=1e-5
    )
    np.testing.assert_allclose(there[name], logits, atol=1e-5)


def test_a_deep_network_drops_units_for_classes_but_not_for_numbers():
    assert DeepMLPClassifier()._derived()["dropout"] == 0.1
    assert DeepMLPRegressor()._derived()["dropout"] == 0.0
    assert DeepMLPRegressor(dropout=0.2)._derived()["dropout"] == 0.2
