"""Verdicts on five claims about models and amounts of data.

A claim is one or more contrasts of logarithms of losses that have to exceed a bound. On a data set
a contrast is computed per replicate, and its interval is that of the corrected resampled t-test.
Over data sets, the data sets are the sample. A contrast holds if its whole interval is above the
bound, and does not hold if it is below; otherwise the data cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

import numpy as np
import pandas as pd

from zoo.curves.aggregate import mean_interval
from zoo.curves.arrays import Array
from zoo.curves.comparisons import corrected_test

__all__ = ["CLAIMS", "OVERALL", "Verdict", "verdict_frame"]

OVERALL = "all data sets"

# Smallest relative change of the loss that is of interest: by doubling the rows, between models.
GAIN, MARGIN = 0.05, 0.05


class Verdict(StrEnum):
    """What the data says about a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Contrast:
    """A difference of log losses and its 95% interval; the fields are columns of `verdict_frame`.

    It has to exceed `bound`; `n` counts replicates, or data sets.
    """

    contrast: str
    value: float
    low: float
    high: float
    bound: float
    n: int

    @property
    def verdict(self) -> Verdict:
        """Return whether the whole interval is above the bound, or below it."""
        if self.low > self.bound:
            return Verdict.HOLDS
        return Verdict.FAILS if self.high < self.bound else Verdict.CANNOT_TELL


@dataclass(frozen=True, slots=True)
class LogLosses:
    """Logarithms of the losses of each model on one data set, sizes by replicates.

    `best` is each family's best model at its largest size, by the mean over replicates.
    """

    models: Mapping[str, pd.DataFrame]
    best: Mapping[str, str]

    def decrease(self) -> Array:
        """Return the decrease from the smallest to the largest size, as a mean over models."""
        tables = [table for table in self.models.values() if len(table) > 1]
        if not tables:
            raise KeyError("one size only")
        decreases = pd.concat([table.iloc[0] - table.iloc[-1] for table in tables], axis=1)
        return np.asarray(decreases.mean(axis=1), dtype=np.float64)

    def last_gain(self, family: str) -> Array:
        """Return the decrease per doubling of the rows between the two largest sizes."""
        table = self.models[self.best[family]]
        if len(table) < 2:
            raise KeyError(f"{family}: one size only")
        doublings = np.log2(float(table.index[-1]) / float(table.index[-2]))
        return np.asarray((table.iloc[-2] - table.iloc[-1]) / doublings, dtype=np.float64)

    def lead(self, first: str, second: str) -> Array:
        """Return how far the first family is ahead at the largest common size."""
        return np.asarray(self._leads(first, second).iloc[-1], dtype=np.float64)

    def lead_growth(self, first: str, second: str) -> Array:
        """Return by how much that lead exceeds the one at the smallest common size."""
        leads = self._leads(first, second)
        if len(leads) < 2:
            raise KeyError(f"{first} and {second} have one common size only")
        return np.asarray(leads.iloc[-1] - leads.iloc[0], dtype=np.float64)

    def _leads(self, first: str, second: str) -> pd.DataFrame:
        """Return the lead of the first family, common sizes by replicates."""
        ahead, behind = self.models[self.best[first]], self.models[self.best[second]]
        sizes = ahead.index.intersection(behind.index)
        if sizes.empty:
            raise KeyError(f"{first} and {second} have no common size")
        return behind.loc[sizes] - ahead.loc[sizes]


