"""Leaves out models whose forecasts stay behind the leader's, to save time for the others.

A forecast is no measurement. How often such a model would have been among the best is counted by
`benchmarks/answers/elimination.py`, and reports say so. Models that the user named are never left
out.
"""

from __future__ import annotations

import numpy as np

from zoo import registry
from zoo.curves.forecast import LossForecast, fit_losses
from zoo.metrics import metric as metric_of
from zoo.study.design import NETWORKS
from zoo.study.run_history import Elimination, RunHistory

__all__ = ["MEASURED_ERROR", "eliminate"]

MEASURED_ERROR = (
    "On seven benchmark data sets this rule left out 21 of 83 models. With all rows 0 of the 21 "
    "were the best, and 3 did not differ significantly from it."
)

_LOW, _HIGH = 0.05, 0.95  # ends of the forecast intervals that are compared
_FAR = 10  # times all rows, up to which the best network is forecast


def eliminate(history: RunHistory) -> None:
    """Mark the models to leave out; the first models and those that the user named stay."""
    found = history.leader()
    if found is None:
        return
    for model in history.learners():
        stays = model in history.study.first or model in history.study.named
        if not stays and model not in history.eliminated and _stays_behind(history, model, *found):
            history.eliminated[model] = _where(history, model)


def _where(history: RunHistory, model: str) -> Elimination:
    size = history.sizes_of(model)[-1]
    means = {m: history.mean(m, size) for m in history.learners() if history.losses[m, size]}
    best = min(means, key=lambda name: means[name])
    return Elimination(n_train=size, loss=means[model], best=best, best_loss=means[best])


def _stays_behind(history: RunHistory, model: str, leader: str, size: int) -> bool:
    """Return whether the best end of a model's forecast is worse than the leader's worst end.

    It has to be so at every planned size without a score and at twice all rows; for the best
    network also at ten times all rows, since it may overtake there.
    """
    sizes, top = history.sizes_of(model), history.study.sizes[-1]
    if model == leader or len(sizes) < 2 or sizes[-1] == top or size < sizes[-1]:
        return False
    own, theirs = _forecast(history, model), _forecast(history, leader)
    if own is None or theirs is None:
        return False
    targets = [s for s in history.study.sizes if s > sizes[-1]] + [2 * top]
    if _is_best_network(history, model):
        targets.append(_FAR * top)
    for target in targets:
        best = float(own.quantiles([target], [_LOW])[0, 0])
        if target > size:
            worst = float(theirs.quantiles([target], [_HIGH])[0, 0])
        else:
            at = min(s for s in history.sizes_of(leader) if s >= target)
            worst = max(history.losses[leader, at].values())
        if best <= worst:
            return False
    return True


def _forecast(history: RunHistory, model: str) -> LossForecast | None:
    sizes = history.sizes_of(model)
    means = [history.mean(model, size) for size in sizes]
    errors = [
        float(np.std(v, ddof=1) / np.sqrt(len(v))) if len(v) > 1 else float("nan")
        for v in (list(history.losses[model, size].values()) for size in sizes)
    ]
    highest = metric_of(history.study.metric).highest_loss
    try:
        return fit_losses(sizes, means, standard_errors=errors, highest=highest)
    except ValueError:
        return None


def _is_best_network(history: RunHistory, model: str) -> bool:
    """Return whether no other network is better at the largest size of this one."""
    networks = [m for m in history.learners() if registry.spec(m).family in NETWORKS]
    if model not in networks:
        return False
    size = history.sizes_of(model)[-1]
    means = [history.mean(m, size) for m in networks if history.losses[m, size]]
    return history.mean(model, size) <= min(means)
