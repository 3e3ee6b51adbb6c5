"""What a score costs: time, memory and parameters beside it, and the models worth their cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.metrics import METRICS, Metric

__all__ = ["COSTS", "WITHIN", "cost_frame", "pareto_front"]

COSTS = ("fit_s", "predict_s", "peak_rss_mb", "n_parameters")
# How close to the best a model has to come to be as good for practical purposes.
WITHIN = 0.01


def pareto_front(cost: Any, loss: Any) -> NDArray[np.bool_]:
    """Return which points no other point beats in one of cost and loss and equals in the other.

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
    """Return the cost of each model at each size, and which are worth it.

    Parameters
    ----------
    scores : DataFrame
        From `zoo.curves.aggregate.headline`; baselines are left out.
    metrics : mapping of str to Metric
        Those that the scores are of.

    Returns
    -------
    DataFrame
        dataset, n_train, model, family, metric, score (mean over replicates), the means of `COSTS`,
        ``on_front_<cost>`` for each, and cheapest_within_1pct: of the models whose score is within
        one percent of the best score (for an error: at most 1.01 times the least), the one with the
        least fit time.
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
