"""Which cell next: what can still change the answer, the cheap and the telling first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo import registry
from zoo.bench.plan import Job
from zoo.curves.forecast import LossForecast, fit_losses
from zoo.curves.winners import corrected_test
from zoo.metrics import metric as metric_of
from zoo.study.budget import round_seconds
from zoo.study.candidates import Study
from zoo.study.pace import Pace
from zoo.study.paired import best_so_far

__all__ = ["Ledger", "LeftOut", "left_out", "next_jobs"]

_SAFETY = 1.25  # an estimate has to fit this many times
_LEVEL = 0.9  # of the interval that a beaten model's forecast has to be out of
_FAR = 10  # times the rows that the best network is followed to
_CLOSE = 1.2  # a model of more than so many times the best loss is no contender
_LARGE = 2_000_000  # values in the training rows of one fit
_SECOND_WAVE = 5  # draws of rows of the contenders at every size


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Cells that were planned and not measured.

    Parameters
    ----------
    model : str
    sizes : tuple of int
    reason : str
    """

    model: str
    sizes: tuple[int, ...]
    reason: str


@dataclass(slots=True)
class Ledger:
    """What is known so far.

    Parameters
    ----------
    study : Study
    pace : Pace
    """

    study: Study
    pace: Pace
    losses: dict[tuple[str, int], dict[int, float]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    failed: dict[tuple[str, int, int], str] = field(default_factory=dict)
    in_flight: set[tuple[str, int, int]] = field(default_factory=set)
    late: dict[str, tuple[int, float]] = field(default_factory=dict)
    beaten: dict[str, str] = field(default_factory=dict)

    def take(self, cell: dict[str, Any]) -> None:
        """Note a stored cell, measured now or in an earlier run."""
        key = cell["key"]
        place = key["model"], key["n_train"], key["replicate"]
        if cell["status"] == "ok":
            score = cell["scores"]["test"].get(self.study.metric)
            if score is None:
                self.failed[place] = f"it has no {self.study.metric}"
                return
            loss = float(metric_of(self.study.metric).loss(score))
            self.losses[place[:2]][place[2]] = loss
        else:
            self.failed[place] = str(cell["reason"])

    def is_open(self, place: tuple[str, int, int]) -> bool:
        """Return whether a cell is neither measured, failed nor being measured."""
        model, n_train, replicate = place
        return not (
            replicate in self.losses[model, n_train]
            or place in self.failed
            or place in self.in_flight
        )

    def mean(self, model: str, n_train: int) -> float:
        """Return the mean loss; NaN if there is none."""
        values = list(self.losses[model, n_train].values())
        return float(np.mean(values)) if values else float("nan")

    def sizes_of(self, model: str) -> list[int]:
        """Return the sizes at which a model has a score."""
        return [size for size in self.study.sizes if self.losses[model, size]]

    def learners(self) -> list[str]:
        """Return the models that are no baseline."""
        return [m for m in self.study.models if registry.spec(m).family != "baseline"]

    def leader(self) -> tuple[str, int] | None:
        """Return the best model, and the largest size that it was measured at.

        A model that was not measured at all rows stands with what it reached before: with more
        rows it would hardly be worse.
        """
        return best_so_far(
            {(m, size): self.losses[m, size] for m in self.learners() for size in self.study.sizes}
        )

    def contenders(self) -> list[str]:
        """Return the leader and the models that are not told apart from it."""
        found = self.leader()
        if found is None:
            return []
        best, size = found
        ours = self.losses[best, size]
        close = [best]
        for model in self.learners():
            theirs = self.losses[model, size]
            shared = sorted(set(ours) & set(theirs))
            if model == best or not shared:
                continue
            if self.mean(model, size) > _CLOSE * self.mean(best, size):
                continue
            test = corrected_test([theirs[r] - ours[r] for r in shared])
            if not test.p_value < 0.05:
                close.append(model)
        return close


def _fit(ledger: Ledger, model: str) -> LossForecast | None:
    sizes = ledger.sizes_of(model)
    values = [list(ledger.losses[model, size].values()) for size in sizes]
    errors = [
        float(np.std(v, ddof=1) / np.sqrt(len(v))) if len(v) > 1 else float("nan") for v in values
    ]
    highest = metric_of(ledger.study.metric).highest_loss
    try:
        return fit_losses(
            sizes, [float(np.mean(v)) for v in values], standard_errors=errors, highest=highest
        )
    except ValueError:
        return None


def _is_best_of_its_kind(ledger: Ledger, model: str) -> bool:
    """Return whether a network is the best one at the largest size where it was measured."""
    family = registry.spec(model).family
    if family not in ("mlp", "deep"):
        return False
    size = ledger.sizes_of(model)[-1]
    rivals = [m for m in ledger.learners() if registry.spec(m).family in ("mlp", "deep")]
    means = [ledger.mean(m, size) for m in rivals if ledger.losses[m, size]]
    return ledger.mean(model, size) <= min(means)


def is_surely_beaten(ledger: Ledger, model: str) -> bool:
    """Return whether the best that a model may reach is worse than the leader's worst.

    At every size of the plan that it has still to be measured at, and at twice all rows; for the
    best network at ten times all rows too, since that is where it may overtake.
    """
    found, sizes = ledger.leader(), ledger.sizes_of(model)
    if found is None or found[0] == model or len(sizes) < 2:
        return False
    leader, size = found[0], found[1]
    own, theirs = _fit(ledger, model), _fit(ledger, leader)
    if own is None or theirs is None or size < sizes[-1]:
        return False
    ends = ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2)
    top = ledger.study.sizes[-1]
    targets = [s for s in ledger.study.sizes if s > sizes[-1]] + [2 * top]
    if _is_best_of_its_kind(ledger, model):
        targets.append(_FAR * top)
    for target in targets:
        best = float(own.quantiles([target], [ends[0]])[0, 0])
        if target > size:
            worst = float(theirs.quantiles([target], [ends[1]])[0, 0])
        else:
            at = min(s for s in ledger.sizes_of(leader) if s >= target)
            worst = max(ledger.losses[leader, at].values())
        if best <= worst:
            return False
    return True


