import itertools

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg

from zoo.report.comparison_figures import draw_cost
from zoo.report.curve_figures import draw_dataset
from zoo.report.style import model_colours


def test_a_model_has_one_colour_in_all_figures_of_a_page():
    rows = pd.DataFrame({"model": ["a", "b", "c"], "family": ["deep", "deep", "boosting"]})
    colours = model_colours(rows)
    assert len(set(colours.values())) == 3
    lines = pd.DataFrame(
        {"model": "b", "family": "deep", "metric": "error_rate", "n_train": [10, 100],
         "mean": [0.3, 0.2], "ci_low": [0.2, 0.1], "ci_high": [0.4, 0.3]}
    )  # fmt: skip
    assert model_colours(lines)["b"] != colours["b"]  # or it would not matter
    (axes,) = draw_dataset(lines, title="d", colours=colours).axes
    drawn = [line for line in axes.lines if len(line.get_xdata())]  # the others are for the legend
    assert {line.get_color() for line in drawn} == {colours["b"]}


def test_labels_on_a_cost_figure_do_not_overlap_and_are_not_cut_off():
    costs = ("fit_s", "predict_s", "fit_memory_mb", "n_parameters")
    rows = pd.DataFrame(
        {"model": ["knn", "hist_gradient_boosting", "xgboost", "perceptron_rosenblatt"],
         "family": "boosting", "metric": "rmse", "n_train": 100,
         "score": [0.3, 0.1002, 0.1001, 0.1000]}
    )  # fmt: skip
    for cost in costs:  # three almost at one point, at the expensive end
        rows[cost], rows[f"on_front_{cost}"] = [10.0, 1000.0, 1001.0, 1002.0], True
    figure = draw_cost(rows, title="d")
    FigureCanvasAgg(figure).draw()
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) == 4
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
        assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
