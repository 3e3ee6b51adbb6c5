"""Compiled programs that all tests share, and what a run leaves out for want of an extra."""

import os

import zoo
from zoo.bench.programs import program_cache_flags
from zoo.registry import missing_extra


def pytest_configure():
    """Keep compiled programs, as workers do: processes and later runs of the tests share them."""
    flags = (program_cache_flags(), os.environ.get("TF_XLA_FLAGS"))
    os.environ["TF_XLA_FLAGS"] = " ".join(filter(None, flags))


def pytest_terminal_summary(terminalreporter):
    for name in zoo.models():
        missing = missing_extra(zoo.spec(name))
        if missing is not None:
            terminalreporter.write_line(f"left out: {missing}")
