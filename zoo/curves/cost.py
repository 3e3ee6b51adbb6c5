"""Scores with their costs (time, memory, parameters), and Pareto fronts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from zoo.metrics import METRICS, Metric

__all__ = ["COSTS", "WITHIN", "cost_frame", "pareto_front"]

COSTS = ("fit_s", "predict_s", "fit_memory_mb", "n_parameters")
# Relative distance to the best score within which models count as equally good.
WITHIN = 0.01


def pareto_front(cost: ArrayLike, loss: ArrayLike) -> NDArray[np.bool_]:
    """Return which points are Pareto-optimal in cost and loss.

    Parameters
    ----------
    cost, loss : array-like of shape (n_points,)
        A point without a finite cost or loss is on no front.
    """
    costs, losses = np.asarray(cost, dtype=np.float64), np.asarray(loss, dtype=np.float64)
    known = np.isfinite(costs) & np.isfinite(losses)
    cheaper = costs[:, None] <= costs[None]
    better = losses[:, None] <= losses[None]
    strictly = (costs[:, None] < costs[None]) | (losses[:, None] < losses[None])
    beaten = (cheaper & better & strictly & known[:, None]).any(axis=0)
    return np.asarray(known & ~beaten)


def cost_frame(scores: pd.DataFrame, metrics: Mapping[str, Metric] = METRICS) -> pd.DataFrame:
    """Return score and costs of each model at each size, and which are Pareto-optimal.

    Parameters
    ----------
    scores : DataFrame
        From `zoo.curves.aggregate.headline_scores`; baselines are ignored.
    metrics : mapping of str to Metric
        Of the scores, by name.

    Returns
    -------
    DataFrame
        dataset, n_train, model, family, metric, score (mean over replicates), the means of `COSTS`,
        ``on_front_<cost>`` for each, and cheapest_within_1pct: the fastest to fit of the models
        within 1% of the best score (for an error: at most 1.01 times the lowest).
    """
    learned = scores[scores["family"] != "baseline"]
    keys = ["dataset", "n_train", "model", "family", "metric"]
    numbers = learned.astype(dict.fromkeys(COSTS, float))
    means = numbers.groupby(keys, as_index=False)[["score", *COSTS]].mean()
    flags = [*(f"on_front_{cost}" for cost in COSTS), "cheapest_within_1pct"]
    means[flags] = False
    for (_, _, name), group in means.groupby(["dataset", "n_train", "metric"]):
        metric = metrics[str(name)]
        fronts = [pareto_front(group[cost], metric.loss(group["score"])) for cost in COSTS]
        good = group["score"] if metric.higher_is_better else -group["score"]
        near = good >= good.max() - WITHIN * abs(good.max())
        fit_s = group["fit_s"].where(near).fillna(np.inf)
        cheapest = np.isfinite(fit_s) & (fit_s == fit_s.min())
        means.loc[group.index, flags] = np.column_stack([*fronts, cheapest])
    return means
