"""Compiled programs that all tests share, and what a run leaves out for want of an extra."""

import os
from pathlib import Path

import zoo
from zoo.bench.environment import program_cache_flags
from zoo.registry import missing_extra


def pytest_configure():
    """Let the processes that tests start import this tree, not another that is installed.

    Compiled programs are kept, as by workers: these processes and later runs share them.
    """
    paths = (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    flags = (program_cache_flags(), os.environ.get("TF_XLA_FLAGS"))
    os.environ["TF_XLA_FLAGS"] = " ".join(filter(None, flags))


def pytest_terminal_summary(terminalreporter):
    for name in zoo.models():
        missing = missing_extra(zoo.spec(name))
        if missing is not None:
            terminalreporter.write_line(f"left out: {missing}")


def pytest_collection_modifyitems(items):
    """Run what is parametrised by a model model by model, so that its compiled programs serve all.

    A process keeps few programs: test after test, each for all models, would make each anew.
    """

    def model_of(item):
        given = getattr(item, "callspec", None)
        estimator = None if given is None else given.params.get("estimator")
        if estimator is not None:
            return given.id.split("-")[0]
        name = None if given is None else given.params.get("name")
        return name if isinstance(name, str) else ""

    files = {}
    for item in items:
        files.setdefault(item.path, len(files))
    items.sort(key=lambda item: (files[item.path], model_of(item)))
