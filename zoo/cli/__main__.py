"""Lets ``python -m zoo.cli`` run the command line."""

from zoo.cli.entry import main

if __name__ == "__main__":
    main()
