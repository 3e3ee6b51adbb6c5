import numpy as np
import pandas as pd
import pytest

from zoo.models.ft_transformer import FTTransformerClassifier, FTTransformerConfig
from zoo.models.keras_network import fit_together
from zoo.training.backends.choose import program_class
from zoo.training.layers.namespaces import plain
from zoo.training.program import ProgramConfig

pytestmark = pytest.mark.usefixtures("without_xla")

OPTIONS = {
    "n_outputs": 2, "n_numbers": 3, "n_codes": 2, "n_categories": 9, "units": 8, "n_blocks": 2,
    "n_heads": 2, "attention_dropout": 0.0, "hidden_dropout": 0.0,
}  # fmt: skip


def config(n_inputs):
    return FTTransformerConfig(n_inputs=n_inputs, **OPTIONS)


def build(layers, n_inputs):
    return FTTransformerClassifier._build(layers, config(n_inputs))


def make_rows(n_rows=7, n_replicates=None):
    rng = np.random.default_rng(0)
    shape = (n_rows,) if n_replicates is None else (n_replicates, n_rows)
    numbers = rng.normal(size=(*shape, 3))
    codes = np.stack([rng.integers(0, 4, shape), rng.integers(4, 9, shape)], axis=-1)
    return np.concatenate([numbers, codes, np.zeros((*shape, 1))], axis=-1).astype(np.float32)


def network_with_random_weights():
    network = build(plain(), 6)
    rng = np.random.default_rng(1)
    for variable in network.trainable_variables:
        variable.assign(0.5 * rng.normal(size=variable.shape))
    return network, {
        "/".join(v.path.split("/")[-2:]): v.numpy() for v in network.trainable_variables
    }


def normed(x, w, name):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * w[f"{name}/gamma"] + w[f"{name}/beta"]


def dense(x, w, name):
    return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]


def by_hand(w, X):
    """Evaluate the paper's equations for one row at a time."""
    logits = []
    for row in X:
        tokens = [w["columns/row_token"][0]]
        tokens += [
            row[j] * w["columns/slopes"][j] + w["columns/bias"][j] for j in range(3)
        ]  # fmt: skip
        tokens += [w["categories/embeddings"][int(code)] for code in row[3:5]]
        x = np.stack(tokens)
        for b in (1, 2):
            known = x if b == 1 else normed(x, w, f"norm_{b}")
            asking = known
            if b == 2:
                x, asking = x[:1], known[:1]
            q, k, v = (
                dense(part, w, f"{name}_{b}")
                for part, name in ((asking, "query"), (known, "key"), (known, "value"))
            )
            heads = []
            for h in (slice(0, 4), slice(4, 8)):
                scores = q[:, h] @ k[:, h].T / 2.0
                probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
                heads.append(probabilities @ v[:, h])
            x = x + dense(np.concatenate(heads, axis=1), w, f"mix_{b}")
            hidden = dense(normed(x, w, f"hidden_norm_{b}"), w, f"hidden_{b}")
            half = hidden.shape[1] // 2
            gated = hidden[:, :half] * np.maximum(hidden[:, half:], 0)
            x = x + dense(gated, w, f"back_{b}")
        logits.append(dense(np.maximum(normed(x[0], w, "last_norm"), 0), w, "output"))
    return np.stack(logits)


def test_the_forward_pass_is_that_of_the_paper():
    network, weights = network_with_random_weights()
    X = make_rows()
    np.testing.assert_allclose(network(X).numpy(), by_hand(weights, X), rtol=1e-4, atol=1e-5)


def test_replicated_networks_compute_the_same_as_each_alone():
    two = program_class()(
        build, 6, ProgramConfig(loss="crossentropy"), n_replicates=2,
        draw=lambda *given: FTTransformerClassifier._draw(*given, config(6)),
    )  # fmt: skip
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


SMALL = {"units": 16, "n_heads": 2, "n_blocks": 2}  # one program serves the tests below


