"""The models of the zoo by name: a spec for each, and the estimators made from it."""

from zoo.registry.lookup import make, missing_extra, models, require_backend, spec
from zoo.registry.spec import FAMILIES, Family, ModelSpec, Task

__all__ = [
    "FAMILIES", "Family", "ModelSpec", "Task", "make", "missing_extra", "models", "require_backend",
    "spec",
]  # fmt: skip
