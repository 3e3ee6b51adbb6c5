"""Which cells to measure next: those that may change the answer, the cheapest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from zoo import registry
from zoo.bench.plan import Job
from zoo.study.design import CellId
from zoo.study.elimination import eliminate
from zoo.study.run_history import RunHistory

__all__ = ["climb_s", "is_large", "next_jobs"]

_SAFETY = 1.25  # a cell is started if this many times its estimate fits
_LARGE = 2_000_000  # values in the training rows, from which on only one fit runs at a time
_MORE_REPLICATES = 5  # of the contenders at every size


class _Option(NamedTuple):
    """Cells of one model and size that may be next; the smallest `order` goes first."""

    order: tuple[float, ...]
    model: str
    n_train: int
    replicates: list[int]


def next_jobs(history: RunHistory, time_left_s: float) -> list[Job]:
    """Return the cells to measure next in one worker; none if nothing fits or would help.

    These are one cell, or several of a network that train side by side.
    """
    eliminate(history)
    has_large = any(is_large(history, cell.n_train) for cell in history.in_flight)
    for _, model, size, replicates in sorted(_options(history), key=lambda one: one.order):
        alone = is_large(history, size)
        if (alone and has_large) or _waits_for_smaller(history, model, size):
            continue
        if not _is_worth_starting(history, model, time_left_s):
            continue
        for count in (1,) if alone else (len(replicates), 1):
            need = history.times.estimate_s(model, size, n_together=count) * _SAFETY
            if need <= time_left_s:
                return [history.study.job(model, size, r) for r in replicates[:count]]
    return []


def _options(history: RunHistory) -> Iterator[_Option]:
    """Yield the cells that may be next, in four phases.

    First the models of the first answer, replicate after replicate at all sizes; then the base
    replicates of the others, the cheapest first; then more replicates of the contenders at every
    size; finally, if there are several contenders, all their replicates at the largest size.
    """
    study = history.study
    base = range(study.base_replicates)
    more = range(study.base_replicates, min(_MORE_REPLICATES, study.replicates))
    rest = range(min(_MORE_REPLICATES, study.replicates), study.replicates)
    contenders = history.contenders()
    timed_out = {(model, size) for model, (size, _) in history.timed_out.items()}
    for model in study.models:
        if model in history.eliminated:
            continue
        for number, size in enumerate(study.sizes):
            if model in study.first:
                for replicate in base:
                    order = (0.0, replicate, number)
                    yield from _of_size(history, model, size, order, [replicate])
            else:
                cost = history.times.estimate_s(model, size) * len(base)
                yield from _of_size(history, model, size, (1.0, cost, number), base)
            if history.has_failed(model, size) or (model, size) in timed_out:
                break  # larger sizes would fare no better
        else:
            if model not in contenders:
                continue
            for number, size in enumerate(study.sizes):
                yield from _of_size(history, model, size, (2.0, -number, 0), more)
            if len(contenders) > 1:
                yield from _of_size(history, model, study.sizes[-1], (3.0, 0, 0), rest)


def _of_size(
    history: RunHistory, model: str, size: int, order: tuple[float, ...], replicates: Sequence[int]
) -> Iterator[_Option]:
    """Yield the open ones of some replicates: together if they train so, else one by one."""
    wanted = [r for r in replicates if history.is_open(CellId(model, size, r))]
    cost = history.times.estimate_s(model, size)
    is_together = registry.spec(model).trains_together
    for group in [wanted] if is_together and wanted else [[r] for r in wanted]:
        yield _Option((*order, float(group[0]), cost), model, size, group)


def is_large(history: RunHistory, n_train: int) -> bool:
    """Return whether a fit takes so much memory that only one runs at a time."""
    return n_train * history.study.facts.n_features >= _LARGE


def _waits_for_smaller(history: RunHistory, model: str, size: int) -> bool:
    """Return whether the next smaller size has no score yet; it may eliminate the model."""
    if model in history.study.first:
        return False
    smaller = [s for s in history.study.sizes if s < size]
    return bool(smaller) and not history.losses[model, smaller[-1]]


def _is_worth_starting(history: RunHistory, model: str, time_left_s: float) -> bool:
    """Return whether a new model can be measured at the first half of the sizes.

    A single point of a curve says little, and a network has to be compiled for it all the same. A
    model that the user named is measured as far as the time goes.
    """
    study = history.study
    if (
        model in study.first
        or model in study.named
        or history.sizes_of(model)
        or history.times.has_measured(model)
    ):
        return True
    return climb_s(history, model, study.first_half) <= time_left_s


def climb_s(history: RunHistory, model: str, sizes: Sequence[int]) -> float:
    """Return the seconds that one model may take at some sizes, one after the other.

    A worker imports and compiles once for all of them.
    """
    n, times = history.study.base_replicates, history.times
    n_together = n if registry.spec(model).trains_together else 1
    n_runs = n // n_together
    total = sum(times.estimate_s(model, s, n_together=n_together) * n_runs for s in sizes)
    return total - times.start_s(model, n_together=n_together) * (len(sizes) * n_runs - 1)
