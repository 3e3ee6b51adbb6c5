"""The cells measured so far: losses, failures, what is being measured, and which model leads."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo import registry
from zoo.bench.store import Status
from zoo.curves.comparisons import corrected_test
from zoo.metrics import metric as metric_of
from zoo.study.adjusted_means import ranking
from zoo.study.design import CellId, Study, cell_of
from zoo.study.fit_times import FitTimes

__all__ = ["Elimination", "RunHistory"]

_CLOSE = 1.2  # a model with more than this times the least loss is no contender


@dataclass(frozen=True, slots=True, kw_only=True)
class Elimination:
    """Where a model was left out: its mean loss at its largest size, and the least one there."""

    n_train: int
    loss: float
    best: str
    best_loss: float


@dataclass(slots=True)
class RunHistory:
    """The cells measured so far."""

    study: Study
    times: FitTimes
    # From (model, n_train) to replicate to loss.
    losses: dict[tuple[str, int], dict[int, float]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    failed: dict[CellId, str] = field(default_factory=dict)  # cell to reason
    in_flight: set[CellId] = field(default_factory=set)  # cells that workers are measuring
    # Model to the size and the seconds at which the end of the budget stopped its fit.
    timed_out: dict[str, tuple[int, float]] = field(default_factory=dict)
    eliminated: dict[str, Elimination] = field(default_factory=dict)

    def add(self, record: dict[str, Any]) -> None:
        """Add a stored cell, measured now or in an earlier run."""
        cell, metric = cell_of(record["key"]), self.study.metric
        if record["status"] != Status.OK:
            self.failed[cell] = str(record["reason"])
        elif (score := record["scores"]["test"].get(metric)) is None:
            self.failed[cell] = f"it has no {metric}"
        else:
            loss = float(metric_of(metric).loss(score))
            self.losses[cell.model, cell.n_train][cell.replicate] = loss

    def is_open(self, cell: CellId) -> bool:
        """Return whether a cell is neither measured, failed nor being measured."""
        return not (
            cell.replicate in self.losses[cell.model, cell.n_train]
            or cell in self.failed
            or cell in self.in_flight
        )

    def has_failed(self, model: str, n_train: int | None = None) -> bool:
        """Return whether a model failed, at one size or at any."""
        return any(cell.model == model and n_train in (None, cell.n_train) for cell in self.failed)

    def mean(self, model: str, n_train: int) -> float:
        """Return the mean loss; NaN if there is none."""
        values = list(self.losses[model, n_train].values())
        return float(np.mean(values)) if values else float("nan")

    def sizes_of(self, model: str) -> list[int]:
        """Return the sizes at which a model has a score."""
        return [size for size in self.study.sizes if self.losses[model, size]]

    def learners(self) -> list[str]:
        """Return the models that are not a baseline."""
        return [m for m in self.study.models if registry.spec(m).family != "baseline"]

    def leader(self) -> tuple[str, int] | None:
        """Return the best model, and the largest size that it was measured at.

        A model that was not measured at all rows counts with its score at fewer: more rows would
        hardly make it worse.
        """
        return next(iter(self._ranking()), None)

    def ranking(self) -> list[str]:
        """Return the models with a score, the best first."""
        return [model for model, _ in self._ranking()]

    def _ranking(self) -> list[tuple[str, int]]:
        return ranking(
            {(m, size): self.losses[m, size] for m in self.learners() for size in self.study.sizes}
        )

    def contenders(self) -> list[str]:
        """Return the leader and the models with no significant difference from it."""
        found = self.leader()
        if found is None:
            return []
        best, size = found
        ours = self.losses[best, size]
        close = [best]
        for model in self.learners():
            theirs = self.losses[model, size]
            both = sorted(theirs.keys() & ours)
            if model == best or not both:
                continue
            if self.mean(model, size) > _CLOSE * self.mean(best, size):
                continue
            if not corrected_test([theirs[r] - ours[r] for r in both]).p_value < 0.05:
                close.append(model)
        return close
