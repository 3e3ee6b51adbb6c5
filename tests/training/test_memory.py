import subprocess
import sys

import pytest

CODE = """
import gc
import numpy as np
import psutil
import zoo
rng = np.random.default_rng(0)
used = []
for i in range(110):
    n = 30 + i
    X = rng.normal(size=(n, 4))
    zoo.make("mlp", random_state=i, max_epochs=3).fit(X, X[:, 0] > 0).predict_proba(X)
    gc.collect()
    used.append(psutil.Process().memory_info().rss / 2**20)
print(used[-1] - used[9])
"""


@pytest.mark.slow
def test_a_hundred_small_fits_leave_less_than_50_mb_behind():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert float(done.stdout.strip().splitlines()[-1]) < 50
