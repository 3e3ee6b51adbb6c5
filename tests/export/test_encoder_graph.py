import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.export.messy import encoded, messier, messy_table, with_ties
from zoo.encoding.encoder import TableEncoder
from zoo.export.encoder_graph import encode


@pytest.mark.parametrize("categories", ["onehot", "ordinal", "mixed"])
@pytest.mark.parametrize("scale", ["none", "standard", "robust", "quantile"])
def test_the_graph_of_an_encoder_makes_the_same_matrix_of_messy_rows(categories, scale):
    X = with_ties(messy_table(200)[0])
    for flags, max_onehot in (("numbers", 9), ("onehot", 0)):
        encoder = TableEncoder(
            categories=categories, scale=scale, flags=flags, max_onehot=max_onehot
        ).fit(X)
        for rows in (X, messier(X)):
            expected = encoder.transform(rows)
            np.testing.assert_allclose(encoded(encoder, rows), expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("n_rows", [2, 3, 59, 333, 4000])
def test_quantiles_are_right_for_any_number_of_rows(n_rows):
    X = with_ties(messy_table(n_rows)[0])
    encoder = TableEncoder(categories="mixed", scale="quantile").fit(X)
    for rows in (X, messier(X)):
        expected = encoder.transform(rows)
        np.testing.assert_allclose(encoded(encoder, rows), expected, rtol=2e-6, atol=2e-6)


def test_a_table_of_categories_alone_is_encoded_by_quantiles_too():
    X = pd.DataFrame({"a": list("xyz") * 5})
    encoder = TableEncoder(categories="mixed", scale="quantile").fit(X)
    codes = tf.constant(np.arange(15)[:, None] % 3, tf.float64)
    found = encode(encoder, tf.zeros((15, 0), tf.float64), codes)
    np.testing.assert_array_equal(found, encoder.transform(X))
    again = TableEncoder.from_state(encoder.state())
    np.testing.assert_array_equal(again.transform(X), encoder.transform(X))
