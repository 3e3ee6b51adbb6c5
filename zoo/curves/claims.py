"""Verdicts on five claims about models and amounts of data.

A claim is one or more contrasts of log losses that have to exceed a bound. On a data set each
contrast is taken per replicate, so its interval is that of the corrected resampled test; over data
sets, the data sets are the sample. A contrast whose whole interval is above the bound holds, one
whose whole interval is below does not, and for any other the data cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.curves.aggregate import mean_interval
from zoo.curves.comparisons import TEST_SHARE, corrected_test

__all__ = ["CLAIMS", "OVERALL", "verdict_frame"]

Array = NDArray[np.float64]
OVERALL = "all data sets"
HOLDS, FAILS, OPEN = "holds", "does not hold", "cannot tell"

# Smallest change of interest, as a part of the loss: by a doubling of the rows, and between models.
GAIN, MARGIN = 0.05, 0.05


@dataclass(frozen=True, slots=True)
class Contrast:
    """Something to be above `bound`, per replicate, in parts of the loss (log scale)."""

    name: str
    values: Array
    bound: float


@dataclass(frozen=True, slots=True)
class Lines:
    """The log losses of the families of one data set.

    Parameters
    ----------
    families : mapping of str to DataFrame
        Index n_train, columns replicate: log loss of the family's best model at the largest size
        (by the mean over replicates), at every size of it.
    models : mapping of str to DataFrame
        The same for every model.
    names : mapping of str to str
        Best model of each family.
    """

    families: Mapping[str, pd.DataFrame]
    models: Mapping[str, pd.DataFrame]
    names: Mapping[str, str]

    def last_gain(self, family: str) -> Array:
        """Return per replicate the part of the loss lost by a doubling, over the last step."""
        line = self.families[family]
        if len(line) < 2:
            raise KeyError(f"{family}: one size only")
        sizes = line.index.to_numpy(dtype=np.float64)
        doublings = np.log2(sizes[-1] / sizes[-2])
        values: Array = ((line.iloc[-2] - line.iloc[-1]) / doublings).to_numpy(dtype=np.float64)
        return values

    def lead(self, first: str, second: str, at: int = -1) -> Array:
        """Return per replicate how far the first family is ahead, at a size that both have."""
        ahead, behind = self.families[first], self.families[second]
        shared = ahead.index.intersection(behind.index)
        if len(shared) == 0 or (at == 0 and len(shared) < 2):
            raise KeyError(f"{first} and {second} share too few sizes")
        values: Array = (behind.loc[shared[at]] - ahead.loc[shared[at]]).to_numpy(dtype=np.float64)
        return values


def _more_data(lines: Lines) -> list[Contrast]:
    gains = [line.iloc[0] - line.iloc[-1] for line in lines.models.values() if len(line) > 1]
    if not gains:
        raise KeyError("one size only")
    mean = pd.concat(gains, axis=1).mean(axis=1).to_numpy(dtype=np.float64)
    return [Contrast("loss at the smallest size over that at the largest, mean of models", mean, 0)]


def _plateau(lines: Lines) -> list[Contrast]:
    gain = lines.last_gain("classical")
    return [Contrast(f"{GAIN:.0%} less the last gain by doubling", GAIN - gain, 0.0)]


def _deep_improves(lines: Lines) -> list[Contrast]:
    return [Contrast("last gain by doubling", lines.last_gain("deep"), GAIN)]


def _boosting_keeps_up(lines: Lines) -> list[Contrast]:
    lead = lines.lead("boosting", "deep")
    return [Contrast("lead of boosting over deep at the largest size", lead, -MARGIN)]


def _deeper_is_better(lines: Lines) -> list[Contrast]:
    return [
        Contrast("lead of mlp over perceptron", lines.lead("mlp", "perceptron"), 0.0),
        Contrast("lead of deep over mlp", lines.lead("deep", "mlp"), 0.0),
        Contrast(
            "growth of the lead of deep over perceptron",
            lines.lead("deep", "perceptron") - lines.lead("deep", "perceptron", at=0),
            0.0,
        ),
    ]


CLAIMS: Mapping[str, Callable[[Lines], list[Contrast]]] = {
    "more data, better performance": _more_data,
    "older algorithms reach a plateau": _plateau,
    "deep networks keep improving": _deep_improves,
    "boosting keeps up with deep learning": _boosting_keeps_up,
    "deeper is better with more data": _deeper_is_better,
}


def verdict_frame(losses: pd.DataFrame, *, test_share: float = TEST_SHARE) -> pd.DataFrame:
    """Return a verdict for each claim on each data set, and over all of them.

    Parameters
    ----------
    losses : DataFrame
        dataset, model, family, n_train, replicate, loss; baselines are left out.
    test_share : float
        For `zoo.curves.comparisons.corrected_test`.

    Returns
    -------
    DataFrame
        claim, dataset (`OVERALL` for all), verdict, contrast, value, low, high, bound, n, models:
        one row a contrast. `value` and its 95% interval are in log loss: 0.05 is 5% of the loss.
        `n` counts replicates, or data sets. The verdict is that of the whole claim.
    """
    learned = losses[losses["family"] != "baseline"]
    groups = {str(name): _lines(group) for name, group in learned.groupby("dataset")}
    rows = []
    for claim, contrasts_of in CLAIMS.items():
        means: dict[str, list[float]] = {}
        bounds: dict[str, float] = {}
        for dataset, lines in groups.items():
            try:
                contrasts = contrasts_of(lines)
            except KeyError:
                continue
            found = []
            for contrast in contrasts:
                test = corrected_test(contrast.values, test_share=test_share)
                means.setdefault(contrast.name, []).append(test.difference)
                bounds[contrast.name] = contrast.bound
                numbers = (test.difference, test.low, test.high, contrast.bound, test.replicates)
                found.append((contrast.name, *numbers))
            used = ", ".join(f"{family}: {model}" for family, model in lines.names.items())
            rows += _rows(claim, dataset, found, used)
        overall = [
            (name, *_over_datasets(np.array(values)), bounds[name], len(values))
            for name, values in means.items()
        ]
        if overall:
            rows += _rows(claim, OVERALL, overall, "")
    names = ["claim", "dataset", "verdict", "contrast", "value", "low", "high", "bound", "n"]
    return pd.DataFrame(rows, columns=[*names, "models"])


def _lines(losses: pd.DataFrame) -> Lines:
    models, best, families = {}, {}, {}
    smallest = losses.loc[losses["loss"] > 0, "loss"].min()
    logs = losses.assign(log_loss=np.log(losses["loss"].clip(lower=smallest / 2)))
    for model, group in logs.groupby("model"):
        table = group.pivot_table(index="n_train", columns="replicate", values="log_loss")
        models[str(model)] = table.sort_index()
    for family, group in logs.groupby("family"):
        at_end = group[group["n_train"] == group["n_train"].max()]
        name = str(at_end.groupby("model")["loss"].mean().idxmin())
        best[str(family)], families[str(family)] = name, models[name]
    return Lines(families, models, best)


def _over_datasets(values: Array) -> tuple[float, float, float]:
    """Return Student's interval over data sets; none for fewer than three."""
    if len(values) < 3:
        return float(values.mean()), float("nan"), float("nan")
    return mean_interval(values)


def _rows(
    claim: str, dataset: str, found: list[tuple[str, float, float, float, float, int]], models: str
) -> list[tuple[str, str, str, str, float, float, float, float, int, str]]:
    verdicts = [_judge(low, high, bound) for _, _, low, high, bound, _ in found]
    verdict = OPEN
    if FAILS in verdicts:
        verdict = FAILS
    elif all(one == HOLDS for one in verdicts):
        verdict = HOLDS
    return [(claim, dataset, verdict, *numbers, models) for numbers in found]


def _judge(low: float, high: float, bound: float) -> str:
    if low > bound:
        return HOLDS
    return FAILS if high < bound else OPEN
