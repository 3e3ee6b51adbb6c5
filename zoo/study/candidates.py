"""What there is to measure on a user's table: models, sizes, cells; and how long that may take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zoo import registry
from zoo.bench.plan import Job
from zoo.data.kept import KeptFacts
from zoo.errors import DataError
from zoo.study.budget import round_seconds
from zoo.study.workers import BASE_REPLICATES

__all__ = [
    "FIRST",
    "MOST_REPLICATES",
    "PROTOCOL",
    "Study",
    "models_for",
    "sizes_for",
]

PROTOCOL = "own-holdout/1"
# The ladder: what a first answer needs, then the others; each is tried at small sizes first.
FIRST = ("dummy", "logistic", "lightgbm")
_LADDER = (*FIRST, "random_forest", "xgboost", "mlp", "realmlp", "tabm_mini")
_IMAGE_LADDER = ("dummy", "logistic", "lightgbm", "mlp", "cnn")
MOST_REPLICATES = 10
_SMALLEST, _MOST_SIZES = 100, 6
# Beside the headline; the area under the ROC curve is undefined where a test part lacks a class,
# so it is only asked for as the headline.
_METRICS = {"classification": ("error_rate", "log_loss"), "regression": ("rmse", "mae")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What is to be found out about one table.

    Parameters
    ----------
    facts : KeptFacts
    metric : str
        The headline.
    models : tuple of str
        In the order in which they are tried.
    sizes : tuple of int
        Ascending; the last is all training rows.
    """

    facts: KeptFacts
    metric: str
    models: tuple[str, ...]
    sizes: tuple[int, ...]

    @property
    def replicates(self) -> int:
        """Draws of rows at most."""
        return min(MOST_REPLICATES, self.facts.n_replicates)

    @property
    def base_replicates(self) -> int:
        """Draws of rows that each point is to have."""
        return min(BASE_REPLICATES, self.facts.n_replicates)

    @property
    def first(self) -> tuple[str, ...]:
        """Models of the first answer: those that are cheap, else the first two."""
        return tuple(name for name in self.models if name in FIRST) or self.models[:2]

    def job(self, model: str, n_train: int, replicate: int) -> Job:
        """Return one cell."""
        spec, facts = registry.spec(model), self.facts
        others = [name for name in _METRICS[facts.task] if name != self.metric]
        return Job(
            key={
                "dataset": facts.name,
                "dataset_revision": 1,
                "model": spec.name,
                "model_version": spec.version,
                "params": dict(spec.params),
                "n_train": n_train,
                "replicate": replicate,
                "protocol": PROTOCOL,
            },
            facts={
                "task": facts.task,
                "metric": self.metric,
                "family": spec.family,
                "title": f"own table of {facts.n_rows:,} rows",
                "n_rows": facts.n_rows,
                "n_features": facts.n_features,
                "n_classes": len(facts.classes) or None,
                "bayes_error": None,
            },
            metrics=(self.metric, *others),
            trains_together=spec.trains_together,
        )


def models_for(
    task: str, *, is_images: bool = False, chosen: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the models to try.

    Parameters
    ----------
    task : {"classification", "regression"}
    is_images : bool
    chosen : sequence of str
        In place of the ladder; a dummy is added, for what it scores must be beaten.

    Raises
    ------
    DefinitionError
        If one is unknown.
    DataError
        If one is not made for the task, or for tables.
    """
    if not chosen:
        ladder = _IMAGE_LADDER if is_images else _LADDER
        return tuple(name for name in ladder if task in registry.spec(name).tasks)
    for name in chosen:
        spec = registry.spec(name)
        if task not in spec.tasks:
            others = ", ".join(_LADDER)
            raise DataError(f"'{name}' does not do {task}; choose others, e.g. {others}")
        if spec.inputs == "image" and not is_images:
            raise DataError(f"'{name}' takes pictures only; choose models for tables")
    return tuple(dict.fromkeys(["dummy", *chosen]))


def sizes_for(n_train: int, n_classes: int = 0) -> tuple[int, ...]:
    """Return at most six sizes up to all rows, from 100 rows on, each about three times the last.

    A table of few rows has halves of it instead, so that there is a curve at all.

    Examples
    --------
    >>> sizes_for(3750)
    (100, 300, 1000, 3750)
    >>> sizes_for(150)
    (37, 75, 150)
    """
    least = max(n_classes, 10)
    if n_train < least:
        raise DataError(
            f"{n_train} rows are left to train on, and {least} are the least to measure with"
            + (f" for {n_classes} classes" if n_classes > 10 else "")
            + "; add rows"
        )
    if n_train < 4 * _SMALLEST:
        steps = [n_train // 4, n_train // 2]
    else:
        steps = [
            digit * _SMALLEST * 10**power
            for power in range(8)
            for digit in (1, 3)
            if digit * _SMALLEST * 10**power < n_train / 1.5
        ]
    kept = [size for size in steps if size >= least][1 - _MOST_SIZES :]
    return (*kept, n_train)


def describe(study: Study, expected_s: float, budget_s: float) -> list[str]:
    """Return the plan in lines for the terminal."""
    sizes = ", ".join(f"{size:,}" for size in study.sizes)
    lines = [
        f"plan: {', '.join(study.models)}",
        f"      at {sizes} rows; {study.base_replicates} draws of rows each, up to "
        f"{study.replicates} where it is close; {study.facts.n_test:,} test rows",
    ]
    if expected_s <= budget_s:
        lines.append(
            f"      about {round_seconds(expected_s)} if nothing is left out early; the budget is "
            f"{round_seconds(budget_s)}"
        )
    else:
        lines.append(
            f"      all of it might take {round_seconds(expected_s)}; the budget is "
            f"{round_seconds(budget_s)}, so the costliest come last and may be left out"
        )
    return lines


def cell_of(job: Job) -> tuple[str, int, int]:
    """Return model, size and replicate of a job."""
    key: dict[str, Any] = job.key
    return key["model"], key["n_train"], key["replicate"]
