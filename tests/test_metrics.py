import numpy as np
import pytest
import sklearn.metrics

from zoo.errors import DefinitionError
from zoo.metrics import METRICS, metric
from zoo.scores import ClassPrediction, score_classes, score_numbers


def predicted(codes, scores=None, *, is_probability=True):
    scores = None if scores is None else np.array(scores, float)
    return ClassPrediction(np.array(codes), scores, is_probability)


def test_error_rate_and_accuracy_count_mistakes():
    scores = score_classes(
        np.array([0, 0, 1, 1]), predicted([0, 1, 1, 1]), ["error_rate", "accuracy"]
    )
    assert scores == {"error_rate": 0.25, "accuracy": 0.75}


def test_roc_auc_is_the_fraction_of_pairs_in_order_with_ties_half():
    # positives score .8 and .4, negatives .4 and .1: pairs won 1, 1, 0.5, 1 of 4
    columns = [[0.2, 0.8], [0.6, 0.4], [0.6, 0.4], [0.9, 0.1]]
    scores = score_classes(np.array([1, 1, 0, 0]), predicted([1, 0, 0, 0], columns), ["roc_auc"])
    assert scores["roc_auc"] == pytest.approx(3.5 / 4)


def test_roc_auc_of_three_classes_is_the_mean_over_classes_that_occur():
    y = np.array([0, 1, 0, 1])  # class 2 does not occur
    columns = [[0.9, 0.1, 0], [0.2, 0.8, 0], [0.1, 0.2, 0.7], [0.3, 0.6, 0.1]]
    # class 0: .9 and .1 against .2 and .3: 2 of 4 pairs; class 1: .8 and .6 against .1 and .2: 4
    scores = score_classes(y, predicted([0, 1, 2, 1], columns), ["roc_auc"])
    assert scores["roc_auc"] == pytest.approx((0.5 + 1.0) / 2)


def test_balanced_accuracy_is_the_mean_recall_of_the_classes_that_occur():
    y = np.array([0, 0, 0, 0, 1, 1])  # 3 of 4 and 1 of 2; class 2 does not occur
    scores = score_classes(y, predicted([0, 0, 0, 2, 1, 0]), ["balanced_accuracy"])
    assert scores["balanced_accuracy"] == pytest.approx((3 / 4 + 1 / 2) / 2)


def test_average_precision_is_of_the_rarer_class_with_ties_together():
    # class 0 is rarer; by its score: row 0 (.9, hit), rows 1 and 2 (.5, one hit), row 3, row 4
    columns = [[0.9, 0.1], [0.5, 0.5], [0.5, 0.5], [0.2, 0.8], [0.1, 0.9]]
    y = np.array([0, 0, 1, 1, 1])
    scores = score_classes(y, predicted([0, 0, 0, 1, 1], columns), ["average_precision"])
    # precision 1 at recall 1/2, then 2/3 at recall 1
    assert scores["average_precision"] == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)


def test_average_precision_of_a_constant_score_is_the_fraction_of_the_class():
    y = np.array([0, 0, 0, 1])
    scores = score_classes(y, predicted([0] * 4, [[0.5, 0.5]] * 4), ["average_precision"])
    assert scores["average_precision"] == pytest.approx(1 / 4)


def test_average_precision_of_three_classes_is_the_mean_over_those_that_occur():
    y = np.array([0, 1, 1])  # class 2 does not occur
    columns = [[0.2, 0.7, 0.1], [0.5, 0.4, 0.1], [0.1, 0.8, 0.1]]
    # class 0 comes second: 1/2; class 1 comes first and third: 1/2 * 1 + 1/2 * 2/3
    scores = score_classes(y, predicted([1, 0, 1], columns), ["average_precision"])
    assert scores["average_precision"] == pytest.approx((1 / 2 + 5 / 6) / 2)


def test_log_loss_is_the_mean_of_minus_log_p_with_p_clipped_at_1e_15():
    columns = [[0.5, 0.5], [1.0, 0.0]]
    scores = score_classes(np.array([0, 1]), predicted([0, 0], columns), ["log_loss"])
    assert scores["log_loss"] == pytest.approx((np.log(2) - np.log(1e-15)) / 2)


def test_decision_values_have_no_log_loss_and_labels_alone_no_roc_auc():
    y = np.array([0, 1])
    values = predicted([0, 1], [[1, -1], [-1, 1]], is_probability=False)
    assert set(score_classes(y, values, ["roc_auc", "log_loss"])) == {"roc_auc"}
    assert score_classes(y, predicted([0, 1]), ["roc_auc", "log_loss"]) == {}


