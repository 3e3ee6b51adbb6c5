"""A model zoo with benchmarks: which family learns best from this much data.

Importing zoo imports no framework, nor numpy: each name below is looked up when it is first used.

Examples
--------
>>> import zoo
>>> zoo.spec("mlp").family
'mlp'
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "models": ("zoo.models", None),
    "spec": ("zoo.registry", "spec"),
    "make": ("zoo.registry", "make"),
    "ModelSpec": ("zoo.registry", "ModelSpec"),
    "load_model": ("zoo.saving", "load_model"),
    "export_model": ("zoo.export", "export_model"),
    "learning_curve": ("zoo.study.learning_curve", "learning_curve"),
    "load": ("zoo.data", "load"),
    "datasets": ("zoo.data", "datasets"),
    "ZooError": ("zoo.errors", "ZooError"),
    "DefinitionError": ("zoo.errors", "DefinitionError"),
    "DataError": ("zoo.errors", "DataError"),
    "ModelFileError": ("zoo.errors", "ModelFileError"),
    "ExportError": ("zoo.errors", "ExportError"),
}

__all__ = ["__version__", *sorted(_PUBLIC)]  # noqa: PLE0604 (names are looked up on use)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'zoo' has no attribute '{name}'")
    module_name, attribute = _PUBLIC[name]
    module = importlib.import_module(module_name)
    value = module if attribute is None else getattr(module, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
