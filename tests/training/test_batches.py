"""The order of rows in training."""

import numpy as np
import pytest

from zoo.training.batches import Batches


def test_each_epoch_has_every_row_once_in_another_order():
    batches = Batches(10, 4, seed=0)
    assert batches.steps_per_epoch == 3
    epochs = [batches.take(3).ravel() for _ in range(2)]
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), [-1, -1, *range(10)])
        np.testing.assert_array_equal(epoch[-2:], [-1, -1])
    assert (epochs[0] != epochs[1]).any()


def test_the_order_depends_on_the_seed_and_not_on_how_many_steps_are_taken_at_once():
    whole, parts = Batches(10, 4, seed=1).take(7), Batches(10, 4, seed=1)
    taken = np.concatenate([parts.take(n) for n in (2, 5)])
    np.testing.assert_array_equal(whole, taken)
    assert (Batches(10, 4, seed=2).take(7) != whole).any()


@pytest.mark.parametrize(("n_rows", "steps"), [(10, 2), (8, 2), (3, 1)])
def test_the_last_rows_are_dropped_if_another_batch_is_full(n_rows, steps):
    batches = Batches(n_rows, 4, seed=0, drop_last=True)
    assert batches.steps_per_epoch == steps
    assert (batches.take(steps) < 0).sum() == max(4 - n_rows, 0)
