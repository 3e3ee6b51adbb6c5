"""The answers and the next steps in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.curves.comparisons import PairedTest
from zoo.curves.crossover import Crossover, CrossoverKind
from zoo.curves.headlines import round_size
from zoo.metrics import metric as metric_of
from zoo.prose import count, joined, plural
from zoo.study.answers import FACTORS, Advice, Best, ModelCost, MoreData
from zoo.study.left_out import LeftOut
from zoo.study.wording import milliseconds, round_seconds, score_text

__all__ = ["advice_lines", "next_steps"]


def _names(models: Sequence[str]) -> str:
    return joined(models)


def _interval(low: float, high: float) -> str:
    return f"{score_text(low)} to {score_text(high)}" if np.isfinite(low) else "no interval"


def advice_lines(advice: Advice) -> tuple[tuple[str, str], ...]:
    """Return a heading and its sentences for each answer."""
    direction = metric_of(advice.metric).direction.capitalize()
    return (
        ("Best model", f"{_best(advice)} {direction} is better."),
        ("How sure", f"{_certainty(advice.best)}{_unmeasured(advice.best)}"),
        *((f"{_times(more.factor)} the data", _more(more, advice)) for more in advice.more),
        ("Deep learning", _overtaking(advice)),
        ("Cost", _cost(advice)),
    )


def _times(factor: int) -> str:
    return {1: "All", 2: "Twice", 10: "Ten times"}.get(factor, f"{factor} times")


def _best(advice: Advice) -> str:
    best = advice.best
    text = f"{best.model}: {metric_of(advice.metric).label} {score_text(best.score)}"
    of_all = f" of {advice.n_train:,}" if best.n_train < advice.n_train else ""
    text += f" with {best.n_train:,}{of_all} {plural(advice.n_train, 'training row')}"
    if best.baseline is not None:
        text += f"; the dummy baseline has {score_text(best.baseline)}"
    if np.isfinite(best.low):
        text += (
            f". On {best.n_new:,} new rows like these expect {_interval(best.low, best.high)} (95% "
            "interval)"
        )
    return f"{text}."


def _certainty(best: Best) -> str:
    if best.replicates < 2:
        text = "Measured on one replicate only, so its lead cannot be tested."
    elif not best.rivals:
        text = "No other model was measured with so many rows."
    elif best.ties:
        nearest = next(rival for rival in best.rivals if not rival.is_significant)
        n = nearest.test.replicates
        over, which = (f" over {nearest.model}", "any") if best.ties[1:] else ("", "either")
        text = (
            f"No significant difference from {_names(best.ties)} in {count(n, 'replicate')}: "
            f"the lead{over} is {_lead(nearest.test)}, so {which} of them may be the best."
        )
    else:
        nearest, n = best.rivals[0], len(best.rivals)
        others = f"the {n} other models measured with as many rows" if n > 1 else nearest.model
        over = f" over {nearest.model}" if n > 1 else ""
        text = (
            f"Its lead over {others} is significant (paired tests at 5%, "
            f"{count(nearest.test.replicates, 'replicate')}): {_lead(nearest.test)}{over}."
        )
    if further := [one for one in best.rivals if one.n_train > best.n_train]:
        shown = _names([f"{one.model} with {one.n_train:,}" for one in further])
        text += f" It had {best.n_train:,} rows, {shown}."
    if best.beats_baseline is False:
        text += (
            " It is not significantly better than the dummy baseline: the columns may say little "
            "about the target."
        )
    return text


def _unmeasured(best: Best) -> str:
    """Return which models the answer is not about."""
    if not best.unmeasured:
        return ""
    shown = [
        f"{one.model} ({'not at all' if one.n_train is None else f'up to {one.n_train:,}'})"
        for one in best.unmeasured
    ]
    return (
        f" Not measured with {best.n_train:,} rows: {_names(shown)}; nothing is known of "
        f"{'their' if shown[1:] else 'its'} score there."
    )


def _lead(test: PairedTest) -> str:
    interval = f" ({_interval(test.low, test.high)})" if np.isfinite(test.low) else ""
    return f"{score_text(test.difference)}{interval}"


def _more(more: MoreData, advice: Advice) -> str:
    if more.reason is not None or not np.isfinite(more.score):
        return f"Cannot tell: {more.reason or 'there is no forecast'}."
    rows = (
        f"{count(more.factor * advice.n_rows, 'row')}" if more.factor > 1 else "all of today's rows"
    )
    loss = "the distance to 1" if metric_of(advice.metric).higher_is_better else "the error"
    change = f"{100 * more.gain.low:.0f} to {100 * more.gain.high:.0f}% of {loss}"
    verdict = {
        "helps": f"more data is forecast to help: it would remove {change}",
        "little": "the forecast gain is small: the curve is nearly flat",
        "hurts": "it is forecast to get worse with more rows; check how the rows were collected",
        "cannot tell": f"it is unclear whether more data helps (it would remove {change})",
    }[more.verdict]
    return (
        f"With {rows} the forecast for {advice.best.model} is {score_text(more.score)} "
        f"(90% interval {_interval(more.low, more.high)}); {verdict}."
    )


def _overtaking(advice: Advice) -> str:
    found = advice.overtaking
    crossover, network, boosting = found.crossover, found.network, found.boosting
    if crossover is None:
        return f"Cannot tell: no {'boosting model' if network else 'network'} was measured."
    if not found.is_clear:
        return f"Cannot tell whether {network}, the best network, {_why_unclear(advice)}."
    n = f"{found.n_measured:,} rows"
    measured = f"at {n}, the largest size that both were measured at"
    is_measured = crossover.kind in (CrossoverKind.ALWAYS, CrossoverKind.WITHIN)
    what = "resamples" if is_measured else "forecasts"
    often = f"in {crossover.probability:.0%} of the {what}"
    match crossover.kind:
        case CrossoverKind.ALWAYS:
            return f"{network} was ahead of {boosting} at every measured size up to {n} ({often})."
        case CrossoverKind.WITHIN:
            where = _size_text(crossover)
            return f"{network} overtook {boosting} at {where} and was ahead at {n} ({often})."
        case CrossoverKind.FORECAST:
            return (
                f"{network} was behind {boosting} {measured}; it overtakes within 32 times that "
                f"{often}, at {_size_text(crossover)}."
            )
    return (
        f"{network}, the best network, was behind {boosting} {measured}; it overtakes within 32 "
        f"times that {often}."
    )


def _why_unclear(advice: Advice) -> str:
    """Return what cannot be told of the best network, and why."""
    found = advice.overtaking
    crossover, boosting = found.crossover, found.boosting
    assert crossover is not None  # noqa: S101 (seen by the caller)
    with_more = f"overtakes {boosting}, the best boosting model, with more rows"
    if crossover.reason is not None:
        return f"{with_more}: {crossover.reason}"
    n = f"{found.n_measured:,}"
    if crossover.kind in (CrossoverKind.NONE, CrossoverKind.FORECAST):
        return (
            f"{with_more}: it was behind at {n} rows, and overtakes within 32 times that in "
            f"{crossover.probability:.0%} of the forecasts"
        )
    ahead = f"is better than {boosting}, the best boosting model, with all rows: it was ahead at"
    if not found.is_near_all:
        return f"{ahead} {n} rows, and both were not measured beyond that"
    if not np.isfinite(crossover.probability):
        return f"{ahead} {n} rows, on fewer than three replicates"
    return f"{ahead} {n} rows in only {crossover.probability:.0%} of the resamples"


def _size_text(found: Crossover) -> str:
    text = f"about {round_size(found.n_train)} training rows"
    if not np.isfinite(found.low):
        return text
    if not np.isfinite(found.high):
        return f"{text} (from {round_size(max(found.low, 1))} to beyond 32 times the data)"
    return f"{text} ({round_size(max(found.low, 1))} to {round_size(found.high)})"


def _cost(advice: Advice) -> str:
    best = next(cost for cost in advice.costs if cost.model == advice.best.model)
    text = (
        f"One fit of {best.model} takes {round_seconds(best.fit_s)} with "
        f"{count(best.n_train, 'row')}; 1,000 predictions take {milliseconds(best.predict_ms)}."
    )
    others = [
        f"{cost.model} {round_seconds(cost.fit_s)}"
        + ("" if cost.n_train == best.n_train else f" with {count(cost.n_train, 'row')}")
        for cost in advice.costs
        if cost.model not in (best.model, "dummy")
    ]
    return f"{text} The others: {', '.join(others)}." if others else text


def _cheaper(advice: Advice) -> ModelCost | None:
    """Return the cheapest of the models that may be as good as the best, if it is much cheaper."""
    best, costs = advice.best, {cost.model: cost for cost in advice.costs}
    ties = [costs[name] for name in best.ties if costs[name].n_train == best.n_train]
    least = min(ties, key=lambda cost: cost.fit_s, default=None)
    return least if least and least.fit_s < costs[best.model].fit_s / 2 else None


def next_steps(
    advice: Advice,
    *,
    has_warnings: bool = False,
    left_out: Sequence[LeftOut] = (),
    was_stopped: bool = False,
) -> list[str]:
    """Return what to do next, the most important first.

    Parameters
    ----------
    advice : Advice
    has_warnings : bool
        Whether something about the data may make the scores wrong.
    left_out : sequence of LeftOut
    was_stopped : bool
        By Ctrl-C.
    """
    steps = []
    if has_warnings:
        steps.append("Resolve the warnings first: until then the scores may be too optimistic.")
    best = advice.best
    if best.beats_baseline is False:
        steps.append("Find columns that relate to the target; these say little about it.")
    cheaper = _cheaper(advice)
    if cheaper is not None:
        steps.append(
            f"If time matters, use {cheaper.model}: there is no significant difference from "
            f"{best.model}, and one fit takes {round_seconds(cheaper.fit_s)}."
        )
    double = next(more for more in advice.more if more.factor == FACTORS[0])
    if double.verdict == "helps":
        steps.append("Collect more rows: the best model is forecast to improve with them.")
    elif double.verdict == "little":
        steps.append(
            "More rows of the same kind are forecast to bring little; look for new columns, or "
            f"tune {best.model}."
        )
    unfinished = sorted({one.model for one in left_out if one.reason.is_resumable})
    if unfinished or was_stopped:
        what = _names(unfinished) if unfinished else "the rest"
        steps.append(f"Run the same command again to continue with {what}; completed cells stay.")
    return steps or [f"Use {best.model}."]
