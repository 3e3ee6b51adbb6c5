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
from zoo.curves.comparisons import TEST_RATIO, corrected_test

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
    """A difference of log losses per replicate that has to exceed `bound`."""

    name: str
    values: Array
    bound: float

    def tested(self, test_ratio: float) -> ContrastResult:
        """Return the contrast with the interval of the corrected resampled t-test."""
        test = corrected_test(self.values, test_ratio=test_ratio)
        interval = (test.difference, test.low, test.high)
        return ContrastResult(self.name, *interval, self.bound, test.replicates)


@dataclass(frozen=True, slots=True)
class ContrastResult:
    """A contrast with its 95% interval; the fields are columns of `verdict_frame`."""

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
    """Logarithms of the losses on one data set, each table with sizes by replicates.

    Parameters
    ----------
    families : mapping of str to DataFrame
        Of each family's best model at the largest size, by the mean over replicates.
    models : mapping of str to DataFrame
        Of each model.
    names : mapping of str to str
        Best model of each family.
    """

    families: Mapping[str, pd.DataFrame]
    models: Mapping[str, pd.DataFrame]
    names: Mapping[str, str]

    def last_gain(self, family: str) -> Array:
        """Return the decrease per doubling of the rows between the two largest sizes."""
        table = self.families[family]
        if len(table) < 2:
            raise KeyError(f"{family}: one size only")
        sizes = table.index.to_numpy(dtype=np.float64)
        doublings = np.log2(sizes[-1] / sizes[-2])
        values: Array = ((table.iloc[-2] - table.iloc[-1]) / doublings).to_numpy(dtype=np.float64)
        return values

    def lead(self, first: str, second: str, at: int = -1) -> Array:
        """Return how far the first family is ahead at one of the common sizes."""
        ahead, behind = self.families[first], self.families[second]
        sizes = ahead.index.intersection(behind.index)
        if len(sizes) == 0 or (at == 0 and len(sizes) < 2):
            raise KeyError(f"{first} and {second} have too few common sizes")
        values: Array = (behind.loc[sizes[at]] - ahead.loc[sizes[at]]).to_numpy(dtype=np.float64)
        return values


def _more_data(logs: LogLosses) -> list[Contrast]:
    gains = [table.iloc[0] - table.iloc[-1] for table in logs.models.values() if len(table) > 1]
    if not gains:
        raise KeyError("one size only")
    mean = pd.concat(gains, axis=1).mean(axis=1).to_numpy(dtype=np.float64)
    return [Contrast("decrease from the smallest to the largest size, mean over models", mean, 0)]


def _plateau(logs: LogLosses) -> list[Contrast]:
    gain = logs.last_gain("classical")
    return [Contrast(f"{GAIN:.0%} minus the last decrease per doubling", GAIN - gain, 0.0)]


def _deep_improves(logs: LogLosses) -> list[Contrast]:
    return [Contrast("last decrease per doubling", logs.last_gain("deep"), GAIN)]


def _boosting_keeps_up(logs: LogLosses) -> list[Contrast]:
    lead = logs.lead("boosting", "deep")
    return [Contrast("lead of boosting over deep at the largest size", lead, -MARGIN)]


def _deeper_is_better(logs: LogLosses) -> list[Contrast]:
    return [
        Contrast("lead of mlp over perceptron", logs.lead("mlp", "perceptron"), 0.0),
        Contrast("lead of deep over mlp", logs.lead("deep", "mlp"), 0.0),
        Contrast(
            "growth of the lead of deep over perceptron",
            logs.lead("deep", "perceptron") - logs.lead("deep", "perceptron", at=0),
            0.0,
        ),
    ]


CLAIMS: Mapping[str, Callable[[LogLosses], list[Contrast]]] = {
    "more data, better performance": _more_data,
    "older algorithms reach a plateau": _plateau,
    "deep networks keep improving": _deep_improves,
    "boosting keeps up with deep learning": _boosting_keeps_up,
    "deeper is better with more data": _deeper_is_better,
}


def verdict_frame(losses: pd.DataFrame, *, test_ratio: float = TEST_RATIO) -> pd.DataFrame:
    """Return a verdict for each claim on each data set, and over all of them.

    Parameters
    ----------
    losses : DataFrame
        dataset, model, family, n_train, replicate, loss; baselines are ignored.
    test_ratio : float
        For `zoo.curves.comparisons.corrected_test`.

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
        by_name: dict[str, list[ContrastResult]] = {}
        for dataset, logs in groups.items():
            try:
                found = [contrast.tested(test_ratio) for contrast in contrasts_of(logs)]
            except KeyError:
                continue
            for contrast in found:
                by_name.setdefault(contrast.contrast, []).append(contrast)
            used = ", ".join(f"{family}: {model}" for family, model in logs.names.items())
            rows += _rows(claim, dataset, found, used)
        if by_name:
            rows += _rows(claim, OVERALL, [_over_datasets(found) for found in by_name.values()], "")
    names = ["claim", "dataset", "verdict", *(one.name for one in fields(ContrastResult)), "models"]
    return pd.DataFrame(rows, columns=names)


def _log_losses(losses: pd.DataFrame) -> LogLosses:
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
    return LogLosses(families, models, best)


def _over_datasets(found: list[ContrastResult]) -> ContrastResult:
    """Return the mean contrast with Student's interval over data sets; NaN for fewer than three."""
    values = [contrast.value for contrast in found]
    mean, low, high = mean_interval(values)
    if len(values) < 3:
        low, high = float("nan"), float("nan")
    return ContrastResult(found[0].contrast, mean, low, high, found[0].bound, len(values))


def _rows(
    claim: str, dataset: str, found: list[ContrastResult], models: str
) -> list[dict[str, object]]:
    verdicts = {contrast.verdict for contrast in found}
    verdict = Verdict.CANNOT_TELL
    if Verdict.FAILS in verdicts:
        verdict = Verdict.FAILS
    elif verdicts == {Verdict.HOLDS}:
        verdict = Verdict.HOLDS
    head = {"claim": claim, "dataset": dataset, "verdict": verdict}
    return [head | asdict(contrast) | {"models": models} for contrast in found]
