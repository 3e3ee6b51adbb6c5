"""The messy table of the tests of saving, and rows that are messier."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from tests.models.test_saving import fitted, make, messy_table, task_of

__all__ = ["encoded", "fitted", "make", "messier", "messy_table", "task_of", "with_ties"]


def messier(X):
    """Return rows with unknown categories, missing, infinite and large numbers, other times."""
    if not isinstance(X, pd.DataFrame):
        return X[::-1] * 1.1
    rows = X.copy()
    turn = np.arange(len(rows))
    number = rows["number [kg], <1>"]
    rows["number [kg], <1>"] = np.select([turn == 1, turn == 2], [np.inf, 1e30], 3.0 * number)
    rows["letter"] = rows["letter"].astype(object).where(turn % 5 != 0, "never seen")
    rows["many"] = rows["many"].where(turn % 7 != 0, None)
    rows["flag"] = ~rows["flag"]
    rows[7] = rows[7] + pd.to_timedelta(turn % 200 * 86400.0 * 37 + turn * 977.5, unit="s")
    rows[7] = rows[7].where(turn % 11 != 0, pd.NaT)
    rows["how long"] = rows["how long"].where(turn % 3 != 0, pd.NaT)
    rows["empty"] = 4.0
    if "ends" in rows:
        rows["ends"] = 2.0 * rows["ends"]
    return rows


def with_ties(X):
    """Return rows with columns that have many equal values, also at their ends.

    Two columns have numbers that are the same in float32.
    """
    number, turn = np.random.default_rng(5).normal(size=len(X)), np.arange(len(X))
    columns = {"seconds": 1.7e9 + turn % 50, "minute": 1e-40 * (turn % 70)}
    return X.assign(ties=turn % 3, ends=np.clip(number, -0.7, 0.7), **columns)


def encoded(encoder, X):
    """Return the matrix that the encoder's graph makes of a frame."""
    import tensorflow as tf

    from zoo.export.encoder_graph import encode
    from zoo.export.encoder_spec import raw_columns, raw_values

    model = SimpleNamespace(
        encoder_=encoder, n_features_in_=X.shape[1], feature_names_in_=np.array(X.columns, object)
    )
    values, columns = raw_values(model, X), raw_columns(model)
    numbers = [values[column.key] for column in columns if column.kind != "category"]
    codes = [
        [
            known.index(text) if text in (known := column.categories) else -1
            for text in values[column.key]
        ]
        for column in columns
        if column.kind == "category"
    ]
    return encode(
        encoder,
        tf.constant(np.column_stack(numbers), tf.float64),
        tf.constant(np.column_stack(codes), tf.float64),
    ).numpy()
