"""Packages of the extra 'export', asked for when a format needs them."""

from __future__ import annotations

import importlib
from typing import Any

from zoo.errors import MissingExtraError

__all__ = ["need"]


def need(module: str, package: str) -> Any:
    """Return a module of the extra, or raise with the command that installs it.

    Raises
    ------
    MissingExtraError
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(package, "export") from error
