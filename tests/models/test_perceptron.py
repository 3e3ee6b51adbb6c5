import numpy as np

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
