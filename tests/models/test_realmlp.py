import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

import zoo
from zoo.data.splits import split
from zoo.encoding.scaling import smooth_clip
from zoo.models.keras_network import fit_together
from zoo.models.realmlp import RealMLPClassifier, RealMLPConfig, RealMLPRegressor
from zoo.training.backends.choose import program_class
from zoo.training.layers.namespaces import plain
from zoo.training.program import Block

pytestmark = pytest.mark.usefixtures("without_xla")

OPTIONS = {
    "n_outputs": 3, "n_numbers": 2, "n_codes": 1, "n_categories": 12, "units": 6, "n_hidden": 2,
    "dropout": 0.0,
}  # fmt: skip


def config(n_inputs, **changed):
    options = {**OPTIONS, "activation": "selu", "is_simple": False, **changed}
    return RealMLPConfig(n_inputs=n_inputs, **options)


def build(layers, n_inputs, **changed):
    return RealMLPClassifier._build(layers, config(n_inputs, **changed))


def make_rows(n_rows, n_onehot=2):
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(n_rows, 2)), rng.integers(0, 12, (n_rows, 1))]
    return np.column_stack([*parts, rng.normal(size=(n_rows, n_onehot))]).astype(np.float32)


def bend(x, kind):
    if kind == "mish":
        return x * np.tanh(np.log1p(np.exp(x)))
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1))


def by_hand(w, X, *, kind, is_simple):
    """Evaluate the paper's equations."""
    x = X[:, :2].astype(np.float64)
    if not is_simple:
        embedded = []
        for j in range(2):
            features = np.cos(
                2 * np.pi * np.outer(x[:, j], w["periodic/frequencies"][j])
                + w["periodic/phases"][j]
            )
            embedded.append(features @ w["periodic/kernel"][j] + w["periodic/offset"][j])
        x = np.concatenate([*embedded, x], axis=1)
    vectors = w["categories/embeddings"][X[:, 2].astype(int)]
    h = np.concatenate([x, vectors, X[:, 3:]], axis=1) * w["hidden_1/scale"]
    for number in (1, 2):
        kernel = w[f"hidden_{number}/kernel"]
        z = h @ kernel / np.sqrt(len(kernel)) + w[f"hidden_{number}/bias"]
        alpha = 1.0 if is_simple else w[f"bend_{number}/alpha"]
        h = z + alpha * (bend(z, kind) - z)
    return h @ w["output/kernel"] / np.sqrt(6) + w["output/bias"]


@pytest.mark.parametrize("kind", ["selu", "mish"])
@pytest.mark.parametrize("is_simple", [False, True])
def test_the_forward_pass_is_that_of_the_paper(kind, is_simple):
    network = build(plain(), 5, activation=kind, is_simple=is_simple)
    rng = np.random.default_rng(1)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    weights = {"/".join(v.path.split("/")[-2:]): v.numpy() for v in network.trainable_variables}
    X = make_rows(9)
    expected = by_hand(weights, X, kind=kind, is_simple=is_simple)
    np.testing.assert_allclose(network(X).numpy(), expected, rtol=1e-4, atol=1e-4)


def drawn(X, **changed):
    template = build(plain(), X.shape[1], **changed)
    paths = [v.path for v in template.trainable_variables]
    shapes = [tuple(v.shape) for v in template.trainable_variables]
    settings = config(X.shape[1], **changed)
    values = RealMLPClassifier._draw(paths, shapes, np.random.default_rng(0), X, settings)
    assert [value.shape for value in values] == shapes
    return {"/".join(p.split("/")[-2:]): v for p, v in zip(paths, values, strict=True)}


