"""Some mutations of a few saved models; ``python -m tests.fuzz.model_files`` tries many of all."""

import contextlib

import pytest

from tests.fuzz.model_files import NATIVE, Pool, fuzz, make_seeds
from tests.matrix import ALL


def assert_no_faults(names, n, folder, tasks=("classification", "regression")):
    seeds = make_seeds(folder, names, tasks)
    counts, faults, _ = fuzz(seeds, lambda seed: n, folder)
    assert not faults
    for own in counts.values():
        assert sum(own.values()) == n
    n_refused = sum(own["refused"] for own in counts.values())
    assert n_refused > 0.4 * n * len(counts)  # the mutations reach the checks
    return counts


def test_mutated_files_are_refused_or_predict(tmp_path):
    names = ["decision_tree", "xgboost", "lightgbm"]
    assert_no_faults(names, 50, tmp_path, ("classification",))


@pytest.mark.slow
def test_mutated_files_of_all_models_are_refused_or_predict(tmp_path):
    assert_no_faults([*NATIVE, *(name for name in ALL if name not in NATIVE)], 8, tmp_path)


@pytest.mark.slow
def test_a_child_that_dies_is_noticed_and_replaced(tmp_path):
    (seed,) = make_seeds(tmp_path, ["dummy"], ("classification",))
    with contextlib.closing(Pool(has_networks=False)) as pool:
        assert pool.ask(str(seed.path), str(seed.rows_path))[0] == "predicted"
        pool._child.process.kill()
        pool._child.process.wait()
        assert pool.ask(str(seed.path), str(seed.rows_path))[0] == "died"
        assert pool.ask(str(seed.path), str(seed.rows_path))[0] == "predicted"
