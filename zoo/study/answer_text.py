"""The advice in words: what a person who decides reads first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.curves.headlines import round_size
from zoo.metrics import metric as metric_of
from zoo.study.advice import FACTORS, Advice, Best, ModelCost, MoreData, Overtaking
from zoo.study.budget import round_seconds
from zoo.study.choose import LeftOut
from zoo.study.wording import milliseconds, score_text

__all__ = ["advice_lines", "next_steps"]

Lines = list[tuple[str, str]]


def _names(models: Sequence[str]) -> str:
    shown = list(models)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _interval(low: float, high: float) -> str:
    return f"{score_text(low)} to {score_text(high)}" if np.isfinite(low) else "no interval"


def advice_lines(advice: Advice) -> Lines:
    """Return the answers: a heading and its sentences each."""
    direction = metric_of(advice.metric).direction.capitalize()
    return [
        ("Best model", f"{_best(advice)} {direction} is better."),
        ("How sure", _certainty(advice.best)),
        *((f"{_times(more.factor)} the data", _more(more, advice)) for more in advice.more),
        ("Deep learning", _overtaking(advice.overtaking)),
        ("Cost", _cost(advice)),
    ]


def _times(factor: int) -> str:
    return {1: "All", 2: "Twice", 10: "Ten times"}.get(factor, f"{factor} times")


def _best(advice: Advice) -> str:
    best = advice.best
    text = f"{best.model}: {metric_of(advice.metric).label} {score_text(best.score)}"
    if np.isfinite(best.low):
        text += f" (95% interval {_interval(best.low, best.high)})"
    text += f" when trained on {best.n_train:,} rows"
    if best.n_train < advice.n_train:
        text += f" (there are {advice.n_train:,}: it was not measured at more)"
    if best.baseline is not None:
        text += f"; without looking at the columns it would be {score_text(best.baseline)}"
    return f"{text}."


def _certainty(best: Best) -> str:
    parts = []
    open_ones = [rival for rival in best.rivals if not rival.is_significant]
    if best.replicates < 2:
        parts.append("It was measured on one draw of rows only, so how sure it is cannot be told.")
    elif not best.rivals:
        parts.append("No other model was measured at this size.")
    elif not open_ones:
        nearest = best.rivals[0]
        over = "" if len(best.rivals) == 1 else f" over {nearest.model}"
        parts.append(
            f"Its lead over {_others(best)} holds in paired tests (5%, {nearest.replicates} draws "
            f"of rows): {score_text(nearest.difference)} "
            f"({_interval(nearest.low, nearest.high)}){over}."
        )
    else:
        nearest = open_ones[0]
        draws = f"{nearest.replicates} draws of rows" if nearest.replicates > 1 else "one draw"
        lead = f"the lead over {nearest.model} is {score_text(nearest.difference)}"
        if np.isfinite(nearest.low):
            lead += f" ({_interval(nearest.low, nearest.high)})"
        parts.append(
            f"Not told apart from {_names(best.ties)} in {draws}: {lead}, so either may be the "
            "better one."
        )
    if best.beats_baseline is False:
        parts.append(
            "It is not surely better than guessing: the columns may say little about the target."
        )
    return " ".join(parts)


def _others(best: Best) -> str:
    if len(best.rivals) == 1:
        return best.rivals[0].model
    return f"the {len(best.rivals)} other models measured at this size"


def _more(more: MoreData, advice: Advice) -> str:
    if more.reason is not None or not np.isfinite(more.score):
        return f"Cannot tell: {more.reason or 'there is no forecast'}."
    rows = f"{more.factor * advice.n_rows:,} rows" if more.factor > 1 else "all rows of today"
    text = (
        f"With {rows} {advice.best.model} would reach {score_text(more.score)} "
        f"(90% interval {_interval(more.low, more.high)})"
    )
    what = "the distance to 1" if metric_of(advice.metric).higher_is_better else "the error"
    gain = f"{100 * more.gain.low:.0f} to {100 * more.gain.high:.0f}% of {what} goes"
    said = {
        "helps": f"more data would help: {gain}",
        "little": "that is little: the curve is nearly flat",
        "hurts": "the curve gets worse with more rows; look at how the rows came",
        "cannot tell": f"whether it helps cannot be told ({gain})",
    }
    return f"{text}; {said[more.verdict]}."


def _overtaking(found: Overtaking) -> str:
    if found.network is None or found.boosting is None:
        return f"Cannot tell: {found.reason}."
    pair = f"{found.network} (the best network) and {found.boosting} (the best boosting)"
    if found.kind == "always":
        return f"{found.network} is ahead of {found.boosting} at every size measured."
    if found.kind == "within":
        where = f"about {round_size(found.n_train)} training rows"
        if np.isfinite(found.low):
            where += f" ({_size_range(found.low, found.high)})"
        return f"{found.network} overtakes {found.boosting} at {where} and stays ahead."
    if found.kind == "forecast":
        where = f"about {round_size(found.n_train)} training rows"
        if np.isfinite(found.low):
            where += f" ({_size_range(found.low, found.high)})"
        doubt = f"; {found.share:.0%} of the forecasts say so" if np.isfinite(found.share) else ""
        return f"{found.network} is forecast to overtake {found.boosting} at {where}{doubt}."
    if found.kind == "none":
        doubt = (
            f" (it does in {found.share:.0%} of the forecasts)" if np.isfinite(found.share) else ""
        )
        return (
            f"{found.network}, the best network, is behind {found.boosting} and is not expected to "
            f"overtake it within 32 times the data{doubt}."
        )
    return f"Cannot tell for {pair}: {found.reason}."


def _size_range(low: float, high: float) -> str:
    if not np.isfinite(high):
        return f"from {round_size(max(low, 1))} to beyond 32 times the data"
    return f"{round_size(max(low, 1))} to {round_size(high)}"


def _cost(advice: Advice) -> str:
    best = next(cost for cost in advice.costs if cost.model == advice.best.model)
    text = f"One fit of {best.model} takes {round_seconds(best.fit_s)} at {best.n_train:,} rows"
    text += f", 1,000 predictions {milliseconds(best.predict_ms)}."
    others = [
        f"{cost.model} {round_seconds(cost.fit_s)}"
        + ("" if cost.n_train == best.n_train else f" at {cost.n_train:,} rows")
        for cost in advice.costs
        if cost.model not in (best.model, "dummy")
    ]
    return f"{text} The others: {', '.join(others)}." if others else text


def _cheaper(advice: Advice) -> ModelCost | None:
    """Return the cheapest model that is not told apart from the best, if it is much cheaper."""
    costs = {cost.model: cost for cost in advice.costs}
    size = advice.best.n_train
    ties = [costs[name] for name in advice.best.ties if costs[name].n_train == size]
    if not ties:
        return None
    least = min(ties, key=lambda cost: cost.fit_s)
    return least if least.fit_s < costs[advice.best.model].fit_s / 2 else None


def next_steps(
    advice: Advice,
    *,
    grave: Sequence[str] = (),
    left_out: Sequence[LeftOut] = (),
    was_stopped: bool = False,
) -> list[str]:
    """Return what to do next, the most telling first.

    Parameters
    ----------
    advice : Advice
    grave : sequence of str
        Notices that may make the scores wrong.
    left_out : sequence of LeftOut
    was_stopped : bool
    """
    steps = []
    if grave:
        steps.append(
            "First clear up the warnings: until then the scores may be too good to be true."
        )
    best = advice.best
    if best.beats_baseline is False:
        steps.append("Find columns that have to do with the target; more rows of these say little.")
    cheaper = _cheaper(advice)
    if cheaper is not None:
        steps.append(
            f"Where time counts take {cheaper.model}: not told apart from {best.model}, and a fit "
            f"takes {round_seconds(cheaper.fit_s)}."
        )
    double = next(more for more in advice.more if more.factor == FACTORS[0])
    if double.verdict == "helps":
        steps.append("Collect more rows: the best model still gains from them.")
    elif double.verdict == "little":
        steps.append(
            f"More rows of the same kind bring little; look for new columns, or tune {best.model}."
        )
    timely = [one.model for one in left_out if one.reason.startswith(("no time", "stopped"))]
    if timely or was_stopped:
        what = _names(sorted(set(timely))) if timely else "the rest"
        steps.append(f"Run the same command again to go on with {what}; nothing is measured twice.")
    if not steps:
        steps.append(f"Take {best.model}.")
    return steps
