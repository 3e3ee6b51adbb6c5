"""Packages of optional extras: whether they are installed, and the error if not.

`what` is what the error says is not installed; `extra` is the extra to install. The backend of
Keras is such a package, unless it is TensorFlow.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

from zoo.definitions import nearest, shown
from zoo.errors import MissingExtraError, UnknownBackendError

__all__ = ["missing_module", "require_distribution", "require_keras", "require_module"]

_BACKENDS = ("tensorflow", "jax", "torch")


def missing_module(module: str, what: str, extra: str) -> MissingExtraError | None:
    """Return the error for a module that cannot be found, or None; nothing is imported."""
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # a finder refuses it, or a stand-in without a spec
        found = None
    return None if found else MissingExtraError(what, extra)


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


def require_keras() -> None:
    """Check that Keras can be imported with the backend that it is set to.

    Raises
    ------
    UnknownBackendError
        If zoo does not know the backend.
    MissingExtraError
        If its package is not installed.
    """
    if "keras" in sys.modules:  # too late to change it
        return
    name, where = _keras_backend()
    if name not in _BACKENDS:
        raise UnknownBackendError(f"{where} is {shown(name)}; {nearest(name, _BACKENDS)}")
    what = f"{where} is '{name}', which"
    if name != "tensorflow" and (missing := missing_module(name, what, name)) is not None:
        raise missing


def _keras_backend() -> tuple[str, str]:
    """Return the backend that Keras will have, and what sets it, as Keras finds it."""
    if name := os.environ.get("KERAS_BACKEND"):
        return name, "KERAS_BACKEND"
    folder = os.environ.get("KERAS_HOME") or Path("~", ".keras")
    path = Path(folder, "keras.json").expanduser()
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "tensorflow", ""
    found = config.get("backend") if isinstance(config, dict) else None
    return str(found or "tensorflow"), f"the backend in {path}"