# The contrasts of each claim: name, values per replicate, bound. KeyError: the data lacks them.
CLAIMS: Mapping[str, Callable[[LogLosses], list[tuple[str, Array, float]]]] = {
    "more data, better performance": lambda logs: [
        ("decrease from the smallest to the largest size, mean over models", logs.decrease(), 0),
    ],
    "older algorithms reach a plateau": lambda logs: [
        (f"{GAIN:.0%} minus the last decrease per doubling", GAIN - logs.last_gain("classical"), 0),
    ],
    "deep networks keep improving": lambda logs: [
        ("last decrease per doubling", logs.last_gain("deep"), GAIN),
    ],
    "boosting keeps up with deep learning": lambda logs: [
        ("lead of boosting over deep at the largest size", logs.lead("boosting", "deep"), -MARGIN),
    ],
    "deeper is better with more data": lambda logs: [
        ("lead of mlp over perceptron", logs.lead("mlp", "perceptron"), 0),
        ("lead of deep over mlp", logs.lead("deep", "mlp"), 0),
        ("growth of the lead of deep over perceptron", logs.lead_growth("deep", "perceptron"), 0),
    ],
}


def verdict_frame(losses: pd.DataFrame) -> pd.DataFrame:
    """Return a verdict for each claim on each data set, and over all of them.

    `losses` has the columns dataset, model, family, n_train, replicate and loss; baselines are
    ignored.

    Returns
    -------
    DataFrame
        claim, dataset (`OVERALL` for all), verdict, contrast, value, low, high, bound, n, models:
        one row per contrast. `value` and its 95% interval are differences of logarithms of losses:
        0.05 is 5% of the loss. `n` counts replicates, or data sets. The verdict is that of the
        whole claim.
    """
    learned = losses[losses["family"] != "baseline"]
    groups = {str(name): _log_losses(group) for name, group in learned.groupby("dataset")}
    rows = []
    for claim, contrasts_of in CLAIMS.items():
        by_name: dict[str, list[Contrast]] = {}
        for dataset, logs in groups.items():
            try:
                found = [_tested(*contrast) for contrast in contrasts_of(logs)]
            except KeyError:
                continue
            for contrast in found:
                by_name.setdefault(contrast.contrast, []).append(contrast)
            used = ", ".join(f"{family}: {model}" for family, model in logs.best.items())
            rows += _rows(claim, dataset, found, used)
        if by_name:
            rows += _rows(claim, OVERALL, [_over_datasets(found) for found in by_name.values()], "")
    names = ["claim", "dataset", "verdict", *(one.name for one in fields(Contrast)), "models"]
    return pd.DataFrame(rows, columns=names)


def _log_losses(losses: pd.DataFrame) -> LogLosses:
    """Return the logarithms of the losses on one data set; 0 counts as half the smallest loss."""
    smallest = losses.loc[losses["loss"] > 0, "loss"].min()
    logs = losses.assign(log_loss=np.log(losses["loss"].clip(lower=smallest / 2)))
    models = {
        str(model): group.pivot_table(index="n_train", columns="replicate", values="log_loss")
        for model, group in logs.groupby("model")
    }
    best = {}
    for family, group in losses.groupby("family"):
        at_end = group[group["n_train"] == group["n_train"].max()]
        best[str(family)] = str(at_end.groupby("model")["loss"].mean().idxmin())
    return LogLosses(models, best)


def _tested(name: str, values: Array, bound: float) -> Contrast:
    """Return a contrast with the interval of the corrected resampled t-test."""
    test = corrected_test(values)
    return Contrast(name, test.difference, test.low, test.high, bound, test.replicates)


def _over_datasets(found: list[Contrast]) -> Contrast:
    """Return the mean contrast with Student's interval over data sets; NaN for fewer than three."""
    mean, low, high = mean_interval(contrast.value for contrast in found)
    if len(found) < 3:
        low, high = float("nan"), float("nan")
    return Contrast(found[0].contrast, mean, low, high, found[0].bound, len(found))


def _rows(claim: str, dataset: str, found: list[Contrast], models: str) -> list[dict[str, object]]:
    """Return the rows of a claim: its verdict is the worst of its contrasts."""
    worst_first = (Verdict.FAILS, Verdict.CANNOT_TELL, Verdict.HOLDS)
    verdict = min((contrast.verdict for contrast in found), key=worst_first.index)
    head = {"claim": claim, "dataset": dataset, "verdict": verdict}
    return [head | asdict(contrast) | {"models": models} for contrast in found]
