import numpy as np
import pandas as pd
import pytest

import zoo
from zoo.models import modern_nca
from zoo.models.base import validation_split
from zoo.models.modern_nca import ModernNCAClassifier, ModernNCAConfig, ModernNCARegressor
from zoo.training import neighbours
from zoo.training.backends.choose import neighbour_program_class
from zoo.training.layers.namespaces import plain
from zoo.training.neighbours import NeighbourRows, neighbour_means
from zoo.training.optimizer import Adam
from zoo.training.padding import padded_size

OPTIONS = {
    "n_outputs": 4, "n_numbers": 2, "n_codes": 0, "n_categories": 0, "n_frequencies": 3,
    "embedding_units": 5,
}  # fmt: skip


def build(layers, n_inputs):
    return ModernNCAClassifier._build(layers, ModernNCAConfig(n_inputs=n_inputs, **OPTIONS))


def program(loss, temperature=1.0):
    return neighbour_program_class()(
        build, 3, loss, optimizer=Adam(), temperature=temperature, jit_compile=False,
    )  # fmt: skip


def random_weights(network, seed=1):
    rng = np.random.default_rng(seed)
    return [0.4 * rng.normal(size=v.shape).astype(np.float32) for v in network.trainable_variables]


def make_rows(n_rows, seed=0):
    """Two numbers, a column of 0 and 1, three classes and weights."""
    rng = np.random.default_rng(seed)
    flag = rng.integers(0, 2, (n_rows, 1))
    X = np.concatenate([rng.normal(size=(n_rows, 2)), flag], axis=1).astype(np.float32)
    y = rng.integers(0, 3, n_rows).astype(np.float32)
    return NeighbourRows(X, y, rng.uniform(0.5, 2, n_rows).astype(np.float32), np.arange(n_rows))


def place(weights, row):
    """Return the point of one row by the paper's encoder."""
    frequencies, kernel, offset, last, bias = weights
    parts = []
    for x, c in zip(row[:2], frequencies, strict=True):
        features = np.concatenate([np.cos(2 * np.pi * c * x), np.sin(2 * np.pi * c * x)])
        parts.append(np.maximum(features @ kernel + offset, 0))
    return np.concatenate([*parts, row[2:]]) @ last + bias


def by_hand(weights, row, others, others_weight, temperature):
    """Return the weight of each other row in the prediction."""
    here = place(weights, row)
    distances = [np.sqrt(((here - place(weights, other)) ** 2).sum()) for other in others]
    probabilities = others_weight * np.exp(-np.array(distances) / temperature)
    return probabilities / probabilities.sum()


def test_the_encoder_is_that_of_the_paper():
    network = build(plain(), 3)
    weights = random_weights(network)
    for variable, value in zip(network.trainable_variables, weights, strict=True):
        variable.assign(value)
    X = make_rows(6).X
    expected = np.stack([place(weights, row) for row in X])
    np.testing.assert_allclose(network(X).numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.2])
@pytest.mark.parametrize("loss", ["crossentropy", "squared"])
def test_the_loss_is_that_of_the_paper_and_no_row_is_its_own_neighbour(loss, temperature):
    made, rows = program(loss, temperature), make_rows(9)
    weights = random_weights(made.template)
    batch, sample = np.array([0, 3, 4, 7]), np.array([0, 1, 4, 5, 6, 8])
    losses = []
    for i in batch:
        others = sample[sample != i]
        probabilities = by_hand(
            weights, rows.X[i], rows.X[others], rows.weight[others], temperature
        )
        if loss == "squared":
            losses.append((probabilities @ rows.y[others] - rows.y[i]) ** 2)
        else:
            losses.append(-np.log(probabilities[rows.y[others] == rows.y[i]].sum() + 1e-7))
    expected = np.average(losses, weights=rows.weight[batch])
    parts = [
        NeighbourRows.take(rows, numbers, size, 3)
        for numbers, size in ((batch, 4), (batch, 64), (sample, 6), (sample, 64))
    ]
    for near, far in ((parts[0], parts[2]), (parts[1], parts[3])):  # as it is, and padded
        found = float(made.loss([np.float32(w) for w in weights], (near, far)))
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_step_follows_the_gradient_of_the_loss():
    made, rows = program("crossentropy"), make_rows(30)
    weights = random_weights(made.template)
    parts = (NeighbourRows.take(rows, np.arange(30), 64, 3),) * 2
    zeros = [np.zeros_like(w) for w in weights]
    rate = 1e-3
    (after, first, _), loss = made.train((weights, zeros, zeros), parts, 1, (rate, 0.0))
    assert loss == pytest.approx(float(made.loss(weights, parts)), rel=1e-5)
    gradient = [np.asarray(m) / 0.1 for m in first]
    for w, new, g in zip(weights, after, gradient, strict=True):  # Adam's first step is the sign
        moved = np.abs(g) > 1e-4
        np.testing.assert_allclose((w - new)[moved], rate * np.sign(g[moved]), rtol=2e-2)
    direction = [np.random.default_rng(2).normal(size=w.shape) for w in weights]

    def loss_at(step):
        moved = [np.float32(w + step * d) for w, d in zip(weights, direction, strict=True)]
        return float(made.loss(moved, parts))

    along = sum((g * d).sum() for g, d in zip(gradient, direction, strict=True))
    np.testing.assert_allclose((loss_at(2e-4) - loss_at(-2e-4)) / 4e-4, along, rtol=2e-2)


