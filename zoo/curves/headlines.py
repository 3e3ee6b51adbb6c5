"""What the curves say, in plain sentences that are computed from the tables of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoo.curves.claims import OVERALL
from zoo.curves.crossover import Crossover

if TYPE_CHECKING:
    from zoo.curves.curveset import CurveSet

__all__ = ["cheapest_sentence", "headline_sentence", "round_size", "verdict_rows"]


def round_size(rows: float) -> str:
    """Return a number of rows with two significant digits and commas."""
    if not np.isfinite(rows):
        return "more than 32 times the data"
    if rows <= 0:
        return "the first"
    step = 10.0 ** (np.floor(np.log10(rows)) - 1)
    return f"{round(round(rows / step) * step):,}"


def _some(names: list[str]) -> str:
    shown = names[:3]
    if len(names) > 3:
        shown.append(f"{len(names) - 3} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def headline_sentence(curves: CurveSet, dataset: str) -> str:
    """Return who leads from where on, how certain that is, and what a doubling would bring."""
    tables, losses = curves.tables(), curves.losses
    learned = losses[(losses["dataset"] == dataset) & (losses["family"] != "baseline")]
    if learned.empty:
        return "No model was measured here, only a baseline."
    means = learned.pivot_table(index="n_train", columns="model", values="loss")
    leaders = means.idxmin(axis=1)
    winner = str(leaders.iloc[-1])
    parts = [_lead(leaders, curves, dataset)]
    parts += _doubts(tables["comparisons"], dataset, winner, int(means.index[-1]))
    parts += _overtaker(tables["crossovers"], dataset, winner)
    parts += _doubling(tables["forecast"], dataset, winner, curves.metric(dataset).loss_label)
    return " ".join(parts)


def _lead(leaders: pd.Series[str], curves: CurveSet, dataset: str) -> str:
    first, winner = str(leaders.iloc[0]), str(leaders.iloc[-1])
    sizes = [int(size) for size in leaders.index]
    if len(sizes) == 1:
        return f"{winner} leads at {sizes[0]:,} rows, the one size that was measured."
    others = [str(name) for name in leaders.unique() if name != winner]
    if not others:
        return f"{winner} leads at every size from {sizes[0]:,} to {sizes[-1]:,} rows."
    found = [curves.crossover(dataset, name, winner) for name in others]
    last = max(found, key=lambda one: one.n_train if one.kind == "within" else 0.0)
    alone = int(np.argmax((leaders != first).to_numpy()))
    start = f"{first} leads up to about {sizes[alone - 1]:,} rows"
    if first == winner:
        start = f"{winner} leads at first, at {sizes[alone]:,} rows {leaders.iloc[alone]}"
    between = "" if len(others) == 1 or first == winner else ", others after it"
    return f"{start}{between}; from {round_size(last.n_train)}{_range(last)} {winner} does."


def _range(found: Crossover) -> str:
    if not np.isfinite(found.low):
        return ""
    if not np.isfinite(found.high):
        behind = 1 - found.share
        return f" (not certain: in {behind:.0%} of the resamples not within the data)"
    if found.low <= 0:
        return f" (anywhere up to {round_size(found.high)})"
    return f" ({round_size(found.low)} to {round_size(found.high)})"


def _doubts(comparisons: pd.DataFrame, dataset: str, winner: str, size: int) -> list[str]:
    here = comparisons[(comparisons["dataset"] == dataset) & (comparisons["n_train"] == size)]
    here = here[here["best"] == winner]
    if here.empty:
        return []
    if here["p_value"].isna().all():
        return ["Whether its lead is real cannot be told from one replicate."]
    open_ones = here[~(here["p_value"] < 0.05)].sort_values("difference")
    if open_ones.empty:
        return [f"Its lead at {size:,} rows holds in corrected paired tests (5%)."]
    if len(open_ones) == len(here):
        return [f"Its lead at {size:,} rows over any other model is not certain."]
    names = _some([str(name) for name in open_ones["model"]])
    return [f"Its lead at {size:,} rows over {names} is not certain."]


def _overtaker(crossovers: pd.DataFrame, dataset: str, winner: str) -> list[str]:
    rows = crossovers[(crossovers["dataset"] == dataset) & (crossovers["kind"] == "forecast")]
    rows = rows[(rows["incumbent"] == winner) & (rows["share"] > 0.5)]
    if rows.empty:
        return []
    row = rows.loc[rows["share"].idxmax()]
    return [
        f"{row['challenger']} is forecast to overtake it at about {round_size(row['n_train'])} "
        f"rows ({round_size(row['low'])} to {round_size(row['high'])})."
    ]


def _doubling(forecasts: pd.DataFrame, dataset: str, winner: str, loss: str) -> list[str]:
    if forecasts.empty:
        return []
    row = forecasts[(forecasts["dataset"] == dataset) & (forecasts["model"] == winner)].iloc[0]
    if isinstance(row["reason"], str):
        return [f"What more data would bring is not known: {row['reason']}."]
    low, middle, high = (100 * row[name] for name in ("gain_low", "gain", "gain_high"))
    if low > 0:
        text = f"cut its {loss} by {middle:.0f}% ({low:.0f} to {high:.0f}%)"
    elif high < 0:
        text = f"raise its {loss} by {-middle:.0f}% ({-high:.0f} to {-low:.0f}%)"
    else:
        text = f"change its {loss} by {-middle:+.0f}% ({-high:+.0f} to {-low:+.0f}%)"
    flat = {"reached": " It has reached its plateau.", "not reached": ""}
    return [f"Doubling the data would {text}.{flat.get(str(row['plateau']), '')}"]


def cheapest_sentence(cost: pd.DataFrame, dataset: str) -> str:
    """Return which model is cheapest within one percent of the best, at the largest size."""
    rows = cost[cost["dataset"] == dataset]
    rows = rows[rows["n_train"] == rows["n_train"].max()]
    cheap = rows[rows["cheapest_within_1pct"].astype(bool)]
    if cheap.empty:
        return ""
    row = cheap.iloc[0]
    return (
        f"The cheapest model within one percent of the best score at {int(row['n_train']):,} rows "
        f"is {row['model']} ({row['fit_s']:.2g} s to fit)."
    )


def verdict_rows(verdicts: pd.DataFrame) -> list[dict[str, str]]:
    """Return a row a claim: the verdict overall, the data sets of each verdict, and numbers."""
    rows = []
    for claim, part in verdicts.groupby("claim", sort=False):
        overall = part[part["dataset"] == OVERALL]
        single = part[part["dataset"] != OVERALL].drop_duplicates("dataset")
        counts = single.groupby("verdict")["dataset"].apply(lambda names: ", ".join(sorted(names)))
        numbers = [
            f"{row.contrast}: {row.value:+.2f}{_interval(row.low, row.high)}"
            for row in overall.itertuples()
        ]
        rows.append(
            {
                "claim": str(claim),
                "verdict": str(overall["verdict"].iloc[0]),
                "holds": str(counts.get("holds", "")),
                "fails": str(counts.get("does not hold", "")),
                "open": str(counts.get("cannot tell", "")),
                "numbers": "; ".join(numbers),
            }
        )
    return rows


def _interval(low: float, high: float) -> str:
    return f" ({low:+.2f} to {high:+.2f})" if np.isfinite(low) else ""