@pytest.mark.parametrize("y", [[1, 1, 1], [2, 2, 2]])
def test_the_scores_of_one_class_that_occurs_are_nan_or_those_of_that_class(y):
    columns = [[0.1, 0.6, 0.3], [0.2, 0.1, 0.7], [0.2, 0.4, 0.4]]
    names = ["error_rate", "roc_auc", "average_precision", "balanced_accuracy", "log_loss"]
    scores = score_classes(np.array(y), predicted([1, 2, 1], columns), names)
    wrong = 1 / 3 if y[0] == 1 else 2 / 3
    loss = -np.log(np.array(columns)[range(3), y]).mean()
    expected = [wrong, np.nan, 1.0, 1 - wrong, loss]
    assert list(scores.values()) == pytest.approx(expected, nan_ok=True)


def test_scores_of_predictions_that_are_not_finite_are_nan():
    prediction = predicted([0, 1], [[0.5, np.nan], [0.5, 0.5]])
    scores = score_classes(np.array([0, 1]), prediction, ["error_rate", "roc_auc", "log_loss"])
    assert scores == pytest.approx(
        {"error_rate": 0, "roc_auc": np.nan, "log_loss": np.nan}, nan_ok=True
    )
    numbers = score_numbers(np.array([1.0, 2.0]), np.array([1.0, np.inf]), ["rmse", "mae", "r2"])
    assert all(map(np.isnan, numbers.values()))


def test_r2_of_a_constant_target_is_nan():
    scores = score_numbers(np.array([2.0, 2.0]), np.array([2.0, 3.0]), ["r2", "mae"])
    assert scores == pytest.approx({"r2": np.nan, "mae": 0.5}, nan_ok=True)


def test_numbers_are_scored_by_hand():
    scores = score_numbers(
        np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 5.0]), ["rmse", "mae", "r2"]
    )
    assert scores["rmse"] == pytest.approx((4 / 3) ** 0.5)
    assert scores["mae"] == pytest.approx(2 / 3)
    assert scores["r2"] == pytest.approx(1 - 4 / 2)


@pytest.mark.parametrize("known", METRICS.values(), ids=METRICS)
def test_every_metric_agrees_with_scikit_learn_and_stays_in_its_bounds(known):
    rng = np.random.default_rng(0)
    for _ in range(20):
        if known.task == "regression":
            y = rng.normal(size=40)
            predicted = y + rng.normal(size=40)
            score = score_numbers(y, predicted, [known.name])[known.name]
        else:
            y = rng.permutation(np.arange(40) % 2 * (rng.random(40) < 0.7)).astype(int)
            of_second = rng.uniform(0.1, 0.9, size=40).round(1)  # with ties
            columns = np.column_stack([1 - of_second, of_second])
            prediction = ClassPrediction(columns.argmax(axis=1), columns, True)
            score = score_classes(y, prediction, [known.name])[known.name]
            predicted = {"classes": prediction.codes, "probabilities": columns}.get(
                known.needs, columns[:, 1]
            )
        expected = getattr(sklearn.metrics, known.function)(y, predicted)
        assert score == pytest.approx(expected, abs=1e-12)
        assert known.bounds[0] <= score <= known.bounds[1]


@pytest.mark.parametrize("known", METRICS.values(), ids=METRICS)
def test_a_score_becomes_a_loss_of_which_less_is_better_and_back(known):
    better, worse = (0.9, 0.2) if known.higher_is_better else (0.2, 0.9)
    assert 0 <= known.loss(better) < known.loss(worse)
    assert known.score(known.loss(0.3)) == pytest.approx(0.3)
    assert known.score(-1.0) == (1.0 if known.higher_is_better else 0.0)
    assert known.loss(known.bounds[0 if known.higher_is_better else 1]) == known.highest_loss


@pytest.mark.parametrize("name", ["f1", "f1_macro", "auc", "neg_log_loss"])
def test_an_unknown_metric_is_refused_unless_its_direction_is_given(name):
    with pytest.raises(DefinitionError, match=f"unknown metric '{name}'; .*give higher_is_better"):
        metric(name)
    assert metric(name, higher_is_better=True).loss(0.75) == 0.25
    assert metric(name, higher_is_better=False).loss(0.75) == 0.75


def test_a_direction_that_contradicts_the_table_is_refused():
    assert metric("rmse", higher_is_better=False) is METRICS["rmse"]
    with pytest.raises(DefinitionError, match=r"'rmse' \(lower is better\), got True"):
        metric("rmse", higher_is_better=True)
    with pytest.raises(DefinitionError, match="unknown metric 'f1'"):
        score_numbers(np.array([1.0]), np.array([1.0]), ["f1"])
