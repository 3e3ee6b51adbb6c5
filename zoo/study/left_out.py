"""Which planned cells have no score, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from zoo.metrics import metric as metric_of
from zoo.prose import count
from zoo.study.next_cells import climb_s
from zoo.study.run_history import RunHistory
from zoo.study.wording import round_seconds, score_text, were_left

__all__ = ["LeftOut", "Reason", "left_out"]


class Reason(StrEnum):
    """Why a model was not measured at all sizes."""

    ELIMINATED = "eliminated"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    INTERRUPTED = "interrupted"
    NO_TIME = "no time"

    @property
    def is_resumable(self) -> bool:
        """Return whether the same command with more time would measure it."""
        return self not in (Reason.ELIMINATED, Reason.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Cells of one model that were planned and not measured."""

    model: str
    sizes: tuple[int, ...]
    reason: Reason
    detail: str

    @property
    def text(self) -> str:
        """Return reason and detail."""
        return f"{self.reason}: {self.detail}"


def left_out(
    history: RunHistory, time_left_s: float, *, was_stopped: bool = False
) -> list[LeftOut]:
    """Return the models that lack a score at some size, and why."""
    found = []
    for model in history.study.models:
        missing = tuple(size for size in history.study.sizes if not history.losses[model, size])
        if missing:
            reason, detail = _reason(history, model, missing[0], time_left_s, was_stopped)
            found.append(LeftOut(model=model, sizes=missing, reason=reason, detail=detail))
    return found


def _reason(
    history: RunHistory, model: str, size: int, time_left_s: float, was_stopped: bool
) -> tuple[Reason, str]:
    if found := history.eliminated.get(model):
        metric = metric_of(history.study.metric)
        own, best = (score_text(float(metric.score(x))) for x in (found.loss, found.best_loss))
        return Reason.ELIMINATED, (
            f"after {found.n_train:,} rows, where its {metric.label} was {own} and that of "
            f"{found.best} {best}; to measure it with more rows, name it in --model"
        )
    if failures := sorted(text for cell, text in history.failed.items() if cell.model == model):
        return Reason.FAILED, failures[0]
    if model in history.timed_out:
        at, seconds = history.timed_out[model]
        return Reason.TIMED_OUT, f"stopped at {count(at, 'row')} after {round_seconds(seconds)}"
    if was_stopped:
        return Reason.INTERRUPTED, "stopped by Ctrl-C; the same command continues"
    left = f", {were_left(time_left_s)}" if time_left_s >= 1 else ""
    starts = (*history.study.first, *history.study.named)
    if not history.sizes_of(model) and model not in starts:
        sizes = history.study.first_half
        need = round_seconds(climb_s(history, model, sizes))
        return Reason.NO_TIME, f"about {need} needed up to {count(sizes[-1], 'row')}{left}"
    need = round_seconds(history.times.estimate_s(model, size))
    return Reason.NO_TIME, f"about {need} needed for a fit with {count(size, 'row')}{left}"
