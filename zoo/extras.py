"""Packages of optional extras: whether they are installed, and the error if not.

`what` is what the error says is not installed; `extra` is the extra to install.
"""

from __future__ import annotations

import importlib
import importlib.util
from importlib import metadata
from types import ModuleType

from zoo.errors import MissingExtraError

__all__ = ["missing_module", "require_distribution", "require_module"]


def missing_module(module: str, what: str, extra: str) -> MissingExtraError | None:
    """Return the error for a module that cannot be found, or None; nothing is imported."""
    return None if importlib.util.find_spec(module) else MissingExtraError(what, extra)


def require_module(module: str, what: str, extra: str) -> ModuleType:
    """Import a module of an extra, or raise a MissingExtraError."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(what, extra) from error


def require_distribution(name: str, extra: str) -> metadata.Distribution:
    """Return an installed distribution, which may hold no module, or raise a MissingExtraError."""
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError as error:
        raise MissingExtraError(f"the package {name}", extra) from error
