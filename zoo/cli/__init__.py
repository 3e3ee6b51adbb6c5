"""The command line."""

from zoo.cli import current_folder  # noqa: F401 (before anything that takes long to import)
from zoo.cli.entry import main

__all__ = ["main"]
