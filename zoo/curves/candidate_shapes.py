"""The candidate shapes that a forecast fits to a learning curve.

A shape is the logarithm of the loss against octaves, ``log2(n / n_last)``, with the value 0 at
octave 0. It depends neither on the unit of the loss nor on the number of rows, so one table of
shapes serves every curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from zoo.curves.arrays import Array

__all__ = ["FORMS", "ShapeTable", "shape_table"]

# Octaves that the table covers before and after the largest size, and its step.
_BACK, _AHEAD, _STEP = 14.0, 14.0, 0.5
_FLOORS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.96)
_LOWEST = 1e-3

FORMS = ("last", "pow3", "pow4", "mmf4", "wbl4", "loglinear", "worsening")


@dataclass(frozen=True, slots=True)
class ShapeTable:
    """Every shape on a grid of octaves.

    Parameters
    ----------
    octaves : array of shape (n_octaves,)
        Evenly spaced.
    log_loss : array of shape (n_shapes, n_octaves)
        Logarithm of the loss, 0 at octave 0.
    form : array of shape (n_shapes,)
        Position in `FORMS`.
    """

    octaves: Array
    log_loss: Array
    form: NDArray[np.int64]

    def at(self, octaves: Array) -> Array:
        """Return the interpolated shapes at any octaves, shape (n_shapes, n_octaves).

        Beyond the grid the values at its ends are kept.
        """
        position = np.clip((octaves - self.octaves[0]) / _STEP, 0, len(self.octaves) - 1.000001)
        left = position.astype(np.int64)
        weight = position - left
        return np.asarray(
            self.log_loss[:, left] * (1 - weight) + self.log_loss[:, left + 1] * weight
        )


@cache
def shape_table() -> ShapeTable:
    """Return the shapes that are fitted to every curve.

    Notes
    -----
    Power laws with three and four parameters, Morgan-Mercer-Flodin and Weibull are the forms that
    fit learning curves best in Mohr, Viering, Loog & van Rijn, "LCDB 1.0" (ECML PKDD 2022,
    doi:10.1007/978-3-031-26419-1_1). A straight line against log n and a constant are the simple
    alternatives; rising power laws cover curves that worsen.
    """
    octaves = np.arange(-_BACK, _AHEAD + _STEP / 2, _STEP)
    u = 2.0**octaves
    slopes = np.geomspace(0.05, 3.0, 14)
    middles = 2.0 ** np.arange(-8.0, 5.0, 2.0)
    steeps = (0.3, 0.5, 0.8, 1.2, 1.8, 2.6, 4.0)
    lines: list[tuple[str, Array]] = [("last", np.ones_like(u))]

    def add(form: str, falling: Array) -> None:
        """Add a form with each floor: the fraction of the current loss that is irreducible."""
        ratio = falling / falling[octaves == 0]
        lines.extend((form, floor + (1 - floor) * ratio) for floor in _FLOORS)

    for slope in slopes:
        add("pow3", u**-slope)
    for slope, shift in product(slopes, (0.03, 0.1, 0.3, 1.0)):
        add("pow4", (u + shift) ** -slope)
    for middle, steep in product(middles, steeps):
        growing = (u / middle) ** steep
        add("mmf4", 1 / (1 + growing))
        # exp(-708) is the smallest exponential that is not subnormal
        add("wbl4", np.exp(-np.minimum(growing, 700.0)))
    lines += [("loglinear", 1 - slope * np.log(u)) for slope in np.geomspace(0.01, 0.5, 10)]
    lines += [("worsening", u**slope) for slope in (0.01, 0.03, 0.07, 0.15, 0.3)]
    values = np.stack([line for _, line in lines])
    form_of = np.array([FORMS.index(name) for name, _ in lines], dtype=np.int64)
    return ShapeTable(octaves, np.log(np.maximum(values, _LOWEST)), form_of)
