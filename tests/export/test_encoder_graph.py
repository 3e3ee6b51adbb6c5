import numpy as np
import pytest

from tests.export.messy import encoded, messier, messy_table, with_ties
from zoo.encoding.encoder import TableEncoder


@pytest.mark.parametrize("categories", ["onehot", "ordinal", "mixed"])
@pytest.mark.parametrize("scale", ["none", "standard", "robust", "quantile"])
def test_the_graph_of_an_encoder_makes_its_matrix_of_messy_rows(categories, scale):
    X = with_ties(messy_table(200)[0])
    for flags, max_onehot in (("numbers", 9), ("onehot", 0)):
        encoder = TableEncoder(
            categories=categories, scale=scale, flags=flags, max_onehot=max_onehot
        ).fit(X)
        for rows in (X, messier(X)):
            expected = encoder.transform(rows)
            np.testing.assert_allclose(encoded(encoder, rows), expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("n_rows", [2, 3, 59, 333, 4000])
def test_quantiles_of_any_number_of_rows_are_found(n_rows):
    X = with_ties(messy_table(n_rows)[0])
    encoder = TableEncoder(categories="mixed", scale="quantile").fit(X)
    for rows in (X, messier(X)):
        expected = encoder.transform(rows)
        np.testing.assert_allclose(encoded(encoder, rows), expected, rtol=2e-6, atol=2e-6)
