"""One network in every framework: the same weights and batches give the same network."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from zoo.registry import missing_extra, spec
from zoo.registry.spec import EXTRAS

FOLDER = Path(__file__).parents[1] / "benchmarks" / "frameworks"
TINY = {"n_rows": 320, "units": 8, "n_epochs": 2}
MODEL_OF = {extra: f"{extra}_mlp" for extra in EXTRAS}
MISSING = [extra for extra, name in MODEL_OF.items() if missing_extra(spec(name)) is not None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"extras are not installed: {', '.join(MISSING)}"),
]


@pytest.fixture(scope="module")
def scripts():
    sys.path.insert(0, str(FOLDER))
    try:
        yield {name: importlib.import_module(name) for name in ("task", "engines", "run")}
    finally:
        sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def task(scripts):
    return scripts["task"].make_task(**TINY)


# PyTorch and Sonnet add epsilon to the root of the corrected second moment, as the paper's
# algorithm does; Keras corrects after that, as the paper's faster variant (arXiv:1412.6980)
CORRECTED = ("sonnet", "pytorch")


def trained(task, rate, *, is_corrected):
    """Return logits of the network as NumPy trains it in 64 bits."""
    weights = [w.astype(np.float64) for w in task.weights]
    first, second = [0 * w for w in weights], [0 * w for w in weights]
    for count, rows in enumerate(task.batches.reshape(-1, task.batches.shape[2]), start=1):
        for i, g in enumerate(gradients(weights, task.X[rows], task.y[rows])):
            first[i] = 0.9 * first[i] + 0.1 * g
            second[i] = 0.999 * second[i] + 0.001 * g * g
            share = np.sqrt(1 - 0.999**count)
            epsilon = 1e-7 * (share if is_corrected else 1.0)
            step = first[i] / (np.sqrt(second[i]) + epsilon)
            weights[i] = weights[i] - rate * share / (1 - 0.9**count) * step
    return activations(weights, task.X_test)[-1]


def activations(weights, X):
    values = [X.astype(np.float64)]
    for layer in range(0, len(weights), 2):
        sums = values[-1] @ weights[layer] + weights[layer + 1]
        values.append(sums if layer == len(weights) - 2 else np.maximum(sums, 0))
    return values


def gradients(weights, X, y):
    values = activations(weights, X)
    shares = np.exp(values[-1] - values[-1].max(axis=1, keepdims=True))
    back = shares / shares.sum(axis=1, keepdims=True)
    back[np.arange(len(y)), y] -= 1
    back /= len(y)
    found = []
    for layer in range(len(weights) - 2, -1, -2):
        found = [values[layer // 2].T @ back, back.sum(axis=0), *found]
        back = (back @ weights[layer].T) * (values[layer // 2] > 0)
    return found


def check(logits, name, task, scripts):
    rate = scripts["task"].LEARNING_RATE
    wanted = trained(task, rate, is_corrected=name in CORRECTED)
    np.testing.assert_allclose(logits, wanted, atol=2e-5)
    assert (logits.argmax(axis=1) == wanted.argmax(axis=1)).mean() > 0.999
    untrained = activations(task.weights, task.X_test)[-1]
    assert np.abs(wanted - untrained).max() > 0.01  # it did learn


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "name", ["keras fit, tensorflow", "zoo, tensorflow", "sonnet", "pytorch", "jax"]
)
def test_a_framework_trains_the_network_that_numpy_does(name, scripts, task, tmp_path):
    engine = scripts["engines"].ENGINES[name](task)
    for rows in task.batches:
        engine.epoch(task.X[rows], task.y[rows])
    check(engine.predict(task.X_test), name, task, scripts)
    engine.save(tmp_path)
    assert any(path.stat().st_size > 0 for path in tmp_path.iterdir())


@pytest.mark.parametrize("name", ["keras fit, jax", "zoo, torch"])
def test_a_backend_trains_the_network_that_numpy_does(name, scripts, task, tmp_path):
    found = scripts["run"].measure_apart(name, tmp_path / "logits.npy", **TINY)
    check(np.load(tmp_path / "logits.npy"), name, task, scripts)
    assert {*scripts["run"].COLUMNS} == {"framework", *found}
    assert all(np.isfinite(value) and value > 0 for value in found.values())
