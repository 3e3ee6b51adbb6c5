import sys

import numpy as np
import pytest

from tests.curves.test_aggregate import cell
from zoo.bench.peak_memory import PeakMemory, give_back
from zoo.curves.aggregate import cell_frame, headline_scores
from zoo.curves.cost import cost_frame


@pytest.mark.skipif(sys.platform != "linux", reason="the peak cannot be reset elsewhere")
def test_the_rise_is_what_was_used_since_the_start_even_if_freed_and_not_what_was_used_before():
    before = np.ones(120 * 2**20, dtype=np.uint8)
    del before
    give_back()
    peak = PeakMemory("a")
    used = np.ones(60 * 2**20, dtype=np.uint8)
    del used
    assert 58 <= peak.rise_mb() <= 70
    give_back()
    peak = PeakMemory("b")
    assert peak.rise_mb() <= 5


@pytest.mark.skipif(sys.platform != "linux", reason="the peak cannot be reset elsewhere")
def test_what_earlier_fits_of_the_same_owner_left_counts_for_it_and_for_no_other():
    PeakMemory("program")
    kept = np.ones(60 * 2**20, dtype=np.uint8)
    give_back()
    assert 58 <= PeakMemory("program").rise_mb() <= 70
    assert PeakMemory("another").rise_mb() <= 5
    assert kept.all()


def test_cells_measured_before_the_fit_was_have_no_memory_and_are_on_no_front():
    old, new = cell("d", "m", "mlp", 10, 0, 0.2), cell("d", "n", "mlp", 10, 0, 0.1)
    old["memory_mb"], new["memory_mb"] = {"peak_rss": 900}, {"peak_rss": 900, "fit_rise": 3.5}
    cost = cost_frame(headline_scores(cell_frame([old, new]))).set_index("model")
    assert np.isnan(cost["fit_memory_mb"]["m"])
    assert cost["fit_memory_mb"]["n"] == 3.5
    assert list(cost["on_front_fit_memory_mb"]) == [False, True]
