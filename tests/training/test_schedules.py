import numpy as np
import pytest

from zoo.training.schedules import cycle_ends, evaluation_epochs, schedule_factor

PROGRESS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1, 1, 1, 1, 1]),
        ("cosine", [1, (1 + np.sqrt(0.5)) / 2, 0.5, (1 - np.sqrt(0.5)) / 2, 0]),
        ("flat_cosine", [1, 1, 1, 0.5, 0]),
    ],
)
def test_a_schedule_has_the_values_computed_by_hand(schedule, expected):
    np.testing.assert_allclose(schedule_factor(schedule, PROGRESS), expected, atol=1e-12)


def test_each_of_four_cycles_is_twice_as_long_as_the_one_before():
    ends = (2.0 ** np.arange(5) - 1) / 15  # 0, 1/15, 3/15, 7/15, 1
    tops = (2.0 ** (np.arange(4) + 0.5) - 1) / 15
    np.testing.assert_allclose(schedule_factor("four_cycles", ends), 0, atol=1e-12)
    np.testing.assert_allclose(schedule_factor("four_cycles", tops), 1, atol=1e-12)


def test_an_unknown_schedule_is_refused_with_the_known_names():
    with pytest.raises(ValueError, match=r"'linear'; expected constant, cosine, flat_cosine"):
        schedule_factor("linear", PROGRESS)


def test_cycles_end_at_whole_epochs_where_the_rate_is_lowest():
    assert cycle_ends("four_cycles", 256) == [17, 51, 119, 256]
    assert cycle_ends("four_cycles", 8) == [1, 3, 8]  # the first would end within an epoch
    assert cycle_ends("four_cycles", 1) == [1]
    assert cycle_ends("constant", 256) == [256]
    ends = np.array(cycle_ends("four_cycles", 1500)) / 1500
    assert schedule_factor("four_cycles", ends).max() < 1e-4


def test_an_evaluation_follows_each_epoch_of_the_first_cycle_and_the_end_of_the_others():
    assert evaluation_epochs("cosine", 3) == [1, 2, 3]
    assert evaluation_epochs("four_cycles", 60) == [1, 2, 3, 4, 12, 28, 60]
    assert evaluation_epochs("four_cycles", 2) == [1, 2]
