import sys

import pytest

import zoo
from zoo.errors import DefinitionError, MissingExtraError
from zoo.registry import ModelSpec
from zoo.registry.lookup import build_table
from zoo.registry.spec import EXTRAS


def test_an_unknown_name_is_refused_with_the_nearest_known_one():
    with pytest.raises(DefinitionError, match="unknown model 'xgbost'; did you mean 'xgboost'"):
        zoo.spec("xgbost")


def test_an_unknown_parameter_is_refused_with_the_nearest_known_one():
    with pytest.raises(DefinitionError, match="did you mean 'units'"):
        zoo.make("mlp", unit=3)


def test_a_task_that_a_model_lacks_is_refused():
    with pytest.raises(DefinitionError, match="does not do regression"):
        zoo.make("naive_bayes", task="regression")


def test_two_models_with_one_name_are_refused():
    entry = ModelSpec(name="a", family="mlp", summary="", source="", classifier="m:C")
    with pytest.raises(DefinitionError, match="two models are called 'a'"):
        build_table((entry, entry))


def test_models_are_listed_by_family_and_task():
    assert zoo.models(family="mlp") == ["mlp"]
    assert "naive_bayes" not in zoo.models(task="regression")


WITH_EXTRA = [name for name in zoo.models() if zoo.spec(name).extra]


@pytest.mark.parametrize("name", WITH_EXTRA)
def test_a_model_without_its_extra_is_refused_with_the_pip_command(name, monkeypatch):
    extra = zoo.spec(name).extra
    monkeypatch.setitem(sys.modules, extra, None)  # as if it were not installed
    with pytest.raises(MissingExtraError) as caught:
        zoo.make(name)
    assert f"pip install 'model-zoo-curves[{extra}]'" in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_package_offers_every_extra_of_a_model():
    import tomllib
    from pathlib import Path

    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    offered = tomllib.loads(text)["project"]["optional-dependencies"]
    assert {zoo.spec(name).extra for name in WITH_EXTRA} == set(EXTRAS)
    for extra, distribution in EXTRAS.items():
        assert offered[extra][0].startswith(distribution)
