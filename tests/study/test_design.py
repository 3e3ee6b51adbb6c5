import pytest

from zoo.errors import DataError, DefinitionError, ZooError
from zoo.study.design import models_for, sizes_for
from zoo.study.wording import parse_budget, round_seconds


@pytest.mark.parametrize(
    ("n_train", "n_classes", "sizes"),
    [
        (3750, 0, (100, 300, 1000, 3750)),
        (4600, 2, (100, 300, 1000, 3000, 4600)),
        (400, 2, (100, 400)),
        (67, 2, (16, 33, 67)),
        (30, 2, (15, 30)),
        (1000, 150, (300, 1000)),
        (295_000, 2, (1000, 3000, 10_000, 30_000, 100_000, 295_000)),
    ],
)
def test_sizes_grow_to_all_rows_and_are_no_smaller_than_the_number_of_classes(
    n_train, n_classes, sizes
):
    assert sizes_for(n_train, n_classes) == sizes


def test_too_few_rows_are_refused():
    with pytest.raises(DataError, match="7 training rows are left, and at least 10 are needed"):
        sizes_for(7)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), (" 0.5H ", 1800)]
)
def test_a_budget_is_parsed_as_people_write_it(text, seconds):
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["10", "ten", "", "5 parsecs", "-3m", "5s"])
def test_a_malformed_budget_says_how_to_write_one(text):
    with pytest.raises(ZooError, match="--budget expects"):
        parse_budget(text)


def test_times_are_shown_with_a_fitting_unit():
    shown = [round_seconds(s) for s in (0.034, 4.2, 61.0, 150.0, 1800.0, 7200.0)]
    assert shown == ["0.034 s", "4.2 s", "61 s", "2.5 min", "30 min", "2 h"]


def test_models_are_checked_before_anything_is_measured():
    assert "cnn" in models_for("classification", is_images=True)
    assert models_for("regression", chosen=["xgboost"]) == ("dummy", "xgboost")
    with pytest.raises(DefinitionError, match="did you mean 'xgboost'"):
        models_for("regression", chosen=["xgbost"])
    with pytest.raises(DataError, match="'naive_bayes' does not do regression"):
        models_for("regression", chosen=["naive_bayes"])
    with pytest.raises(DataError, match="'cnn' takes images only"):
        models_for("classification", chosen=["cnn"])


def test_baselines_alone_are_refused_before_anything_is_measured():
    with pytest.raises(DataError, match="dummy: a baseline learns nothing from the columns"):
        models_for("classification", chosen=["dummy"])
    assert models_for("classification", chosen=["dummy", "knn"]) == ("dummy", "knn")
