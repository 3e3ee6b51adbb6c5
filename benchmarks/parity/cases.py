"""The comparisons: models and their peers, data sets, sizes, seeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import zoo
from zoo.data.splits import split

__all__ = ["CASES", "PEERS", "PUBLISHED", "PUBLISHED_SCORES", "Case", "Part", "load_part"]

PEERS = {  # ours: the class of pytabkit, with its defaults
    "realmlp": "RealMLP_TD_Classifier",
    "realmlp_s": "RealMLP_TD_S_Classifier",
    "resnet": "Resnet_RTDL_D_Classifier",
    "mlp_plr": "MLP_PLR_D_Classifier",
    "tabm": "TabM_D_Classifier",
    "ft_transformer": "FTT_D_Classifier",
}
_LIGHT = ("realmlp", "realmlp_s", "resnet", "mlp_plr")
PUBLISHED = "adult_published"  # the split of the census bureau, on which papers report
_REVISITING = "arXiv:2106.11959"
_TABM = "arXiv:2410.24210"
PUBLISHED_SCORES = {  # accuracy on Adult: paper, mean and deviation over 15 seeds
    "resnet": [(f"{_REVISITING}, tuned", 0.8544, 0.0018)],
    "ft_transformer": [
        (f"{_REVISITING}, defaults", 0.85738, 0.00122),
        (f"{_REVISITING}, tuned", 0.85869, 0.00108),
    ],
    "dcn_v2": [(f"{_REVISITING}, tuned", 0.85295, 0.00411)],
    "mlp_plr": [(f"{_TABM}, tuned", 0.86938, 0.00112)],
    "tabm": [(f"{_TABM}, tuned", 0.85747, 0.00076)],
    "tabm_ple": [(f"{_TABM}, tuned", 0.86937, 0.00119)],
    "tabm_mini": [(f"{_TABM}, tuned", 0.87005, 0.00069)],
}


@dataclass(frozen=True, slots=True)
class Case:
    """One model on one data set, compared on the same seeds and rows."""

    dataset: str
    model: str
    n_train: int | None  # None: all that are not test rows
    n_seeds: int


CASES = (
    *(
        Case(dataset, model, n_train, 5)
        for dataset, n_train in (
            ("thyroid", None),
            ("credit_data", None),
            ("mnist_5k", None),
            ("flights", 10_000),
            ("adult", 10_000),
        )
        for model in _LIGHT
    ),
    *(
        Case(dataset, model, None, 3)
        for dataset in ("thyroid", "credit_data")
        for model in ("tabm", "ft_transformer")
    ),
)


@dataclass(frozen=True, slots=True)
class Part:
    """Training and test rows of one seed."""

    X: pd.DataFrame
    y: np.ndarray[Any, np.dtype[np.intp]]
    X_test: pd.DataFrame
    y_test: np.ndarray[Any, np.dtype[np.intp]]
    metric: str


def load_part(dataset: str, n_train: int | None, seed: int, adult: Path | None) -> Part:
    """Return the rows of one seed; labels are codes.

    Parameters
    ----------
    dataset : str
    n_train : int or None
    seed : int
    adult : Path or None
        A Parquet file of the UCI data set Adult: 16,281 test rows, then 32,561 training rows.
    """
    if dataset == PUBLISHED:
        X, y = _read_adult(adult)
        is_test = np.arange(len(X)) < 16_281
        return Part(X[~is_test], y[~is_test], X[is_test], y[is_test], "accuracy")
    if dataset == "adult" and adult is not None:
        X, y = _read_adult(adult)
        metric = "roc_auc"
    else:
        table = zoo.load(dataset)
        X, y, metric = table.X, pd.factorize(table.y, sort=True)[0], table.card.metric
    parts = split(y, task="classification", dataset=dataset, replicate=seed)
    rows = parts.train if n_train is None else parts.subset(n_train)
    return Part(X.iloc[rows], y[rows], X.iloc[parts.test], y[parts.test], metric)


def _read_adult(path: Path | None) -> tuple[pd.DataFrame, Any]:
    if path is None:
        raise SystemExit("adult needs its Parquet file: ADULT=FILE or --adult FILE")
    table = pd.read_parquet(path).replace("?", None)
    text = table.columns[[not pd.api.types.is_numeric_dtype(t) for t in table.dtypes]]
    table = table.astype(dict.fromkeys(text, "category"))
    return table.drop(columns="income"), pd.factorize(table["income"], sort=True)[0]
