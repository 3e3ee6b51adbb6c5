import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.export.messy import fitted, make, messier, messy_table, task_of, with_ties
from zoo.encoding.encoder import TableEncoder
from zoo.export.encoder_spec import encoder_spec, raw_columns, raw_values
from zoo.export.exporting import Refusal, why_not

PAGE = Path(__file__).parents[2] / "docs" / "mobile.md"


@pytest.fixture(scope="module")
def program():
    """Return `encode` of docs/mobile.md, which does not use this package."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert "zoo" not in block
    names = {}
    exec(block, names)
    return names["encode"]


class Fitted:
    """The attributes of an estimator that an encoder spec needs."""

    def __init__(self, encoder, X):
        self.encoder_, self.n_features_in_ = encoder, X.shape[1]
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)


def rows_of(model, X):
    """Yield the rows of a frame as dicts by column name, None where missing."""
    columns = raw_columns(model)
    values = raw_values(model, X)
    for i in range(len(X)):
        row = {column.name: values[column.key][i] for column in columns}
        yield {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in row.items()
        }


def assert_same_matrix(program, model, X):
    spec = json.loads(json.dumps(encoder_spec(model), allow_nan=False))
    found = np.array([program(spec, row) for row in rows_of(model, X)])
    np.testing.assert_allclose(found, model.encoder_.transform(X), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("categories", ["onehot", "ordinal", "mixed"])
@pytest.mark.parametrize("scale", ["none", "standard", "robust", "quantile"])
def test_the_documented_program_makes_the_encoders_matrix_of_messy_rows(program, categories, scale):
    X = with_ties(messy_table(200)[0])
    for flags in ("numbers", "onehot"):
        model = Fitted(TableEncoder(categories=categories, scale=scale, flags=flags).fit(X), X)
        assert_same_matrix(program, model, X)
        assert_same_matrix(program, model, messier(X))


def test_the_documented_program_encodes_for_a_network(program):
    model, (X, _) = fitted("mlp"), task_of("mlp", "classification")
    assert_same_matrix(program, model, messier(X))


def test_inputs_have_unique_plain_names(program):
    X = pd.DataFrame(np.arange(40.0).reshape(10, 4), columns=["a b", "a_b", 7, "7"])
    model = make("logistic").fit(X, np.arange(10) % 2)
    columns = raw_columns(model)
    assert [column.key for column in columns] == ["a_b", "a_b_2", "column_7__column_2_",
                                                  "column_7__column_3_"]  # fmt: skip
    assert [column.name for column in columns] == ["a b", "a_b", "7 (column 2)", "7 (column 3)"]
    assert_same_matrix(program, model, X)


def test_a_missing_category_is_a_text_that_is_no_category():
    X = pd.DataFrame({"letter": ["", "?", "x"] * 10})
    (column,) = raw_columns(make("logistic").fit(X, np.arange(30) % 2))
    assert column.missing not in column.categories
    (values,) = raw_values(
        make("logistic").fit(X, np.arange(30) % 2), pd.DataFrame({"letter": ["", None, "new"]})
    ).values()
    assert values.tolist() == ["", column.missing, column.missing]


def test_text_that_writes_amounts_is_an_input_of_numbers(program):
    days = pd.date_range("2024-01-01", periods=40)
    X = pd.DataFrame(
        {
            "day": days.strftime("%d.%m.%Y"),
            "amount": [f"{i},5" for i in range(40)],
            "clock": [f"12:{i:02}" for i in range(40)],
            True: np.arange(40.0),
            False: list("uv") * 20,
        }
    )
    model = make("logistic").fit(X, np.arange(40) % 2)
    assert [column.kind for column in raw_columns(model)] == [
        "date", "number", "duration", "number", "category",
    ]  # fmt: skip
    assert_same_matrix(program, model, X)
    values = raw_values(model, X)
    for key, found in raw_values(model, X.iloc[:, ::-1]).items():
        np.testing.assert_array_equal(found, values[key])


def test_a_model_of_integers_beyond_float64_is_not_exported():
    X = pd.DataFrame({"code": 2**60 + np.arange(40)})
    model = make("logistic").fit(X, np.arange(40) % 2)
    assert why_not(model, "onnx") is Refusal.LONG_INTEGERS
