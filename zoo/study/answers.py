"""The answers about a user's table, as values; `answer_text` has their words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.curves.comparisons import PairedTest
from zoo.curves.crossover import CLEAR, Crossover, CrossoverKind
from zoo.curves.plateau import Estimate

__all__ = [
    "FACTORS", "Advice", "Best", "ModelCost", "MoreData", "Overtaking", "Rival", "Unmeasured",
    "Verdict",
]  # fmt: skip

FACTORS = (2, 10)  # times the rows, for the forecasts
Verdict = Literal["helps", "little", "hurts", "cannot tell"]
"""Whether more data helps: the interval of the gain is above 0, below the smallest gain of
interest, below 0, or none of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Another model compared with the best.

    The test is of its loss minus that of the best, on the replicates that both have, with a 95%
    interval and Holm's correction over the models.
    """

    model: str
    n_train: int  # its largest size, not below that of the best
    test: PairedTest

    @property
    def is_significant(self) -> bool:
        """Return whether it is significantly worse than the best."""
        return bool(self.test.p_value < 0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """A planned model without a score at the size of the best model, or beyond."""

    model: str
    n_train: int | None  # the largest size that it was measured at; None: at none


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best of the measured models, its mean score, and the score promised for new rows."""

    model: str
    n_train: int  # the largest size that it was measured at
    score: float
    low: float  # 95% interval of the score on `n_new` new rows
    high: float
    n_new: int
    replicates: int
    rivals: tuple[Rival, ...]  # the closest first
    unmeasured: tuple[Unmeasured, ...]
    baseline: float | None  # score of the dummy baseline
    beats_baseline: bool | None  # by the paired test; None if there is none

    @property
    def ties(self) -> tuple[str, ...]:
        """Models with no significant difference from it."""
        return tuple(rival.model for rival in self.rivals if not rival.is_significant)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreData:
    """What more rows would bring the best model: forecast score with its 90% interval, or NaN."""

    factor: int  # times today's rows; 1 where the best model was not measured at all of them
    n_train: int
    score: float
    low: float
    high: float
    gain: Estimate  # fraction of the loss that goes
    verdict: Verdict
    reason: str | None = None  # why there is no forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtaking:
    """Whether and where the best network overtakes the best boosting model; None: not measured."""

    network: str | None
    boosting: str | None
    crossover: Crossover | None = None
    n_measured: int = 0  # the largest size at which both were measured
    is_near_all: bool = False  # whether that is near all training rows

    @property
    def is_clear(self) -> bool:
        """Return whether the evidence is enough for an answer.

        What was measured counts near all training rows only, and it has to be so in four of five
        resamples; a forecast has to be so in four of five forecasts.
        """
        found = self.crossover
        if found is None:
            return False
        if found.kind is CrossoverKind.NONE:
            return found.probability <= 1 - CLEAR
        is_measured = found.kind in (CrossoverKind.ALWAYS, CrossoverKind.WITHIN)
        return found.probability >= CLEAR and (self.is_near_all or not is_measured)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """The mean cost of a model over replicates, at the largest size that it was measured at."""

    model: str
    n_train: int
    score: float
    fit_s: float  # compilation included
    predict_ms: float  # milliseconds to predict 1,000 rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The answers; `print` shows them as sentences."""

    metric: str
    n_rows: int  # of the table
    n_train: int  # those that are not test rows
    best: Best
    more: tuple[MoreData, ...]
    overtaking: Overtaking
    costs: tuple[ModelCost, ...]  # best score first
    lines: tuple[tuple[str, str], ...] = ()  # a heading and its sentences for each answer

    def __str__(self) -> str:
        """Return the answers as sentences."""
        return "\n".join(f"{heading}: {text}" for heading, text in self.lines)
