"""Suites: one TOML file names the cells to run, and the limits they run under."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct
from msgspec.structs import asdict, force_setattr

from zoo import definitions
from zoo.metrics import Task, metric_names

__all__ = ["Budget", "Suite", "load_suite", "suites"]

_Size = Annotated[int, Meta(ge=1, le=10**12, description="a whole number from 1 to 10^12")]
_Sizes = Annotated[tuple[_Size, ...], Meta(min_length=1, description="a list of numbers of rows")]
_Names = Annotated[tuple[str, ...], Meta(min_length=1, description="a list of names")]
_UpTo1000 = Annotated[int, Meta(ge=1, le=1000, description="a whole number from 1 to 1000")]
_Megabytes = Annotated[int, Meta(ge=1, le=10**9, description="a whole number from 1 to 10^9")]
_Seconds = Annotated[float, Meta(gt=0, description="a number > 0")]


class Budget(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
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

    seconds: _Seconds = 120.0
    memory_mb: _Megabytes = 8000
    threads: _UpTo1000 = 1


class _Metrics(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    classification: _Names = ("error_rate", "roc_auc", "log_loss")
    regression: _Names = ("rmse", "mae", "r2")

    def __post_init__(self) -> None:
        for task in get_args(Task):
            known = metric_names(task)
            for name in getattr(self, task):
                if name not in known:
                    raise ValueError(str(definitions.unknown("metric", name, known)))


class _SuiteFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    title: str
    protocol: Literal["nested-holdout/1"]
    datasets: _Names
    models: _Names
    sizes: _Sizes
    replicates: _UpTo1000
    metrics: _Metrics = _Metrics()
    budget: Budget = Budget()
    dataset_sizes: dict[str, _Sizes] = {}

    def __post_init__(self) -> None:
        for key, names in (("datasets", self.datasets), ("models", self.models)):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"the key '{key}' names {definitions.shown(twice)} twice")
        force_setattr(self, "sizes", tuple(sorted({*self.sizes})))
        own = {name: tuple(sorted({*sizes})) for name, sizes in self.dataset_sizes.items()}
        force_setattr(self, "dataset_sizes", own)


class Suite(_SuiteFile, frozen=True, kw_only=True):
    """A suite.

    Attributes
    ----------
    name, title, protocol : str
    datasets, models : tuple of str
    sizes : tuple of int
        Training rows, ascending. A data set takes those that it has the rows for.
    dataset_sizes : mapping of str to tuple of int
        Sizes of single data sets in place of `sizes`; they must fit.
    replicates : int
    budget : Budget
    path : Path
    """

    name: str
    path: Path

    def metrics_of(self, task: Task) -> tuple[str, ...]:
        """Return the metrics of a task: the first is the headline, unless a card names another."""
        return self.metrics.classification if task == "classification" else self.metrics.regression


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
    return Suite(**asdict(definitions.read(path, _SuiteFile)), name=name, path=path)
