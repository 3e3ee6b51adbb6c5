"""The Keras models under JAX and PyTorch: predictions, training and files.

Keras has one backend a process, so each of the others runs in its own process.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.registry import spec

NETWORKS = [
    name
    for name in zoo.models()
    if spec(name).trains_together or name == "modern_nca"  # the others are of other libraries
]
FITTED = ("mlp", "realmlp", "resnet", "tabm", "modern_nca", "cnn")
BACKENDS = [
    pytest.param(
        name,
        marks=[
            pytest.mark.slow,
            pytest.mark.skipif(
                importlib.util.find_spec(name) is None,
                reason=f"the extra '{name}' is not installed",
            ),
        ],
    )
    for name in ("jax", "torch")
]

ELSEWHERE = """
import json, sys, zipfile
import keras
import numpy as np
import zoo
from tests.training.test_backends import FITTED, NETWORKS, fit, rows_of
assert keras.backend.backend() == sys.argv[1]
facts = {}
fit("mlp").predict_proba(rows_of("mlp")[0])
facts["has tensorflow"] = "tensorflow.python" in sys.modules
for name in NETWORKS:
    X, _ = rows_of(name)
    np.save(f"{name}-predicted.npy", zoo.load_model(f"{name}.zoo").predict_proba(X))
    if name in FITTED:
        model = fit(name)
        facts[name] = [model.n_epochs_, model.best_epoch_]
        model.save(f"{name}-elsewhere.zoo")
        np.save(f"{name}-learnt.npy", model.predict_proba(X))
with zipfile.ZipFile("deep_mlp.zoo") as archive:
    archive.extract("network.keras")
network = keras.models.load_model("network.keras", safe_mode=True)
network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model = zoo.load_model("deep_mlp.zoo")
X, y = rows_of("deep_mlp")
rows, codes = model.encoder_.transform(X), np.searchsorted(model.classes_, y)
first = network.evaluate(rows, codes, verbose=0)
network.fit(rows, codes, epochs=5, verbose=0)
facts["stock fit"] = [first, network.evaluate(rows, codes, verbose=0)]
print(json.dumps(facts))
"""


def rows_of(name):
    if spec(name).inputs == "image":
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        return X[:300], y[:300]
    table = zoo.load("credit_data")
    return table.X[:300], table.y[:300]


def fit(name):
    model = zoo.make(name, random_state=0, **{**spec(name).smoke, "max_epochs": 2})
    model._jit_compile = False  # the same networks, sooner
    return model.fit(*rows_of(name))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with every network, fitted and saved under TensorFlow, and its predictions."""
    path = tmp_path_factory.mktemp("saved")
    for name in NETWORKS:
        model = fit(name)
        model.save(path / f"{name}.zoo")
        np.save(path / f"{name}.npy", model.predict_proba(rows_of(name)[0]))
    return path


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_predicts_trains_and_saves_as_tensorflow_does(backend, folder):
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, backend],
        cwd=folder,
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "true",  # compiles sooner
            "PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    facts = json.loads(done.stdout.splitlines()[-1])
    for name in NETWORKS:
        expected = np.load(folder / f"{name}.npy")
        np.testing.assert_allclose(np.load(folder / f"{name}-predicted.npy"), expected, atol=1e-5)
    for name in FITTED:
        here, learnt = (
            zoo.load_model(folder / f"{name}.zoo"),
            np.load(folder / f"{name}-learnt.npy"),
        )
        assert facts[name] == [here.n_epochs_, here.best_epoch_]
        # the same first weights, batches and masks; sums of 32 bits in another order
        np.testing.assert_allclose(learnt, np.load(folder / f"{name}.npy"), atol=5e-3)
        back = zoo.load_model(folder / f"{name}-elsewhere.zoo")
        np.testing.assert_allclose(back.predict_proba(rows_of(name)[0]), learnt, atol=1e-5)
    assert not facts["has tensorflow"]
    before, after = facts["stock fit"]
    assert after < before
