"""What the curves of a user's table come to: which model, more data or not, at what cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from zoo.curves.aggregate import mean_interval
from zoo.curves.curveset import CurveSet
from zoo.curves.forecast import LossForecast
from zoo.curves.plateau import SMALLEST_GAIN, Estimate, gain_from
from zoo.curves.winners import PairedTest, corrected_test, holm
from zoo.study.paired import best_so_far

__all__ = ["FACTORS", "Advice", "Best", "ModelCost", "MoreData", "Overtaking", "Rival", "advise"]

FACTORS = (2, 10)
_FURTHEST = 32  # times the rows that a model was measured at: forecasts were checked up to there
_NETWORKS = ("mlp", "deep")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Another model beside the best.

    Parameters
    ----------
    model : str
    difference, low, high : float
        By how much its loss is above the best one's, with the 95% interval.
    p_value : float
        Of the corrected paired test, with Holm's correction; NaN with one draw of rows.
    replicates : int
        Draws of rows that both were measured on.
    """

    model: str
    difference: float
    low: float
    high: float
    p_value: float
    replicates: int

    @property
    def is_significant(self) -> bool:
        """Return whether the test says that it is worse."""
        return bool(self.p_value < 0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best model.

    Parameters
    ----------
    model : str
    n_train : int
        The largest size that it was measured at.
    score, low, high : float
        Mean over draws of rows, and its 95% interval.
    replicates : int
    rivals : tuple of Rival
        The nearest first.
    baseline : float or None
        The score of the dummy.
    beats_baseline : bool or None
        By the paired test; None if it cannot be told.
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
        """Models that are not told apart from it."""
        return tuple(rival.model for rival in self.rivals if not rival.is_significant)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreData:
    """What more rows would bring the best model.

    Parameters
    ----------
    factor : int
        Times the rows of today; 1 where no model was measured at all of them.
    n_train : int
    score, low, high : float
        Forecast with its 90% interval; NaN if there is none.
    gain : Estimate
        Part of the loss that goes.
    verdict : {"helps", "little", "hurts", "cannot tell"}
    reason : str or None
        Why there is no forecast.
    """

    factor: int
    n_train: int
    score: float
    low: float
    high: float
    gain: Estimate
    verdict: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtaking:
    """Whether and where the best network overtakes the best boosting.

    Parameters
    ----------
    network, boosting : str or None
        None if none was measured.
    kind : str
        Of `zoo.curves.crossover.Crossover`.
    n_train, low, high, share : float
        Likewise.
    reason : str or None
    """

    network: str | None
    boosting: str | None
    kind: str = "unknown"
    n_train: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    share: float = float("nan")
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """What one model costs at the largest size that it was measured at.

    Parameters
    ----------
    model : str
    n_train : int
    score, fit_s : float
        Means over draws of rows; compiling included.
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
    """The answers.

    Parameters
    ----------
    metric : str
    n_rows, n_train : int
        Rows of the table, and those that are not kept for testing.
    best : Best
    more : tuple of MoreData
    overtaking : Overtaking
    costs : tuple of ModelCost
        Best score first.
    """

    metric: str
    n_rows: int
    n_train: int
    best: Best
    more: tuple[MoreData, ...]
    overtaking: Overtaking
    costs: tuple[ModelCost, ...]

    def __str__(self) -> str:
        """Return the answers in plain sentences."""
        from zoo.study.answer_text import advice_lines

        return "\n".join(f"{head}: {text}" for head, text in advice_lines(self))


def advise(curves: CurveSet, *, n_rows: int, n_test: int, n_train: int) -> Advice | None:
    """Return the answers that the cells give; None if no model but a baseline has a score.

    Parameters
    ----------
    curves : CurveSet
        Of one table.
    n_rows, n_test, n_train : int
        Rows of the table, and those that test and train at its largest size.
    """
    losses = curves.losses
    learned = losses[losses["family"] != "baseline"]
    if learned.empty:
        return None
    dataset = str(learned["dataset"].iloc[0])
    share = n_test / max(n_train, 1)
    best = _best(curves, dataset, share)
    return Advice(
        metric=str(learned["metric"].iloc[0]),
        n_rows=n_rows,
        n_train=n_train,
        best=best,
        more=_more(curves, dataset, best, n_train),
        overtaking=_overtaking(curves, dataset),
        costs=_costs(curves, n_test),
    )


def _best(curves: CurveSet, dataset: str, share: float) -> Best:
    losses, scores = curves.losses, curves.scores
    learned = losses[losses["family"] != "baseline"]
    found = best_so_far(
        {
            (str(name), int(at)): dict(zip(part["replicate"], part["loss"], strict=True))
            for (name, at), part in learned.groupby(["model", "n_train"])
        }
    )
    assert found is not None  # noqa: S101 (there are losses)
    model, size = found
    here = learned[learned["n_train"] == size]
    table = here.pivot_table(index="replicate", columns="model", values="loss")
    own = scores[(scores["model"] == model) & (scores["n_train"] == size)]
    mean, *bounds = mean_interval(own["score"])
    metric = curves.metric(dataset)
    low, high = sorted(float(metric.score(metric.loss(bound))) for bound in bounds)  # within range
    base = losses[(losses["family"] == "baseline") & (losses["n_train"] == size)]
    test = _against_baseline(here[here["model"] == model], base, share)
    baseline = scores[(scores["family"] == "baseline") & (scores["n_train"] == size)]["score"]
    return Best(
        model=model,
        n_train=size,
        score=mean,
        low=low,
        high=high,
        replicates=len(own),
        rivals=_rivals(table, model, share),
        baseline=float(baseline.mean()) if len(baseline) else None,
        beats_baseline=None if test is None else bool(test.p_value < 0.05 and test.difference > 0),
    )


def _rivals(table: pd.DataFrame, best: str, share: float) -> tuple[Rival, ...]:
    """Return every other model beside the best, each on the draws that both have."""
    names = [str(name) for name in table.columns if name != best]
    tests = [corrected_test(table[name] - table[best], test_share=share) for name in names]
    adjusted = holm([test.p_value for test in tests])
    rivals = [
        Rival(
            model=name,
            difference=test.difference,
            low=test.low,
            high=test.high,
            p_value=p_value,
            replicates=test.replicates,
        )
        for name, test, p_value in zip(names, tests, adjusted, strict=True)
    ]
    return tuple(sorted(rivals, key=lambda rival: rival.difference))


def _against_baseline(own: pd.DataFrame, base: pd.DataFrame, share: float) -> PairedTest | None:
    pair = base.set_index("replicate")["loss"] - own.set_index("replicate")["loss"]
    test = corrected_test(pair.dropna(), test_share=share)
    return test if test.replicates > 1 else None


def _more(curves: CurveSet, dataset: str, best: Best, n_train: int) -> tuple[MoreData, ...]:
    factors = FACTORS if best.n_train >= n_train else (1, *FACTORS)
    now = max(n_train, best.n_train)
    found = curves.forecast(dataset, best.model, [factor * now for factor in factors])
    answers = []
    for factor, row in zip(factors, found.frame.itertuples(), strict=True):
        reason, gain = found.reason, Estimate(*[float("nan")] * 3)
        if row.n_train > _FURTHEST * best.n_train:
            reason = (
                f"{best.model} was measured at {best.n_train:,} rows at most, and forecasts were "
                f"never checked beyond {_FURTHEST} times that"
            )
        elif found.fit is not None:
            gain = _gain(found.fit, float(row.n_train), best.n_train if factor == 1 else now)
        answers.append(
            MoreData(
                factor=factor,
                n_train=int(row.n_train),
                score=float(row.mean),
                low=float(getattr(row, "low_90", np.nan)),
                high=float(getattr(row, "high_90", np.nan)),
                gain=gain,
                verdict=_verdict(gain) if reason is None else "cannot tell",
                reason=reason,
            )
        )
    return tuple(answers)


def _gain(fit: LossForecast, target: float, base: int) -> Estimate:
    """Return the part of the loss at `base` rows that is gone at `target` rows."""
    if base <= fit.sizes[-1]:
        return gain_from(fit, target / float(fit.sizes[-1]))
    now, later = float(fit.median([base])[0]), fit.quantiles([target], (0.05, 0.5, 0.95))[0]
    return Estimate(*(float(1 - later[k] / now) for k in (1, 2, 0)))


def _verdict(gain: Estimate) -> str:
    if gain.low > 0:
        return "helps"
    if gain.high < 0:
        return "hurts"
    if gain.high < SMALLEST_GAIN:
        return "little"
    return "cannot tell"


def _best_of(losses: pd.DataFrame, families: Sequence[str]) -> str | None:
    """Return the model of some families with the least loss at their largest common size."""
    rows = losses[losses["family"].isin(families)]
    if rows.empty:
        return None
    rows = rows[rows["n_train"] == rows["n_train"].max()]
    return str(rows.groupby("model")["loss"].mean().idxmin())


def _overtaking(curves: CurveSet, dataset: str) -> Overtaking:
    losses = curves.losses
    network, boosting = _best_of(losses, _NETWORKS), _best_of(losses, ("boosting",))
    if network is None or boosting is None:
        lacking = "network" if network is None else "boosting"
        return Overtaking(network=network, boosting=boosting, reason=f"no {lacking} was measured")
    found = curves.crossover(dataset, boosting, network)
    return Overtaking(
        network=network,
        boosting=boosting,
        kind=found.kind,
        n_train=found.n_train,
        low=found.low,
        high=found.high,
        share=found.share,
        reason=found.reason,
    )


def _costs(curves: CurveSet, n_test: int) -> tuple[ModelCost, ...]:
    scores, losses = curves.scores, curves.losses
    rows = []
    for model, part in scores.groupby("model"):
        size = int(part["n_train"].max())
        here = part[part["n_train"] == size]
        numbers = here[["fit_s", "compile_s", "predict_s", "score"]].astype(float).fillna(0.0)
        cost = ModelCost(
            model=str(model),
            n_train=size,
            score=float(numbers["score"].mean()),
            fit_s=float((numbers["fit_s"] + numbers["compile_s"]).mean()),
            predict_ms=float(numbers["predict_s"].mean()) * 1e6 / max(n_test, 1),
        )
        mask = (losses["model"] == model) & (losses["n_train"] == size)
        rows.append((-size, float(losses.loc[mask, "loss"].mean()), cost))
    return tuple(cost for *_, cost in sorted(rows, key=lambda row: row[:2]))
