"""The models of the zoo by name: a spec for each, and the estimators made from it."""

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
