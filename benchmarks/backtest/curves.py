"""Cuts curves into what a forecast sees and what it has to say."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from zoo.bench.store import read
from zoo.curves.aggregate import cell_frame, current_cells, headline
from zoo.curves.scale import scale_of

LOWEST = 1e-4
RATIOS = (2, 4, 8)


@dataclass(frozen=True, slots=True)
class Segment:
    """The anchors of a curve up to a size, and the losses at larger ones by their ratio to it."""

    group: str
    learner: str
    sizes: np.ndarray
    losses: np.ndarray
    errors: np.ndarray
    targets: dict[float, float]
    highest: float = 1.0

    @property
    def octaves(self) -> np.ndarray:
        return np.log2(np.array(list(self.targets), dtype=float))

    @property
    def log_targets(self) -> np.ndarray:
        return np.log(np.maximum(list(self.targets.values()), LOWEST))


def segments(
    curves: pd.DataFrame, *, ratios: tuple[int, ...] = RATIOS, smallest: int = 64
) -> Iterator[Segment]:
    """Yield a segment for each size that is a power of two and has its double on the curve."""
    for (name, learner), curve in curves.groupby(["name", "learner"]):
        line = curve.sort_values("n_train")
        at = dict(zip(line["n_train"], line["test_err_mean"], strict=True))
        n = smallest
        while 2 * n <= line["n_train"].max():
            seen = line[line["n_train"] <= n]
            targets = {float(ratio): at[ratio * n] for ratio in ratios if ratio * n in at}
            if n in at and targets:
                columns = ("n_train", "test_err_mean", "test_err_se")
                arrays = [seen[column].to_numpy(dtype=float) for column in columns]
                yield Segment(str(name), str(learner), *arrays, targets)
            n *= 2


def thinned(part: Segment) -> Iterator[Segment]:
    """Yield the segment with few anchors: each 8th or 12th from the last, and 2 to 6 of them."""
    for step, most in ((8, 6), (12, 5), (12, 3), (12, 2)):
        kept = np.arange(len(part.sizes) - 1, -1, -step)[:most][::-1]
        if len(kept) >= 2:
            arrays = (part.sizes[kept], part.losses[kept], part.errors[kept])
            yield Segment(part.group, part.learner, *arrays, part.targets, part.highest)


def own_segments(folder: Path) -> Iterator[Segment]:
    """Yield the segments of a results folder: two sizes or more seen, every later one a target."""
    scores = headline(cell_frame(current_cells(read(folder).cells)))
    scores = scores[scores["family"] != "baseline"]
    for (dataset, model, metric), curve in scores.groupby(["dataset", "model", "metric"]):
        scale = scale_of(str(metric))
        means = curve.groupby("n_train")["score"].agg(["mean", "sem"])
        sizes = means.index.to_numpy(dtype=float)
        losses, errors = scale.loss(means["mean"]), means["sem"].to_numpy()
        for last in range(1, len(sizes) - 1):
            ratio = sizes[last + 1 :] / sizes[last]
            targets = {round(float(r), 2): float(v) for r, v in zip(ratio, losses[last + 1 :],
                                                                    strict=True)}  # fmt: skip
            seen = slice(0, last + 1)
            arrays = (sizes[seen], losses[seen], errors[seen])
            yield Segment(str(dataset), str(model), *arrays, targets, scale.highest_loss)
