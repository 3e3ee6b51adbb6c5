"""Tables of cells, of curves (means over replicates with intervals), and of family means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from zoo.bench.store import Status
from zoo.metrics import metric as metric_of

__all__ = [
    "cell_frame",
    "current_cells",
    "curve_frame",
    "family_frame",
    "headline_scores",
    "mean_interval",
]

# The part of a stored cell and the entry in it that a column comes from.
_COLUMNS: Mapping[str, tuple[str | None, str]] = {
    "dataset": ("key", "dataset"),
    "model": ("key", "model"),
    "family": ("facts", "family"),
    "n_train": ("key", "n_train"),
    "replicate": ("key", "replicate"),
    "status": (None, "status"),
    "reason": (None, "reason"),
    "compile_s": ("timings_s", "compile"),
    "fit_s": ("timings_s", "fit"),
    "predict_s": ("timings_s", "predict"),
    "peak_rss_mb": ("memory_mb", "peak_rss"),
    "fit_memory_mb": ("memory_mb", "fit_rise"),
    "n_parameters": ("model_facts", "n_parameters"),
    "environment": ("run", "environment"),
    "metric": ("facts", "metric"),
}


def current_cells(cells: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the cells of each curve with the newest data set revision and model version.

    A mean over several versions would mix different models. Of cells that differ only in
    parameters, the latest counts.
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
    return [kept[key] for key in sorted(kept)]


def _curve_and_version(cell: Mapping[str, Any]) -> tuple[tuple[str, str], tuple[int, int]]:
    key = cell["key"]
    version = (key.get("dataset_revision", 1), key.get("model_version", 1))
    return (key["dataset"], key["model"]), version


def cell_frame(cells: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row per cell.

    Its columns ``test_<metric>`` and ``train_<metric>`` are scores; ``error_<metric>`` is the
    standard error of a test score over other test rows, if it was stored.
    """
    rows = []
    for cell in cells:
        row = {
            name: (cell if part is None else cell.get(part, {})).get(entry)
            for name, (part, entry) in _COLUMNS.items()
        }
        for part, scores in cell.get("scores", {}).items():
            row |= {f"{part}_{name}": value for name, value in scores.items()}
        row |= {f"error_{name}": value for name, value in cell.get("score_errors", {}).items()}
        rows.append(row)
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=[*_COLUMNS])


def headline_scores(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with a score, their headline ``score`` and its ``score_error``, or NaN."""
    ok = cells[cells["status"] == Status.OK]
    records = ok.to_dict("records")
    scores, errors = (
        np.asarray([cell.get(f"{part}_{cell['metric']}", np.nan) for cell in records], float)
        for part in ("test", "error")
    )
    return ok.assign(score=scores, score_error=errors)[np.isfinite(scores)]


def mean_interval(values: Iterable[float]) -> tuple[float, float, float]:
    """Return the mean with Student's 95% interval; NaN bounds for a single value."""
    array = np.asarray(list(values), dtype=np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return mean, float("nan"), float("nan")
    half = float(stats.t.ppf(0.975, len(array) - 1) * array.std(ddof=1) / np.sqrt(len(array)))
    return mean, mean - half, mean + half


def curve_frame(cells: pd.DataFrame) -> pd.DataFrame:
    """Return mean scores over replicates, one row per data set, model, size and metric.

    Returns
    -------
    DataFrame
        dataset, model, family, n_train, metric, is_headline, mean, ci_low, ci_high, replicates,
        fit_s, predict_s (means over replicates).
    """
    ok = cells[cells["status"] == Status.OK]
    metrics = [name.removeprefix("test_") for name in ok.columns if name.startswith("test_")]
    keys = ["dataset", "model", "family", "n_train"]
    rows = []
    for key, group in ok.groupby(keys, sort=True):
        seconds = (group["fit_s"].mean(), group["predict_s"].mean())
        for metric in metrics:
            values = group[f"test_{metric}"].dropna()
            if not values.empty:
                is_headline = metric == group["metric"].iloc[0]
                mean = mean_interval(values)
                rows.append((*key, metric, is_headline, *mean, len(values), *seconds))
    names = [*keys, "metric", "is_headline", "mean", "ci_low", "ci_high", "replicates"]
    return pd.DataFrame(rows, columns=[*names, "fit_s", "predict_s"])


def _scale(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores with ``scaled``: 0 is the dummy baseline, 1 the best mean score."""
    is_high = scores["metric"].map(lambda name: metric_of(name).higher_is_better)
    scores = scores.assign(good=scores["score"] * np.where(is_high, 1.0, -1.0))
    means = scores.groupby(["dataset", "model", "n_train"])["good"].mean().groupby("dataset")
    dummies = scores[scores["family"] == "baseline"].groupby("dataset")["good"]
    dummy = dummies.apply(lambda part: part.mean())
    bottom = scores["dataset"].map(dummy.combine_first(means.min()))
    span = scores["dataset"].map(means.max()) - bottom
    return scores.assign(scaled=(scores["good"] - bottom) / span)[span > 0]


def family_frame(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the mean curve of each family over the data sets, on a common scale.

    Headline scores are scaled within each data set so that the dummy baseline is 0 and the best
    mean score 1. A family's score on a data set is the mean over its models. Means over different
    data sets are not comparable, so there are two groups of curves: "all" over all data sets, up to
    the largest size that all of them have, and "large" over the data sets with the largest size.

    Returns
    -------
    DataFrame
        group, n_datasets, datasets, family, n_train, mean, ci_low, ci_high, best, replicates:
        interval over replicates; `best` is the mean over data sets of the family's best model.
    """
    scores = _scale(headline_scores(cells))
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
        learned = inside[inside["family"] != "baseline"]
        for (family, n_train), part in learned.groupby(["family", "n_train"]):
            if part["dataset"].nunique() < len(datasets):
                continue
            by_replicate = part.groupby(["replicate", "dataset"])["scaled"].mean()
            per_replicate = by_replicate.groupby("replicate").mean()
            models = part.groupby(["dataset", "model"])["scaled"].mean()
            best = models.groupby("dataset").max().mean()
            head = (group, len(datasets), ", ".join(sorted(datasets)), family, n_train)
            rows.append((*head, *mean_interval(per_replicate), best, len(per_replicate)))
    return pd.DataFrame(rows, columns=names)
