"""The command line."""

from zoo.cli.app import app, main

__all__ = ["app", "main"]
