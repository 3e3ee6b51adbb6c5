"""Files of any supported format as one raw table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from zoo.definitions import near_name
from zoo.errors import DataError
from zoo.extras import missing_module
from zoo.ingest.clean_table import RawTable
from zoo.ingest.delimited import name_columns, open_packed, read_delimited
from zoo.ingest.images import list_images
from zoo.ingest.memory import PACKED, refuse_too_large

__all__ = ["FORMATS", "did_you_mean", "read_frame", "read_table"]

FORMATS = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt", ".dat", ".data"), "text"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "json"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".feather", ".arrow", ".ipc"), "feather"),
    **dict.fromkeys((".xlsx", ".xlsm"), "excel"),
    **dict.fromkeys((".png", ".jpg", ".jpeg"), "image"),
}


def read_frame(path: Path, *, sheet: str | None = None) -> pd.DataFrame:
    """Return the frame of `read_table`."""
    return read_table(path, sheet=sheet).frame


def read_table(path: Path, *, sheet: str | None = None) -> RawTable:
    """Return the raw content of a file, or of a folder of images.

    Parameters
    ----------
    path : Path
        Text with delimiters, JSON Lines, a JSON array of records, Parquet, Feather or an Excel
        workbook; text and JSON may be packed. A folder of images gives one row per image: its path
        and its subfolder.
    sheet : str or None
        Of a workbook; None: the only one that is not empty.

    Raises
    ------
    DataError
        If there is no such file or sheet, or it cannot be read; one line that says why.
    MissingExtraError
        If a package for the format is not installed.
    """
    path = Path(path)
    form = _format_of(path)
    if sheet is not None and form != "excel":
        raise DataError(f"{path}: a sheet was asked for, but only Excel workbooks have sheets")
    if form == "image":
        return RawTable(list_images(path))
    refuse_too_large(path, form)
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        "json": _read_json,
        "parquet": lambda path: _read_arrow(path, form),
        "feather": lambda path: _read_arrow(path, form),
        "excel": lambda path: _read_excel(path, sheet),
    }
    try:
        raw = read_delimited(path) if form == "text" else RawTable(readers[form](path))
    except PermissionError as error:
        raise DataError(f"{path}: cannot be read (permission denied)") from error
    except MemoryError as error:
        raise DataError(f"{path}: does not fit into memory; give a sample of its rows") from error
    frame = raw.frame.reset_index(drop=True)
    frame.columns = pd.Index(name_columns(list(frame.columns)))
    if not frame.shape[1]:
        raise DataError(f"{path}: there is no column")
    if frame.empty:
        raise DataError(
            f"{path}: there is no row; columns are: {', '.join(map(str, frame.columns[:20]))}"
        )
    return replace(raw, frame=frame)


def did_you_mean(word: str, name: str, known: Iterable[str], path: object) -> DataError:
    """Return the error for a wrong name of a column or sheet, with all names and the nearest."""
    known = list(map(str, known))
    shown = ", ".join(known[:30]) + (f" and {len(known) - 30} more" if len(known) > 30 else "")
    same = [one for one in known if one.strip().casefold() == name.strip().casefold()]
    near = same[0] if same else near_name(name, known)
    hint = f"; did you mean '{near}'?" if near else ""
    return DataError(f"{path}: there is no {word} '{name}'; {word}s are: {shown}{hint}")


def _format_of(path: Path) -> str:
    if path.is_dir():
        return "image"
    if not path.exists():
        raise DataError(f"{path}: there is no such file{_file_hint(path)}")
    if not path.is_file():
        raise DataError(f"{path}: is neither a file nor a folder")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes = suffixes[:-1] or [".csv"]
        if FORMATS.get(suffixes[-1]) not in {"text", "json"}:
            suffixes = [".csv"]
    suffix = suffixes[-1] if suffixes else ""
    if suffix not in FORMATS:
        hint = "; save it as .xlsx" if suffix in {".xls", ".ods", ".numbers"} else ""
        raise DataError(
            f"{path}: cannot read files that end in '{suffix}'{hint}; known are: "
            f"{' '.join(FORMATS)} (text and JSON also with {' '.join(sorted(PACKED))}) "
            "and folders of images"
        )
    return FORMATS[suffix]


def _file_hint(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; nor a folder {path.parent}"
    names = [one.name for one in path.parent.iterdir() if one.suffix.lower() in FORMATS]
    near = near_name(path.name, sorted(names))
    return f"; did you mean '{near}'?" if near else ""


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _read_json(path: Path) -> pd.DataFrame:
    with open_packed(path) as stream:
        start = stream.read(1 << 12).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not start:
            raise DataError(f"{path}: the file is empty; expected records")
        stream.seek(0)
        is_array = start.startswith(b"[")
        try:
            frame = pd.read_json(
                stream,
                lines=not is_array,
                orient="records",
                dtype=False,
                encoding="utf-8-sig",
            )
        except (ValueError, OSError, EOFError) as error:
            what = "a JSON array of records" if is_array else "one JSON record a line"
            raise DataError(f"{path}: expected {what}: {_one_line(error)}") from error
    return frame


def _read_arrow(path: Path, form: str) -> pd.DataFrame:
    from pyarrow import ArrowException

    try:
        return pd.read_parquet(path) if form == "parquet" else pd.read_feather(path)
    except (ArrowException, ValueError, OSError) as error:
        what = form.capitalize()
        raise DataError(f"{path}: is not a valid {what} file: {_one_line(error)}") from error


def _read_excel(path: Path, sheet: str | None) -> pd.DataFrame:
    what = "openpyxl, which reads Excel workbooks,"
    if (missing := missing_module("openpyxl", what, "files")) is not None:
        raise missing
    from zipfile import BadZipFile

    if not path.stat().st_size:
        raise DataError(f"{path}: the file is empty; expected an Excel workbook")
    try:
        with pd.ExcelFile(path, engine="openpyxl") as book:
            return _read_sheet(book, sheet, path)
    except (BadZipFile, KeyError, ValueError, OSError) as error:
        raise DataError(
            f"{path}: is not a valid .xlsx workbook ({_one_line(error)}); open it and save it again"
        ) from error


def _read_sheet(book: pd.ExcelFile, sheet: str | None, path: Path) -> pd.DataFrame:
    names = [str(name) for name in book.sheet_names]
    if sheet is not None and sheet not in names:
        raise did_you_mean("sheet", sheet, names, path)
    options: dict[str, Any] = {"keep_default_na": False, "na_values": [""], "header": None}
    wanted = [sheet] if sheet else names
    parts: dict[str, pd.DataFrame] = pd.read_excel(book, sheet_name=wanted, **options)
    full = {name: part for name, part in parts.items() if not part.dropna(how="all").empty}
    if not full:
        raise DataError(f"{path}: there is no cell with content in {', '.join(parts)}")
    if len(full) > 1:
        raise DataError(
            f"{path}: the workbook has several sheets: {', '.join(full)}; choose one with --sheet"
        )
    raw = next(iter(full.values())).dropna(how="all").dropna(axis=1, how="all")
    names = ["" if pd.isna(cell) else cell for cell in raw.iloc[0]]
    return raw.iloc[1:].set_axis(name_columns(names), axis=1).infer_objects()
