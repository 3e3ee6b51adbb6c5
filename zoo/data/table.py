"""A data set in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from zoo.data.cards import Card

__all__ = ["Table"]


@dataclass(frozen=True, slots=True)
class Table:
    """A data set in memory.

    Attributes
    ----------
    X : DataFrame of shape (n_samples, n_features)
        Numbers are int or float, two-valued columns bool, text `category`; a missing value is NaN.
    y : Series of shape (n_samples,)
        Labels as text (classification) or numbers as float (regression).
    card : Card
        Where the data come from and what they mean.
    """

    X: pd.DataFrame
    y: pd.Series[Any]
    card: Card
