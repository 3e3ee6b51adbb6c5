import numpy as np
import pandas as pd
import pytest

from zoo.models.keras_network import fit_together
from zoo.models.resnet import ResNetClassifier, ResNetConfig
from zoo.training.backends.choose import program_class
from zoo.training.layers.namespaces import plain
from zoo.training.program import ProgramConfig

pytestmark = pytest.mark.usefixtures("without_xla")

OPTIONS = {
    "n_outputs": 2, "n_numbers": 3, "n_codes": 1, "n_categories": 9,
    "units": 6, "n_hidden_units": 10,
    "n_blocks": 2, "hidden_dropout": 0.0, "residual_dropout": 0.0,
}  # fmt: skip


def build(layers, n_inputs, **changed):
    return ResNetClassifier._build(
        layers, ResNetConfig(n_inputs=n_inputs, **{**OPTIONS, **changed})
    )


def make_rows(n_rows=7, n_replicates=None):
    rng = np.random.default_rng(0)
    shape = (n_rows,) if n_replicates is None else (n_replicates, n_rows)
    parts = [rng.normal(size=(*shape, 3)), rng.integers(0, 9, (*shape, 1)), np.ones((*shape, 2))]
    return np.concatenate(parts, axis=-1).astype(np.float32)


def with_random_weights(network):
    rng = np.random.default_rng(1)
    for variable in network.variables:
        drawn = rng.normal(size=variable.shape)
        variable.assign(np.abs(drawn) if "variance" in variable.path else drawn)
    return {"/".join(v.path.split("/")[-2:]): v.numpy() for v in network.variables}


def normed(x, w, name):
    spread = np.sqrt(w[f"{name}/moving_variance"] + 1e-5)
    return (x - w[f"{name}/moving_mean"]) / spread * w[f"{name}/gamma"] + w[f"{name}/beta"]


def dense(x, w, name):
    return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]


def by_hand(w, X):
    """Evaluate the paper's equations."""
    vectors = w["categories/embeddings"][X[:, 3].astype(int)]
    x = dense(np.concatenate([X[:, :3], vectors, X[:, 4:]], axis=1), w, "first")
    for b in (1, 2):
        hidden = np.maximum(dense(normed(x, w, f"norm_{b}"), w, f"hidden_{b}"), 0)
        x = x + dense(hidden, w, f"back_{b}")
    return dense(np.maximum(normed(x, w, "last_norm"), 0), w, "output")


def test_the_forward_pass_is_that_of_the_paper():
    network = build(plain(), 6)
    weights = with_random_weights(network)
    X = make_rows()
    np.testing.assert_allclose(network(X).numpy(), by_hand(weights, X), rtol=1e-4, atol=1e-4)


def test_first_weights_are_within_one_over_the_root_of_the_inputs():
    network = build(plain(), 6, units=64, n_hidden_units=100, n_categories=200)
    variables = network.trainable_variables
    paths, shapes = [v.path for v in variables], [tuple(v.shape) for v in variables]
    drawn = ResNetClassifier._draw(paths, shapes, np.random.default_rng(0), make_rows())
    found = dict(zip(paths, drawn, strict=True))
    for path, n_inputs in (
        ("categories/embeddings", 8), ("first/kernel", 3 + 8 + 2), ("hidden_1/kernel", 64),
        ("hidden_1/bias", 64), ("back_2/kernel", 100), ("back_2/bias", 100), ("output/kernel", 64),
    ):  # fmt: skip
        bound = 1 / np.sqrt(n_inputs)
        assert 0.9 * bound < np.abs(found[path]).max() <= bound, path
    assert (found["norm_2/gamma"] == 1).all()
    assert (found["norm_2/beta"] == 0).all()


def test_replicated_networks_compute_the_same_as_each_alone():
    two = program_class()(build, 6, ProgramConfig(loss="crossentropy"), n_replicates=2)
    X = make_rows(n_replicates=2)
    train_state = two.empty()
    for r in range(2):
        train_state = two.enter(train_state, r, r, X[r])
    outputs, _ = two.network.stateless_call(
        train_state.weights, train_state.state, X, training=False
    )
    for r in range(2):
        alone = two.forward(two.slice(train_state, r), X[r])
        np.testing.assert_allclose(np.asarray(outputs)[r], alone, atol=1e-5)


def table(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.normal(size=n_rows), "category": rng.choice(list("uvw"), n_rows)})
    return X, np.where((X["a"] > 0) ^ (X["category"] == "u"), "yes", "no")


@pytest.mark.slow
def test_networks_fitted_together_equal_each_alone():
    X, y = table(120)
    small = {"units": 32, "max_epochs": 3}
    models = [ResNetClassifier(**small, random_state=i) for i in range(2)]
    assert dict(fit_together(models, [(X, y)] * 2, n_slots=2)) == {0: None, 1: None}
    alone = ResNetClassifier(**small, random_state=1).fit(X, y)
    np.testing.assert_allclose(models[1].predict_proba(X), alone.predict_proba(X), atol=1e-3)


# of 257 rows 206 = 128 + 78 train: batches are not even
@pytest.mark.slow
@pytest.mark.parametrize("n_rows", [257, 500])
def test_an_interaction_of_a_category_and_a_number_is_learnt(n_rows):
    X, y = table(n_rows)
    new, truth = table(300, seed=1)
    model = ResNetClassifier(units=32, max_epochs=40, random_state=0).fit(X, y)
    assert model.score(new, truth) > 0.9


def test_a_last_batch_of_one_row_trains():
    X, y = table(161)  # 129 train: 128 and 1
    model = ResNetClassifier(units=32, max_epochs=6, random_state=0).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()


def test_the_authors_package_computes_the_same():
    torch = pytest.importorskip("torch")
    rtdl = pytest.importorskip("rtdl_revisiting_models")
    theirs = rtdl.ResNet(
        d_in=6, d_out=2, n_blocks=2, d_block=6, d_hidden=10, d_hidden_multiplier=None,
        dropout1=0.0, dropout2=0.0,
    ).eval()  # fmt: skip
    network = build(plain(), 6, n_codes=0)
    ours = with_random_weights(network)
    names = {"input_projection": "first", "output.linear": "output", "output.normalization":
             "last_norm"}  # fmt: skip
    for b in (1, 2):
        block = f"blocks.{b - 1}"
        names |= {f"{block}.normalization": f"norm_{b}", f"{block}.linear1": f"hidden_{b}",
                  f"{block}.linear2": f"back_{b}"}  # fmt: skip
    state = theirs.state_dict()
    for name in state:
        layer, kind = name.rsplit(".", 1)
        if kind == "num_batches_tracked":
            continue
        layer = names[layer]
        if "norm" in layer:
            kinds = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean",
                     "running_var": "moving_variance"}  # fmt: skip
            value = ours[f"{layer}/{kinds[kind]}"]
        else:
            value = ours[f"{layer}/kernel"].T if kind == "weight" else ours[f"{layer}/bias"]
        assert tuple(state[name].shape) == value.shape, name
        state[name] = torch.from_numpy(np.ascontiguousarray(value))
    theirs.load_state_dict(state)
    X = make_rows()
    with torch.no_grad():
        expected = theirs(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(network(X).numpy(), expected, rtol=1e-4, atol=1e-4)