@pytest.mark.slow
def test_networks_fitted_together_equal_each_alone():
    X, y = table(120)
    small = {**SMALL, "max_epochs": 3}
    models = [FTTransformerClassifier(**small, random_state=i) for i in range(2)]
    assert dict(fit_together(models, [(X, y)] * 2, n_slots=2)) == {0: None, 1: None}
    alone = FTTransformerClassifier(**small, random_state=1).fit(X, y)
    np.testing.assert_allclose(models[1].predict_proba(X), alone.predict_proba(X), atol=1e-3)


@pytest.mark.slow
def test_an_interaction_of_a_category_and_a_number_is_learnt():
    X, y = table(500)
    model = FTTransformerClassifier(**SMALL, max_epochs=12, learning_rate=0.003, random_state=0)
    new, truth = table(300, seed=1)
    assert model.fit(X, y).score(new, truth) > 0.9


def test_units_that_are_no_multiple_of_the_heads_are_refused():
    X, y = table(30)
    with pytest.raises(ValueError, match=r"units \(10\) must be a multiple of n_heads \(4\)"):
        FTTransformerClassifier(units=10, n_heads=4).fit(X, y)


def test_the_authors_package_computes_the_same():
    torch = pytest.importorskip("torch")
    rtdl = pytest.importorskip("rtdl_revisiting_models")
    theirs = rtdl.FTTransformer(
        n_cont_features=3, cat_cardinalities=[4, 5], d_out=2, n_blocks=2, d_block=8,
        attention_n_heads=2, attention_dropout=0.0, ffn_d_hidden=None,
        ffn_d_hidden_multiplier=4 / 3, ffn_dropout=0.0, residual_dropout=0.0,
    ).eval()  # fmt: skip
    network, ours = network_with_random_weights()
    state = theirs.state_dict()
    for name in state:
        value = np.zeros(state[name].shape) if name == "cat_embeddings.bias" else copied(name, ours)
        assert value.shape == tuple(state[name].shape), name
        state[name] = torch.from_numpy(np.ascontiguousarray(value, np.float32))
    theirs.load_state_dict(state)
    X = make_rows()
    codes = torch.from_numpy(X[:, 3:5].astype(np.int64) - np.array([0, 4]))
    with torch.no_grad():
        expected = theirs(torch.from_numpy(X[:, :3]), codes).numpy()
    np.testing.assert_allclose(network(X).numpy(), expected, rtol=1e-4, atol=1e-5)


def copied(name, ours):
    """Return the weight of ours that the other package calls `name`."""
    fixed = {
        "cls_embedding.weight": ours["columns/row_token"][0],
        "cont_embeddings.weight": ours["columns/slopes"],
        "cont_embeddings.bias": ours["columns/bias"],
        "cat_embeddings.embeddings.0.weight": ours["categories/embeddings"][:4],
        "cat_embeddings.embeddings.1.weight": ours["categories/embeddings"][4:],
        "backbone.output.normalization.weight": ours["last_norm/gamma"],
        "backbone.output.normalization.bias": ours["last_norm/beta"],
        "backbone.output.linear.weight": ours["output/kernel"].T,
        "backbone.output.linear.bias": ours["output/bias"],
    }
    if name in fixed:
        return fixed[name]
    *_, block, part, inner, kind = [*name.split(".")[:-2], *name.split(".")[-2:]]
    if "normalization" in inner:
        block, part = part, inner
    names = {
        "W_q": "query", "W_k": "key", "W_v": "value", "W_out": "mix", "linear1": "hidden",
        "linear2": "back", "attention_normalization": "norm", "ffn_normalization": "hidden_norm",
    }  # fmt: skip
    layer = f"{names[inner]}_{int(block) + 1}"
    if "normalization" in inner:
        return ours[f"{layer}/{'gamma' if kind == 'weight' else 'beta'}"]
    return ours[f"{layer}/kernel"].T if kind == "weight" else ours[f"{layer}/bias"]
