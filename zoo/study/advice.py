"""From the curves of a user's table to the answers: best model, more data, crossover, costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from zoo.curves.aggregate import mean_interval
from zoo.curves.comparisons import corrected_test, holm
from zoo.curves.curveset import CurveSet
from zoo.curves.forecast import FURTHEST, LossForecast
from zoo.curves.plateau import SMALLEST_GAIN, Estimate, gain_from
from zoo.study.adjusted_means import best_so_far
from zoo.study.answer_text import advice_lines
from zoo.study.answers import FACTORS, Advice, Best, ModelCost, MoreData, Overtaking, Rival, Verdict
from zoo.study.design import NETWORKS

__all__ = ["advise"]


def advise(curves: CurveSet, *, n_rows: int, n_test: int, n_train: int) -> Advice | None:
    """Return the answers that the cells give; None if no model but a baseline has a score.

    Parameters
    ----------
    curves : CurveSet
        Of one table.
    n_rows, n_test, n_train : int
        Rows of the table, and its test and training rows at the largest size.
    """
    losses = curves.losses
    learned = losses[losses["family"] != "baseline"]
    if learned.empty:
        return None
    dataset = str(learned["dataset"].iloc[0])
    best = _best(curves, dataset, n_test / max(n_train, 1))
    advice = Advice(
        metric=str(learned["metric"].iloc[0]), n_rows=n_rows, n_train=n_train, best=best,
        more=_more(curves, dataset, best, n_train), overtaking=_overtaking(curves, dataset),
        costs=_costs(curves, n_test),
    )  # fmt: skip
    return replace(advice, lines=advice_lines(advice))


def _best(curves: CurveSet, dataset: str, test_ratio: float) -> Best:
    losses, scores = curves.losses, curves.scores
    learned = losses[losses["family"] != "baseline"]
    by_size = {
        (str(name), int(size)): dict(zip(part["replicate"], part["loss"], strict=True))
        for (name, size), part in learned.groupby(["model", "n_train"])
    }
    found = best_so_far(by_size)
    assert found is not None  # noqa: S101 (there are losses)
    model, size = found
    losses, scores = losses[losses["n_train"] == size], scores[scores["n_train"] == size]
    table = losses[losses["family"] != "baseline"].pivot_table(
        index="replicate", columns="model", values="loss"
    )
    own = scores.loc[scores["model"] == model, "score"]
    mean, *bounds = mean_interval(own)
    metric = curves.metric(dataset)
    low, high = sorted(float(metric.score(metric.loss(bound))) for bound in bounds)  # within range
    dummy = losses[losses["family"] == "baseline"].set_index("replicate")["loss"]
    test = corrected_test(dummy - table[model], test_ratio=test_ratio)
    is_better = bool(test.p_value < 0.05 and test.difference > 0)
    baseline = scores.loc[scores["family"] == "baseline", "score"]
    return Best(
        model=model, n_train=size, score=mean, low=low, high=high, replicates=len(own),
        rivals=_rivals(table, model, test_ratio),
        baseline=float(baseline.mean()) if len(baseline) else None,
        beats_baseline=is_better if test.replicates > 1 else None,
    )  # fmt: skip


def _rivals(table: pd.DataFrame, best: str, test_ratio: float) -> tuple[Rival, ...]:
    """Return every other model compared with the best on the replicates that both have."""
    names = [str(name) for name in table.columns if name != best]
    tests = [corrected_test(table[name] - table[best], test_ratio=test_ratio) for name in names]
    adjusted = holm([test.p_value for test in tests])
    rivals = [
        Rival(model=name, test=replace(test, p_value=p_value))
        for name, test, p_value in zip(names, tests, adjusted, strict=True)
    ]
    return tuple(sorted(rivals, key=lambda rival: rival.test.difference))


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


def _overtaking(curves: CurveSet, dataset: str) -> Overtaking:
    network = _best_of(curves.losses, NETWORKS)
    boosting = _best_of(curves.losses, ("boosting",))
    found = curves.crossover(dataset, boosting, network) if network and boosting else None
    return Overtaking(network=network, boosting=boosting, crossover=found)


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
