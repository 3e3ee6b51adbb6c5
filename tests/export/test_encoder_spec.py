import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.export.messy import fitted, make, messier, messy_table, task_of, with_ties
from zoo.encoding.encoder import TableEncoder
from zoo.export.encoder_spec import raw_columns, raw_values, recipe_of

PAGE = Path(__file__).parents[2] / "docs" / "mobile.md"


@pytest.fixture(scope="module")
def program():
    """Return `encode` of docs/mobile.md, which knows nothing of this package."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert "zoo" not in block
    names = {}
    exec(block, names)
    return names["encode"]


class Fitted:
    """As much of an estimator as a recipe asks for."""

    def __init__(self, encoder, X):
        self.encoder_, self.n_features_in_ = encoder, X.shape[1]
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)


def rows_of(model, X):
    """Yield the rows of a frame as a program has them: by name, None where missing."""
    columns = raw_columns(model)
    values = raw_values(model, X)
    for i in range(len(X)):
        row = {column.name: values[column.key][i] for column in columns}
        yield {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in row.items()
        }


def assert_same_matrix(program, model, X):
    recipe = json.loads(json.dumps(recipe_of(model), allow_nan=False))
    found = np.array([program(recipe, row) for row in rows_of(model, X)])
    np.testing.assert_allclose(found, model.encoder_.transform(X), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("categories", ["onehot", "ordinal", "mixed"])
@pytest.mark.parametrize("scale", ["none", "standard", "robust", "quantile"])
def test_the_program_of_the_page_makes_the_encoders_matrix_of_messy_rows(
    program, categories, scale
):
    X = with_ties(messy_table(200)[0])
    for flags in ("numbers", "onehot"):
        model = Fitted(TableEncoder(categories=categories, scale=scale, flags=flags).fit(X), X)
        assert_same_matrix(program, model, X)
        assert_same_matrix(program, model, messier(X))


def test_the_program_of_the_page_encodes_for_a_network(program):
    model, (X, _) = fitted("mlp"), task_of("mlp", "classification")
    assert_same_matrix(program, model, messier(X))


def test_inputs_have_plain_names_of_their_own_and_tell_the_columns(program):
    X = pd.DataFrame(np.arange(40.0).reshape(10, 4), columns=["a b", "a_b", 7, "7"])
    model = make("logistic").fit(X, np.arange(10) % 2)
    columns = raw_columns(model)
    assert [column.key for column in columns] == ["a_b", "a_b_2", "column_7__column_2_",
                                                  "column_7__column_3_"]  # fmt: skip
    assert [column.name for column in columns] == ["a b", "a_b", "7 (column 2)", "7 (column 3)"]
    assert_same_matrix(program, model, X)


def test_a_missing_level_is_a_text_that_no_level_is():
    X = pd.DataFrame({"level": ["", "?", "x"] * 10})
    (column,) = raw_columns(make("logistic").fit(X, np.arange(30) % 2))
    assert column.missing not in column.levels
    (values,) = raw_values(
        make("logistic").fit(X, np.arange(30) % 2), pd.DataFrame({"level": ["", None, "new"]})
    ).values()
    assert values.tolist() == ["", column.missing, column.missing]
