"""Numbers of any magnitude, as columns and as targets, and with little spread."""

import numpy as np
import pandas as pd
import pytest

import zoo
from zoo.errors import ExportError
from zoo.export.exporting import export_model

pytestmark = pytest.mark.usefixtures("without_xla")

TREES = ("lightgbm", "xgboost", "hist_gradient_boosting", "random_forest", "decision_tree")
OTHERS = ("logistic", "svm_rbf", "knn", "naive_bayes")
COLUMNS = {
    "seconds since 1970": lambda k: 1_700_000_000 + k,
    "dates": lambda k: pd.Timestamp("2026-01-01") + pd.to_timedelta(k, unit="s"),
    "ids": lambda k: 1e13 + k,
    "tiny": lambda k: 1e-40 * k,
    "huge": lambda k: 1e200 * k,
}


def table(column):
    rng = np.random.default_rng(0)
    k = rng.integers(0, 101, 500)
    return k, pd.DataFrame({"noise": rng.normal(size=500), "a": column(k)})


def seeded(name, task, **params):
    known = zoo.make(name, task=task).get_params()
    return zoo.make(
        name, task=task, **params, **({"random_state": 0} if "random_state" in known else {})
    )


CASES = [(name, column) for name in (*TREES, *OTHERS) for column in COLUMNS]


@pytest.mark.parametrize(("name", "column"), [*CASES, ("mlp", "ids")])
def test_a_column_teaches_a_model_as_much_in_any_unit_and_from_any_start(name, column):
    k, X = table(COLUMNS[column])
    y = (k // 25) % 2 if name in TREES else k > 50
    if name == "random_forest":
        X = X.drop(columns="noise")
    params = {"max_epochs": 40, "learning_rate": 0.01} if name == "mlp" else {}
    params |= {"n_estimators": 50} if "n_estimators" in zoo.make(name).get_params() else {}
    model = seeded(name, "classification", **params).fit(X[:350], y[:350])
    assert model.score(X[350:], y[350:]) > 0.93


@pytest.mark.parametrize("name", ["logistic", "lightgbm", "knn", "mlp"])
def test_a_target_has_any_unit_and_any_start(name):
    k, X = table(np.sqrt)
    y = np.sqrt(k)
    params = {"max_epochs": 5} if name == "mlp" else {}
    expected = seeded(name, "regression", **params).fit(X, y).predict(X)
    for start, unit in ((1e9, 1e-3), (0.0, 1e-30), (0.0, 1e30), (0.0, 1e-200), (-1e13, 1.0)):
        found = seeded(name, "regression", **params).fit(X, start + unit * y).predict(X)
        rounding = 1e-15 * abs(start) / unit
        np.testing.assert_allclose((found - start) / unit, expected, atol=0.02 + 10 * rounding)


@pytest.mark.parametrize(("start", "unit"), [(1e9, 1e-3), (0.0, 1e-45), (0.0, 1e60)])
def test_an_export_refuses_a_target_that_its_output_cannot_show(tmp_path, start, unit):
    k, X = table(np.sqrt)
    model = zoo.make("logistic", task="regression").fit(X, start + unit * k)
    with pytest.raises(ExportError, match="float32 of an output"):
        export_model(model, tmp_path / "m.onnx", to="onnx")
