"""Learns the error distribution of forecasts from public curves; see docs/FORECASTS.md.

    python benchmarks/backtest/learn.py CURVES.csv

writes zoo/curves/error_model.json from all curves of the file.
"""

import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from segments import Segment, read_curves, segments, thinned

from zoo.curves.error_model import ErrorModel, error_features
from zoo.curves.forecast import fit_losses

OUT = Path(__file__).parents[2] / "zoo" / "curves" / "error_model.json"
# Its error stays at chance level and then drops suddenly at a size that the earlier anchors do not
# predict. Intervals that cover this would be too wide for every other learner.
UNLIKE = ("TabNet",)
LOWER = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.35)
PROBABILITIES = np.array([*LOWER, 0.5, *(1 - level for level in reversed(LOWER))])
NOTHING = ErrorModel(np.zeros(4), np.array([0.5]), np.zeros(1))


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of forecasts whose targets are known, one per row.

    Parameters
    ----------
    log_error : array of shape (n_forecasts,)
    features : array of shape (n_forecasts, 4)
    noise : array of shape (n_forecasts,)
    group : array of shape (n_forecasts,)
        Data set.
    """

    log_error: np.ndarray
    features: np.ndarray
    noise: np.ndarray
    group: np.ndarray

    def where(self, kept: np.ndarray) -> "Errors":
        return Errors(*(getattr(self, field.name)[kept] for field in fields(self)))


def forecast_errors(parts: list[Segment]) -> Errors:
    """Return the errors at every target of the segments."""
    columns = []
    for part in parts:
        fit = fit_losses(part.sizes, part.losses, standard_errors=part.errors, errors=NOTHING)
        spread = fit.posterior.spread(part.octaves)
        n = len(part.octaves)
        error, features = part.log_targets - spread.median, error_features(spread, part.octaves)
        columns.append((error, features, np.full(n, fit.posterior.noise), np.full(n, part.group)))
    return Errors(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def scales(errors: Errors, weights: np.ndarray) -> np.ndarray:
    return np.hypot(np.exp(errors.features @ weights), errors.noise)


def learn_scale(errors: Errors) -> np.ndarray:
    """Return the maximum-likelihood coefficients of the scale of Laplace errors."""
    size = np.abs(errors.log_error)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        scale = scales(errors, weights)
        ratio = size / scale
        fraction = 1 - (errors.noise / scale) ** 2
        slope = errors.features.T @ ((1 - ratio) * fraction) / len(size)
        return float(np.mean(np.log(scale) + ratio)), slope

    start = np.zeros(errors.features.shape[1])
    start[0] = np.log(size.mean() + 1e-6)
    return minimize(loss, start, jac=True, method="L-BFGS-B").x


def learn_errors(errors: Errors) -> ErrorModel:
    """Return the error model, with quantiles of errors on held-out data sets."""
    scaled = np.empty_like(errors.log_error)
    for group in np.unique(errors.group):
        inside = errors.group == group
        weights = learn_scale(errors.where(~inside))
        scaled[inside] = errors.log_error[inside] / scales(errors.where(inside), weights)
    return ErrorModel(learn_scale(errors), PROBABILITIES, np.quantile(scaled, PROBABILITIES))


def training_parts(curves: pd.DataFrame) -> list[Segment]:
    """Return the segments of the curves, each complete and thinned to a few anchors."""
    kept = curves[~curves["learner"].isin(UNLIKE)]
    whole = segments(kept, ratios=(2, 4, 8, 16, 32))
    return [piece for part in whole for piece in (part, *thinned(part))]


def main() -> None:
    curves = read_curves(Path(sys.argv[1]))
    errors = forecast_errors(training_parts(curves))
    model = learn_errors(errors)
    names = sorted(curves["name"].unique())
    n_learners = len(set(curves["learner"]) - set(UNLIKE))
    record = {
        "learned_on": f"{len(errors.noise)} forecasts of test error rates of {n_learners} learners",
        "datasets": names,
        "source": "Learning Curve Database 1.1 (LCDB 1.1), CC BY 4.0",
        "learned_by": "benchmarks/backtest/learn.py",
        "error_model": model.to_dict(),
    }
    OUT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"{len(errors.noise)} forecasts; coefficients {model.coefficients.round(3).tolist()}")


if __name__ == "__main__":
    main()
