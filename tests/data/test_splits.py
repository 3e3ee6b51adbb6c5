import numpy as np
import pytest

from zoo.data.splits import split
from zoo.errors import DataError


def labels(**counts):
    return np.repeat(list(counts), list(counts.values()))


def make(y, *, task="classification", dataset="d", replicate=0):
    return split(y, task=task, dataset=dataset, replicate=replicate)


def test_the_test_part_is_a_stratified_quarter():
    y = labels(a=60, b=30, c=10)
    test = y[make(y).test]
    counts = {str(label): int((test == label).sum()) for label in "abc"}
    # quotas 15, 7.5 and 2.5: the remainders of b and c are equal, the first takes the last row
    assert counts == {"a": 15, "b": 8, "c": 2}


def test_the_test_part_stops_at_5000_rows():
    assert len(make(labels(a=30_000, b=10_000)).test) == 5000


def test_every_row_is_in_one_part_once():
    made = make(labels(a=60, b=30, c=10))
    assert sorted([*made.test, *made.train]) == list(range(100))


def test_the_first_rows_hold_every_class_once_and_the_rest_in_proportion():
    y = labels(a=60, b=30, c=10)
    made = make(y)
    assert sorted(y[made.subset(3)]) == ["a", "b", "c"]
    train = y[made.train]
    for n in range(3, len(train) + 1):
        for label in "abc":
            fraction = (train == label).mean()
            assert abs((train[:n] == label).sum() - fraction * n) <= 1.5


def test_sizes_are_nested():
    made = make(labels(a=60, b=40))
    np.testing.assert_array_equal(made.subset(10), made.subset(70)[:10])


def test_a_class_of_one_row_trains():
    y = labels(a=20, b=1)
    assert 20 in make(y).subset(2)


@pytest.mark.parametrize("other", [{"replicate": 1}, {"dataset": "e"}])
def test_a_split_depends_on_data_set_and_replicate_alone(other):
    y = labels(a=60, b=40)
    np.testing.assert_array_equal(make(y).train, make(y).train)
    assert list(make(y, **other).train) != list(make(y).train)


def test_regression_rows_come_in_random_order():
    made = make(np.arange(100.0), task="regression")
    assert len(made.test) == 25
    assert sorted([*made.test, *made.train]) == list(range(100))
    assert list(made.train) != sorted(made.train)


def test_why_a_size_cannot_be_had_is_said():
    made = make(labels(a=60, b=30, c=10))
    assert made.why_not(75) is None
    assert made.why_not(76) == (
        "76 training rows were asked for; only 75 are left beside the 25 test rows"
    )
    assert made.why_not(2) == "2 training rows cannot hold each of the 3 classes"
    with pytest.raises(DataError, match="only 75 are left"):
        made.subset(76)


@pytest.mark.parametrize(("y", "message"), [([1], "at least 2 rows"), (["a", None], "missing")])
def test_targets_that_cannot_be_split_are_refused(y, message):
    with pytest.raises(DataError, match=message):
        make(y)
