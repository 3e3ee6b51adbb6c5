import numpy as np
import pytest

from tests.curves.test_aggregate import cell
from zoo.curves.aggregate import cell_frame, headline_scores
from zoo.curves.cost import cost_frame, pareto_front


def test_the_front_by_hand():
    cost = [1, 2, 3, 3, np.nan, 2]
    loss = [0.3, 0.2, 0.1, 0.25, 0.0, 0.2]
    assert pareto_front(cost, loss).tolist() == [True, True, True, False, False, True]


def test_every_point_off_the_front_is_dominated_by_one_on_it():
    rng = np.random.default_rng(0)
    cost, loss = rng.random(60), rng.random(60)
    front = pareto_front(cost, loss)
    assert 0 < front.sum() < 60
    for c, q in zip(cost[~front], loss[~front], strict=True):
        assert ((cost[front] <= c) & (loss[front] <= q)).any()


def scores(points, metric):
    cells = []
    for model, family, score, fit_s in points:
        for replicate in range(2):
            one = cell("d", model, family, 100, replicate, score, metric=metric)
            one["timings_s"] = {"fit": fit_s, "predict": 0.1}
            one["model_facts"] = {"n_parameters": 10} if family == "mlp" else {}
            cells.append(one)
    return headline_scores(cell_frame(cells))


@pytest.mark.parametrize(
    ("metric", "points", "cheapest"),
    [
        ("roc_auc", [("a", "mlp", 0.95, 9.0), ("b", "boosting", 0.942, 1.0),
                     ("c", "classical", 0.93, 0.1)], "b"),
        ("error_rate", [("a", "mlp", 0.1, 9.0), ("b", "boosting", 0.1009, 1.0),
                        ("c", "classical", 0.102, 0.1)], "b"),
        ("rmse", [("a", "mlp", 500.0, 9.0), ("b", "boosting", 600.0, 1.0)], "a"),
    ],
)  # fmt: skip
def test_the_cheapest_within_one_percent_of_the_best(metric, points, cheapest):
    frame = cost_frame(scores(points, metric))
    assert frame.loc[frame["cheapest_within_1pct"], "model"].tolist() == [cheapest]


def test_unknown_costs_are_on_no_front_and_baselines_are_left_out():
    points = [("a", "mlp", 0.1, 9.0), ("b", "boosting", 0.2, 1.0), ("z", "baseline", 0.5, 0.0)]
    frame = cost_frame(scores(points, "error_rate")).set_index("model")
    assert frame["on_front_n_parameters"].to_dict() == {"a": True, "b": False}
    assert frame["on_front_fit_s"].to_dict() == {"a": True, "b": True}


def test_no_scores_give_an_empty_table_with_its_columns():
    empty = headline_scores(cell_frame([cell("d", "m", "mlp", 1, 0, None, status="failed")]))
    assert list(cost_frame(empty)["model"]) == []
