"""Suites: one TOML file names the cells to run, and the limits they run under."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo import definitions
from zoo.errors import DefinitionError
from zoo.metrics import Task, metric_names

__all__ = ["Budget", "Suite", "load_suite", "suites"]

_PROTOCOL = "nested-holdout/1"
# Of a suite that names none; the first is the headline.
_METRICS: Mapping[Task, tuple[str, ...]] = {
    "classification": ("error_rate", "roc_auc", "log_loss"),
    "regression": ("rmse", "mae", "r2"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one cell may use.

    Parameters
    ----------
    seconds : float
        From the moment its data and its framework are loaded to its last prediction.
    memory_mb : int
        Resident memory of its worker process.
    threads : int
        Threads of its worker process.
    """

    seconds: float = 120.0
    memory_mb: int = 8000
    threads: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite.

    Parameters
    ----------
    name, title, protocol : str
    datasets, models : tuple of str
    sizes : tuple of int
        Training rows. A data set takes those that it has the rows for.
    dataset_sizes : mapping of str to tuple of int
        Sizes of single data sets in place of `sizes`; they must fit.
    replicates : int
    metrics : mapping of task to tuple of str
        The first is the headline, unless the card of a data set names another.
    budget : Budget
    path : Path
    """

    name: str
    title: str
    protocol: str
    datasets: tuple[str, ...]
    models: tuple[str, ...]
    sizes: tuple[int, ...]
    replicates: int
    metrics: Mapping[str, tuple[str, ...]]
    budget: Budget
    path: Path
    dataset_sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def suites(extra_folders: Iterable[Path] = ()) -> list[str]:
    """Return the sorted names of all suites."""
    return definitions.names("benchmarks", extra_folders)


def load_suite(name: str, extra_folders: Iterable[Path] = ()) -> Suite:
    """Return the suite called `name`.

    Raises
    ------
    DefinitionError
        If there is none, or it has a wrong key or value; file and key are named.
    """
    path = definitions.find("benchmarks", name, extra_folders)
    raw = definitions.read(path)
    definitions.check_keys(
        raw,
        path=path,
        required=("title", "protocol", "datasets", "models", "sizes", "replicates"),
        optional=("metrics", "budget", "dataset_sizes"),
    )
    if raw["protocol"] != _PROTOCOL:
        raise DefinitionError(
            f"{path}: the key 'protocol' is {raw['protocol']!r}; expected '{_PROTOCOL}'"
        )
    return Suite(
        name=name,
        title=_typed(raw, "title", str, path),
        protocol=raw["protocol"],
        datasets=_names(raw, "datasets", path),
        models=_names(raw, "models", path),
        sizes=_sizes(raw["sizes"], "sizes", path),
        replicates=_positive(raw["replicates"], "replicates", path),
        metrics=_metrics(raw.get("metrics", {}), path),
        budget=_budget(raw.get("budget", {}), path),
        path=path,
        dataset_sizes={
            key: _sizes(value, f"dataset_sizes.{key}", path)
            for key, value in raw.get("dataset_sizes", {}).items()
        },
    )


def _typed(raw: Mapping[str, Any], key: str, kind: type, path: Path) -> Any:
    if not isinstance(raw[key], kind):
        raise DefinitionError(
            f"{path}: the key '{key}' must be of type {kind.__name__}, "
            f"not {type(raw[key]).__name__}"
        )
    return raw[key]


def _names(raw: Mapping[str, Any], key: str, path: Path) -> tuple[str, ...]:
    values = _typed(raw, key, list, path)
    if not values or not all(isinstance(value, str) for value in values):
        raise DefinitionError(f"{path}: the key '{key}' must be a list of names, not {values!r}")
    if len(set(values)) < len(values):
        raise DefinitionError(f"{path}: the key '{key}' names something twice: {values}")
    return tuple(values)


def _positive(value: Any, key: str, path: Path) -> int:
    if type(value) is not int or value < 1:
        raise DefinitionError(f"{path}: the key '{key}' must be a whole number >= 1, not {value!r}")
    return value


def _sizes(values: Any, key: str, path: Path) -> tuple[int, ...]:
    if not isinstance(values, list) or not values:
        raise DefinitionError(f"{path}: the key '{key}' must be a list of numbers of rows")
    return tuple(sorted({_positive(value, key, path) for value in values}))


def _metrics(raw: Mapping[str, Any], path: Path) -> dict[str, tuple[str, ...]]:
    definitions.check_keys(raw, path=path, where="metrics", optional=_METRICS)
    chosen: dict[str, tuple[str, ...]] = {}
    for task, default in _METRICS.items():
        names = raw.get(task, default)
        for name in names:
            if name not in metric_names(task):
                raise DefinitionError(
                    f"{path}: [metrics] {definitions.unknown('metric', name, metric_names(task))}"
                )
        chosen[task] = tuple(names)
    return chosen


def _budget(raw: Mapping[str, Any], path: Path) -> Budget:
    keys = ("seconds", "memory_mb", "threads")
    definitions.check_keys(raw, path=path, where="budget", optional=keys)
    for key, value in raw.items():
        if type(value) not in (int, float) or value <= 0:
            raise DefinitionError(f"{path}: [budget] '{key}' must be a number > 0, not {value!r}")
    return Budget(**raw)
