"""From the curves of a user's table to the answers: best model, more data, crossover, costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from zoo.curves.comparisons import corrected_test, holm
from zoo.curves.curveset import CurveSet
from zoo.curves.forecast import FURTHEST, LossForecast
from zoo.curves.plateau import SMALLEST_GAIN, Estimate, gain_from
from zoo.study.adjusted_means import ranking
from zoo.study.answer_text import advice_lines
from zoo.study.answers import (
    FACTORS,
    Advice,
    Best,
    ModelCost,
    MoreData,
    Overtaking,
    Rival,
    Unmeasured,
    Verdict,
)
from zoo.study.design import NETWORKS
from zoo.study.promise import promised_interval

__all__ = ["advise"]


_NEAR = 0.5  # of the training rows, from which on what was measured counts for all of them


def advise(
    curves: CurveSet,
    *,
    n_rows: int,
    n_test: int,
    n_train: int,
    models: Sequence[str] = (),
    is_clustered: bool = False,
) -> Advice | None:
    """Return the answers that the cells give; None if no model but a baseline has a score.

    Parameters
    ----------
    curves : CurveSet
        Of one table.
    n_rows, n_test, n_train : int
        Rows of the table, and its test and training rows at the largest size.
    models : sequence of str
        The planned models, measured or not.
    is_clustered : bool
        Whether rows depend on each other, by groups or times.
    """
    losses = curves.losses
    learned = losses[losses["family"] != "baseline"]
    if learned.empty:
        return None
    dataset = str(learned["dataset"].iloc[0])
    best = _best(curves, dataset, n_test, n_test / max(n_train, 1), models, is_clustered)
    advice = Advice(
        metric=str(learned["metric"].iloc[0]), n_rows=n_rows, n_train=n_train, best=best,
        more=_more(curves, dataset, best, n_train),
        overtaking=_overtaking(curves, dataset, n_train),
        costs=_costs(curves, n_test),
    )  # fmt: skip
    return replace(advice, lines=advice_lines(advice))


def _best(
    curves: CurveSet,
    dataset: str,
    n_test: int,
    test_ratio: float,
    models: Sequence[str],
    is_clustered: bool,
) -> Best:
    losses, scores = curves.losses, curves.scores
    learned = losses[losses["family"] != "baseline"]
    by_size = {
        (str(name), int(size)): dict(zip(part["replicate"], part["loss"], strict=True))
        for (name, size), part in learned.groupby(["model", "n_train"])
    }
    found = ranking(by_size)[0]
    model, size = found
    own = scores[(scores["model"] == model) & (scores["n_train"] == size)]
    metric, score = curves.metric(dataset), float(own["score"].mean())
    bounds = promised_interval(
        metric.loss(own["score"]), own["score_error"], test_ratio=test_ratio,
        is_clustered=is_clustered,
    )  # fmt: skip
    low, high = sorted(float(metric.score(bound)) for bound in bounds)  # within the metric's range
    here = losses[(losses["family"] == "baseline") & (losses["n_train"] == size)]
    dummy, best_losses = here.set_index("replicate")["loss"], pd.Series(by_size[found])
    test = corrected_test(dummy - best_losses, test_ratio=test_ratio)
    is_better = bool(test.p_value < 0.05 and test.difference > 0)
    baseline = scores.loc[(scores["family"] == "baseline") & (scores["n_train"] == size), "score"]
    return Best(
        model=model, n_train=size, score=score, low=low, high=high, n_new=n_test,
        replicates=len(own), rivals=_rivals(by_size, model, size, test_ratio),
        unmeasured=_unmeasured(by_size, size, [m for m in models if m not in {*here["model"]}]),
        baseline=float(baseline.mean()) if len(baseline) else None,
        beats_baseline=is_better if test.replicates > 1 else None,
    )  # fmt: skip


def _rivals(
    by_size: Mapping[tuple[str, int], Mapping[int, float]],
    best: str,
    size: int,
    test_ratio: float,
) -> tuple[Rival, ...]:
    """Return every other model that was measured at the best one's size or beyond.

    It is compared at its own largest size, on the replicates that both have: their test rows are
    the same at every size.
    """
    largest = {model: n for model, n in sorted(by_size) if model != best and n >= size}
    own = pd.Series(by_size[best, size])
    tests = [
        corrected_test(pd.Series(by_size[at]) - own, test_ratio=test_ratio)
        for at in largest.items()
    ]
    adjusted = holm([test.p_value for test in tests])
    rivals = [
        Rival(model=name, n_train=n, test=replace(test, p_value=p_value))
        for (name, n), test, p_value in zip(largest.items(), tests, adjusted, strict=True)
    ]
    return tuple(sorted(rivals, key=lambda rival: rival.test.difference))


def _unmeasured(
    by_size: Mapping[tuple[str, int], Mapping[int, float]], size: int, models: Sequence[str]
) -> tuple[Unmeasured, ...]:
    """Return the planned models and the measured ones that have no score from `size` rows on."""
    largest: dict[str, int | None] = dict.fromkeys(models)
    largest |= dict(sorted(by_size))
    short = [(name, n) for name, n in largest.items() if n is None or n < size]
    return tuple(Unmeasured(model=name, n_train=n) for name, n in short)


def _more(curves: CurveSet, dataset: str, best: Best, n_train: int) -> tuple[MoreData, ...]:
    factors = FACTORS if best.n_train >= n_train else (1, *FACTORS)
    now = max(n_train, best.n_train)
    found = curves.forecast(dataset, best.model, [factor * now for factor in factors])
    answers = []
    for factor, row in zip(factors, found.frame.itertuples(), strict=True):
        reason, gain = found.reason, Estimate(*[float("nan")] * 3)
        if row.n_train > FURTHEST * best.n_train:
            reason = (
                f"{best.model} was measured at {best.n_train:,} rows at most, and forecasts are "
                f"validated up to {FURTHEST:.0f} times that only"
            )
        elif found.fit is not None:
            gain = _gain(found.fit, float(row.n_train), best.n_train if factor == 1 else now)
        low, high = (float(getattr(row, end, np.nan)) for end in ("low_90", "high_90"))
        answer = MoreData(
            factor=factor, n_train=int(row.n_train), score=float(row.mean), low=low, high=high,
            gain=gain, verdict=_verdict(gain) if reason is None else "cannot tell", reason=reason,
        )  # fmt: skip
        answers.append(answer)
    return tuple(answers)


def _gain(fit: LossForecast, target: float, base: int) -> Estimate:
    """Return the fraction of the loss at `base` rows that is gone at `target` rows."""
    if base <= fit.sizes[-1]:
        return gain_from(fit, target / float(fit.sizes[-1]))
    now, later = float(fit.median([base])[0]), fit.quantiles([target], (0.05, 0.5, 0.95))[0]
    return Estimate(*(float(1 - later[k] / now) for k in (1, 2, 0)))


def _verdict(gain: Estimate) -> Verdict:
    if gain.low > 0:
        return "helps"
    if gain.high < 0:
        return "hurts"
    return "little" if gain.high < SMALLEST_GAIN else "cannot tell"


def _best_of(losses: pd.DataFrame, families: Sequence[str]) -> str | None:
    """Return the model of some families with the least loss at their largest common size."""
    rows = losses[losses["family"].isin(families)]
    if rows.empty:
        return None
    rows = rows[rows["n_train"] == rows["n_train"].max()]
    return str(rows.groupby("model")["loss"].mean().idxmin())


def _overtaking(curves: CurveSet, dataset: str, n_train: int) -> Overtaking:
    losses = curves.losses
    network = _best_of(losses, NETWORKS)
    boosting = _best_of(losses, ("boosting",))
    if not network or not boosting:
        return Overtaking(network=network, boosting=boosting)
    sizes = [set(losses.loc[losses["model"] == one, "n_train"]) for one in (network, boosting)]
    n_measured = int(max(sizes[0] & sizes[1], default=0))
    return Overtaking(
        network=network, boosting=boosting, n_measured=n_measured,
        crossover=curves.crossover(dataset, boosting, network),
        is_near_all=n_measured >= _NEAR * n_train,
    )  # fmt: skip


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
        is_here = (losses["model"] == model) & (losses["n_train"] == size)
        rows.append((-size, float(losses.loc[is_here, "loss"].mean()), cost))
    return tuple(cost for *_, cost in sorted(rows, key=lambda row: row[:2]))
