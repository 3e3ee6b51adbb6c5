"""Scores with their costs (time, memory, parameters), and Pareto fronts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from zoo.metrics import METRICS, Metric

__all__ = ["COSTS", "WITHIN", "cost_frame", "pareto_front"]

COSTS = ("fit_s", "predict_s", "peak_rss_mb", "n_parameters")
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
    parts = []
    for (_, _, metric), group in means.groupby(["dataset", "n_train", "metric"]):
        loss = metrics[str(metric)].loss(group["score"])
        fronts = {f"on_front_{cost}": pareto_front(group[cost], loss) for cost in COSTS}
        near = _near_best(group["score"].to_numpy(dtype=np.float64), metrics[str(metric)])
        fit_s = np.where(near, group["fit_s"].fillna(np.inf), np.inf)
        cheapest = np.isfinite(fit_s) & (fit_s == fit_s.min())
        parts.append(group.assign(**fronts, cheapest_within_1pct=cheapest))
    if not parts:
        names = [*keys, "score", *COSTS, *(f"on_front_{cost}" for cost in COSTS)]
        return pd.DataFrame(columns=[*names, "cheapest_within_1pct"])
    return pd.concat(parts, ignore_index=True)


def _near_best(scores: NDArray[np.float64], metric: Metric) -> NDArray[np.bool_]:
    if metric.higher_is_better:
        best = scores.max()
        return np.asarray(scores >= best - WITHIN * abs(best))
    return np.asarray(scores <= scores.min() * (1 + WITHIN))
