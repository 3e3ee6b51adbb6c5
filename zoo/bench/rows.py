"""The rows of a cell: from a data set's card, or from a table kept in a results folder."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.data import load
from zoo.data.kept import facts_of, read_rows, read_split, read_words
from zoo.data.splits import Split, split
from zoo.data.topics import N_TOPICS, fit_topics, topic_features, topic_names
from zoo.metrics import Task

__all__ = ["Part", "Rows", "rows_of"]

_MOST_KEPT_ROWS, _MOST_KEPT_VALUES = 10_000, 200_000

Part = tuple[pd.DataFrame, "pd.Series[Any]"]
"""X of shape (n, n_features) and y of shape (n,)."""


class Rows(Protocol):
    """The rows of one data set.

    Attributes
    ----------
    task : {"classification", "regression"}
    classes : ndarray of shape (n_classes,)
        Sorted labels of the whole table; empty for regression.
    image_shape : tuple of int or None
    """

    task: Task
    classes: NDArray[Any]
    image_shape: tuple[int, ...] | None

    def train(self, replicate: int, n_train: int, *, at_most: int | None = None) -> Part:
        """Return the first `n_train` training rows of a replicate, at most `at_most`."""

    def test(self, replicate: int, n_train: int) -> Part:
        """Return the test rows of a replicate, as a model of `n_train` training rows gets them."""


class _CardRows:
    """Rows of a data set with a card, split by the protocol "nested-holdout/1"."""

    def __init__(self, name: str, folders: tuple[Path, ...]) -> None:
        self._name, self._folders = name, folders
        table = load(name, folders)
        self.task = table.card.task
        is_classes = self.task == "classification"
        self.classes = np.unique(table.y.to_numpy(object)) if is_classes else np.empty(0)
        shape = table.card.image_shape
        self.image_shape = None if shape is None else (*shape, 1)[:3]  # grey has one channel

    def _part(self, rows: NDArray[np.int64]) -> Part:
        table = load(self._name, self._folders)
        return table.X.iloc[rows], table.y.iloc[rows]

    def train(self, replicate: int, n_train: int, *, at_most: int | None = None) -> Part:
        rows = _split_of(self._name, replicate, self._folders).subset(n_train)
        return self._part(rows[:at_most])

    def test(self, replicate: int, n_train: int) -> Part:
        return self._part(_split_of(self._name, replicate, self._folders).test)


@functools.lru_cache(maxsize=16)
def _split_of(name: str, replicate: int, folders: tuple[Path, ...]) -> Split:
    table = load(name, folders)
    return split(table.y, task=table.card.task, dataset=name, replicate=replicate)


class _KeptRows:
    """Rows of a table kept in a results folder; only those asked for are read.

    The test rows and the first training rows of a replicate are cached, since each of its cells
    needs them. Larger parts are read on demand and not cached. The topics of texts are learnt on
    the training rows of the cell.
    """

    def __init__(self, folder: Path) -> None:
        facts = facts_of(folder)
        assert facts is not None  # noqa: S101 (seen by rows_of)
        self._folder, self._digest, self._texts = folder, facts.digest, facts.texts
        self._n_kept = min(_MOST_KEPT_ROWS, _MOST_KEPT_VALUES // max(facts.n_features, 1))
        self.task = facts.task
        self.classes = np.asarray(facts.classes, dtype=object)
        self.image_shape: tuple[int, ...] | None = facts.image_shape

    def train(self, replicate: int, n_train: int, *, at_most: int | None = None) -> Part:
        rows = read_split(self._folder, replicate).subset(n_train)[:at_most]
        if len(rows) > self._n_kept:
            X, y = read_rows(self._folder, rows)
        else:
            X, y = _head_of(self._folder, self._digest, replicate, self._n_kept)[0]
            X, y = X.iloc[: len(rows)], y.iloc[: len(rows)]
        return self._with_topics(X, rows, replicate, n_train), y

    def test(self, replicate: int, n_train: int) -> Part:
        X, y = _head_of(self._folder, self._digest, replicate, self._n_kept)[1]
        rows = read_split(self._folder, replicate).test
        return self._with_topics(X, rows, replicate, n_train), y

    def _with_topics(
        self, X: pd.DataFrame, rows: NDArray[np.int64], replicate: int, n_train: int
    ) -> pd.DataFrame:
        """Return X (n, n_features) with topics that are learnt on the first `n_train` rows."""
        if not self._texts:
            return X
        X = X.copy(deep=False)
        learnt = _topics_of(self._folder, self._digest, replicate, n_train)
        for number, (name, weights) in enumerate(zip(self._texts, learnt, strict=True)):
            found = topic_features(read_words(self._folder, number, rows), weights)
            n_topics = found.shape[1] - 1
            for one, values in zip(topic_names(name, n_topics)[:-1], found.T, strict=False):
                X[one] = values
            for one in topic_names(name, N_TOPICS)[n_topics:-1]:
                if one in X:
                    X[one] = np.float32(0)  # so few training rows have fewer topics
        return X


@functools.lru_cache(maxsize=4)
def _head_of(folder: Path, digest: str, replicate: int, n_kept: int) -> tuple[Part, Part]:
    """Return the first training rows and the test rows of a replicate, from one reading."""
    rows = read_split(folder, replicate)
    first = rows.train[:n_kept]
    X, y = read_rows(folder, np.concatenate([first, rows.test]))
    cut = len(first)
    train = X.iloc[:cut], y.iloc[:cut]
    return train, (X.iloc[cut:].reset_index(drop=True), y.iloc[cut:].reset_index(drop=True))


@functools.lru_cache(maxsize=4)
def _topics_of(folder: Path, digest: str, replicate: int, n_train: int) -> list[dict[str, Any]]:
    """Return the weights of topics, per text column, learnt on the first `n_train` rows."""
    facts, rows = facts_of(folder), read_split(folder, replicate).subset(n_train)
    assert facts is not None  # noqa: S101 (seen by rows_of)
    return [fit_topics(read_words(folder, number, rows)) for number in range(len(facts.texts))]


def rows_of(name: str, folders: tuple[Path, ...] = ()) -> Rows:
    """Return the rows of a data set.

    Parameters
    ----------
    name : str
    folders : tuple of Path
        Folders with cards of the user's own; one that keeps a table of this name comes first.

    Raises
    ------
    ZooError
        If the data cannot be loaded.
    """
    for folder in folders:
        facts = facts_of(folder)
        if facts is not None and facts.name == name:
            return _KeptRows(folder)
    return _CardRows(name, folders)
