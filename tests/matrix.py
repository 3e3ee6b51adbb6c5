"""Which models a test runs on, and which of them only among the slow tests.

Networks share their estimator, encoder and training program, so what these do is tested on one
network for each code path. What an architecture can do differently is tested on every network.
"""

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
NETWORKS = [name for name in MODELS if name in ("perceptron", "mlp", *SLOW)]
# One network for each way in which the zoo trains and predicts: the compiled program, the program
# on images, the program of neighbours, and the loop of the networks of other libraries.
CODE_PATHS = ("mlp", "cnn", "modern_nca", "torch_mlp")
REPRESENTATIVES = [name for name in MODELS if name not in NETWORKS or name in CODE_PATHS]


def marks(name):
    """Return the marks of a test that fits this model."""
    return [pytest.mark.slow] if name in SLOW else []


def one_fit(names):
    """Return names for a test with one fit a model: the slow ones but RealMLP are marked."""
    return [pytest.param(name, marks=[] if name == "realmlp" else marks(name)) for name in names]


def names(of=MODELS, task="classification"):
    """Return the names of models that have a task, those of slow ones marked."""
    return [pytest.param(name, marks=marks(name)) for name in of if task in zoo.spec(name).tasks]


def models_and_tasks(of=MODELS, *, regression=MODELS):
    """Return (name, task) of each model, those of slow ones marked.

    Both of a model's estimators have one architecture: tests of architectures take regression
    of the representatives alone.
    """
    return [
        pytest.param(name, task, marks=marks(name))
        for name in of
        for task in zoo.spec(name).tasks
        if task == "classification" or name in regression
    ]
