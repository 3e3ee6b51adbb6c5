"""Whether the packages that hold a data set are installed; nothing is imported to know."""

from __future__ import annotations

from importlib import metadata

from zoo.data.cards import Card
from zoo.errors import MissingExtraError

__all__ = ["require_extra"]


def require_extra(card: Card) -> None:
    """Refuse a card all of whose sources are files of packages that are not installed.

    Raises
    ------
    MissingExtraError
        Naming the package and the extra that brings it.
    """
    for source in card.sources:
        if source.type != "package":
            return
        try:
            metadata.distribution(source.options["distribution"])
        except metadata.PackageNotFoundError:
            continue
        return
    options = card.sources[0].options
    raise MissingExtraError(f"the package {options['distribution']}", options["extra"])
