"""Imports nothing from the current folder, where a file of the user's may be called `random`.

``python -m`` puts that folder first on the path, and so does each entry of PYTHONPATH that is empty
or ".". This module is imported before any other of the command line, and takes them off again.
"""

from __future__ import annotations

import os
import sys

__all__: list[str] = []


def _forget() -> None:
    named = os.environ.get("PYTHONPATH", "")
    n_named = sum(os.path.normpath(path) == "." for path in named.split(os.pathsep) if named)
    for _ in range(n_named + (sys.argv[0] == "-m" and not sys.flags.safe_path)):
        here = next((path for path in sys.path if path in ("", os.getcwd())), None)  # noqa: PTH109
        if here is not None:
            sys.path.remove(here)


if sys.argv and (sys.argv[0] == "-m" or os.path.basename(sys.argv[0]) == "zoo"):  # noqa: PTH119
    _forget()
