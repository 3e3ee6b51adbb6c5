"""Data sets: their cards, their sources, and how their rows are split.

Importing this package imports neither numpy, pandas nor scikit-learn: that happens on first use.

Examples
--------
>>> import zoo.data
>>> table = zoo.data.load("breast_cancer")
>>> table.X.shape
(569, 30)
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo import definitions
from zoo.data.cards import Card, PackageSource, load_card
from zoo.errors import DataError, MissingExtraError
from zoo.extras import require_distribution

if TYPE_CHECKING:
    from zoo.data.prepare import Table

__all__ = ["Card", "check", "datasets", "load", "load_card", "require_extra", "verify"]


def datasets(extra_folders: Iterable[Path] = ()) -> list[str]:
    """Return the sorted names of all data sets, those of the user's own folders included."""
    return definitions.names("datasets", extra_folders)


def load(name: str, extra_folders: Iterable[Path] = ()) -> Table:
    """Return a data set; it is read once per process.

    Parameters
    ----------
    name : str
        The name of a card: `datasets()` lists them.
    extra_folders : iterable of Path
        Folders with cards of the user's own; they are searched first.

    Returns
    -------
    Table
        `X` of shape (n_samples, n_features), `y` of shape (n_samples,), `card`.

    Raises
    ------
    DefinitionError
        If there is no such card, or it is misspelt.
    MissingExtraError
        If the package that holds the data is not installed.
    DataError
        If no source can be reached, or the data differ from the card.
    """
    from zoo.data.prepare import Table

    table = _load_once(name, tuple(Path(folder) for folder in extra_folders))
    return Table(table.X.copy(deep=False), table.y.copy(deep=False), table.card)


@functools.lru_cache(maxsize=8)
def _load_once(name: str, extra_folders: tuple[Path, ...]) -> Table:
    from zoo.data.facts import verify_shape

    table = _read(name, extra_folders)
    verify_shape(table)
    return table


def _read(name: str, extra_folders: Iterable[Path]) -> Table:
    from zoo.data.prepare import prepare
    from zoo.data.sources import fetch

    card = load_card(name, extra_folders)
    return prepare(fetch(card), card)


def require_extra(card: Card) -> None:
    """Refuse a card all of whose sources are files of packages that are not installed.

    Raises
    ------
    MissingExtraError
        Naming the package and the extra that brings it.
    """
    missing: list[MissingExtraError] = []
    for source in card.sources:
        if not isinstance(source, PackageSource):
            return
        try:
            require_distribution(source.distribution, source.extra)
        except MissingExtraError as error:
            missing.append(error)
        else:
            return
    raise missing[0]


def check(name: str, extra_folders: Iterable[Path] = ()) -> list[str]:
    """Recompute the facts of a card from the data and return what differs, one line each.

    A fact that the card leaves out is reported as unchecked, with the value found.

    Raises
    ------
    ZooError
        As `load`, except that changed facts are returned, not raised.
    """
    from zoo.data.facts import differences

    return differences(_read(name, extra_folders))


def verify(name: str, extra_folders: Iterable[Path] = ()) -> None:
    """Refuse a data set that differs from its card; facts that the card leaves out are not checked.

    Raises
    ------
    DataError
        With what was expected, what was found, and what to do.
    """
    from zoo.data.facts import differences

    if wrong := differences(load(name, extra_folders), with_unchecked=False):
        raise DataError(wrong[0])
