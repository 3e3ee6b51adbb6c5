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
    "zoo.data": ("datasets", "load"),
    "zoo.errors": ("DataError", "DefinitionError", "ExportError", "ModelFileError", "ZooError"),
    "zoo.export": ("export_model",),
    "zoo.models": ("models",),
    "zoo.registry": ("ModelSpec", "make", "spec"),
    "zoo.saving": ("load_model",),
    "zoo.study.learning_curve": ("learning_curve",),
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = ["__version__", *sorted(_MODULE_OF)]  # noqa: PLE0604 (names are looked up on use)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'zoo' has no attribute '{name}'")
    module = importlib.import_module(_MODULE_OF[name])
    value = module if name == "models" else getattr(module, name)  # the package can be called
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
