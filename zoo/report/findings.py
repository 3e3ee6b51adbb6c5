"""What the curves show, in sentences that are computed from them."""

from __future__ import annotations

import pandas as pd

from zoo.metrics import metric as metric_of
from zoo.report.style import FAMILY_NAMES

__all__ = ["dataset_finding", "family_findings"]


def family_findings(families: pd.DataFrame) -> list[str]:
    """Return a sentence a family: from where to where its mean curve goes."""
    sentences: list[str] = []
    if families.empty:
        return sentences
    group = "large" if (families["group"] == "large").any() else "all"
    part = families[families["group"] == group]
    for family, name in FAMILY_NAMES.items():
        line = part[part["family"] == family].sort_values("n_train")
        if len(line) < 2:
            continue
        first, last = line.iloc[0], line.iloc[-1]
        before = line.iloc[-2]
        sentences.append(
            f"{name}: {first['mean']:.2f} with {first['n_train']:,} rows, "
            f"{last['mean']:.2f} with {last['n_train']:,}; the last step, from "
            f"{before['n_train']:,} rows, brought {last['mean'] - before['mean']:+.3f}."
        )
    return sentences


def dataset_finding(curves: pd.DataFrame) -> str:
    """Return one sentence on the best models of a data set at its smallest and largest size."""
    metric = metric_of(curves["metric"].iloc[0])
    learned = curves[curves["family"] != "baseline"]
    if learned.empty:
        learned = curves
    parts = []
    for size in dict.fromkeys((learned["n_train"].min(), learned["n_train"].max())):
        here = learned[learned["n_train"] == size]
        is_high = metric.higher_is_better
        best = here.loc[here["mean"].idxmax() if is_high else here["mean"].idxmin()]
        within = here[(here["ci_low"] <= best["mean"]) & (here["ci_high"] >= best["mean"])]
        rivals = sorted(set(within["model"]) - {best["model"]})
        tied = f", not told apart from {', '.join(rivals)}" if rivals else ""
        parts.append(f"With {size:,} rows {best['model']} is best ({best['mean']:.3f}){tied}.")
    return f"{metric.label}. " + " ".join(parts)
