"""The best evaluation and the end of training, without a network."""

import numpy as np
import pytest

from zoo.training.early_stopping import EarlyStopping, is_significant


def decisions(stopping, scores, **rows):
    return [stopping.evaluate(score, **rows) for score in scores]


def test_the_lowest_score_is_the_best_and_an_equal_one_is_not_better():
    stopping = EarlyStopping(patience=9, max_evaluations=9)
    made = decisions(stopping, [3.0, 2.0, 2.0, 2.5, 1.0])
    assert [decision.is_best for decision in made] == [True, True, False, False, True]
    assert stopping.best_evaluation == 5
    assert not any(decision.stops for decision in made)


def test_patience_counts_evaluations_since_the_best():
    made = decisions(EarlyStopping(patience=2, max_evaluations=9), [3.0, 2.0, 4.0, 5.0])
    assert [decision.stops for decision in made] == [False, False, False, True]


def test_training_stops_at_the_last_evaluation():
    made = decisions(EarlyStopping(patience=9, max_evaluations=2), [2.0, 1.0])
    assert [decision.stops for decision in made] == [False, True]


def test_without_validation_each_evaluation_is_the_best_and_patience_never_ends():
    made = decisions(EarlyStopping(patience=1, max_evaluations=4, keeps_last=True), [1, 2, 3])
    assert all(decision.is_best and not decision.stops for decision in made)


def gains_and_weight():
    weight = np.tile([1.0, 3.0, 1.0, 1.0], 125).astype(np.float32)
    return np.tile([0.5, 0.1, -0.2, 0.3], 125), weight


def test_a_gain_is_significant_from_two_standard_errors_over_the_weighted_rows():
    gains, weight = gains_and_weight()
    gain = (weight * gains).sum() / 750
    error = np.sqrt((weight**2 * (gains - gain) ** 2).sum()) / 750
    assert gain > 0
    limit = 2 * error - gain
    assert not is_significant(gains + limit - 1e-6, weight)
    assert is_significant(gains + limit + 1e-6, weight)
    assert not is_significant(np.zeros(500), weight)


@pytest.mark.parametrize(("shift", "stops"), [(-1.0, True), (0.05, False)])
def test_training_stops_after_a_cycle_whose_gain_is_not_significant(shift, stops):
    gains, weight = gains_and_weight()
    stopping = EarlyStopping(patience=9, max_evaluations=9, cycle_ends=[2, 4])
    before, after = np.ones(500), np.ones(500) - gains - shift
    for score, rows in ((2.0, before), (1.9, before), (1.8, after)):  # 3 is within a cycle
        assert not stopping.evaluate(score, rows, weight).stops
    assert stopping.evaluate(2.0, before, weight).stops is stops


def test_a_gain_over_fewer_than_200_rows_is_not_tested():
    stopping = EarlyStopping(patience=9, max_evaluations=9, cycle_ends=[1, 2])
    rows = {"row_scores": np.ones(199), "weight": np.ones(199, np.float32)}
    assert not any(decision.stops for decision in decisions(stopping, [1.0, 1.0], **rows))