def test_each_unit_starts_with_deviation_1_and_its_kink_within_the_data():
    X = make_rows(3000)
    w = drawn(X)
    assert (w["hidden_1/scale"] == 1).all()
    assert (w["bend_1/alpha"] == 1).all()
    x = X[:, :2].astype(np.float64)
    features = np.cos(2 * np.pi * x[:, :, None] * w["periodic/frequencies"] + w["periodic/phases"])
    embedded = np.einsum("bnk,nku->bnu", features, w["periodic/kernel"]) + w["periodic/offset"]
    vectors = w["categories/embeddings"][X[:, 2].astype(int)]
    h = np.concatenate([embedded.reshape(3000, -1), x, vectors, X[:, 3:]], axis=1)
    z = h @ w["hidden_1/kernel"] / np.sqrt(h.shape[1])
    np.testing.assert_allclose(z.std(axis=0), 1.0, rtol=1e-4)
    thresholds = -w["hidden_1/bias"]
    assert ((z.min(axis=0) < thresholds) & (thresholds < z.max(axis=0))).all()


def test_the_output_layer_of_the_simple_variant_starts_at_zero():
    w = drawn(make_rows(50), is_simple=True)
    assert (w["output/kernel"] == 0).all()
    assert abs(w["hidden_1/kernel"].std() - 1.0) < 0.2
    assert "bend_1/alpha" not in w


def test_a_network_trains_in_a_wider_program_as_in_its_own():
    model = RealMLPClassifier(units=6, n_hidden=2)
    narrow, wide = (
        program_class()(
            build,
            n,
            model._program_config(),
            draw=lambda *given: RealMLPClassifier._draw(*given, config(5)),
            jit_compile=False,
        )
        for n in (5, 8)
    )
    ends = []
    for program in (narrow, wide):
        n_steps, n_rows = program.config.block_steps, program.config.batch_size
        rows = make_rows(n_steps * n_rows)
        X = np.zeros((1, n_steps, n_rows, program.n_inputs), np.float32)
        X[..., :5] = rows.reshape(1, n_steps, n_rows, 5)
        y = (X[..., 0] > 0).astype(np.float32)
        rates = np.ones((n_steps, 3, 1), np.float32)
        rates[:, 0], rates[:, 1] = 0.01, 0.02
        train_state = program.enter(program.empty(), 0, 7, rows[:500])
        train_state = program.train(train_state, Block(X, y, np.ones_like(y), 20, rates, [True]))
        ends.append((program, program.cropped(program.slice(train_state, 0), 5)))
    for a, b in zip(ends[0][1], ends[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=2e-3)
    X = make_rows(20)
    outputs = [program.forward(weights, X) for program, weights in ends]
    np.testing.assert_allclose(*outputs, rtol=2e-2, atol=1e-2)


def test_predictions_stay_within_the_range_of_the_training_target():
    X = np.linspace(-1, 1, 200)[:, None]
    y = 3 * X[:, 0]
    model = RealMLPRegressor(random_state=0, units=16, max_epochs=20).fit(X[50:150], y[50:150])
    far = model.predict(np.array([[-100.0], [100.0]]))
    assert far.min() >= y[50:150].min() - 1e-6
    assert far.max() <= y[50:150].max() + 1e-6


def test_regressors_fitted_together_each_keep_the_range_of_their_target():
    X = np.random.default_rng(0).normal(size=(80, 2))
    models = [RealMLPRegressor(random_state=i, units=8, max_epochs=3) for i in range(2)]
    assert dict(fit_together(models, [(X, X[:, 0]), (X, 9 + X[:, 0])], n_slots=2)) == {
        0: None,
        1: None,
    }
    assert models[0].predict(X).max() < 4 < models[1].predict(X).min()


@pytest.mark.parametrize("name", ["realmlp", "realmlp_s"])
def test_columns_of_many_and_of_few_categories_are_learnt(name):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"many": rng.choice(list("abcdefghijklmnop"), 900), "a": rng.normal(size=900)})
    y = np.where(X["many"].isin(list("aceg")), "yes", "no")
    model = zoo.make(name, random_state=0, units=64, max_epochs=40).fit(X[:600], y[:600])
    assert model.encoder_.n_codes_ == (name == "realmlp")
    assert model.score(X[600:], y[600:]) > 0.97


