"""Means of models that were not all measured on the same draws of rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["adjusted_means"]

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
