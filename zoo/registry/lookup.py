"""Looks up models by name, built-in ones and those of other packages."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, get_args

from zoo.definitions import unknown
from zoo.errors import DefinitionError, MissingExtraError
from zoo.extras import missing_module, require_keras
from zoo.registry.catalog import BUILT_IN
from zoo.registry.spec import FAMILIES, ModelSpec, Task

__all__ = [
    "all_specs", "build_table", "estimator_class", "make", "missing_extra", "models",
    "require_backend", "spec",
]  # fmt: skip


def build_table(specs: tuple[ModelSpec, ...]) -> Mapping[str, ModelSpec]:
    """Return the specs by name.

    Raises
    ------
    DefinitionError
        If two specs share a name or one has neither classifier nor regressor.
    """
    table: dict[str, ModelSpec] = {}
    for entry in specs:
        if entry.name in table:
            raise DefinitionError(f"two models are called '{entry.name}'; rename one of them")
        if not entry.tasks:
            raise DefinitionError(f"the model '{entry.name}' has neither classifier nor regressor")
        table[entry.name] = entry
    return MappingProxyType(table)


@functools.cache  # entry points do not change while a process runs
def all_specs() -> Mapping[str, ModelSpec]:
    """Return the built-in models and those of other packages (entry points `zoo.models`)."""
    foreign = [point.load() for point in entry_points(group="zoo.models")]
    return build_table((*BUILT_IN, *foreign))


def models(*, family: str | None = None, task: str | None = None) -> list[str]:
    """Return the names of the zoo's models, in the order of the registry.

    Parameters
    ----------
    family : str, optional
        Only models of this family.
    task : {"classification", "regression"}, optional
        Only models for this task.

    Examples
    --------
    >>> models(family="mlp")
    ['mlp']
    """
    for what, name, known in (("family", family, FAMILIES), ("task", task, get_args(Task))):
        if name is not None and name not in known:
            raise unknown(what, name, known)
    return [
        entry.name
        for entry in all_specs().values()
        if family in (None, entry.family) and (task is None or task in entry.tasks)
    ]


def spec(name: str) -> ModelSpec:
    """Return the registry's entry for one model.

    Raises
    ------
    DefinitionError
        If there is no such model; the message offers the nearest name.
    """
    table = all_specs()
    if name not in table:
        raise unknown("model", name, table)
    return table[name]


def missing_extra(entry: ModelSpec) -> MissingExtraError | None:
    """Return the error that names the extra that a model needs, or None if it is installed."""
    if entry.extra is None:
        return None
    what = f"the model '{entry.name}' needs '{entry.extra}', which"
    return missing_module(entry.extra, what, entry.extra)


def require_backend(entries: Iterable[ModelSpec]) -> None:
    """Check the backend of Keras if one of these models runs on Keras.

    Raises
    ------
    MissingExtraError
        If the backend that Keras is set to is unknown or not installed.
    """
    if any(entry.trains_together or entry.is_keras for entry in entries):
        require_keras()


def estimator_class(entry: ModelSpec, task: Task) -> type[Any]:
    """Import the class of a model for a task.

    Raises
    ------
    DefinitionError
        If the model does not do this task.
    MissingExtraError
        If the framework that the model is written in, or Keras's backend, is not installed.
    """
    module, _, name = entry.class_path(task).partition(":")
    if (missing := missing_extra(entry)) is not None:
        raise missing
    require_backend([entry])
    found: type[Any] = getattr(importlib.import_module(module), name)
    return found


def make(name: str, *, task: Task = "classification", **params: Any) -> Any:
    """Return a new, unfitted scikit-learn estimator.

    Parameters
    ----------
    name : str
        A name from `models()`.
    task : {"classification", "regression"}
        Which of the model's two estimators to make.
    **params
        Parameters of the estimator; they override the registry's.

    Raises
    ------
    DefinitionError
        For an unknown model, task or parameter.
    MissingExtraError
        If the framework that the model is written in is not installed.

    Examples
    --------
    >>> make("decision_tree", max_depth=3, random_state=0)
    TreeClassifier(max_depth=3, random_state=0)
    """
    entry = spec(name)
    made = estimator_class(entry, task)
    known = inspect.signature(made.__init__).parameters
    for key in params:
        if key not in known:
            raise unknown(f"parameter of '{name}'", key, [name for name in known if name != "self"])
    return made(**{**entry.params, **params})
