"""Cuts curves into the anchors that a forecast gets and the losses that it has to predict."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from zoo.bench.store import read
from zoo.curves.aggregate import cell_frame, current_cells, headline_scores
from zoo.metrics import metric as metric_of

LOWEST = 1e-4
RATIOS = (2, 4, 8)


@dataclass(frozen=True, slots=True)
class Segment:
    """The anchors of a curve up to a size, and the losses at larger sizes, by ratio of sizes."""

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


COLUMNS = ("name", "learner", "n_train", "test_err_mean", "test_err_se")


def read_curves(path: Path) -> pd.DataFrame:
    """Return the anchors of a file with a mean."""
    curves = pd.read_csv(path)
    missing = [name for name in COLUMNS if name not in curves.columns]
    if missing:
        raise SystemExit(f"{path}: expected columns {', '.join(COLUMNS)}; missing: {missing}")
    return curves.dropna(subset=["test_err_mean"])


def segments(
    curves: pd.DataFrame, *, ratios: tuple[int, ...] = RATIOS, smallest: int = 64
) -> Iterator[Segment]:
    """Yield a segment for each size that is a power of two and whose double is on the curve.

    Curves without powers of two are cut at every size. Curves without errors are skipped.
    """
    for (name, learner), curve in curves.groupby(["name", "learner"]):
        line = curve.sort_values("n_train")
        sizes = line["n_train"].to_numpy(dtype=int)
        at = dict(zip(sizes.tolist(), line["test_err_mean"], strict=True))
        powers = [n for n in at if n & (n - 1) == 0]
        for n in powers or at:
            targets = {float(ratio): at[ratio * n] for ratio in ratios if ratio * n in at}
            seen = line[line["n_train"] <= n]
            if n < smallest or not targets or len(seen) < 2 or seen["test_err_mean"].max() == 0:
                continue
            arrays = [seen[column].to_numpy(dtype=float) for column in COLUMNS[2:]]
            yield Segment(str(name), str(learner), *arrays, targets)


def thinned(part: Segment) -> Iterator[Segment]:
    """Yield the segment with 2 to 6 anchors: every 8th or 12th, counted from the last."""
    for step, most in ((8, 6), (12, 5), (12, 3), (12, 2)):
        kept = np.arange(len(part.sizes) - 1, -1, -step)[:most][::-1]
        if len(kept) >= 2:
            arrays = (part.sizes[kept], part.losses[kept], part.errors[kept])
            yield Segment(part.group, part.learner, *arrays, part.targets, part.highest)


def own_segments(folder: Path) -> Iterator[Segment]:
    """Yield the segments of a results folder: two or more sizes, with every later one a target."""
    scores = headline_scores(cell_frame(current_cells(read(folder).cells)))
    scores = scores[scores["family"] != "baseline"]
    for (dataset, model, metric), curve in scores.groupby(["dataset", "model", "metric"]):
        known = metric_of(str(metric))
        means = curve.groupby("n_train")["score"].agg(["mean", "sem"])
        sizes = means.index.to_numpy(dtype=float)
        losses, errors = known.loss(means["mean"]), means["sem"].to_numpy()
        for last in range(1, len(sizes) - 1):
            ratio = sizes[last + 1 :] / sizes[last]
            later = zip(ratio, losses[last + 1 :], strict=True)
            targets = {float(r): float(loss) for r, loss in later}
            seen = slice(0, last + 1)
            arrays = (sizes[seen], losses[seen], errors[seen])
            yield Segment(str(dataset), str(model), *arrays, targets, known.highest_loss)
