import numpy as np
import pandas as pd

import zoo


def test_rosenblatt_stops_after_a_pass_without_mistakes_on_separable_rows():
    X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    model = zoo.make("perceptron_rosenblatt", random_state=0, max_epochs=100).fit(X, [0, 0, 1, 1])
    assert model.score(X, [0, 0, 1, 1]) == 1.0
    assert model.n_epochs_ < 100


def test_no_perceptron_learns_exclusive_or_but_the_mlp_does():
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 50, dtype=float)
    y = X[:, 0] != X[:, 1]
    scores = {
        name: zoo.make(name, random_state=0).fit(X, y).score(X, y)
        for name in ("perceptron_rosenblatt", "perceptron", "mlp")
    }
    assert scores["perceptron_rosenblatt"] <= 0.75
    assert scores["perceptron"] <= 0.75
    assert scores["mlp"] == 1.0


def test_rosenblatt_weights_are_the_mean_over_rows_seen_that_are_not_separable():
    X, y = pd.DataFrame({"x": [1.0, 1.0, -1.0]}), [0, 1, 1]  # x = 1 has both labels
    model = zoo.make("perceptron_rosenblatt", random_state=0, max_epochs=1).fit(X, y)
    rows = np.column_stack([model.encoder_.transform(X).astype(float), np.ones(3)])
    weights, after_each_row = np.zeros((2, 2)), []
    for i in np.random.RandomState(0).permutation(3):
        guess = int(np.argmax(weights @ rows[i]))
        if guess != y[i]:
            weights[y[i]] += rows[i]
            weights[guess] -= rows[i]
        after_each_row.append(weights.copy())
    found = np.column_stack([model.coef_, model.intercept_])
    np.testing.assert_allclose(found, np.mean(after_each_row, axis=0))
