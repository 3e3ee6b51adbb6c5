"""Sentences about families and data sets, computed from the curves."""

from __future__ import annotations

import pandas as pd

from zoo.curves.headlines import name_ties
from zoo.metrics import metric as metric_of
from zoo.report.style import FAMILY_NAMES

__all__ = ["dataset_finding", "family_findings"]


def family_findings(families: pd.DataFrame) -> list[str]:
    """Return a sentence per family: its mean score at the first and the last two sizes."""
    group = "large" if (families["group"] == "large").any() else "all"
    part = families[families["group"] == group]
    sentences = []
    for family, name in FAMILY_NAMES.items():
        line = part[part["family"] == family].sort_values("n_train")
        if len(line) < 2:
            continue
        first, before, last = line.iloc[0], line.iloc[-2], line.iloc[-1]
        sentences.append(
            f"{name}: {first['mean']:.2f} with {first['n_train']:,} rows, {last['mean']:.2f} with "
            f"{last['n_train']:,} rows; {last['mean'] - before['mean']:+.3f} from "
            f"{before['n_train']:,} to {last['n_train']:,} rows."
        )
    return sentences


def dataset_finding(curves: pd.DataFrame, comparisons: pd.DataFrame) -> str:
    """Return the best models of a data set at its smallest and largest size.

    Parameters
    ----------
    curves : DataFrame
        Headline rows of one data set, of `zoo.curves.aggregate.curve_frame`.
    comparisons : DataFrame
        Rows of `zoo.curves.comparisons.paired_tests` for the data set. They name ties at the
        smallest size; those at the largest are part of the headline.
    """
    metric = metric_of(str(curves["metric"].iloc[0]))
    learned = curves[curves["family"] != "baseline"]
    if learned.empty:
        learned = curves
    smallest, largest = learned["n_train"].min(), learned["n_train"].max()
    parts = []
    for size in dict.fromkeys((smallest, largest)):
        means = learned[learned["n_train"] == size].set_index("model")["mean"]
        best = means.idxmax() if metric.higher_is_better else means.idxmin()
        tests = comparisons[(comparisons["n_train"] == size) & (comparisons["best"] == best)]
        ties = name_ties(tests.dropna(subset=["p_value"])) if size < largest else ""
        tied = f", with no significant difference from {ties}" if ties else ""
        parts.append(f"With {size:,} rows {best} has the best mean ({means[best]:.3f}){tied}.")
    return f"Metric: {metric.label}. {' '.join(parts)}"
