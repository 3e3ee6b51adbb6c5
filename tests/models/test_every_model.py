import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import zoo
from tests.matrix import ALL, one_fit

CLASSIFIERS = one_fit([name for name in ALL if "classification" in zoo.spec(name).tasks])
REGRESSORS = one_fit([name for name in ALL if "regression" in zoo.spec(name).tasks])
# models whose defaults take minutes, made smaller
NARROW = {
    "ft_transformer": {"units": 16, "n_heads": 2, "n_blocks": 2, "learning_rate": 0.003},
    "tabm": {"units": 32, "k": 8},
    "tabm_ple": {"units": 32, "k": 8, "n_bins": 16},
    "tabm_mini": {"units": 32, "k": 8, "n_bins": 16},
    "dcn_v2": {"units": 32, "learning_rate": 0.003},
}


def make(name, task="classification"):
    params = dict(zoo.spec(name).smoke)
    if "random_state" in zoo.make(name, task=task).get_params():
        params["random_state"] = 0
    return zoo.make(name, task=task, **params)


def messy_table(n_rows=80):
    rng = np.random.default_rng(0)
    number = rng.normal(size=n_rows)
    frame = pd.DataFrame(
        {
            "number [kg], <1>": np.where(rng.random(n_rows) < 0.1, np.nan, number),
            "flag": rng.random(n_rows) < 0.5,
            "category": pd.Series(rng.choice(["a", "b", None], n_rows), dtype="category"),
            "word": rng.choice(["x", "y", "z"], n_rows),
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n_rows), unit="D"),
            "constant": 1.0,
            "empty": np.full(n_rows, np.nan),
        }
    )
    return frame, np.where(number > 0, "yes", "no")


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_takes_a_raw_table(name):
    X, y = messy_table()
    model = make(name).fit(X, y)
    new = X.iloc[:5].copy()
    new["word"] = ["never seen", "x", None, "y", "z"]
    new["empty"] = [1.0, 2.0, 3.0, np.nan, 5.0]
    assert set(model.predict(new)) <= {"yes", "no"}
    if hasattr(model, "predict_proba"):
        np.testing.assert_allclose(model.predict_proba(new).sum(axis=1), 1.0, rtol=1e-6)
    shuffled = X[list(reversed(X.columns))]
    np.testing.assert_array_equal(model.predict(shuffled), model.predict(X))


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_takes_a_raw_table(name):
    X, _ = messy_table()
    target = np.arange(len(X)) * 1000.0
    prediction = make(name, "regression").fit(X, target).predict(X)
    assert np.isfinite(prediction).all()
    assert 0 < prediction.mean() < 80_000


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_same_seed_gives_the_same_fit_and_clone_keeps_every_parameter(name):
    X, y = messy_table()
    first = make(name)
    second = clone(first)
    assert second.get_params() == first.get_params()
    np.testing.assert_array_equal(first.fit(X, y).predict(X), second.fit(X, y).predict(X))


@pytest.mark.parametrize("name", [one for one in CLASSIFIERS if one.values != ("dummy",)])
def test_a_model_beats_the_dummy_on_an_easy_task(name):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 4))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    params = {"random_state": 0} if "random_state" in zoo.make(name).get_params() else {}
    model = zoo.make(name, **params, **NARROW.get(name, {})).fit(X[:200], y[:200])
    assert model.score(X[200:], y[200:]) > 0.8


@pytest.mark.slow
def test_a_cnn_learns_digits():
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))  # the rows come writer by writer
    X, y = X[order], y[order]
    model = zoo.make("cnn", random_state=0).fit(X[:500], y[:500])
    assert model.score(X[500:1000], y[500:1000]) > 0.93


def test_a_missing_column_is_named():
    X, y = messy_table()
    with pytest.raises(ValueError, match=r"lacks columns.*'flag'"):
        make("logistic").fit(X, y).predict(X.drop(columns="flag"))


def test_all_weights_zero_are_refused_before_training():
    X, y = messy_table()
    with pytest.raises(ValueError, match="at least one non-zero"):
        make("mlp").fit(X, y, sample_weight=np.zeros(len(X)))
