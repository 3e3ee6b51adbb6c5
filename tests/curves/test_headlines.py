import re

import numpy as np
import pytest

from tests.curves.test_aggregate import cell
from zoo.curves.aggregate import cell_frame
from zoo.curves.curveset import CurveSet
from zoo.curves.headlines import cheapest_sentence, round_size, verdict_rows

SIZES = (100, 300, 1000, 3000, 10000)


def curve_set(models, *, metric="error_rate", replicates=5, noise=0.01, sizes=SIZES):
    rng = np.random.default_rng(0)
    shared = 0.03 * rng.standard_normal(replicates)
    cells = []
    for model, family, curve, fit_s in models:
        for n in sizes:
            for r in range(replicates):
                loss = curve(n) * np.exp(shared[r] + noise * rng.standard_normal())
                score = loss if metric == "error_rate" else 1 - loss
                one = cell("d", model, family, n, r, score, metric=metric)
                cells.append({**one, "timings_s": {"fit": fit_s, "predict": 0.1}})
    return CurveSet(cell_frame(cells))


def slow(n):
    return 0.3 * (n / 1000) ** -0.1


def fast(n):
    return 0.3 * (n / 1000) ** -0.4


TWO = [("tree", "boosting", slow, 1.0), ("net", "deep", fast, 2.0)]


def sentence(curves):
    return curves.headline("d")


@pytest.mark.parametrize(
    ("rows", "text"),
    [(12345, "12,000"), (987, "990"), (100, "100"), (0, "the first size"), (1.5e6, "1,500,000"),
     (np.inf, "more than 32 times the data")],
)  # fmt: skip
def test_sizes_have_two_digits(rows, text):
    assert round_size(rows) == text


@pytest.mark.parametrize("metric", ["error_rate", "roc_auc"])
def test_the_headline_names_the_crossover_the_significance_and_the_gain(metric):
    text = sentence(curve_set(TWO, metric=metric))
    lead = r"tree leads up to about (?:300|1,000) rows; "
    net = (
        r"net leads from about ([\d,]+) \(90% interval ([\d,]+) to ([\d,]+)\) to 10,000 rows, the "
        r"largest size\. "
    )
    found = re.match(lead + net, text)
    middle, low, high = (int(size.replace(",", "")) for size in found.groups())
    assert low <= middle <= high
    assert 800 <= middle <= 1250
    assert "Its lead at 10,000 rows is significant (corrected paired t-tests, p < 0.05)" in text
    name = "error rate" if metric == "error_rate" else "distance to an AUC of 1"
    percent = r"(\d+)% \(90% interval (\d+) to (\d+)%\)"
    gain = re.search(rf"Doubling the data is forecast to reduce its {name} by {percent}", text)
    middle, low, high = map(int, gain.groups())
    assert low <= round(100 * (1 - 2**-0.4)) <= high


def test_a_single_leader_leads_at_every_size():
    text = sentence(
        curve_set([("tree", "boosting", slow, 1), ("net", "deep", lambda n: 2 * slow(n), 1)])
    )
    assert text.startswith("tree leads at every measured size from 100 to 10,000 rows.")


def test_equal_models_have_no_significant_lead():
    text = sentence(curve_set([("a", "mlp", slow, 1), ("b", "deep", slow, 1)]))
    assert "Its lead over any other model at 10,000 rows is not significant." in text


def test_a_crossover_beyond_the_data_is_forecast():
    now = lambda n: 0.22 * slow(n)  # noqa: E731
    later = lambda n: 0.055 * (n / 11500) ** -0.55  # noqa: E731
    text = sentence(
        curve_set([("tree", "boosting", now, 1), ("net", "deep", later, 1)], noise=0.003)
    )
    assert "of the forecasts, at about" in text


def test_the_headline_mentions_a_single_replicate_or_size():
    assert "With one replicate its lead cannot be tested." in sentence(curve_set(TWO, replicates=1))
    text = sentence(curve_set(TWO, sizes=(100,)))
    assert "the only measured size" in text
    assert "cannot be forecast: expected at least two sizes" in text


def test_a_model_with_one_size_does_not_hide_the_forecast_of_another():
    whole = curve_set(TWO).cells
    short = whole[(whole["model"] == "net") | (whole["n_train"] == 100)]
    text = sentence(CurveSet(short))
    assert "Doubling the data is forecast to reduce" in text
    assert "Not measured at 10,000 rows: tree (up to 100)." in text


def test_a_worsening_curve_has_no_gain():
    text = sentence(curve_set([("tree", "boosting", lambda n: 0.1 * n**0.12, 1)]))
    assert "forecast to reduce" not in text


def test_the_cheapest_model_near_the_best_is_named():
    near = [*TWO, ("cheap", "classical", lambda n: 1.001 * fast(n), 0.1)]
    curves = curve_set(near, noise=0.0)
    assert "is cheap (0.1 s to fit)" in cheapest_sentence(curves.cost())


def test_verdict_rows_name_the_data_sets_of_each_verdict():
    rows = {row["claim"]: row for row in verdict_rows(curve_set(TWO).verdicts())}
    assert rows["more data, better performance"]["holds"] == "d"
    assert rows["boosting keeps up with deep learning"]["fails"] == "d"
    assert rows["boosting keeps up with deep learning"]["verdict"] == "cannot tell"


def test_advice_has_a_sentence_for_each_data_set():
    curves = curve_set(TWO)
    assert curves.advice() == {"d": sentence(curves)}
