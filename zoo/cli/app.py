"""The commands of the command line."""

from __future__ import annotations

from typing import Annotated

import typer

import zoo
from zoo.cli.benchmark import bench, report
from zoo.cli.export_file import export
from zoo.cli.listing import check_data, list_, show
from zoo.cli.output import say, without_native_logs
from zoo.cli.own_table import curve, predict
from zoo.errors import ZooError

__all__ = ["app", "run"]

# The class of wrong arguments; typer has no public name for it.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    help="Find out which family of models learns best from this much data.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        say(f"zoo {zoo.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Find out which family of models learns best from this much data."""
    if context.invoked_subcommand is None:
        say(context.get_help(), err=True)
        raise typer.Exit(2)


app.command()(curve)
app.command()(without_native_logs()(predict))
app.command("list")(list_)
app.command()(show)
app.command()(bench)
app.command()(report)
app.command()(without_native_logs()(export))
app.command("check-data")(without_native_logs()(check_data))


def run() -> int:
    """Run the command of `sys.argv` and return its exit code.

    Raises
    ------
    ZooError
        If its arguments are wrong, or as the command.
    """
    try:
        return int(app(prog_name="zoo", standalone_mode=False) or 0)
    except typer.Abort:
        return 130
    except _UsageError as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "zoo"
        message = error.format_message().strip().rstrip(".")  # type: ignore[attr-defined]
        hint = "" if message.endswith("?") else f"; see '{command} --help'"
        raise ZooError(f"{message[:1].lower()}{message[1:]}{hint}") from error
