import json
import re

import numpy as np
import pandas as pd
import pytest

import zoo
from tests.export.messy import fitted, make, messier, task_of
from tests.export.runtimes import predictions_of, run
from zoo.errors import ExportError
from zoo.export import export_model, why_not

WHY = "it comes with the extra 'export'"
for package in ("onnx", "onnxruntime", "tf2onnx", "ai_edge_litert"):
    pytest.importorskip(package, reason=WHY)

FAST = [
    ("mlp", "classification", "litert"),
    ("mlp", "classification", "onnx"),
    ("mlp", "regression", "savedmodel"),
    ("logistic", "classification", "onnx"),
    ("xgboost", "classification", "onnx"),
]
# ONNX and LiteRT files are made from the function in a SavedModel: one model of each kind will do.
SAVED = ("knn", "resnet", "wide_deep", "cnn", "hist_gradient_boosting")
EVERY = [
    *((name, task, "onnx") for name in zoo.models() for task in zoo.spec(name).tasks),
    *((name, "classification", "litert") for name in zoo.models()),
    *((name, "classification", "savedmodel") for name in SAVED),
]


def assert_same_predictions(name, task, to, folder):
    model, (X, _) = fitted(name, task), task_of(name, task)
    reason = why_not(model, to)
    if reason is not None:
        with pytest.raises(ExportError, match=re.escape(reason)):
            export_model(model, folder / "m", to=to)
        assert "\n" not in reason
        return
    made = export_model(model, folder / "m", to=to)
    for rows in (X, messier(X)):
        expected, found = predictions_of(model, rows), run(model, made, rows)
        assert found.shape == expected.shape
        unit = getattr(model, "target_scale_", 1.0)
        np.testing.assert_allclose(found / unit, expected / unit, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize(("name", "task", "to"), FAST)
def test_an_export_predicts_the_same_as_the_estimator_on_messy_rows(name, task, to, tmp_path):
    assert_same_predictions(name, task, to, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "task", "to"), [case for case in EVERY if case not in FAST])
def test_every_model_predicts_the_same_in_every_format(name, task, to, tmp_path):
    assert_same_predictions(name, task, to, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.models())
def test_int8_changes_predictions_little(name, tmp_path):
    model, (X, _) = fitted(name), task_of(name, "classification")
    if why_not(model, "litert", "int8") is not None:
        pytest.skip("no network of layers")
    of_dense_layers = name in {"perceptron", "mlp", "deep_mlp"}
    made = export_model(model, tmp_path / "m", to="litert", precision="int8", calibration=X)
    assert made.precision == ("int8" if of_dense_layers else "int8 mixed")
    expected, found = predictions_of(model, X), run(model, made, X)
    assert np.abs(found - expected).mean() < 0.03
    assert np.abs(found - expected).max() < 0.15


def test_int8_makes_a_network_of_dense_layers_smaller(tmp_path):
    X, y = task_of("mlp", "classification")
    model = make("mlp", units=1024).fit(X, y)
    whole = export_model(model, tmp_path / "whole", to="litert")
    small = export_model(model, tmp_path / "small", to="litert", precision="int8", calibration=X)
    assert small.precision == "int8"
    assert small.path.stat().st_size < 0.5 * whole.path.stat().st_size
    assert np.abs(run(model, small, X) - predictions_of(model, X)).max() < 0.05


def test_a_model_of_one_class_predicts_it_with_certainty(tmp_path):
    X, y = task_of("mlp", "classification")
    model = make("logistic").fit(X, np.repeat("only", len(y)))
    made = export_model(model, tmp_path / "m", to="onnx")
    np.testing.assert_array_equal(run(model, made, X), np.ones((len(X), 1)))


def test_a_table_of_categories_alone_is_exported(tmp_path):
    X = pd.DataFrame({"a": list("xyz") * 20, "b": list("pq") * 30})
    model = make("decision_tree").fit(X, X["a"] == "x")
    made = export_model(model, tmp_path / "m", to="onnx")
    np.testing.assert_allclose(run(model, made, X), model.predict_proba(X), atol=1e-6)


def test_images_are_inputs_without_preprocessing(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 17, size=(60, 36)).astype(float)
    model = make("cnn", image_shape=(6, 6, 1)).fit(X, X[:, 0] > 8)
    made = export_model(model, tmp_path / "m.tflite", to="litert")
    signature = json.loads(made.signature.read_text())
    assert signature["inputs"][0]["shape"] == [1, 6, 6, 1]
    assert made.preprocessing is None
    np.testing.assert_allclose(run(model, made, X), model.predict_proba(X), atol=1e-5)
