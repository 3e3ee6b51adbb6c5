"""The body of `zoo export`."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from zoo.definitions import unknown
from zoo.errors import ExportError
from zoo.export.exporting import FORMATS, export_model
from zoo.saving import load_model

__all__ = ["read_rows", "run"]


def run(
    source: Path, out: Path, *, to: str, int8: bool, calibrate: Path | None, overwrite: bool
) -> Iterator[str]:
    """Export a model file; yield what to say of it.

    Raises
    ------
    ZooError
        If something cannot be read, exported or written.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what converters say is for their makers
    for name in ("tensorflow", "absl", "tf2onnx"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if to not in FORMATS:
        raise unknown("format", to, FORMATS)
    if calibrate is not None and not int8:
        raise ExportError("--calibrate is for --int8; give both or none")
    model = load_model(source)
    made = export_model(
        model,
        out,
        to=to,
        precision="int8" if int8 else "float32",
        calibration=None if calibrate is None else read_rows(calibrate),
        overwrite=overwrite,
    )
    yield f"{type(model).__name__} to {to}, {made.precision}: {made.path}"
    yield f"what goes in and comes out: {made.signature}"
    if made.preprocessing is not None:
        yield f"from a table's columns to what goes in: {made.preprocessing}"


def read_rows(path: Path) -> pd.DataFrame:
    """Return a table of a .csv or .parquet file.

    Raises
    ------
    ExportError
    """
    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
    if path.suffix.lower() not in readers:
        raise ExportError(f"expected rows in a .csv or .parquet file, got '{path}'")
    try:
        table: pd.DataFrame = readers[path.suffix.lower()](path)
    except (OSError, ValueError) as error:  # pandas and pyarrow raise kinds of these
        why = " ".join(str(error).split())[:200]
        raise ExportError(f"'{path}' cannot be read as a table of rows ({why})") from error
    if table.empty:
        raise ExportError(f"'{path}' has no rows to calibrate on")
    return table
