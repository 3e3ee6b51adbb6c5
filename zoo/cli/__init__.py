"""The command line."""

from zoo.cli.entry import main

__all__ = ["main"]
