"""Parameters of estimators are declared once and documented everywhere."""

import inspect
import pickle
from typing import Annotated

import pytest
from sklearn.base import clone

import zoo
from tests.matrix import ALL
from zoo.models.base import TableClassifier
from zoo.models.mlp import MLPClassifier
from zoo.models.parameters import estimator

ESTIMATORS = [(name, task) for name in ALL for task in zoo.spec(name).tasks]


def entries(doc):
    """Return the "Parameters" section as {name: (first line, meaning)}."""
    section = doc.partition("\nParameters\n----------\n")[2].partition("\n\nReferences")[0]
    found, name = {}, None
    for line in section.splitlines():
        if line.startswith("    "):
            found[name][1].append(line.strip())
        else:
            name, _, rest = line.partition(" : ")
            found[name] = (rest, [])
    return {name: (head, " ".join(meaning)) for name, (head, meaning) in found.items()}


@pytest.mark.parametrize(("name", "task"), ESTIMATORS)
def test_help_shows_every_parameter_with_its_meaning_and_default(name, task):
    model_class = type(zoo.make(name, task=task))
    documented = entries(inspect.getdoc(model_class))
    signature = inspect.signature(model_class).parameters
    assert list(documented) == list(signature)
    assert set(documented) == set(model_class().get_params())
    for parameter, (head, meaning) in documented.items():
        default = signature[parameter].default
        shown = f'"{default}"' if isinstance(default, str) else repr(default)
        assert head.endswith(f", default={shown}")
        assert len(meaning) > 10
        assert signature[parameter].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize(("name", "task"), ESTIMATORS)
def test_an_estimator_can_be_cloned_pickled_and_changed(name, task):
    model = zoo.make(name, task=task)
    params = model.get_params()
    assert clone(model).get_params() == params
    assert pickle.loads(pickle.dumps(model)).get_params() == params
    key = next(iter(params), None)
    if key is not None:
        marker = object()
        assert model.set_params(**{key: marker}).get_params()[key] is marker


def test_a_repr_shows_what_differs_from_the_defaults():
    assert repr(MLPClassifier()) == "MLPClassifier()"
    assert repr(MLPClassifier(units=3)) == "MLPClassifier(units=3)"


def test_the_constructor_takes_no_positional_argument_and_checks_nothing():
    with pytest.raises(TypeError, match="positional"):
        MLPClassifier(3)
    assert MLPClassifier(units="many").units == "many"


def test_a_subclass_inherits_the_meaning_of_a_parameter_whose_default_it_changes():
    @estimator
    class Small(MLPClassifier):
        """A small network.

        References
        ----------
        None.
        """

        units: int = 4

    head, meaning = entries(inspect.getdoc(Small))["units"]
    assert (head, meaning) == ("int, default=4", "Number of hidden units.")
    assert inspect.getdoc(Small).endswith("\n\nReferences\n----------\nNone.")
    assert (Small().units, MLPClassifier().units) == (4, 128)


def test_a_parameter_without_a_meaning_is_refused():
    with pytest.raises(TypeError, match=r"Bare\.size has no meaning"):

        @estimator
        class Bare(TableClassifier):
            """A model."""

            size: int = 1


def test_types_are_written_as_in_numpydoc():
    @estimator
    class Typed:
        """A model."""

        sizes: Annotated[tuple[int, ...] | None, "Sizes of the layers."] = None
        kind: Annotated[str, "Kind of model."] = "usual"

    documented = entries(Typed.__doc__)
    assert documented["sizes"][0] == "tuple of int or None, default=None"
    assert documented["kind"][0] == 'str, default="usual"'
