"""Mean losses of models that were not all measured on the same replicates, and their ranking."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["adjusted_means", "ranking"]

_MOST_ITERATIONS = 100
ByReplicate = Mapping[int, float]
"""The loss of each replicate."""


def adjusted_means(losses: Mapping[str, ByReplicate]) -> dict[str, float]:
    """Return the mean loss of each model, as if all had been measured on the same replicates.

    Some replicates are harder than others, and an interrupted run leaves models with different
    ones. So a loss is taken as an effect of its model plus one of its replicate, fitted by least
    squares. Where all models have the same replicates these are the means.

    Examples
    --------
    >>> losses = {"a": {0: 0.1, 1: 0.5}, "b": {0: 0.2}}
    >>> {name: round(mean, 3) for name, mean in adjusted_means(losses).items()}
    {'a': 0.3, 'b': 0.4}
    """
    models = [name for name, values in losses.items() if values]
    if not models:
        return {}
    replicates = sorted({r for name in models for r in losses[name]})
    table = np.array([[losses[name].get(r, np.nan) for r in replicates] for name in models])
    of_replicate = np.zeros(len(replicates))
    for _ in range(_MOST_ITERATIONS):
        of_model = np.nanmean(table - of_replicate, axis=1)
        before, of_replicate = of_replicate, np.nanmean(table - of_model[:, None], axis=0)
        of_replicate -= of_replicate.mean()
        if np.abs(of_replicate - before).max() < 1e-12:
            break
    return dict(zip(models, map(float, of_model), strict=True))


def ranking(losses: Mapping[tuple[str, int], ByReplicate]) -> list[tuple[str, int]]:
    """Return the models by the loss at their own largest size, the best first, and that size.

    Models with the same largest size are compared by their adjusted means.

    Examples
    --------
    >>> ranking({("a", 100): {0: 0.3}, ("a", 900): {0: 0.2}, ("b", 100): {0: 0.1}})
    [('b', 100), ('a', 900)]
    """
    largest: dict[str, int] = {}
    for (model, size), values in losses.items():
        if values:
            largest[model] = max(size, largest.get(model, 0))
    found: dict[tuple[str, int], float] = {}
    for size in set(largest.values()):
        means = adjusted_means({m: losses[m, size] for m, last in largest.items() if last == size})
        found |= {(model, size): mean for model, mean in means.items()}
    return sorted(found, key=lambda at: (found[at], at))
