import numpy as np
import pytest

from zoo.training.schedules import cycle_ends, round_ends, schedule_factor

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


def test_four_cycles_are_four_waves_each_twice_as_long_as_the_last():
    ends = (2.0 ** np.arange(5) - 1) / 15  # 0, 1/15, 3/15, 7/15, 1
    tops = (2.0 ** (np.arange(4) + 0.5) - 1) / 15
    np.testing.assert_allclose(schedule_factor("four_cycles", ends), 0, atol=1e-12)
    np.testing.assert_allclose(schedule_factor("four_cycles", tops), 1, atol=1e-12)


def test_an_unknown_schedule_is_named_with_those_that_exist():
    with pytest.raises(ValueError, match=r"'linear'; expected constant, cosine, flat_cosine"):
        schedule_factor("linear", PROGRESS)


def test_cycles_end_at_whole_epochs_where_the_rate_is_lowest():
    assert cycle_ends("four_cycles", 256) == [17, 51, 119, 256]
    assert cycle_ends("four_cycles", 8) == [1, 3, 8]  # the first would be over within an epoch
    assert cycle_ends("four_cycles", 1) == [1]
    assert cycle_ends("constant", 256) == [256]
    ends = np.array(cycle_ends("four_cycles", 1500)) / 1500
    assert schedule_factor("four_cycles", ends).max() < 1e-4


def test_networks_are_judged_after_each_epoch_or_when_later_cycles_end():
    assert round_ends("cosine", 3) == [1, 2, 3]
    assert round_ends("four_cycles", 60) == [1, 2, 3, 4, 12, 28, 60]
    assert round_ends("four_cycles", 2) == [1, 2]
