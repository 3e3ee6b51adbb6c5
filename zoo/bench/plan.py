"""The cells of a suite: which there are, which are skipped and why. Nothing is measured."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from zoo import registry
from zoo.bench.suite import Suite
from zoo.data import Card, load_card, require_extra
from zoo.data.limits import rows_held_for_test
from zoo.definitions import unknown
from zoo.errors import DataError, MissingExtraError

__all__ = ["Job", "Plan", "make_plan"]

T = TypeVar("T", registry.ModelSpec, Card)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One cell to run.

    Parameters
    ----------
    key : dict
        What is measured, as the store keeps it.
    facts : dict
        What reports need: task, metric, family, title, rows, features.
    metrics : tuple of str
    skip : str or None
        Why the model cannot be fitted to this data set.
    trains_together : bool
        Whether networks of this model train side by side.
    """

    key: dict[str, Any]
    facts: dict[str, Any]
    metrics: tuple[str, ...]
    skip: str | None = None
    trains_together: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The cells of a suite, and what was left out.

    Parameters
    ----------
    jobs : list of Job
    left_out : list of str
        Sizes that a data set is too small for.
    missing : list of str
        Data sets and models whose packages are not installed.
    """

    jobs: list[Job]
    left_out: list[str]
    missing: list[str]


def make_plan(
    suite: Suite,
    *,
    models: Sequence[str] = (),
    datasets: Sequence[str] = (),
    folders: Iterable[Path] = (),
) -> Plan:
    """Return the cells of a suite.

    Parameters
    ----------
    suite : Suite
    models, datasets : sequence of str
        In place of the suite's own.
    folders : iterable of Path
        Folders with cards of the user's own.

    Raises
    ------
    DefinitionError
        For an unknown model or data set.
    MissingExtraError
        If a package of one of `models` or `datasets` is not installed, or those of every model or
        data set. Others of the suite that lack theirs are left out.
    DataError
        If no size of the suite fits a data set, or one of its own sizes does not.
    """
    folders = list(folders)
    asked = [registry.spec(name) for name in models or suite.models]
    registry.require_backend(asked)
    specs, missing = _available(asked, _model_extra, is_asked=bool(models))
    for name in suite.dataset_sizes:
        if name not in suite.datasets:
            raise unknown("data set in [dataset_sizes]", name, suite.datasets)
    known = [load_card(name, folders) for name in datasets or suite.datasets]
    cards, without = _available(known, require_extra, is_asked=bool(datasets))
    jobs: list[Job] = []
    left_out: list[str] = []
    for card in cards:
        sizes, note = _sizes_of(suite, card)
        left_out += note
        cells = itertools.product(specs, sizes, range(suite.replicates))
        jobs += [_job(suite, card, *cell) for cell in cells]
    return Plan(jobs, left_out, [*without, *missing])


def _model_extra(entry: registry.ModelSpec) -> None:
    if (error := registry.missing_extra(entry)) is not None:
        raise error


def _available(
    asked: Sequence[T], require: Callable[[T], None], *, is_asked: bool
) -> tuple[list[T], list[str]]:
    """Return the models or cards whose packages are installed, and a note on each other one.

    Those that the user asked for by name must be installed, and at least one of a suite's own.
    """
    found: list[T] = []
    missing: dict[str, MissingExtraError] = {}
    for one in asked:
        try:
            require(one)
        except MissingExtraError as error:
            missing[one.name] = error
        else:
            found.append(one)
    if missing and (is_asked or not found):
        raise next(iter(missing.values()))
    return found, [f"left out: {name}: {error}" for name, error in missing.items()]


def _sizes_of(suite: Suite, card: Card) -> tuple[tuple[int, ...], list[str]]:
    """Return the sizes that fit a data set, and a note on those that do not."""
    available = card.facts.rows - rows_held_for_test(card.facts.rows)
    least = card.facts.classes or 1
    asked = suite.dataset_sizes.get(card.name, suite.sizes)
    fit = tuple(size for size in asked if least <= size <= available)
    unfit = [size for size in asked if size not in fit]
    named = ", ".join(map(str, unfit))
    where = f"{card.name}: sizes from {least} to {available} rows are possible"
    if unfit and (not fit or card.name in suite.dataset_sizes):
        raise DataError(
            f"{where}, but {suite.path} asks for {named}; "
            "correct its sizes or take a larger data set"
        )
    return fit, [f"{where}; left out: {named}"] if unfit else []


def _job(suite: Suite, card: Card, model: registry.ModelSpec, n_train: int, replicate: int) -> Job:
    metrics = suite.metrics_of(card.task)
    headline = card.metric if card.metric in metrics else metrics[0]
    skip = None
    if card.task not in model.tasks:
        skip = f"{model.name} does not do {card.task}"
    elif model.inputs == "image" and card.kind != "image":
        skip = f"{model.name} takes images only"
    return Job(
        key={
            "dataset": card.name,
            "dataset_revision": card.revision,
            "model": model.name,
            "model_version": model.version,
            "params": dict(model.params),
            "n_train": n_train,
            "replicate": replicate,
            "protocol": suite.protocol,
        },
        facts={
            "task": card.task,
            "metric": headline,
            "family": model.family,
            "title": card.title,
            "n_rows": card.facts.rows,
            "n_features": card.facts.features,
            "n_classes": card.facts.classes,
            "bayes_error": card.facts.bayes_error,
        },
        metrics=metrics,
        skip=skip,
        trains_together=model.trains_together,
    )
