"""Sentences about the curves, computed from the tables of results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from zoo.curves.claims import OVERALL, Verdict
from zoo.curves.crossover import CLEAR, Crossover, CrossoverKind
from zoo.curves.plateau import PlateauVerdict
from zoo.prose import count

__all__ = ["cheapest_sentence", "headline_sentence", "name_ties", "round_size", "verdict_rows"]


def round_size(rows: float) -> str:
    """Return a number of rows with two significant digits and commas."""
    if not np.isfinite(rows):
        return "more than 32 times the data"
    if rows <= 0:
        return "the first size"
    step = 10.0 ** (np.floor(np.log10(rows)) - 1)
    return f"{round(round(rows / step) * step):,}"


def headline_sentence(
    losses: pd.DataFrame,
    comparisons: pd.DataFrame,
    crossovers: pd.DataFrame,
    forecasts: pd.DataFrame,
    *,
    crossover: Callable[[str, str], Crossover],
    loss_label: str,
) -> str:
    """Return which models lead where, whether that is significant, and the gain from doubling.

    Parameters
    ----------
    losses : DataFrame
        model, n_train, loss of one data set, without baselines.
    comparisons, crossovers, forecasts : DataFrame
        Rows of the tables of `zoo.curves.curveset.CurveSet` for the same data set.
    crossover : callable
        Returns the crossover of an incumbent and a challenger.
    loss_label : str
        What the loss is called.
    """
    means = losses.pivot_table(index="n_train", columns="model", values="loss")
    leaders = means.idxmin(axis=1)
    winner = str(leaders.iloc[-1])
    parts = [
        _lead(leaders, crossover),
        _significance(comparisons[comparisons["best"] == winner], int(means.index[-1])),
        _unmeasured(means),
        _overtaker(crossovers, winner),
        _doubling(forecasts, winner, loss_label),
    ]
    return " ".join(part for part in parts if part)


def _lead(leaders: pd.Series[str], crossover: Callable[[str, str], Crossover]) -> str:
    first, winner = str(leaders.iloc[0]), str(leaders.iloc[-1])
    sizes = [int(size) for size in leaders.index]
    if len(sizes) == 1:
        return f"{winner} leads at {count(sizes[0], 'row')}, the only measured size."
    others = [str(name) for name in leaders.unique() if name != winner]
    if not others:
        return f"{winner} leads at every measured size from {sizes[0]:,} to {sizes[-1]:,} rows."
    found = [crossover(name, winner) for name in others]
    last = max(found, key=lambda one: one.n_train if one.kind == CrossoverKind.WITHIN else 0.0)
    switch = int(np.argmax((leaders != first).to_numpy()))
    start = f"{first} leads up to about {count(sizes[switch - 1], 'row')}"
    if first == winner:
        start += f", {leaders.iloc[switch]} at {sizes[switch]:,} rows"
    elif len(others) > 1:
        start += ", then others"
    if last.probability < CLEAR:
        ahead = f"{last.probability:.0%} of the resamples"
        return f"{start}; {winner} has the best mean at {sizes[-1]:,} rows, in {ahead}."
    since = f"about {round_size(last.n_train)}{_range(last)}"
    return f"{start}; {winner} leads from {since} to {sizes[-1]:,} rows, the largest size."


def _range(found: Crossover) -> str:
    if not np.isfinite(found.low):
        return ""
    if not np.isfinite(found.high):
        return f" ({found.probability:.0%} of the resamples)"
    low = "0" if found.low <= 0 else round_size(found.low)
    return f" (90% interval {low} to {round_size(found.high)})"


def name_ties(comparisons: pd.DataFrame) -> str:
    """Return the models whose difference from the best one is not significant, at most three.

    `comparisons` has the rows of `zoo.curves.comparisons.paired_tests` for one data set and size.
    """
    rows = comparisons[~(comparisons["p_value"] < 0.05)].sort_values("difference")
    if len(rows) and len(rows) == len(comparisons):
        return "any other model"
    names = [str(name) for name in rows["model"]]
    if len(names) > 3:
        names[3:] = [f"{len(names) - 3} more"]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _significance(comparisons: pd.DataFrame, size: int) -> str:
    here = comparisons[comparisons["n_train"] == size]
    if here.empty:
        return ""
    if here["p_value"].isna().all():
        return "With one replicate its lead cannot be tested."
    ties = name_ties(here)
    if not ties:
        return (
            f"Its lead at {count(size, 'row')} is significant (corrected paired t-tests, p < 0.05)."
        )
    return f"Its lead over {ties} at {count(size, 'row')} is not significant."


def _unmeasured(means: pd.DataFrame) -> str:
    """Return which models have no score at the largest size."""
    last = means.apply(pd.Series.last_valid_index)
    short = last[last < means.index[-1]]
    shown = ", ".join(f"{name} (up to {size:,})" for name, size in short.items())
    return f"Not measured at {means.index[-1]:,} rows: {shown}." if shown else ""


def _overtaker(crossovers: pd.DataFrame, winner: str) -> str:
    rows = crossovers[crossovers["kind"] == CrossoverKind.FORECAST]
    rows = rows[(rows["incumbent"] == winner) & (rows["probability"] >= CLEAR)]
    if rows.empty:
        return ""
    row = rows.loc[rows["probability"].idxmax()]
    return (
        f"{row['challenger']} overtakes it in {row['probability']:.0%} of the forecasts, at about "
        f"{round_size(row['n_train'])} rows (90% interval {round_size(row['low'])} to "
        f"{round_size(row['high'])})."
    )


def _doubling(forecasts: pd.DataFrame, winner: str, loss_label: str) -> str:
    row = forecasts[forecasts["model"] == winner].iloc[0]
    if isinstance(row["reason"], str):
        return f"More data cannot be forecast: {row['reason']}."
    low, middle, high = (100 * row[name] for name in ("gain_low", "gain", "gain_high"))
    if low > 0:
        verb, numbers = "reduce", f"{middle:.0f}% (90% interval {low:.0f} to {high:.0f}%)"
    elif high < 0:
        verb, numbers = "raise", f"{-middle:.0f}% (90% interval {-high:.0f} to {-low:.0f}%)"
    else:
        verb, numbers = "change", f"{-middle:+.0f}% (90% interval {-high:+.0f} to {-low:+.0f}%)"
    has_plateau = row["plateau"] == PlateauVerdict.REACHED
    plateau = " By this forecast it has reached its plateau." if has_plateau else ""
    return f"Doubling the data is forecast to {verb} its {loss_label} by {numbers}.{plateau}"


def cheapest_sentence(cost: pd.DataFrame) -> str:
    """Return the fastest model to fit within 1% of the best score, at the largest size.

    `cost` has the rows of `zoo.curves.cost.cost_frame` for one data set.
    """
    rows = cost[cost["n_train"] == cost["n_train"].max()]
    cheap = rows[rows["cheapest_within_1pct"].astype(bool)]
    if cheap.empty:
        return ""
    row = cheap.iloc[0]
    return (
        f"The cheapest model within 1% of the best score at {count(int(row['n_train']), 'row')} is "
        f"{row['model']} ({row['fit_s']:.2g} s to fit)."
    )


def verdict_rows(verdicts: pd.DataFrame) -> list[dict[str, str]]:
    """Return a row per claim: overall verdict, data sets by verdict, and contrasts as numbers."""
    rows = []
    for claim, part in verdicts.groupby("claim", sort=False):
        overall = part[part["dataset"] == OVERALL]
        single = part[part["dataset"] != OVERALL].drop_duplicates("dataset")
        datasets = single.groupby("verdict")["dataset"].agg(lambda names: ", ".join(sorted(names)))
        numbers = [
            f"{one.contrast}: {one.value:+.2f}"
            + (f" ({one.low:+.2f} to {one.high:+.2f})" if np.isfinite(one.low) else "")
            for one in overall.itertuples()
        ]
        row = {"claim": str(claim), "verdict": str(overall["verdict"].iloc[0])}
        row |= {verdict.name.lower(): str(datasets.get(verdict, "")) for verdict in Verdict}
        rows.append(row | {"numbers": "; ".join(numbers)})
    return rows
