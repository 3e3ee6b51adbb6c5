"""The command `zoo export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli.options import read_path
from zoo.cli.output import say
from zoo.definitions import unknown
from zoo.errors import ExportError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["export", "read_rows"]


def export(
    model: Annotated[
        Path,
        typer.Argument(
            parser=read_path, metavar="MODEL", help="A model file written by save()."
        ),
    ],
    to: Annotated[str, typer.Option("--to", help="litert, onnx or savedmodel.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", parser=read_path, metavar="FILE",
            help="File to write; for savedmodel, a folder.",
        ),
    ],
    int8: Annotated[bool, typer.Option("--int8", help="Quantise to 8 bits (litert only).")] = False,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            "--calibrate", parser=read_path, metavar="FILE",
            help="Training rows that calibrate --int8: a .csv or .parquet file.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:  # fmt: skip
    """Export a fitted model for another runtime.

    Formats are LiteRT, ONNX and TensorFlow's SavedModel.
    """
    from zoo.export.exporting import FORMATS, export_model
    from zoo.saving import load_model

    if to not in FORMATS:
        raise unknown("format", to, FORMATS)
    if calibrate is not None and not int8:
        raise ExportError("--calibrate is for --int8; give both or neither")
    fitted = load_model(model)
    made = export_model(
        fitted,
        out,
        to=to,
        precision="int8" if int8 else "float32",
        calibration=None if calibrate is None else read_rows(calibrate),
        overwrite=force,
    )
    say(f"{type(fitted).__name__} to {to}, {made.precision}: {made.path}")
    say(f"signature (inputs and outputs): {made.signature}")
    if made.preprocessing is not None:
        say(f"preprocessing (table columns to inputs): {made.preprocessing}")


def read_rows(path: Path) -> pd.DataFrame:
    """Return the table in a .csv or .parquet file.

    Raises
    ------
    ExportError
        If the file is of another type, unreadable or empty.
    """
    import pandas as pd

    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
    if path.suffix.lower() not in readers:
        raise ExportError(f"expected rows in a .csv or .parquet file, got '{path}'")
    try:
        table: pd.DataFrame = readers[path.suffix.lower()](path)
    except (OSError, ValueError) as error:  # pandas and pyarrow raise subclasses of these
        why = " ".join(str(error).split())[:200]
        raise ExportError(f"'{path}' cannot be read as a table of rows ({why})") from error
    if table.empty:
        raise ExportError(f"'{path}' has no rows to calibrate on")
    return table
