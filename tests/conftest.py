"""What a run leaves out for want of an extra, said at its end."""

import zoo
from zoo.registry import missing_extra


def pytest_terminal_summary(terminalreporter):
    for name in zoo.models():
        missing = missing_extra(zoo.spec(name))
        if missing is not None:
            terminalreporter.write_line(f"left out: {missing}")