def test_equal_rows_and_a_row_without_a_candidate_leave_the_loss_finite():
    made = program("squared")
    rows = make_rows(4)._replace(X=np.ones((4, 3), np.float32))
    weights = random_weights(made.template)
    zeros = [np.zeros_like(w) for w in weights]
    batch = NeighbourRows.take(rows, np.arange(4), 64, 3)
    for candidates in ([0, 1, 2, 3], [2]):  # row 2 has none in the second
        far = NeighbourRows.take(rows, np.array(candidates), 64, 3)
        (after, *_), loss = made.train((weights, zeros, zeros), (batch, far), 1, (0.01, 0.0))
        assert np.isfinite(loss)
        assert all(np.isfinite(w).all() for w in after)
    others = [0, 1, 3]
    expected = np.average((rows.y[others] - rows.y[2]) ** 2, weights=rows.weight[others])
    assert loss == pytest.approx(expected, rel=1e-4)


def test_means_in_chunks_are_those_of_all_candidates(monkeypatch):
    rng = np.random.default_rng(0)
    near, far = (rng.normal(size=(n, 4)).astype(np.float32) + 50 for n in (7, 11))
    targets, weight = rng.normal(size=(11, 2)), rng.uniform(0.5, 2, 11)
    distances = np.sqrt(((near[:, None].astype(float) - far) ** 2).sum(axis=2))
    probabilities = weight * np.exp(-distances / 0.5)
    expected = probabilities @ targets / probabilities.sum(axis=1, keepdims=True)
    for chunk in (2**22, 25, 1):
        monkeypatch.setattr(neighbours, "_CHUNK", chunk)
        np.testing.assert_allclose(
            neighbour_means(near, far, targets, weight, 0.5), expected, rtol=1e-6
        )


def table(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.uniform(-2, 2, n_rows), "b": rng.uniform(-2, 2, n_rows)})
    X["category"] = rng.choice(list("uvw"), n_rows)
    return X, X["a"] * X["b"] * np.where(X["category"] == "u", -1.0, 1.0)


def small(model_class, **changed):
    return model_class(**{**zoo.spec("modern_nca").smoke, "random_state": 0, **changed})


def test_predictions_follow_from_weights_and_training_rows():
    X, values = table(60)
    y = np.digitize(values, [-0.5, 0.5])
    model = small(ModernNCAClassifier).fit(X, y)
    encoded = model.encoder_.transform(X)
    frequencies, kernel, offset, last, bias = model.weights_
    rows, _ = validation_split(y, 60, 0.2, np.random.RandomState(0))
    features = 2 * np.pi * encoded[:, :2, None] * frequencies
    features = np.concatenate([np.cos(features), np.sin(features)], axis=2)
    made = np.maximum(features @ kernel + offset, 0).reshape(60, -1)
    z = np.concatenate([made, encoded[:, 2:]], axis=1) @ last + bias
    np.testing.assert_allclose(model.embedded_, z[rows], rtol=1e-3, atol=1e-4)
    probabilities = np.exp(-np.sqrt(((z[:, None] - z[rows]) ** 2).sum(axis=2)))
    expected = probabilities @ np.eye(3)[y[rows]] / probabilities.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-3)
    assert model.n_parameters_ == sum(w.size for w in (frequencies, kernel, offset, last, bias))


def test_the_weights_of_the_best_evaluation_are_kept():
    X, values = table(120)
    model = small(ModernNCARegressor, max_epochs=60, patience=3, learning_rate=0.1).fit(X, values)
    losses = model.validation_losses_
    assert model.n_epochs_ == 2 * len(losses)
    assert 2 * (1 + np.argmin(losses)) == model.best_epoch_ == model.n_epochs_ - 6
    _, out = validation_split(None, 120, 0.2, np.random.RandomState(0))
    error = (model.predict(X)[out] - values.to_numpy()[out]) / model.target_scale_
    assert np.mean(error**2) == pytest.approx(min(losses), rel=1e-3)


