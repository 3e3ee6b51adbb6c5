"""Splits of a user's table: groups are never split, and no model is trained on the future.

Without groups and times this is the protocol of `zoo.data.splits`. Size n is always the first n
training rows, so their order defines what "more data" means:

- with groups, more rows are more groups (patients, customers): the rows of a group are adjacent.
  In random order small sizes would already hold a row of each group, and the curve would not show
  what further groups bring;
- with times, more rows are a longer past: the order goes back from the test rows. A model that
  gets more data has the newest rows in any case, and gains history.

In both cases the first row of each class comes before all others, so that small sizes have each
class.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.canonical import derive_seed
from zoo.data.limits import MAX_TEST_ROWS, rows_held_for_test
from zoo.data.splits import Split, split
from zoo.errors import DataError
from zoo.ingest.clean_table import Column, OwnTable

__all__ = ["split_own"]

_Rows: TypeAlias = NDArray[np.int64]
_Sides: TypeAlias = tuple[_Rows, _Rows]
_PROTOCOL = "own-table/1"
_MOST_SHIFTED = 0.25  # fraction of the rows by which the test window moves back at most


def split_own(table: OwnTable, replicate: int) -> Split:
    """Return test rows and training order of one replicate.

    With times, replicate 0 tests on the latest quarter (at most 5000 rows). Others test on a window
    of that length that ends earlier, by at most a quarter of the rows, and train on the rows before
    it.

    Raises
    ------
    DataError
        If there is one group, or one time.
    """
    name = f"own/{table.name}/{table.target}"
    rng = np.random.default_rng(derive_seed(_PROTOCOL, name, replicate))
    codes = pd.factorize(table.y)[0] if table.task == "classification" else None
    groups = None if table.groups is None else pd.factorize(table.groups)[0].astype(np.int64)
    if table.times is not None:
        test, train = _by_time(table.times, groups, replicate, rng)
    elif groups is not None:
        test, train = _by_group(groups, codes, rng)
    else:
        return split(table.y, task=table.task, dataset=name, replicate=replicate)
    n_classes = None
    if codes is not None:
        n_classes = int(codes.max()) + 1
        firsts = np.sort(np.unique(codes[train], return_index=True)[1])
        train = np.concatenate([train[firsts], np.delete(train, firsts)])
    return Split(np.sort(test).astype(np.int64), train.astype(np.int64), n_classes)


def _by_group(groups: _Rows, codes: _Rows | None, rng: np.random.Generator) -> _Sides:
    """Return test rows and training rows in order, each group on one side.

    Groups are stratified by the class of most of their rows, as rows are in the protocol without
    groups: about a quarter of the rows of each class is tested, and classes alternate in the
    training order.
    """
    sizes = np.bincount(groups)
    if len(sizes) < 2:
        raise DataError("all rows are of one group; at least two groups are needed")
    labels = np.zeros(len(sizes), np.int64) if codes is None else _commonest(groups, codes)
    order = rng.permutation(len(sizes))
    n_test = rows_held_for_test(len(groups))
    is_test = np.zeros(len(sizes), bool)
    keys = np.empty(len(sizes))
    for label in np.unique(labels):
        mine = order[labels[order] == label]
        room = n_test * sizes[mine].sum() / len(groups)
        taken = _fill(sizes[mine], room) if len(mine) > 1 else np.zeros(1, bool)
        is_test[mine[taken]] = True
        rest = mine[~taken]
        keys[rest] = (np.cumsum(sizes[rest]) - sizes[rest] / 2) / max(1, sizes[rest].sum())
        keys[rest[:1]] = 0.0
    if not is_test.any():  # each class has one group: test the smallest
        is_test[order[np.argmin(sizes[order])]] = True
    rows = rng.permutation(len(groups))
    test = rows[is_test[groups[rows]]]
    train = rows[~is_test[groups[rows]]]
    ranks = np.empty(len(sizes), np.int64)
    ranks[order] = np.arange(len(sizes))  # ties in random order
    return test, train[np.lexsort((ranks[groups[train]], keys[groups[train]]))]


def _commonest(groups: _Rows, codes: _Rows) -> _Rows:
    """Return the commonest class of each group."""
    counts = pd.DataFrame({"group": groups, "code": codes}).value_counts()
    best = counts.reset_index().drop_duplicates("group").set_index("group")["code"]
    return np.asarray(best.sort_index(), np.int64)


def _fill(sizes: _Rows, room: float) -> NDArray[np.bool_]:
    """Return which groups are taken, in this order, so that they have about `room` rows.

    At least one is taken and at least half are left, even if one group holds most of the rows.
    """
    taken = np.zeros(len(sizes), bool)
    total, n_left = 0, len(sizes) // 2
    for i, size in enumerate(sizes.tolist()):
        if n_left and abs(total + size - room) <= abs(total - room):
            taken[i] = True
            total, n_left = total + size, n_left - 1
    if not taken.any():
        taken[np.argmin(sizes)] = True
    return taken


def _by_time(
    times: Column, groups: _Rows | None, replicate: int, rng: np.random.Generator
) -> _Sides:
    """Return the rows of a test window, and the rows before it, the latest first."""
    moments = pd.factorize(times, sort=True)[0]
    if moments.max() < 1:
        raise DataError("all rows are of one time; none is later than another")
    shuffled = rng.permutation(len(moments))  # rows of the same time in random order
    order = shuffled[np.argsort(moments[shuffled], kind="stable")]
    n_rows, n_test = len(order), rows_held_for_test(len(order))
    # 0, 1/2, 1/4, 3/4, ...: the van der Corput sequence is evenly spread in [0, 1)
    spread = int(f"{replicate:b}"[::-1], 2) / 2 ** replicate.bit_length()
    shift = int(spread * min(4 * MAX_TEST_ROWS, _MOST_SHIFTED * n_rows))
    edges = np.append(np.flatnonzero(np.diff(moments[order])) + 1, n_rows)
    start = _nearest(edges[:-1], n_rows - shift - n_test)
    end = _nearest(edges[edges > start], n_rows - shift)
    test, train = order[start:end], order[:start][::-1]
    if len(test) > MAX_TEST_ROWS:
        test = rng.permutation(test)[:MAX_TEST_ROWS]
    return (test, train) if groups is None else _without_shared(test, train, groups, rng)


def _nearest(edges: _Rows, wanted: int) -> int:
    return int(edges[np.argmin(np.abs(edges - wanted))])


def _without_shared(test: _Rows, train: _Rows, groups: _Rows, rng: np.random.Generator) -> _Sides:
    """Return test and training rows without a common group.

    Training rows of tested groups are dropped. Where that would be more than half of them, as with
    long-standing customers, only a random half of the groups is tested.
    """
    tested = np.unique(groups[test])
    kept = ~np.isin(groups[train], tested)
    if kept.sum() < len(train) / 2:
        tested = rng.permutation(tested)[: max(1, len(tested) // 2)]
        test = test[np.isin(groups[test], tested)]
        kept = ~np.isin(groups[train], tested)
    if not kept.any():
        raise DataError(
            "groups and times leave no row to train on: all earlier rows are of tested groups"
        )
    return test, train[kept]
