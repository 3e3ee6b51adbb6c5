"""Which model is best, and whether its lead is real: within a data set and across them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

__all__ = [
    "TEST_SHARE",
    "PairedTest",
    "corrected_test",
    "critical_difference",
    "elo_ratings",
    "holm",
    "mean_losses",
    "normalised_scores",
    "paired_tests",
    "rank_table",
    "win_rates",
]

Array = NDArray[np.float64]

# Test rows over rows that training rows are drawn from: a quarter over three quarters, or less.
TEST_SHARE = 1 / 3
_ELO_SPREAD = 400.0


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A paired comparison of two models over replicates.

    Parameters
    ----------
    difference, low, high : float
        Mean of first minus second and its 95% interval.
    p_value : float
        Two-sided; NaN with fewer than two replicates.
    replicates : int
    """

    difference: float
    low: float
    high: float
    p_value: float
    replicates: int


def corrected_test(
    differences: Any, *, test_share: float = TEST_SHARE, level: float = 0.95
) -> PairedTest:
    """Return the corrected resampled t-test of paired differences.

    Parameters
    ----------
    differences : array-like of shape (n_replicates,)
        First model's score less the second's, on the same rows; NaN ones are left out.
    test_share : float
        Test rows over the rows that training rows come from.
    level : float
        Of the interval.

    Notes
    -----
    Replicates share rows, so their variance underestimates that of the mean; it is multiplied by
    1/n + test_share in place of 1/n (Nadeau & Bengio 2003, doi:10.1023/A:1024068626366, eq. 9).
    Small training sizes share fewer rows than that stands for, so there the test errs on the safe
    side.
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[np.isfinite(values)]
    n = len(values)
    if n == 0:
        return PairedTest(float("nan"), float("nan"), float("nan"), float("nan"), 0)
    mean = float(values.mean())
    if n < 2:
        return PairedTest(mean, float("nan"), float("nan"), float("nan"), n)
    error = float(np.sqrt((1 / n + test_share) * values.var(ddof=1)))
    if error == 0:
        return PairedTest(mean, mean, mean, 1.0 if mean == 0 else 0.0, n)
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * error
    p_value = float(2 * stats.t.sf(abs(mean) / error, n - 1))
    return PairedTest(mean, mean - half, mean + half, p_value, n)


def paired_tests(losses: pd.DataFrame, *, test_share: float = TEST_SHARE) -> pd.DataFrame:
    """Compare at each size and data set the best model with every other one.

    Parameters
    ----------
    losses : DataFrame
        dataset, model, n_train, replicate, loss.
    test_share : float

    Returns
    -------
    DataFrame
        dataset, n_train, best, model, difference (its loss less the best one's), low, high,
        p_value (Holm's correction over the models), replicates.
    """
    rows = []
    for (dataset, n_train), group in losses.groupby(["dataset", "n_train"]):
        table = group.pivot_table(index="replicate", columns="model", values="loss")
        best = str(table.mean().idxmin())
        tests = {
            str(model): corrected_test(table[model] - table[best], test_share=test_share)
            for model in table.columns
            if model != best
        }
        adjusted = holm([test.p_value for test in tests.values()])
        for (model, test), p_value in zip(tests.items(), adjusted, strict=True):
            rows.append(
                {
                    "dataset": dataset,
                    "n_train": n_train,
                    "best": best,
                    "model": model,
                    "difference": test.difference,
                    "low": test.low,
                    "high": test.high,
                    "p_value": p_value,
                    "replicates": test.replicates,
                }
            )
    names = ["dataset", "n_train", "best", "model", "difference", "low", "high", "p_value"]
    return pd.DataFrame(rows, columns=[*names, "replicates"])


def holm(p_values: list[float]) -> list[float]:
    """Return Holm's step-down p-values (1979, jstor.org/stable/4615733); NaN ones stay."""
    values = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known], kind="stable")]
    steps = values[order] * (len(order) - np.arange(len(order)))
    values[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in values]


