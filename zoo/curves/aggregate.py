"""From cells to curves: means over replicates with intervals, ranks, families on one scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from zoo.metrics import metric as metric_of

__all__ = [
    "cell_frame",
    "current_cells",
    "curve_frame",
    "family_frame",
    "headline",
    "mean_interval",
]

_CELL_COLUMNS = (
    "dataset",
    "model",
    "family",
    "n_train",
    "replicate",
    "status",
    "reason",
    "compile_s",
    "fit_s",
    "predict_s",
    "peak_rss_mb",
    "n_parameters",
    "environment",
)


def current_cells(cells: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the cells of each curve that have its newest data set revision and model version.

    Older ones stay in the store, but a mean over both would be of two different models. Of cells
    that differ in parameters alone, the one measured last counts.
    """
    newest: dict[tuple[str, str], tuple[int, int]] = {}
    for cell in cells:
        curve, version = _curve_and_version(cell)
        newest[curve] = max(newest.get(curve, version), version)
    kept: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for cell in sorted(cells, key=lambda cell: str(cell.get("run", {}).get("finished", ""))):
        curve, version = _curve_and_version(cell)
        if version == newest[curve]:
            kept[*curve, cell["key"]["n_train"], cell["key"]["replicate"]] = cell
    return [kept[place] for place in sorted(kept)]


def _curve_and_version(cell: Mapping[str, Any]) -> tuple[tuple[str, str], tuple[int, int]]:
    key = cell["key"]
    version = (key.get("dataset_revision", 1), key.get("model_version", 1))
    return (key["dataset"], key["model"]), version


