"""The models, one file per architecture; `zoo.models()` lists their names.

The package is also a function, because ``zoo.models`` is both the natural name of the list and
the folder of the code: Python binds the second over the first on import, so the module is called.
"""

from __future__ import annotations

import sys
from types import ModuleType

from zoo import registry


class _CallableModule(ModuleType):
    """A module that lists the registry when called."""

    def __call__(self, *, family: str | None = None, task: str | None = None) -> list[str]:
        """Return the names of the zoo's models; see `zoo.registry.models`."""
        return registry.models(family=family, task=task)


sys.modules[__name__].__class__ = _CallableModule