def _judge(ledger: Ledger) -> None:
    """Note the models that are surely beaten."""
    found = ledger.leader()
    if found is None:
        return
    for model in ledger.learners():
        if model in ledger.beaten or model in ledger.study.first:
            continue
        sizes = ledger.sizes_of(model)
        if not sizes or sizes[-1] == ledger.study.sizes[-1]:
            continue
        if is_surely_beaten(ledger, model):
            ledger.beaten[model] = (
                f"surely beaten: at best it would not come near {found[0]} at any size in reach"
            )


def _has_failed(ledger: Ledger, model: str, n_train: int) -> bool:
    """Return whether a model failed at a size, so that it is not tried at a larger one."""
    return any(place[:2] == (model, n_train) for place in ledger.failed)


def _candidates(ledger: Ledger) -> Iterator[tuple[tuple[float, ...], str, int, list[int]]]:
    """Yield what could be measured: its place in the order, model, size and replicates."""
    study = ledger.study
    base = range(study.base_replicates)
    contenders = ledger.contenders()
    top = study.sizes[-1]
    for model in study.models:
        if model in ledger.beaten:
            continue
        is_first = model in study.first
        for place, size in enumerate(study.sizes):
            cost = ledger.pace.estimate_s(model, size) * len(base)
            if is_first:
                for replicate in base:  # a first answer from one draw of rows, then the others
                    one = range(replicate, replicate + 1)
                    yield from _one_rung(ledger, model, size, (0.0, replicate, place), one)
            else:
                yield from _one_rung(ledger, model, size, (1.0, cost, place), base)
            if _has_failed(ledger, model, size) or (model, size) in _late_places(ledger):
                break
        else:
            if model not in contenders:
                continue
            more = range(study.base_replicates, min(_SECOND_WAVE, study.replicates))
            for place, size in enumerate(study.sizes):
                yield from _one_rung(ledger, model, size, (2.0, -place, 0), more)
            if len(contenders) > 1:
                many = range(min(_SECOND_WAVE, study.replicates), study.replicates)
                yield from _one_rung(ledger, model, top, (3.0, 0, 0), many)


def _late_places(ledger: Ledger) -> set[tuple[str, int]]:
    return {(model, size) for model, (size, _) in ledger.late.items()}


def _one_rung(
    ledger: Ledger, model: str, size: int, order: tuple[float, float, float], replicates: range
) -> Iterator[tuple[tuple[float, ...], str, int, list[int]]]:
    wanted = [r for r in replicates if ledger.is_open((model, size, r))]
    if not wanted:
        return
    cost = ledger.pace.estimate_s(model, size)
    if registry.spec(model).trains_together:
        yield (*order, float(wanted[0]), cost), model, size, wanted
        return
    for replicate in wanted:
        yield (*order, float(replicate), cost), model, size, [replicate]


