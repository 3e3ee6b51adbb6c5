"""Lets ``python -m zoo.cli`` run the command line."""

from zoo.cli.app import main

main()
