"""The design of a study of a user's table: models, sizes, replicates and the cells they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from zoo import registry
from zoo.bench.plan import Job
from zoo.data.kept import KeptFacts
from zoo.errors import DataError
from zoo.prose import count, plural
from zoo.study.resources import BASE_REPLICATES
from zoo.study.wording import round_seconds

__all__ = [
    "MOST_REPLICATES", "NETWORKS", "CellId", "Study", "cell_of", "describe", "models_for",
    "sizes_for",
]  # fmt: skip

_PROTOCOL = "own-holdout/1"
_FIRST = ("dummy", "logistic", "lightgbm")  # for a first answer
_DEFAULT = (*_FIRST, "random_forest", "xgboost", "mlp", "realmlp", "tabm_mini")
_DEFAULT_FOR_IMAGES = ("dummy", "logistic", "lightgbm", "mlp", "cnn")
MOST_REPLICATES = 10
NETWORKS = ("mlp", "deep")  # families
_SMALLEST, _MOST_SIZES = 100, 6
# Besides the headline. The area under the ROC curve is undefined where the test rows lack a class,
# so it is used as the headline only.
_METRICS = {"classification": ("error_rate", "log_loss"), "regression": ("rmse", "mae")}


class CellId(NamedTuple):
    """What distinguishes the cells of a study."""

    model: str
    n_train: int
    replicate: int


def cell_of(key: Mapping[str, Any]) -> CellId:
    """Return model, size and replicate of a stored cell's key."""
    return CellId(key["model"], key["n_train"], key["replicate"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What to measure on one table."""

    facts: KeptFacts
    metric: str  # the headline
    models: tuple[str, ...]  # in the order in which they are tried
    sizes: tuple[int, ...]  # ascending; the last is all training rows
    named: tuple[str, ...] = ()  # models that the user asked for: they are never left out early

    @property
    def replicates(self) -> int:
        """The most replicates that a cell gets."""
        return min(MOST_REPLICATES, self.facts.n_replicates)

    @property
    def base_replicates(self) -> int:
        """Replicates that every model gets at every size, time permitting."""
        return min(BASE_REPLICATES, self.facts.n_replicates)

    @property
    def first(self) -> tuple[str, ...]:
        """Models of the first answer: those that are cheap, else the first two."""
        return tuple(name for name in self.models if name in _FIRST) or self.models[:2]

    @property
    def first_half(self) -> tuple[int, ...]:
        """Sizes up to the middle one, which a model that is started should reach."""
        return self.sizes[: len(self.sizes) // 2 + 1]

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
                "protocol": _PROTOCOL,
            },
            facts={
                "task": facts.task,
                "metric": self.metric,
                "family": spec.family,
                "title": f"own table of {count(facts.n_rows, 'row')}",
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
    """Return the models to measure: the chosen ones with the dummy baseline, or the default ones.

    Raises
    ------
    DefinitionError
        If a model is unknown.
    MissingExtraError
        If the framework of a model is not installed.
    DataError
        If a model is not made for the task, or for tables.
    """
    if not chosen:
        default = _DEFAULT_FOR_IMAGES if is_images else _DEFAULT
        registry.require_backend(map(registry.spec, default))
        return tuple(name for name in default if task in registry.spec(name).tasks)
    registry.require_backend(map(registry.spec, chosen))
    for name in chosen:
        spec = registry.spec(name)
        if (missing := registry.missing_extra(spec)) is not None:
            raise missing
        if task not in spec.tasks:
            others = ", ".join(_DEFAULT)
            raise DataError(f"'{name}' does not do {task}; choose others, e.g. {others}")
        if spec.inputs == "image" and not is_images:
            raise DataError(f"'{name}' takes images only; choose models for tables")
    if all(registry.spec(name).family == "baseline" for name in chosen):
        raise DataError(
            f"{', '.join(chosen)}: a baseline learns nothing from the columns; name a model as "
            "well, e.g. logistic"
        )
    return tuple(dict.fromkeys(["dummy", *chosen]))


def sizes_for(n_train: int, n_classes: int = 0) -> tuple[int, ...]:
    """Return at most six sizes from 100 rows to all rows, each about three times the last.

    Fewer than 400 rows are halved twice instead, so that there is a curve.

    Examples
    --------
    >>> sizes_for(3750)
    (100, 300, 1000, 3750)
    >>> sizes_for(150)
    (37, 75, 150)
    """
    least = max(n_classes, 10)
    if n_train < least:
        classes = f" for {n_classes} classes" if n_classes > 10 else ""
        raise DataError(
            f"{count(n_train, 'training row')} {plural(n_train, 'is', 'are')} left, and at least "
            f"{least} are needed{classes}; add rows"
        )
    if n_train < 4 * _SMALLEST:
        steps = [n_train // 4, n_train // 2]
    else:
        steps = [digit * _SMALLEST * 10**power for power in range(8) for digit in (1, 3)]
    kept = [size for size in steps if least <= size < n_train / 1.5][1 - _MOST_SIZES :]
    return (*kept, n_train)


def describe(study: Study, expected_s: float, budget_s: float) -> list[str]:
    """Return the plan in lines for the terminal."""
    sizes = ", ".join(f"{size:,}" for size in study.sizes)
    expected, budget = round_seconds(expected_s), f"the budget is {round_seconds(budget_s)}"
    if expected_s <= budget_s:
        time = f"about {expected} if no model is left out early; {budget}"
    else:
        time = (
            f"everything might take {expected}; {budget}, so the slowest come last and may be left "
            "out"
        )
    return [
        f"plan: {', '.join(study.models)}",
        f"      at {sizes} rows; {study.base_replicates} replicates each, up to "
        f"{study.replicates} where models are close; {count(study.facts.n_test, 'test row')}",
        f"      {time}",
    ]