def next_jobs(ledger: Ledger, time_left_s: float) -> list[Job]:
    """Return the cells to measure next in one worker; none if nothing fits or is of use.

    Parameters
    ----------
    ledger : Ledger
    time_left_s : float
        Until measuring has to end.

    Returns
    -------
    list of Job
        One, or those of networks that train side by side.
    """
    _judge(ledger)
    for _, model, size, replicates in sorted(_candidates(ledger), key=lambda one: one[0]):
        if _waits_for_smaller(ledger, model, size) or not _is_worth_starting(
            ledger, model, time_left_s
        ):
            continue
        is_large = _is_large(ledger, size)
        if is_large and any(_is_large(ledger, place[1]) for place in ledger.in_flight):
            continue
        counts = (len(replicates), 1) if len(replicates) > 1 and not is_large else (1,)
        for count in counts:
            need = ledger.pace.estimate_s(model, size, n_together=count) * _SAFETY
            if need <= time_left_s:
                return [ledger.study.job(model, size, r) for r in replicates[:count]]
    return []


def _is_large(ledger: Ledger, n_train: int) -> bool:
    """Return whether a fit takes so much memory that only one is made at a time."""
    return n_train * ledger.study.facts.n_features >= _LARGE


def _waits_for_smaller(ledger: Ledger, model: str, size: int) -> bool:
    """Return whether a model's next smaller size has no score yet: it may stop the model."""
    if model in ledger.study.first:
        return False
    below = [s for s in ledger.study.sizes if s < size]
    return bool(below) and not ledger.losses[model, below[-1]]


def _is_worth_starting(ledger: Ledger, model: str, time_left_s: float) -> bool:
    """Return whether a model that was not begun can be followed past the middle of the sizes.

    A single point of a model says little, and costs a network's start all the same.
    """
    study = ledger.study
    if model in study.first or ledger.sizes_of(model) or ledger.pace.knows(model):
        return True
    sizes = study.sizes[: len(study.sizes) // 2 + 1]
    return _climb_s(ledger, model, sizes) <= time_left_s


def _climb_s(ledger: Ledger, model: str, sizes: tuple[int, ...]) -> float:
    """Return the seconds that one model may take from the smallest size to the last of some.

    A worker imports and compiles once for all of them.
    """
    n, pace = ledger.study.base_replicates, ledger.pace
    n_together = n if registry.spec(model).trains_together else 1
    each = n // n_together
    total = sum(pace.estimate_s(model, s, n_together=n_together) * each for s in sizes)
    return total - pace.start_s(model, n_together=n_together) * (len(sizes) * each - 1)


def left_out(ledger: Ledger, time_left_s: float, *, was_stopped: bool = False) -> list[LeftOut]:
    """Return what of the plan has no score, and why."""
    found = []
    for model in ledger.study.models:
        missing = [size for size in ledger.study.sizes if not ledger.losses[model, size]]
        if not missing:
            continue
        reasons = {why for (name, _, _), why in ledger.failed.items() if name == model}
        if model in ledger.beaten:
            reason = ledger.beaten[model]
        elif reasons:
            reason = f"it failed: {sorted(reasons)[0]}"
        elif model in ledger.late:
            size, seconds = ledger.late[model]
            reason = f"stopped at {size:,} rows after {round_seconds(seconds)}: the time was up"
        elif was_stopped:
            reason = "stopped by Ctrl-C; the same command goes on"
        else:
            reason = _no_time(ledger, model, missing[0], time_left_s)
        found.append(LeftOut(model=model, sizes=tuple(missing), reason=reason))
    return found


def _no_time(ledger: Ledger, model: str, size: int, time_left_s: float) -> str:
    need = round_seconds(ledger.pace.estimate_s(model, size))
    left = f", {round_seconds(time_left_s)} were left" if time_left_s >= 1 else ""
    if not ledger.sizes_of(model) and model not in ledger.study.first:
        sizes = ledger.study.sizes[: len(ledger.study.sizes) // 2 + 1]
        need = round_seconds(_climb_s(ledger, model, sizes))
        return f"no time: about {need} up to {sizes[-1]:,} rows{left}"
    return f"no time: about {need} for a fit at {size:,} rows{left}"