def critical_difference(n_models: int, n_datasets: int, *, level: float = 0.95) -> float:
    """Return how far apart two mean ranks have to be, by Nemenyi's test.

    References
    ----------
    Demšar, "Statistical comparisons of classifiers over multiple data sets" (JMLR 7, 2006),
    section 3.2.2.
    """
    if n_models < 2 or n_datasets < 2:
        return float("nan")
    q = float(stats.studentized_range.ppf(level, n_models, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(n_models * (n_models + 1) / (6 * n_datasets)))


def _complete(means: pd.DataFrame) -> pd.DataFrame:
    """Return data sets by models, only models that were measured on every data set."""
    table = means.pivot(index="dataset", columns="model", values="loss")
    return table.dropna(axis=1)


def rank_table(means: pd.DataFrame) -> pd.DataFrame:
    """Return mean ranks at each size, with Friedman's test and the critical difference.

    Parameters
    ----------
    means : DataFrame
        dataset, model, n_train, loss (mean over replicates).

    Returns
    -------
    DataFrame
        n_train, model, mean_rank, n_models, n_datasets, friedman_p, critical_difference, tied_best
        (within the critical difference of the best).
    """
    parts = []
    for n_train, group in means.groupby("n_train"):
        table = _complete(group)
        n_datasets, n_models = table.shape
        if n_models < 1:
            continue
        ranks = table.rank(axis=1)
        mean = ranks.mean().sort_values(kind="stable")
        p_value = float("nan")
        if n_models >= 3 and n_datasets >= 2:
            p_value = float(stats.friedmanchisquare(*ranks.to_numpy().T).pvalue)
        distance = critical_difference(n_models, n_datasets)
        parts.append(
            pd.DataFrame(
                {
                    "n_train": n_train,
                    "model": mean.index,
                    "mean_rank": mean.to_numpy(),
                    "n_models": n_models,
                    "n_datasets": n_datasets,
                    "friedman_p": p_value,
                    "critical_difference": distance,
                    "tied_best": mean.to_numpy() - mean.iloc[0] < distance,
                }
            )
        )
    names = ["n_train", "model", "mean_rank", "n_models", "n_datasets", "friedman_p"]
    names += ["critical_difference", "tied_best"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def win_rates(means: pd.DataFrame) -> pd.DataFrame:
    """Return for each size and model the part of comparisons it wins; a tie is half a win.

    Returns
    -------
    DataFrame
        n_train, model, win_rate, comparisons.
    """
    rows = []
    for n_train, group in means.groupby("n_train"):
        table = group.pivot(index="dataset", columns="model", values="loss")
        values = table.to_numpy()
        for place, model in enumerate(table.columns):
            others = np.delete(values, place, axis=1)
            own = np.broadcast_to(values[:, [place]], others.shape)
            both = np.isfinite(own) & np.isfinite(others)
            if not both.any():
                continue
            wins = (own < others)[both].sum() + 0.5 * (own == others)[both].sum()
            n = int(both.sum())
            rows.append(
                {"n_train": n_train, "model": model, "win_rate": wins / n, "comparisons": n}
            )
    return pd.DataFrame(rows, columns=["n_train", "model", "win_rate", "comparisons"])


def normalised_scores(means: pd.DataFrame) -> pd.DataFrame:
    """Return for each size the mean over data sets of a score from the median (0) to the best (1).

    The best and the median model of a size and data set are 1 and 0, and what is below 0 counts
    as 0, so one failure does not swamp the rest (as in TabZilla, arXiv:2305.02997, with the median
    in place of the worst).

    Returns
    -------
    DataFrame
        n_train, model, normalised.
    """
    grouped = means.groupby(["n_train", "dataset"])["loss"]
    best, middle = grouped.transform("min"), grouped.transform("median")
    room = (middle - best).where(middle > best)
    scaled = ((middle - means["loss"]) / room).clip(lower=0.0)
    found = means.assign(normalised=scaled).dropna(subset=["normalised"])
    return found.groupby(["n_train", "model"], as_index=False)["normalised"].mean()


def elo_ratings(
    means: pd.DataFrame, *, resamples: int = 200, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Return Elo ratings at each size, with intervals by resampling data sets.

    Returns
    -------
    DataFrame
        n_train, model, elo (mean over models 1000), low, high.

    Notes
    -----
    Ratings are the strengths of Bradley & Terry (1952, doi:10.2307/2334029) on Elo's scale, 400
    points being odds of ten to one, fitted to all comparisons at once (so their order does not
    matter), with half a win and half a loss against the field so that a clean sweep stays finite.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for n_train, group in means.groupby("n_train"):
        table = _complete(group)
        n_datasets, n_models = table.shape
        if n_models < 2:
            continue
        wins = _win_counts(table.to_numpy())
        draws = rng.integers(0, n_datasets, (resamples, n_datasets))
        drawn = np.stack([(draws == d).sum(axis=1) for d in range(n_datasets)], axis=1)
        every = np.concatenate([np.ones((1, n_datasets)), drawn])
        ratings, again = np.split(_bradley_terry(np.tensordot(every, wins, 1)), [1])
        low, high = np.quantile(again, ((1 - level) / 2, (1 + level) / 2), axis=0)
        columns = {"n_train": n_train, "model": table.columns, "elo": ratings[0]}
        parts.append(pd.DataFrame(columns | {"low": low, "high": high}))
    names = ["n_train", "model", "elo", "low", "high"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def _win_counts(losses: Array) -> Array:
    """Return wins of model i over j on each data set, shape (n_datasets, n_models, n_models)."""
    own, other = losses[:, :, None], losses[:, None, :]
    values: Array = (own < other) + 0.5 * (own == other)
    values[:, np.arange(losses.shape[1]), np.arange(losses.shape[1])] = 0.0
    return values


def _bradley_terry(wins: Array, rounds: int = 200) -> Array:
    """Return ratings by Hunter's MM algorithm (2004, doi:10.1214/aos/1079120141).

    Parameters
    ----------
    wins : array of shape (n_tables, n_models, n_models)
        Each table is fitted apart.
    """
    n_models = wins.shape[1]
    counts = wins + 0.5 / (n_models - 1) * (1 - np.eye(n_models))
    games, won = counts + counts.transpose(0, 2, 1), counts.sum(axis=2)
    strength = np.ones(won.shape)
    for _ in range(rounds):
        new = won / (games / (strength[:, :, None] + strength[:, None])).sum(axis=2)
        new /= np.exp(np.log(new).mean(axis=1, keepdims=True))
        is_done = bool(np.abs(np.log(new / strength)).max() < 1e-6)
        strength = new
        if is_done:
            break
    values: Array = 1000.0 + _ELO_SPREAD * np.log10(strength)
    return values


def mean_losses(losses: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over replicates of each data set, model and size."""
    keys = ["dataset", "model", "n_train"]
    return losses.groupby(keys, as_index=False)["loss"].mean()