@pytest.mark.slow
@pytest.mark.parametrize("name", ["realmlp", "realmlp_s"])
def test_few_noisy_rows_are_not_memorised(name):
    """The loss of few validation rows is lowest by chance, often when the model overfits."""
    table = zoo.load("flights")
    y = (table.y == table.y.iloc[0]).to_numpy()
    rows = split(y, task="classification", dataset="flights", replicate=2)
    train, test = rows.subset(1000), rows.test
    model = zoo.make(name, random_state=2).fit(table.X.iloc[train], y[train])
    rate = np.full(len(test), y[train].mean())
    baseline = log_loss(y[test], rate)
    probabilities = model.predict_proba(table.X.iloc[test])[:, 1]
    assert log_loss(y[test], probabilities) < 1.1 * baseline
    assert roc_auc_score(y[test], probabilities) > 0.6


def after_two_epochs(X, y):
    """Fit pytabkit's RealMLP for a moment; return it and the weights of its network by name."""
    pytest.importorskip("torch")
    pytabkit = pytest.importorskip("pytabkit")
    theirs = pytabkit.RealMLP_TD_Classifier(
        device="cpu", n_epochs=2, hidden_sizes=[6, 6], random_state=0, n_threads=1, verbosity=0
    )
    theirs.fit(X, y)
    interface = theirs.alg_interface_
    while not hasattr(interface, "model"):
        parts = getattr(interface, "sub_split_interfaces", None)
        interface = parts[0] if parts else interface.alg_interface
    named = [*interface.model.named_parameters(), *interface.model.named_buffers()]
    return theirs, {name.removeprefix("model.tfms."): w.detach().numpy()[0] for name, w in named}


@pytest.mark.filterwarnings("ignore")  # of the other package and what it stands on
def test_the_authors_package_computes_the_same():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=300), "b": rng.exponential(size=300)})
    X["few"] = pd.Categorical(rng.choice(list("uvw"), 300))
    X["many"] = pd.Categorical(rng.choice([f"category {i:02}" for i in range(12)], 300))
    theirs, w = after_two_epochs(X, ((X["a"] > 0) ^ (X["few"] == "u")).astype(int))
    order = [*range(8), *range(11, 19), *range(8, 11)]  # one-hot columns come last here
    numbers, onehot, hidden = "0.layers.0.tfms.", "0.layers.1.tfms.1.tfms.", "2.tfms."
    copied = {
        "periodic/frequencies": w[f"{numbers}2.weight_1"][:, 0],
        "periodic/phases": w[f"{numbers}2.bias_1"][:, 0],
        "periodic/kernel": w[f"{numbers}2.weight_2"],
        "periodic/offset": w[f"{numbers}2.bias_2"][:, 0],
        "categories/embeddings": w[f"{onehot}5.emb_layers.0.emb"],
        "hidden_1/scale": w[f"{hidden}0.tfms.0.scale"][0, order],
        "hidden_1/kernel": w[f"{hidden}0.tfms.1.weight"][order],
        "hidden_1/bias": w[f"{hidden}0.tfms.2.bias"][0],
        "bend_1/alpha": w[f"{hidden}0.tfms.3.weight"][0],
        "hidden_2/kernel": w[f"{hidden}1.tfms.0.weight"],
        "hidden_2/bias": w[f"{hidden}1.tfms.1.bias"][0],
        "bend_2/alpha": w[f"{hidden}1.tfms.2.weight"][0],
        "output/kernel": w[f"{hidden}2.tfms.0.weight"],
        "output/bias": w[f"{hidden}2.tfms.1.bias"][0],
    }
    network = build(plain(), 6, n_categories=13, n_outputs=2)
    for variable in network.trainable_variables:
        variable.assign(copied["/".join(variable.path.split("/")[-2:])])
    scaled = (X[["a", "b"]].to_numpy() + w[f"{numbers}1.tfms.1.bias"]) * w[
        f"{numbers}1.tfms.2.scale"
    ]
    flags = pd.get_dummies(X["few"]).to_numpy(float)
    flags = (flags + w[f"{onehot}2.bias"]) * w[f"{onehot}3.scale"]
    codes = X["many"].cat.codes.to_numpy()[:, None] + 1
    encoded = np.concatenate([smooth_clip(scaled), codes, smooth_clip(flags)], axis=1)
    logits = network(encoded.astype(np.float32)).numpy()
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, theirs.predict_proba(X), rtol=1e-4, atol=1e-5)
