"""The command line. Exit codes: 0 done, 1 done with failed cells, 2 unusable arguments or data."""

from __future__ import annotations

import sys

import typer

from zoo.cli.benchmark import bench, report
from zoo.cli.export_file import export
from zoo.cli.listing import check_data, list_, show
from zoo.cli.own_table import curve, predict
from zoo.errors import ZooError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Find out which family of models learns best from this much data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command()(curve)
app.command()(predict)
app.command("list")(list_)
app.command()(show)
app.command()(bench)
app.command()(report)
app.command()(export)
app.command("check-data")(check_data)


def main() -> None:
    """Run the command line; an error that the user can fix is one line and exit code 2."""
    try:
        app(standalone_mode=True)
    except ZooError as error:
        sys.stderr.write("error: " + " ".join(str(error).split()) + "\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("stopped; run the same command again to resume\n")
        sys.exit(130)
