import numpy as np
import pytest

from zoo.study.promise import promised_interval

RNG = np.random.default_rng(0)
N_ROWS, N_TEST = 400, 100


def fractions_wrong(n_replicates, *, training_spread, error=0.2):
    """Return losses of replicates of one table, their errors, and the loss on new rows.

    Rows are right or wrong by chance; each trained model is a little better or worse.
    """
    rows = RNG.random(N_ROWS)
    levels = np.clip(error + training_spread * RNG.normal(size=n_replicates + 1), 0, 1)
    losses = np.array([
        np.mean(rows[RNG.permutation(N_ROWS)[:N_TEST]] < level) for level in levels[:-1]
    ])  # fmt: skip
    errors = np.sqrt((losses * N_TEST + 2) * (N_TEST - losses * N_TEST + 2) / (N_TEST + 4) ** 3)
    return losses, errors, np.mean(RNG.random(N_TEST) < levels[-1])


@pytest.mark.parametrize("n_replicates", [1, 2, 3, 10])
@pytest.mark.parametrize("training_spread", [0.0, 0.03])
@pytest.mark.parametrize("error", [0.02, 0.2])
def test_the_interval_holds_for_new_rows_in_19_of_20_tables(n_replicates, training_spread, error):
    if n_replicates == 1 and training_spread:
        pytest.skip("one replicate cannot know the spread over training rows")
    inside = []
    for _ in range(400):
        losses, errors, new = fractions_wrong(
            n_replicates, training_spread=training_spread * error / 0.2, error=error
        )
        low, high = promised_interval(losses, errors, test_ratio=1 / 3)
        inside.append(low <= new <= high)
    assert 0.93 <= np.mean(inside) <= 1.0


def test_without_stored_errors_the_replicates_alone_give_the_interval():
    inside, unknown = [], np.full(5, np.nan)
    for _ in range(400):
        losses, _, new = fractions_wrong(5, training_spread=0.02)
        low, high = promised_interval(losses, unknown, test_ratio=1 / 3)
        inside.append(low <= new <= high)
    assert np.mean(inside) >= 0.93
    assert np.isnan(promised_interval([0.2], [np.nan], test_ratio=1 / 3)).all()


def test_replicates_that_agree_by_chance_promise_no_less_than_the_test_rows_allow():
    low, high = promised_interval([0.2, 0.2, 0.2], [0.04] * 3, test_ratio=1 / 3)
    assert high - low > 2 * 1.96 * 0.04 * np.sqrt(1 + 1 / 3 + 1 / 3)
    wide = promised_interval([0.1, 0.2, 0.3], [0.04] * 3, test_ratio=1 / 3)
    assert wide[1] - wide[0] > high - low