def cell_frame(cells: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row a cell, with a column ``test_<metric>`` and ``train_<metric>`` a metric."""
    rows = []
    for cell in cells:
        key, facts, timings = cell["key"], cell.get("facts", {}), cell.get("timings_s", {})
        row = {
            "dataset": key["dataset"],
            "model": key["model"],
            "family": facts.get("family"),
            "n_train": key["n_train"],
            "replicate": key["replicate"],
            "status": cell["status"],
            "reason": cell.get("reason"),
            "compile_s": timings.get("compile"),
            "fit_s": timings.get("fit"),
            "predict_s": timings.get("predict"),
            "peak_rss_mb": cell.get("memory_mb", {}).get("peak_rss"),
            "n_parameters": cell.get("model_facts", {}).get("n_parameters"),
            "environment": cell.get("run", {}).get("environment"),
            "metric": facts.get("metric"),
        }
        for part, scores in cell.get("scores", {}).items():
            row.update({f"{part}_{name}": value for name, value in scores.items()})
        rows.append(row)
    frame = pd.DataFrame(rows)
    missing = [name for name in (*_CELL_COLUMNS, "metric") if name not in frame.columns]
    return frame.assign(**dict.fromkeys(missing))


def headline(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells that are ok, with their headline score in ``score``."""
    ok = cells[cells["status"] == "ok"].copy()
    scores = np.full(len(ok), np.nan)
    for metric in ok["metric"].unique():
        if f"test_{metric}" in ok.columns:
            here = (ok["metric"] == metric).to_numpy()
            scores[here] = ok.loc[here, f"test_{metric}"].to_numpy(np.float64)
    ok["score"] = scores
    return ok[np.isfinite(scores)]


def mean_interval(values: Iterable[float]) -> tuple[float, float, float]:
    """Return the mean and Student's 95% interval for it; NaN bounds for a single value."""
    array = np.asarray(list(values), dtype=np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return mean, float("nan"), float("nan")
    half = float(stats.t.ppf(0.975, len(array) - 1) * array.std(ddof=1) / np.sqrt(len(array)))
    return mean, mean - half, mean + half


def curve_frame(cells: pd.DataFrame) -> pd.DataFrame:
    """Return one row per (data set, model, metric, size).

    Parameters
    ----------
    cells : DataFrame
        From `cell_frame`.

    Returns
    -------
    DataFrame
        dataset, model, family, n_train, metric, is_headline, mean, ci_low, ci_high, replicates,
        fit_s, predict_s (means over replicates).
    """
    ok = cells[cells["status"] == "ok"]
    metrics = [name.removeprefix("test_") for name in ok.columns if name.startswith("test_")]
    rows = []
    keys = ["dataset", "model", "family", "n_train"]
    for (dataset, model, family, n_train), group in ok.groupby(keys, sort=True):
        for metric in metrics:
            values = group[f"test_{metric}"].dropna()
            if values.empty:
                continue
            mean, low, high = mean_interval(values)
            rows.append(
                {
                    "dataset": dataset,
                    "model": model,
                    "family": family,
                    "n_train": n_train,
                    "metric": metric,
                    "is_headline": metric == group["metric"].iloc[0],
                    "mean": mean,
                    "ci_low": low,
                    "ci_high": high,
                    "replicates": len(values),
                    "fit_s": group["fit_s"].mean(),
                    "predict_s": group["predict_s"].mean(),
                }
            )
    return pd.DataFrame(rows)


def _on_one_direction(scores: pd.DataFrame) -> pd.Series[Any]:
    """Return the headline scores so that more is better."""
    is_high = scores["metric"].map(lambda name: metric_of(name).higher_is_better)
    return scores["score"] * np.where(is_high, 1.0, -1.0)


def _scale(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores with ``scaled``: 0 the dummy, 1 the best point of the data set's curves."""
    scores = scores.assign(good=_on_one_direction(scores))
    parts = []
    for _, group in scores.groupby("dataset"):
        means = group.groupby(["model", "n_train"])["good"].mean()
        dummy = group.loc[group["family"] == "baseline", "good"]
        bottom = dummy.mean() if len(dummy) else means.min()
        top = means.max()
        if top > bottom:
            parts.append(group.assign(scaled=(group["good"] - bottom) / (top - bottom)))
    if not parts:
        return scores.assign(scaled=np.nan).iloc[:0]
    return pd.concat(parts, ignore_index=True)


def family_frame(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the mean curve of each family over the data sets, on a scale that they share.

    Headline scores are scaled within each data set so that the dummy is 0 and the best point of
    any curve is 1. A family's score on a data set is the mean of its models there. Means over
    different data sets do not compare, so there is one curve for each group of data sets that
    reach a largest size: group "all" up to the largest size that all of them reach, and group
    "large" over the data sets that reach the largest size of all.

    Returns
    -------
    DataFrame
        group, n_datasets, datasets, family, n_train, mean, ci_low, ci_high, best, replicates:
        interval over replicates; `best` is the mean over data sets of the family's best model.
    """
    scores = _scale(headline(cells))
    names = ["group", "n_datasets", "datasets", "family", "n_train", "mean", "ci_low", "ci_high"]
    names += ["best", "replicates"]
    if scores.empty:
        return pd.DataFrame(columns=names)
    reach = scores.groupby("dataset")["n_train"].max()
    groups = {"all": (list(reach.index), int(reach.min()))}
    if reach.max() > reach.min():
        groups["large"] = (list(reach.index[reach == reach.max()]), int(reach.max()))
    rows = []
    for group, (datasets, largest) in groups.items():
        inside = scores[scores["dataset"].isin(datasets) & (scores["n_train"] <= largest)]
        common = inside.groupby("n_train")["dataset"].nunique()
        inside = inside[inside["n_train"].isin(common.index[common == len(datasets)])]
        inside = inside[inside["family"] != "baseline"]
        for (family, n_train), part in inside.groupby(["family", "n_train"]):
            if part["dataset"].nunique() < len(datasets):
                continue
            by_replicate = part.groupby(["replicate", "dataset"])["scaled"].mean()
            per_replicate = by_replicate.groupby("replicate").mean()
            mean, low, high = mean_interval(per_replicate)
            models = part.groupby(["dataset", "model"])["scaled"].mean()
            best = models.groupby("dataset").max().mean()
            where = ", ".join(sorted(datasets))
            row = (group, len(datasets), where, family, n_train, mean, low, high, best)
            rows.append(dict(zip(names, (*row, len(per_replicate)), strict=True)))
    return pd.DataFrame(rows, columns=names)
