import numpy as np
import pytest

from zoo.curves.crossover import crossover, crossover_of_means, last_crossing

SIZES = np.array([100.0, 200, 400, 800, 1600, 3200, 6400])


def replicates(curve, rng, noise, shared=0.0, n=10):
    mean = curve(SIZES)[:, None]
    return mean * np.exp(shared + noise * rng.standard_normal((len(SIZES), n)))


def tortoise(n):
    return 0.30 * (n / 1000) ** -0.1


def hare(n, at=1000):
    return 0.30 * (at / 1000) ** -0.1 * (n / at) ** -0.4


def test_the_last_crossing_by_hand():
    lead = np.array([[-1.0, 1, 2], [1, 1, 1], [1, 1, -1], [1, -1, 3]])
    found = last_crossing(np.array([10.0, 1000, 100000]), lead)
    assert found[[0, 1, 2]].tolist() == [pytest.approx(100), 0, np.inf]
    assert found[3] == pytest.approx(1000 * 100**0.25)


def test_nine_of_ten_intervals_contain_the_true_crossover():
    rng = np.random.default_rng(1)
    inside, wide = [], []
    for _ in range(100):
        shared = 0.1 * rng.standard_normal((len(SIZES), 10))
        pair = [replicates(curve, rng, 0.03, shared) for curve in (tortoise, hare)]
        found = crossover(SIZES, *pair, resamples=200)
        inside.append(found.low <= 1000 <= found.high)
        wide.append(found.high / found.low)
    assert 0.8 <= np.mean(inside) <= 0.98
    assert np.median(wide) < 1.4


def test_pairing_replicates_narrows_the_interval():
    rng = np.random.default_rng(2)
    shared = 0.1 * rng.standard_normal((len(SIZES), 10))
    slow = replicates(tortoise, rng, 0.01, shared)
    fast = replicates(hare, rng, 0.01, shared)
    paired = crossover(SIZES, slow, fast)
    mixed = crossover(SIZES, slow, fast[:, rng.permutation(10)])
    assert paired.high / paired.low < mixed.high / mixed.low


def test_a_model_ahead_at_every_size_has_no_crossover_size():
    rng = np.random.default_rng(3)
    found = crossover(
        SIZES, replicates(lambda n: 2 * tortoise(n), rng, 0.01), replicates(tortoise, rng, 0.01)
    )
    assert (found.kind, found.probability) == ("always", 1.0)
    assert np.isnan(found.n_train)


def test_a_crossover_beyond_the_data_is_forecast():
    rng = np.random.default_rng(4)
    found = crossover(
        SIZES, replicates(tortoise, rng, 0.005), replicates(lambda n: hare(n, 20000), rng, 0.005)
    )
    assert found.kind == "forecast"
    assert 6400 < found.low < 20000 < found.high
    assert 11000 < found.n_train < 36000


def test_parallel_curves_never_cross():
    rng = np.random.default_rng(5)
    found = crossover(
        SIZES, replicates(tortoise, rng, 0.005), replicates(lambda n: 1.6 * tortoise(n), rng, 0.005)
    )
    assert found.kind == "none"
    assert found.probability < 0.2
    assert found.high == np.inf


def test_missing_cells_are_left_out():
    rng = np.random.default_rng(6)
    slow, fast = (replicates(curve, rng, 0.01) for curve in (tortoise, hare))
    whole = crossover(SIZES, slow, fast)
    slow[3, 2] = fast[5, 0] = np.nan
    slow[0] = np.nan
    holed = crossover(SIZES, slow, fast)
    assert holed.kind == "within"
    assert holed.n_train == pytest.approx(whole.n_train, rel=0.05)


def test_too_few_sizes_give_a_reason():
    found = crossover([100, 200], [[0.1], [np.nan]], [[0.2], [0.1]])
    assert found.kind == "unknown"
    assert "two sizes" in found.reason


def test_one_replicate_gives_a_crossover_without_interval():
    found = crossover(SIZES, tortoise(SIZES)[:, None], hare(SIZES)[:, None])
    assert found.n_train == pytest.approx(1000, rel=0.02)
    assert np.isnan(found.low)


def test_means_with_standard_errors_give_the_same_crossover():
    errors = (0.005 * tortoise(SIZES), 0.005 * hare(SIZES))
    found = crossover_of_means(SIZES, tortoise(SIZES), hare(SIZES), standard_errors=errors)
    assert found.n_train == pytest.approx(1000, rel=0.02)
    assert found.low < 1000 < found.high
