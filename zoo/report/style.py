"""Colours and line styles of all figures."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

__all__ = ["FAMILY_COLOURS", "FAMILY_NAMES", "FAMILY_STYLES", "FONT", "Colours", "model_colours"]

FONT = 8.5  # points
Colours = Mapping[str, str] | None  # of each model

# Okabe & Ito 2008, safe for colour-blind readers; without yellow, which is too light on white
_PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")

FAMILY_NAMES: Mapping[str, str] = {
    "classical": "older algorithms",
    "boosting": "boosting",
    "perceptron": "perceptron",
    "mlp": "multilayer perceptron",
    "deep": "deep networks",
    "baseline": "baseline",
}
FAMILY_STYLES: Mapping[str, str | tuple[int, tuple[float, ...]]] = {
    "classical": (0, (5, 2)),
    "boosting": "-",
    "perceptron": (0, (1, 1.5)),
    "mlp": (0, (6, 1.5, 1, 1.5)),
    "deep": (0, (8, 1.5, 1, 1.5, 1, 1.5)),
    "baseline": (0, (1, 4)),
}
FAMILY_COLOURS: Mapping[str, str] = dict(zip(FAMILY_NAMES, _PALETTE, strict=False)) | {
    "baseline": "#777777"
}


def model_colours(rows: pd.DataFrame) -> dict[str, str]:
    """Return a colour for each model, different within a family.

    `rows` has the columns model and family, for all figures that are shown together. Families start
    at different positions of the palette; models of two families with the same colour differ in
    line style.
    """
    colours = {}
    for family, part in rows.groupby("family"):
        start = [*FAMILY_NAMES].index(family) if family in FAMILY_NAMES else 0
        for position, model in enumerate(sorted(part["model"].unique()), start):
            palette = _PALETTE if family != "baseline" else [FAMILY_COLOURS["baseline"]]
            colours[model] = palette[position % len(palette)]
    return colours
