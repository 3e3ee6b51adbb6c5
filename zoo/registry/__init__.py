"""The models of the zoo by name: what is said of each, and the estimators that they make."""

from zoo.registry.lookup import (
    FAMILIES,
    Family,
    ModelSpec,
    Task,
    make,
    missing_extra,
    models,
    spec,
)

__all__ = ["FAMILIES", "Family", "ModelSpec", "Task", "make", "missing_extra", "models", "spec"]
