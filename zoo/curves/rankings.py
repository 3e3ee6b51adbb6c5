"""Rankings of models across data sets: mean ranks, win rates, Elo and normalised scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from zoo.curves.arrays import Array

__all__ = [
    "critical_difference", "elo_ratings", "mean_losses", "normalised_scores", "rank_table",
    "ranking_frame", "win_rates",
]  # fmt: skip

_ELO_SCALE = 400.0


def critical_difference(n_models: int, n_datasets: int) -> float:
    """Return the smallest significant difference of two mean ranks, by Nemenyi's test at 5%.

    References
    ----------
    Demšar, "Statistical comparisons of classifiers over multiple data sets" (JMLR 7, 2006),
    section 3.2.2.
    """
    if n_models < 2 or n_datasets < 2:
        return float("nan")
    q = float(stats.studentized_range.ppf(0.95, n_models, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(n_models * (n_models + 1) / (6 * n_datasets)))


def _complete(means: pd.DataFrame) -> pd.DataFrame:
    """Return losses, data sets by models; only models that were measured on every data set."""
    return means.pivot(index="dataset", columns="model", values="loss").dropna(axis=1)


def rank_table(means: pd.DataFrame) -> pd.DataFrame:
    """Return mean ranks at each size, with Friedman's test and the critical difference.

    `means` has the columns dataset, model, n_train and loss, the mean over replicates.

    Returns
    -------
    DataFrame
        n_train, model, mean_rank, n_models, n_datasets, friedman_p, critical_difference, tied_best
        (within the critical difference of the best).
    """
    rows = []
    for n_train, group in means.groupby("n_train"):
        ranks = _complete(group).rank(axis=1)
        n_datasets, n_models = ranks.shape
        mean = ranks.mean().sort_values(kind="stable")
        p_value = float("nan")
        if n_models >= 3 and n_datasets >= 2:
            p_value = float(stats.friedmanchisquare(*ranks.to_numpy().T).pvalue)
        distance = critical_difference(n_models, n_datasets)
        numbers = (n_models, n_datasets, p_value, distance)
        for model, rank in mean.items():
            rows.append((n_train, model, rank, *numbers, rank - mean.iloc[0] < distance))
    names = ["n_train", "model", "mean_rank", "n_models", "n_datasets", "friedman_p"]
    return pd.DataFrame(rows, columns=[*names, "critical_difference", "tied_best"])


def win_rates(means: pd.DataFrame) -> pd.DataFrame:
    """Return the fraction of comparisons that each model wins, at each size; a tie is half a win.

    Returns
    -------
    DataFrame
        n_train, model, win_rate, comparisons.
    """
    rows = []
    for n_train, group in means.groupby("n_train"):
        table = group.pivot(index="dataset", columns="model", values="loss")
        is_known = table.notna().to_numpy()
        wins = _win_counts(table.to_numpy()).sum(axis=(0, 2))
        comparisons = (is_known[:, :, None] & is_known[:, None]).sum(axis=(0, 2))
        comparisons -= is_known.sum(axis=0)  # of a model with itself
        for model, won, n in zip(table.columns, wins, comparisons, strict=True):
            if n:
                rows.append((n_train, model, won / n, n))
    return pd.DataFrame(rows, columns=["n_train", "model", "win_rate", "comparisons"])


def normalised_scores(means: pd.DataFrame) -> pd.DataFrame:
    """Return mean scores over data sets, scaled from the median model (0) to the best (1).

    Scores below the median count as 0, so one failure does not dominate (as in TabZilla,
    arXiv:2305.02997, with the median in place of the worst).

    Returns
    -------
    DataFrame
        n_train, model, normalised.
    """
    grouped = means.groupby(["n_train", "dataset"])["loss"]
    best, middle = grouped.transform("min"), grouped.transform("median")
    span = (middle - best).where(middle > best)
    scaled = ((middle - means["loss"]) / span).clip(lower=0.0)
    found = means.assign(normalised=scaled).dropna(subset=["normalised"])
    return found.groupby(["n_train", "model"], as_index=False)["normalised"].mean()


def elo_ratings(means: pd.DataFrame, *, resamples: int = 200) -> pd.DataFrame:
    """Return Elo ratings at each size, with 95% intervals from resampled data sets.

    Returns
    -------
    DataFrame
        n_train, model, elo (the mean over models is 1000), low, high.

    Notes
    -----
    Ratings are Bradley-Terry strengths (1952, doi:10.2307/2334029) on Elo's scale, where 400 points
    are odds of ten to one. They are fitted to all comparisons at once, so the order of comparisons
    does not matter. Half a win and half a loss against the field keep ratings finite.
    """
    rng = np.random.default_rng(0)
    rows = []
    for n_train, group in means.groupby("n_train"):
        table = _complete(group)
        n_datasets, n_models = table.shape
        if n_models < 2:
            continue
        wins = _win_counts(table.to_numpy())
        chosen = rng.integers(0, n_datasets, (resamples, n_datasets))
        counts = np.stack([(chosen == d).sum(axis=1) for d in range(n_datasets)], axis=1)
        weights = np.concatenate([np.ones((1, n_datasets)), counts])
        ratings, resampled = np.split(_bradley_terry(np.tensordot(weights, wins, 1)), [1])
        low, high = np.quantile(resampled, ((1 - 0.95) / 2, (1 + 0.95) / 2), axis=0)
        columns = zip(table.columns, ratings[0], low, high, strict=True)
        rows += [(n_train, *row) for row in columns]
    return pd.DataFrame(rows, columns=["n_train", "model", "elo", "low", "high"])


def _win_counts(losses: Array) -> Array:
    """Return wins of model i over j on each data set, shape (n_datasets, n_models, n_models).

    A tie is half a win; a comparison with NaN is none.
    """
    own, other = losses[:, :, None], losses[:, None, :]
    is_other = 1 - np.eye(losses.shape[1])
    return np.asarray(((own < other) + 0.5 * (own == other)) * is_other)


def _bradley_terry(wins: Array, iterations: int = 200) -> Array:
    """Return ratings by Hunter's MM algorithm (2004, doi:10.1214/aos/1079120141).

    Parameters
    ----------
    wins : array of shape (n_tables, n_models, n_models)
        Each table is fitted separately.
    """
    n_models = wins.shape[1]
    counts = wins + 0.5 / (n_models - 1) * (1 - np.eye(n_models))
    games, won = counts + counts.transpose(0, 2, 1), counts.sum(axis=2)
    strength = np.ones(won.shape)
    for _ in range(iterations):
        new = won / (games / (strength[:, :, None] + strength[:, None])).sum(axis=2)
        new /= np.exp(np.log(new).mean(axis=1, keepdims=True))
        has_converged = bool(np.abs(np.log(new / strength)).max() < 1e-6)
        strength = new
        if has_converged:
            break
    return np.asarray(1000.0 + _ELO_SCALE * np.log10(strength))


def mean_losses(losses: pd.DataFrame) -> pd.DataFrame:
    """Return the mean loss over replicates of each data set, model and size."""
    return losses.groupby(["dataset", "model", "n_train"], as_index=False)["loss"].mean()


def ranking_frame(losses: pd.DataFrame) -> pd.DataFrame:
    """Return mean ranks, win rates, Elo ratings and normalised scores at each size.

    `losses` has the columns dataset, model, family, n_train, replicate and loss.
    """
    means = mean_losses(losses)
    table = rank_table(means)
    families = losses.drop_duplicates("model").set_index("model")["family"]
    table.insert(2, "family", table["model"].map(families))
    elo = elo_ratings(means).rename(columns={"low": "elo_low", "high": "elo_high"})
    for part in (win_rates(means), elo, normalised_scores(means)):
        table = table.merge(part, on=["n_train", "model"], how="left")
    return table
