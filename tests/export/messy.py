"""The messy table of the tests of saving, and rows that are messier still."""

import numpy as np
import pandas as pd

from tests.models.test_saving import fitted, make, messy_table, task_of

__all__ = ["fitted", "make", "messier", "messy_table", "task_of"]


def messier(X):
    """Return rows with unseen levels, other gaps, infinite and large numbers, other times."""
    if not isinstance(X, pd.DataFrame):
        return X[::-1] * 1.1
    rows = X.copy()
    turn = np.arange(len(rows))
    number = rows["number [kg], <1>"]
    rows["number [kg], <1>"] = np.select([turn == 1, turn == 2], [np.inf, 1e30], 3.0 * number)
    rows["level"] = rows["level"].astype(object).where(turn % 5 != 0, "never seen")
    rows["many"] = rows["many"].where(turn % 7 != 0, None)
    rows["flag"] = ~rows["flag"]
    rows[7] = rows[7] + pd.to_timedelta(turn * 86400.0 * 37 + turn * 977.5, unit="s")
    rows[7] = rows[7].where(turn % 11 != 0, pd.NaT)
    rows["how long"] = rows["how long"].where(turn % 3 != 0, pd.NaT)
    rows["empty"] = 4.0
    return rows
