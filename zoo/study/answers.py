"""The answers about a user's table, as values; `answer_text` has their words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.curves.comparisons import PairedTest
from zoo.curves.crossover import Crossover
from zoo.curves.plateau import Estimate

__all__ = ["FACTORS", "Advice", "Best", "ModelCost", "MoreData", "Overtaking", "Rival", "Verdict"]

FACTORS = (2, 10)  # times the rows, for the forecasts
Verdict = Literal["helps", "little", "hurts", "cannot tell"]
"""Whether more data helps: the interval of the gain is above 0, below the smallest gain of
interest, below 0, or none of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Another model compared with the best.

    Parameters
    ----------
    model : str
    test : PairedTest
        Of its loss minus that of the best, on the replicates that both have; with a 95% interval
        and Holm's correction over the models.
    """

    model: str
    test: PairedTest

    @property
    def is_significant(self) -> bool:
        """Return whether it is significantly worse than the best."""
        return bool(self.test.p_value < 0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best model.

    Parameters
    ----------
    model : str
    n_train : int
        The largest size that it was measured at.
    score, low, high : float
        Mean over replicates, with the 95% interval.
    replicates : int
    rivals : tuple of Rival
        The closest first.
    baseline : float or None
        Score of the dummy baseline.
    beats_baseline : bool or None
        By the paired test; None if there is none.
    """

    model: str
    n_train: int
    score: float
    low: float
    high: float
    replicates: int
    rivals: tuple[Rival, ...]
    baseline: float | None
    beats_baseline: bool | None

    @property
    def ties(self) -> tuple[str, ...]:
        """Models with no significant difference from it."""
        return tuple(rival.model for rival in self.rivals if not rival.is_significant)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreData:
    """What more rows would bring the best model.

    Parameters
    ----------
    factor : int
        Times today's rows; 1 where no model was measured at all of them.
    n_train : int
    score, low, high : float
        Forecast with its 90% interval; NaN if there is none.
    gain : Estimate
        Fraction of the loss that goes.
    verdict : Verdict
    reason : str or None
        Why there is no forecast.
    """

    factor: int
    n_train: int
    score: float
    low: float
    high: float
    gain: Estimate
    verdict: Verdict
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtaking:
    """Whether and where the best network overtakes the best boosting model.

    Parameters
    ----------
    network, boosting : str or None
        None if none was measured.
    crossover : Crossover or None
        None without both.
    """

    network: str | None
    boosting: str | None
    crossover: Crossover | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """The cost of one model at the largest size that it was measured at.

    Parameters
    ----------
    model : str
    n_train : int
    score, fit_s : float
        Means over replicates; compilation included.
    predict_ms : float
        Milliseconds to predict 1,000 rows.
    """

    model: str
    n_train: int
    score: float
    fit_s: float
    predict_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The answers; `print` shows them as sentences.

    Parameters
    ----------
    metric : str
    n_rows, n_train : int
        Rows of the table, and those that are not test rows.
    best : Best
    more : tuple of MoreData
    overtaking : Overtaking
    costs : tuple of ModelCost
        Best score first.
    lines : tuple of (str, str)
        A heading and its sentences for each answer.
    """

    metric: str
    n_rows: int
    n_train: int
    best: Best
    more: tuple[MoreData, ...]
    overtaking: Overtaking
    costs: tuple[ModelCost, ...]
    lines: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Return the answers as sentences."""
        return "\n".join(f"{heading}: {text}" for heading, text in self.lines)
