"""Fits curves up to size n, forecasts 2n, 4n and 8n, and measures the error.

    python benchmarks/backtest/backtest.py CURVES.csv [--results results/quick] [--out DIR]

CURVES.csv has one row per anchor: name (data set), learner, n_train, test_err_mean, test_err_se.
docs/FORECASTS.md describes where to get such a file and the columns of backtest.csv.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from forms import BASELINES, extrapolate
from learn import UNLIKE, forecast_errors, learn_errors, training_parts
from segments import RATIOS, Segment, own_segments, read_curves, segments

from zoo.curves.crossover import crossover_of_means
from zoo.curves.error_model import ErrorModel, shipped_datasets, shipped_error_model
from zoo.curves.forecast import fit_losses

LEVELS = (0.5, 0.9)


def baseline_rows(part: Segment) -> list[dict]:
    targets = part.sizes[-1] * 2**part.octaves
    rows = []
    for name in BASELINES:
        found = np.clip(extrapolate(name, part.sizes, part.losses, targets), 0, part.highest)
        for (ratio, truth), value in zip(part.targets.items(), found, strict=True):
            rows.append({"method": name, "ratio": ratio, "error": abs(value - truth)})
    return rows


def own_rows(part: Segment, model: ErrorModel) -> list[dict]:
    fit = fit_losses(
        part.sizes, part.losses, standard_errors=part.errors, highest=part.highest, errors=model
    )
    targets = part.sizes[-1] * 2**part.octaves
    ends = [end for level in LEVELS for end in ((1 - level) / 2, (1 + level) / 2)]
    medians, quantiles = fit.median(targets), fit.quantiles(targets, ends)
    rows = []
    for i, (ratio, truth) in enumerate(part.targets.items()):
        row = {"method": "zoo", "ratio": ratio, "error": abs(medians[i] - truth)}
        for k, level in enumerate(LEVELS):
            low, high = quantiles[i, 2 * k : 2 * k + 2]
            row[f"coverage_{100 * level:g}"] = float(low <= truth <= high)
        rows.append(row)
    return rows


def forecast_rows(part: Segment, model: ErrorModel) -> list[dict]:
    where = {"dataset": part.group, "learner": part.learner, "n_train": int(part.sizes[-1])}
    return [where | row for row in own_rows(part, model) + baseline_rows(part)]


def models_without_own_data(curves: pd.DataFrame) -> dict[str, ErrorModel]:
    """Return for each data set an error model that was not learned on it.

    The shipped model for data sets that it was not learned on; for each of the others, a model
    learned on the rest of the file.
    """
    names = [str(name) for name in curves["name"].unique()]
    known = [name for name in names if name in shipped_datasets()]
    models = dict.fromkeys(names, shipped_error_model())
    if known and len(names) < 4:
        raise SystemExit(
            f"{known}: the shipped model was learned on these, so three others are needed"
        )
    errors = forecast_errors(training_parts(curves)) if known else None
    for name in known:
        models[name] = learn_errors(errors.where(errors.group != name))
    return models


def crossovers(curves: pd.DataFrame, incumbent: str, challenger: str) -> pd.DataFrame:
    """Return for each data set the size from which the challenger stays ahead."""
    rows = []
    for name, curve in curves.groupby("name"):
        table = curve.pivot(index="n_train", columns="learner", values=["test_err_mean",
                                                                        "test_err_se"])  # fmt: skip
        if not {incumbent, challenger} <= set(curve["learner"]):
            continue
        pair = table.loc[:, (slice(None), [incumbent, challenger])].dropna()
        means, errors = pair["test_err_mean"], pair["test_err_se"]
        found = crossover_of_means(
            pair.index, means[incumbent], means[challenger], highest=1.0,
            standard_errors=(errors[incumbent], errors[challenger]),
        )  # fmt: skip
        numbers = (found.kind, found.n_train, found.low, found.high, found.probability)
        rows.append((name, incumbent, challenger, int(pair.index.max()), *numbers))
    names = ["dataset", "incumbent", "challenger", "largest", "kind", "n_train", "low", "high"]
    return pd.DataFrame(rows, columns=[*names, "probability"])


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return mean errors and coverage, one row per method and ratio."""
    near = rows.assign(ratio=rows["ratio"].round(2))
    table = near.groupby(["method", "ratio"], as_index=False).agg(
        curves=("error", "size"),
        mean_abs_error=("error", "mean"),
        median_abs_error=("error", "median"),
        coverage_50=("coverage_50", "mean"),
        coverage_90=("coverage_90", "mean"),
    )
    table["ratio"] = table["ratio"].map("{:.4g}".format)
    order = {name: i for i, name in enumerate(("zoo", *BASELINES))}
    return table.sort_values(
        ["ratio", "method"],
        key=lambda column: column.map(order) if column.name == "method" else column.astype(float),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("curves", type=Path)
    parser.add_argument("--results", type=Path, default=Path("results/quick"))
    parser.add_argument("--out", type=Path, default=Path("results/backtest"))
    options = parser.parse_args()
    curves = read_curves(options.curves)
    models = models_without_own_data(curves)
    public = [row for part in segments(curves, ratios=RATIOS) for row in
              forecast_rows(part, models[part.group])]  # fmt: skip
    rows = pd.DataFrame(public)
    options.out.mkdir(parents=True, exist_ok=True)
    table = summarise(rows)
    write(table, options.out / "backtest.csv")
    like = summarise(rows[~rows["learner"].isin(UNLIKE)])
    write(like, options.out / "without_tabnet.csv")
    for column in ("learner", "dataset"):
        parts = [summarise(part).assign(**{column: name}) for name, part in rows.groupby(column)]
        every = pd.concat(parts)
        write(every[[column, *every.columns.drop(column)]], options.out / f"by_{column}.csv")
    write(crossovers(curves, "CatBoost", "RealMLP"), options.out / "crossovers.csv")
    if options.results.exists():
        own = [row for part in own_segments(options.results) for row in
               forecast_rows(part, shipped_error_model())]  # fmt: skip
        write(summarise(pd.DataFrame(own)), options.out / "own_results.csv")
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4f}"))


def write(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, float_format="%.4f", lineterminator="\n")


if __name__ == "__main__":
    main()
