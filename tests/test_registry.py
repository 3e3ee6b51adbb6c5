import pytest

import zoo
from zoo.errors import DefinitionError
from zoo.registry import ModelSpec, build_table


def test_a_wrong_name_is_answered_with_the_nearest_right_one():
    with pytest.raises(DefinitionError, match="unknown model 'xgbost'; did you mean 'xgboost'"):
        zoo.spec("xgbost")


def test_a_wrong_parameter_is_answered_with_the_nearest_right_one():
    with pytest.raises(DefinitionError, match="did you mean 'units'"):
        zoo.make("mlp", unit=3)


def test_a_task_that_a_model_lacks_is_refused():
    with pytest.raises(DefinitionError, match="does not do regression"):
        zoo.make("naive_bayes", task="regression")


def test_two_models_of_one_name_are_refused():
    entry = ModelSpec(name="a", family="mlp", summary="", source="", classifier="m:C")
    with pytest.raises(DefinitionError, match="two models are called 'a'"):
        build_table((entry, entry))


def test_models_are_listed_by_family_and_task():
    assert zoo.models(family="mlp") == ["mlp"]
    assert "naive_bayes" not in zoo.models(task="regression")
