import numpy as np
import pytest

from zoo.bench.score_errors import class_score_errors, number_score_errors
from zoo.scores import ClassPrediction, score_classes, score_numbers

CLASSES = ("error_rate", "balanced_accuracy", "roc_auc", "average_precision", "log_loss")
NUMBERS = ("rmse", "mae", "r2")


def classes_of(n_rows, separation, n_classes=2, seed=0):
    """Return true classes, and the prediction of a model that is right more or less often."""
    rng = np.random.default_rng(seed)
    if n_classes == 2:
        y = (rng.random(n_rows) < 0.3).astype(int)
    else:
        y = rng.integers(0, n_classes, n_rows)
    lean = rng.normal(size=(n_rows, n_classes))
    lean[np.arange(n_rows), y] += separation
    chances = np.exp(lean) / np.exp(lean).sum(axis=1, keepdims=True)
    return y, ClassPrediction(chances.argmax(axis=1), chances, True)


@pytest.mark.parametrize(("n_rows", "n_classes"), [(80, 2), (120, 3)])
def test_errors_of_class_scores_are_the_spread_over_many_test_parts(n_rows, n_classes):
    parts = [classes_of(n_rows, 1.0, n_classes, seed) for seed in range(100)]
    scores = [score_classes(*part, CLASSES) for part in parts]
    errors = [class_score_errors(*part, CLASSES) for part in parts]
    for name in CLASSES:
        spread = np.std([score[name] for score in scores])
        ranked = n_classes > 2 and name in ("roc_auc", "average_precision")
        assert 0.75 < np.mean([error[name] for error in errors]) / spread < (2 if ranked else 1.35)


@pytest.mark.parametrize("n_rows", [60, 400])
def test_errors_of_number_scores_are_the_spread_over_many_test_parts(n_rows):
    scores, errors, rng = [], [], np.random.default_rng(0)
    for _ in range(150):
        y = rng.normal(size=n_rows)
        predicted = 0.7 * y + rng.normal(0, 0.5, n_rows)
        scores.append(score_numbers(y, predicted, NUMBERS))
        errors.append(number_score_errors(y, predicted, NUMBERS))
    for name in NUMBERS:
        spread = np.std([score[name] for score in scores])
        assert 0.75 < np.mean([error[name] for error in errors]) / spread < 1.35


@pytest.mark.parametrize("name", ["error_rate", "accuracy", "balanced_accuracy", "roc_auc",
                                  "average_precision"])  # fmt: skip
def test_a_perfect_score_on_few_rows_is_no_certainty(name):
    errors = []
    for n_rows in (30, 300):
        y, prediction = classes_of(n_rows, 50.0)
        assert score_classes(y, prediction, [name])[name] in (0.0, 1.0)
        errors.append(class_score_errors(y, prediction, [name])[name])
    assert 0.01 < errors[0] < 0.15
    assert errors[1] < errors[0] / 2


def test_what_is_undefined_has_no_error():
    y = np.array([0, 0, 0, 0, 1])
    chances = np.array([[0.9, 0.1]] * 4 + [[0.2, 0.8]])
    prediction = ClassPrediction(chances.argmax(axis=1), chances, True)
    found = class_score_errors(y, prediction, CLASSES)
    assert set(found) == {"error_rate", "balanced_accuracy", "log_loss"}
    decisions = ClassPrediction(prediction.codes, None, False)
    assert set(class_score_errors(y, decisions, CLASSES)) == {"error_rate", "balanced_accuracy"}
    assert number_score_errors(np.ones(5), np.ones(5), NUMBERS) == {"mae": 0.0}
    assert number_score_errors(np.ones(1), np.zeros(1), NUMBERS) == {}


def test_equal_scores_count_as_ties_in_rankings():
    y = np.tile([0, 0, 1], 40)
    chances = np.full((120, 2), 0.5)
    prediction = ClassPrediction(np.zeros(120, int), chances, True)
    found = class_score_errors(y, prediction, ("roc_auc", "average_precision"))
    assert found["roc_auc"] == 0.0  # a constant has half the area on any rows
    assert found["average_precision"] == pytest.approx(np.sqrt(2 / 9 / 120), rel=0.3)
