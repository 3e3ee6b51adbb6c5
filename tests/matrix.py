"""Which models a test runs on by default, and which only among the slow tests."""

import pytest

import zoo
from zoo.registry import missing_extra

# Models whose extra is not installed here are left out; the summary of a run names them.
ALL = [name for name in zoo.models() if missing_extra(zoo.spec(name)) is None]
# The same classes as `tabm` with other parameters: their own tests and those of every model do.
VARIANTS = ("tabm_ple", "tabm_mini")
# Deep networks are fitted many times over in the slow tests alone.
SLOW = tuple(zoo.models(family="deep"))
MODELS = [name for name in ALL if name not in VARIANTS]


def marks(name):
    """Return the marks of a test that fits this model."""
    return [pytest.mark.slow] if name in SLOW else []


def one_fit(names):
    """Return names for a test with one fit a model: the slow ones but two are marked."""
    shown = ("deep_mlp", "realmlp")
    return [pytest.param(name, marks=[] if name in shown else marks(name)) for name in names]


def models_and_tasks(names=MODELS):
    """Return (name, task) of each model, those of slow ones marked."""
    return [
        pytest.param(name, task, marks=marks(name))
        for name in names
        for task in zoo.spec(name).tasks
    ]
