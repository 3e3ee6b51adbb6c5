"""Packages of optional extras: whether they are installed, and what to tell who lacks one."""

from __future__ import annotations

import importlib
import importlib.util
from importlib import metadata
from types import ModuleType

from zoo.errors import MissingExtraError

__all__ = ["missing_module", "require_distribution", "require_module"]


def missing_module(module: str, what: str, extra: str) -> MissingExtraError | None:
    """Return the error for a module that cannot be found, or None; nothing is imported.

    Parameters
    ----------
    module : str
    what : str
        What needs it, for the message: "... is not installed".
    extra : str
        The extra that brings it.
    """
    return None if importlib.util.find_spec(module) else MissingExtraError(what, extra)


def require_module(module: str, what: str, extra: str) -> ModuleType:
    """Import a module of an extra.

    Raises
    ------
    MissingExtraError
        With the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(what, extra) from error


def require_distribution(name: str, extra: str) -> metadata.Distribution:
    """Return an installed distribution, which need not hold a module.

    Raises
    ------
    MissingExtraError
        With the command that installs it.
    """
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError as error:
        raise MissingExtraError(f"the package {name}", extra) from error
