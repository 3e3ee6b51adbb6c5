"""Means of models that were not all measured on the same draws of rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["adjusted_means", "best_so_far"]

_ROUNDS = 100


def adjusted_means(losses: Mapping[str, Mapping[int, float]]) -> dict[str, float]:
    """Return the mean loss of each model, as if all had been measured on the same draws.

    Some draws of rows are harder than others, and a run that is cut short leaves models with
    different ones. So a loss is taken as the sum of its model's and its draw's, by least squares.
    Where all models have the same draws these are the means.

    Parameters
    ----------
    losses : mapping of model to mapping of replicate to loss

    Examples
    --------
    >>> losses = {"a": {0: 0.1, 1: 0.5}, "b": {0: 0.2}}
    >>> {name: round(mean, 3) for name, mean in adjusted_means(losses).items()}
    {'a': 0.3, 'b': 0.4}
    """
    models = [name for name, values in losses.items() if values]
    draws = sorted({draw for name in models for draw in losses[name]})
    table = np.array([[losses[name].get(draw, np.nan) for draw in draws] for name in models])
    if not models:
        return {}
    of_draw = np.zeros(len(draws))
    for _ in range(_ROUNDS):
        of_model = np.nanmean(table - of_draw, axis=1)
        before, of_draw = of_draw, np.nanmean(table - of_model[:, None], axis=0)
        of_draw -= of_draw.mean()
        if np.abs(of_draw - before).max() < 1e-12:
            break
    return dict(zip(models, map(float, of_model), strict=True))


def best_so_far(losses: Mapping[tuple[str, int], Mapping[int, float]]) -> tuple[str, int] | None:
    """Return the model with the least loss at its own largest size, and that size.

    Of the models whose largest size is the same, the draws of rows are adjusted for.

    Parameters
    ----------
    losses : mapping of (model, size) to mapping of replicate to loss

    Examples
    --------
    >>> best_so_far({("a", 100): {0: 0.3}, ("a", 900): {0: 0.2}, ("b", 100): {0: 0.1}})
    ('b', 100)
    """
    largest: dict[str, int] = {}
    for (model, size), values in losses.items():
        if values:
            largest[model] = max(size, largest.get(model, 0))
    found: dict[tuple[str, int], float] = {}
    for size in set(largest.values()):
        means = adjusted_means({m: losses[m, size] for m, last in largest.items() if last == size})
        found |= {(model, size): mean for model, mean in means.items()}
    return min(found, key=lambda place: (found[place], place)) if found else None
