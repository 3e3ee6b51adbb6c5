import pandas as pd

from zoo.report.figures import draw_dataset
from zoo.report.style import model_colours


def test_a_model_has_one_colour_in_all_figures_that_are_shown_together():
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
