import gc
import subprocess
import sys
import weakref
from functools import lru_cache

import numpy as np
import pytest

import zoo
from zoo.training.backends import choose

CODE = """
import gc, sys
import numpy as np
import psutil
import zoo
n_fits, n_before, changes = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
used = []
for i in range(n_fits):
    X = rng.normal(size=(30 + i, 4 + i * changes))
    zoo.make("mlp", random_state=i, max_epochs=3).fit(X, X[:, 0] > 0).predict_proba(X)
    gc.collect()
    used.append(psutil.Process().memory_info().rss / 2**20)
print(used[-1] - used[n_before])
"""


def growth_mb(*numbers):
    command = [sys.executable, "-c", CODE, *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.strip().splitlines()[-1])


@pytest.mark.slow
def test_a_hundred_small_fits_leave_less_than_50_mb_behind():
    assert growth_mb(110, 9, 0) < 50


@pytest.mark.slow
def test_fits_on_ever_more_columns_leave_less_than_4_mb_each_behind():
    assert growth_mb(40, 19, 1) < 4 * 20  # XLA would keep 6 MB for each, TensorFlow 2


def test_programs_of_many_shapes_are_let_go(monkeypatch):
    assert choose.program.cache_info().maxsize == choose.neighbour_program.cache_info().maxsize
    assert choose.program.cache_info().maxsize <= 16
    monkeypatch.setattr("zoo.models.keras_network.Architecture._jit_compile", False)
    monkeypatch.setattr(choose, "program", lru_cache(maxsize=2)(choose.program.__wrapped__))
    programs = weakref.WeakSet()
    for n_columns in range(1, 6):
        X = np.random.default_rng(0).normal(size=(20, n_columns))
        model = zoo.make("perceptron", max_epochs=1).fit(X, X[:, 0] > 0)
        programs.add(model._program())
    gc.collect()
    assert len(programs) == 2


def test_what_xla_compiles_goes_with_its_program():
    choose.program.cache_clear()
    X = np.random.default_rng(0).normal(size=(20, 3))
    model = zoo.make("perceptron", max_epochs=1, random_state=0).fit(X, X[:, 0] > 0)
    session = weakref.ref(model._program()._train._session)
    expected = model.predict_proba(X)
    choose.program.cache_clear()
    gc.collect()
    assert session() is None
    np.testing.assert_array_equal(model.predict_proba(X), expected)
