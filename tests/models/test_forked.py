"""What a forked process can do with models that its parent has used."""

import multiprocessing
import os
import pickle
import signal
import time

import numpy as np
import pytest

import zoo
from zoo.registry import missing_extra
from zoo.training.forked import is_forked

pytestmark = [
    pytest.mark.usefixtures("without_xla"),
    pytest.mark.filterwarnings("ignore:os.fork"),  # JAX says so, where it is installed
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system"),
]
LIMIT_S = 60  # a process that waits for ever is killed then

OTHERS = ["modern_nca", "torch_mlp", "sonnet_mlp", "jax_mlp"]


def in_fork(work):
    """Return what `work` returns, or raises, in a fork of this process."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            answer = work()
        except BaseException as error:  # noqa: BLE001
            answer = error
        os.write(write, pickle.dumps(answer))
        os._exit(0)
    os.close(write)
    end = time.monotonic() + LIMIT_S
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the fork waits for ever")
        time.sleep(0.01)
    with os.fdopen(read, "rb") as answers:
        return pickle.load(answers)


def rows(n_rows=2000):
    X = np.random.default_rng(0).normal(size=(n_rows, 4))
    return X, X[:, 0] + X[:, 1] > 0


def test_a_fork_knows_that_it_is_one():
    assert not is_forked()
    assert in_fork(is_forked)


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "hist_gradient_boosting", "knn"])
def test_models_that_use_openmp_predict_and_fit_in_a_fork(name):
    X, y = rows()
    known = zoo.make(name).get_params()
    params = {"n_jobs": 2, "n_estimators": 10, "random_state": 0}
    params = {key: value for key, value in params.items() if key in known}
    model = zoo.make(name, **params).fit(X, y)
    expected = model.predict_proba(X)
    np.testing.assert_array_equal(in_fork(lambda: model.predict_proba(X)), expected)
    again = in_fork(lambda: zoo.make(name, **params).fit(X, y).predict_proba(X))
    np.testing.assert_allclose(again, expected, atol=0.05)


@pytest.mark.parametrize(
    "name",
    ["mlp", *(pytest.param(one, marks=pytest.mark.slow) for one in OTHERS)],
)
def test_a_network_is_refused_in_a_fork_at_once(name):
    if missing_extra(zoo.spec(name)) is not None:
        pytest.skip("its extra is not installed")
    X, y = rows(60)
    model = zoo.make(name, max_epochs=1).fit(X, y)
    for work in (
        lambda: model.predict(X),
        lambda: zoo.make(name, max_epochs=1).fit(X, y),
        *([model.to_keras] if hasattr(model, "to_keras") else []),
    ):
        error = in_fork(work)
        assert isinstance(error, RuntimeError)
        assert "'spawn'" in str(error)
        assert "\n" not in str(error)
    assert np.isfinite(model.predict_proba(X)).all()  # in this process it still works


def test_a_pool_of_forks_passes_the_refusal_on():
    X, y = rows(60)
    model = zoo.make("mlp", max_epochs=1).fit(X, y)
    refused = pytest.raises(RuntimeError, match="used before this process was forked")
    with multiprocessing.get_context("fork").Pool(1) as pool, refused:
        pool.apply(model.predict, (X,))
