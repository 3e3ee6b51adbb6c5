from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from zoo.study.promise import promised_interval

RNG = np.random.default_rng(0)
N_ROWS, N_TEST = 400, 100
ROOT = Path(__file__).parents[2]


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


# one replicate cannot know the spread over training rows
@pytest.mark.parametrize(
    ("n_replicates", "training_spread"),
    [(1, 0.0), (2, 0.0), (3, 0.0), (10, 0.0), (2, 0.03), (3, 0.03), (10, 0.03)],
)
@pytest.mark.parametrize("error", [0.02, 0.2])
def test_the_interval_holds_for_new_rows_in_19_of_20_tables(n_replicates, training_spread, error):
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


@pytest.mark.parametrize("n_replicates", [3, 10])
def test_rows_of_the_same_group_do_not_make_the_interval_too_narrow(n_replicates):
    inside = []
    for _ in range(400):
        # a hundred test rows of ten groups: the rows of a group are right or wrong together
        losses, new = np.split((RNG.random((n_replicates + 1, 10)) < 0.3).mean(axis=1), [-1])
        errors = np.sqrt(np.maximum(losses * (1 - losses), 0.01) / 100)
        low, high = promised_interval(losses, errors, test_ratio=1 / 3, is_clustered=True)
        inside.append(low <= new[0] <= high)
    assert np.mean(inside) >= 0.94
    assert np.isnan(promised_interval([0.2], [0.04], test_ratio=1 / 3, is_clustered=True)).all()


def test_on_real_tables_the_interval_held_as_often_as_the_docs_say():
    runs = pd.read_csv(ROOT / "results" / "answers" / "promise.csv")
    by_table = runs.groupby("table")["is_inside"].mean()
    assert len(by_table) >= 10
    assert (by_table >= 0.9).all()
    text = " ".join((ROOT / "docs" / "your-own-table.md").read_text(encoding="utf-8").split())
    assert f"It was inside in {runs['is_inside'].sum()} of {len(runs)} runs" in text
    assert f"replicates alone would have held in {runs['is_inside_splits_only'].sum()}." in text