@pytest.mark.slow
def test_an_interaction_of_numbers_is_learnt():
    X, values = table(400)
    new, truth = table(300, seed=1)
    params = {"units": 16, "n_frequencies": 16, "embedding_units": 8}
    params["max_epochs"] = 150
    model = small(ModernNCAClassifier, **params).fit(X, values > 0)
    assert model.score(new, truth > 0) > 0.9
    untrained = small(ModernNCAClassifier, **params, learning_rate=0.0).fit(X, values > 0)
    assert untrained.score(new, truth > 0) < 0.75


def test_numbers_are_learnt():
    X, values = table(400)
    new, truth = table(300, seed=1)
    params = {"units": 16, "n_frequencies": 16, "embedding_units": 8}
    model = small(ModernNCARegressor, **params, max_epochs=150).fit(X, values)
    assert model.score(new, truth) > 0.8


def test_a_row_of_weight_two_equals_two_candidates():
    X, values = table(8)  # too few for validation rows
    count = np.array([1, 2, 1, 3, 1, 1, 2, 1])
    params = {"learning_rate": 0.0, "weight_decay": 0.0}
    weighted = small(ModernNCARegressor, **params).fit(X, values, sample_weight=count)
    again = np.repeat(np.arange(8), count)[:12]
    assert count.sum() == 12
    params["validation_fraction"] = 0.0
    repeated = small(ModernNCARegressor, **params).fit(X.iloc[again], values.iloc[again])
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-5)


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_a_few_rows_are_enough_to_fit(n_rows):
    X, _ = table(n_rows)
    model = small(ModernNCARegressor).fit(X, np.arange(n_rows) + 5.0)
    found = model.predict(X)
    assert (found >= 5.0).all()
    assert (found <= 4.0 + n_rows).all()


def test_steps_have_few_shapes_and_sizes_share_them():
    assert [padded_size(n) for n in (1, 64, 65, 400, 1024)] == [64, 64, 128, 512, 1024]
    X, values = table(400)
    fitted = [small(ModernNCARegressor).fit(X[:n], values[:n]) for n in (330, 360, 400)]
    assert len({id(model._program()) for model in fitted}) == 1
    sizes = set(fitted[0]._program()._steps)
    assert (512, 256) in sizes
    assert sizes <= {(64, 64), (128, 64), (256, 128), (512, 256)}


@pytest.mark.parametrize(
    ("n_numbers", "sizes"), [(1, (1024, 8192)), (47, (1024, 8192)), (48, (1024, 4096))]
)
def test_a_step_has_the_batch_and_candidates_that_memory_allows(n_numbers, sizes):
    model = ModernNCARegressor()
    model._encode_fit(
        pd.DataFrame(np.random.default_rng(0).normal(size=(12, n_numbers))), None, is_named=True
    )
    assert model._sizes(10**6)[:2] == sizes
    assert model._sizes(1000)[:2] == (1000, 500)
    assert model._sizes(3)[:2] == (3, 2)


@pytest.mark.parametrize("n_numbers", [100, 784, 1000])
def test_periodic_features_fit_in_memory_however_many_rows_and_numbers(n_numbers):
    model = ModernNCARegressor()
    model._encode_fit(
        pd.DataFrame(np.random.default_rng(0).normal(size=(12, n_numbers))), None, is_named=True
    )
    batch, candidates, at_once = model._sizes(10**6)
    rows = padded_size(batch) + padded_size(candidates)
    assert 0.5 * modern_nca._MAX_FEATURES < 2 * 77 * n_numbers * rows <= modern_nca._MAX_FEATURES
    assert 2 * 77 * n_numbers * at_once <= modern_nca._MAX_FEATURES


def test_the_limit_of_candidates_applies_to_validation_rows_and_not_to_predictions():
    X, values = table(120)
    model = small(ModernNCARegressor, max_candidates=10, max_epochs=1).fit(X, values)
    assert len(model.embedded_) == 96
    rows, out = validation_split(None, 120, 0.2, np.random.RandomState(0))
    error = (model.predict(X)[out] - values.to_numpy()[out]) / model.target_scale_
    assert np.mean(error**2) != pytest.approx(model.validation_losses_[0], rel=1e-3)
    model.embedded_ = model.embedded_ * 0.0  # all candidates are equally near: a plain mean
    np.testing.assert_allclose(model.predict(X), values.to_numpy()[rows].mean(), rtol=1e-6)
