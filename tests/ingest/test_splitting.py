import numpy as np
import pandas as pd
import pytest

from zoo.data.splits import split
from zoo.errors import DataError
from zoo.ingest.clean_table import OwnTable
from zoo.ingest.splitting import split_own

N = 1000
REPLICATES = range(6)


def own(y, *, groups=None, times=None, task="classification"):
    y = pd.Series(y)
    return OwnTable(
        name="t",
        X=pd.DataFrame({"a": np.arange(len(y))}),
        y=y,
        task=task,
        task_reason="",
        metric="roc_auc",
        metric_reason="",
        target="y",
        groups=None if groups is None else pd.Series(groups),
        times=None if times is None else pd.Series(times),
    )


def classes(n=N, fractions=(0.7, 0.25, 0.05), seed=0):
    return np.random.default_rng(seed).choice(["a", "b", "c"], n, p=fractions)


def test_without_groups_and_times_the_protocol_of_data_sets_is_kept():
    y = classes()
    ours = split_own(own(y), 3)
    theirs = split(y, task="classification", dataset="own/t/y", replicate=3)
    assert np.array_equal(ours.test, theirs.test)
    assert np.array_equal(ours.train, theirs.train)


@pytest.mark.parametrize("replicate", REPLICATES)
def test_no_group_is_on_both_sides_and_no_row_is_lost(replicate):
    groups = np.random.default_rng(1).integers(0, 120, N)
    rows = split_own(own(classes(), groups=groups), replicate)
    assert not {*groups[rows.test]} & {*groups[rows.train]}
    assert sorted([*rows.test, *rows.train]) == [*range(N)]
    assert 220 <= len(rows.test) <= 280


def test_classes_are_spread_over_both_sides_where_groups_are_of_one_class():
    labels = np.repeat(["a", "b", "c"], [70, 25, 5])  # of 100 groups of ten rows
    groups = np.repeat(np.arange(100), 10)
    y = np.repeat(labels, 10)
    for replicate in REPLICATES:
        rows = split_own(own(y, groups=groups), replicate)
        counts = pd.Series(y[rows.test]).value_counts()
        assert abs(counts["a"] - 175) <= 10
        assert abs(counts["b"] - 62) <= 10
        assert counts["c"] == 10


def test_each_class_is_in_a_small_part_and_a_class_of_one_group_in_training():
    y = np.where(np.arange(N) < 10, "rare", classes())
    groups = np.arange(N) // 10
    for replicate in REPLICATES:
        rows = split_own(own(y, groups=groups), replicate)
        assert {*y[rows.subset(4)]} == {"rare", "a", "b", "c"}
        assert "rare" not in y[rows.test]


def test_training_sets_grow_by_whole_groups():
    groups = np.random.default_rng(1).permutation(np.repeat(np.arange(50), 20))
    rows = split_own(own(classes(fractions=(0.5, 0.5, 0)), groups=groups), 0)
    order = groups[rows.train[2:]]  # after the first row of each class
    assert np.count_nonzero(np.diff(order)) <= len({*order}) + 2


def test_splits_are_reproducible_and_differ_between_replicates():
    table = own(classes(), groups=np.arange(N) // 5)
    first, again, other = (split_own(table, replicate) for replicate in (0, 0, 1))
    assert np.array_equal(first.train, again.train)
    assert not np.array_equal(first.test, other.test)


def test_a_group_that_is_most_of_the_table_is_trained_on():
    groups = np.where(np.arange(N) < 800, 0, np.arange(N))
    rows = split_own(own(np.arange(N) * 1.0, groups=groups, task="regression"), 0)
    assert 0 in groups[rows.train]
    assert len(rows.test) == 100  # half of the groups beside it
    assert rows.n_classes is None


@pytest.mark.parametrize("replicate", REPLICATES)
def test_no_training_row_is_later_than_a_test_row(replicate):
    times = np.random.default_rng(2).permutation(np.arange(N) // 3)
    rows = split_own(own(classes(), times=times), replicate)
    assert times[rows.train].max() < times[rows.test].min()
    assert len(rows.train) >= 490
    assert 240 <= len(rows.test) <= 260


def test_the_first_replicate_tests_the_latest_quarter_and_others_earlier_windows():
    times = pd.Series(pd.date_range("2020-01-01", periods=N).to_numpy())
    windows = [split_own(own(classes(), times=times), r).test for r in REPLICATES]
    assert windows[0].tolist() == [*range(750, 1000)]
    assert len({int(window[0]) for window in windows}) == len(windows)
    assert all(window.max() < 1000 for window in windows)


def test_with_times_more_rows_are_a_longer_past():
    times = np.arange(N)
    rows = split_own(own(classes(), times=times), 0)
    assert (np.diff(times[rows.train[3:]]) < 0).all()
    assert {*classes()[rows.train[:3]]} == {"a", "b", "c"}


def test_rows_of_one_moment_stay_on_one_side():
    days = np.repeat(np.arange(10), 100)
    rows = split_own(own(classes(), times=days), 0)
    assert {*days[rows.test]} == {7, 8, 9}  # from the edge nearest to row 750
    assert not {*days[rows.test]} & {*days[rows.train]}


@pytest.mark.parametrize("replicate", REPLICATES)
def test_groups_and_times_are_both_respected(replicate):
    times = np.arange(N)
    for groups in (np.arange(N) // 4, np.random.default_rng(0).integers(0, 40, N)):
        rows = split_own(own(classes(), groups=groups, times=times), replicate)
        assert times[rows.train].max() < times[rows.test].min()
        assert not {*groups[rows.test]} & {*groups[rows.train]}
        assert len(rows.train) >= 200
        assert len(rows.test) >= 50


def test_a_large_table_tests_at_most_5000_rows():
    n = 60_000
    times, groups = np.arange(n), np.arange(n) // 6
    y = classes(n)
    for table in (own(y, groups=groups), own(y, times=times), own(y, times=np.arange(n) // 30_000)):
        assert 4900 <= len(split_own(table, 1).test) <= 5006


def test_one_group_and_one_time_are_refused():
    with pytest.raises(DataError, match="all rows are of one group"):
        split_own(own(classes(), groups=np.zeros(N)), 0)
    with pytest.raises(DataError, match="all rows are of one time"):
        split_own(own(classes(), times=np.zeros(N)), 0)
