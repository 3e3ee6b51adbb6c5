"""Files of any supported format as one raw table."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from zoo.data.unpacking import (
    COMPRESSED,
    UNPACKING_ERRORS,
    available_bytes,
    open_unpacked,
    ratio_limit,
)
from zoo.definitions import near_name
from zoo.errors import DataError
from zoo.extras import missing_module
from zoo.ingest.clean_table import RawTable
from zoo.ingest.delimited import TEXT_MEMORY, name_columns, read_delimited
from zoo.ingest.images import list_images
from zoo.ingest.workbook_checks import check_workbook

__all__ = ["bytes_needed", "did_you_mean", "read_frame", "read_table"]

_FORMATS = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt", ".dat", ".data"), "text"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "json"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".feather", ".arrow", ".ipc"), "feather"),
    **dict.fromkeys((".xlsx", ".xlsm"), "excel"),
    **dict.fromkeys((".png", ".jpg", ".jpeg"), "image"),
}
# Bytes of memory per byte of the file while it is read and cleaned.
_FACTORS = {"text": TEXT_MEMORY, "json": 8.0, "excel": 40.0, "feather": 4.0}
# What pandas, pyarrow and openpyxl raise on a broken file, besides their own errors.
_PARSER_ERRORS = (
    ArithmeticError, AttributeError, LookupError, NotImplementedError, RecursionError, TypeError,
    ValueError,
)  # fmt: skip
_RATIO = 5.0  # of compression, if the file does not declare its size


def read_frame(path: Path, *, sheet: str | None = None) -> pd.DataFrame:
    """Return the frame of `read_table`."""
    return read_table(path, sheet=sheet).frame


def read_table(path: Path, *, sheet: str | None = None) -> RawTable:
    """Return the raw content of a file, or of a folder of images.

    Parameters
    ----------
    path : Path
        Delimited text, JSON Lines, a JSON array of records, Parquet, Feather or an Excel workbook;
        text and JSON may be compressed. A folder of images gives one row per image: its path and
        its subfolder.
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
    _refuse_too_large(path, form)
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
    """Return the format that the suffixes of a path name; a folder is of images."""
    if path.is_dir():
        return "image"
    if not path.exists():
        hint = f"; nor a folder {path.parent}"
        if path.parent.is_dir():
            names = [one.name for one in path.parent.iterdir() if one.suffix.lower() in _FORMATS]
            near = near_name(path.name, sorted(names))
            hint = f"; did you mean '{near}'?" if near else ""
        raise DataError(f"{path}: there is no such file{hint}")
    if not path.is_file():
        raise DataError(f"{path}: is neither a file nor a folder")
    *_, inner, suffix = "", "", *(suffix.lower() for suffix in path.suffixes)
    if suffix in COMPRESSED:
        suffix = inner if _FORMATS.get(inner) in {"text", "json"} else ".csv"
    if suffix not in _FORMATS:
        hint = "; save it as .xlsx" if suffix in {".xls", ".ods", ".numbers"} else ""
        raise DataError(
            f"{path}: cannot read files that end in '{suffix}'{hint}; known are: "
            f"{' '.join(_FORMATS)} (text and JSON also with {' '.join(sorted(COMPRESSED))}) "
            "and folders of images"
        )
    return _FORMATS[suffix]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _read_json(path: Path) -> pd.DataFrame:
    what = "JSON records"
    with open_unpacked(path, bytes_per_byte=_FACTORS["json"]) as stream:
        try:
            start = stream.read(1 << 12).removeprefix(b"\xef\xbb\xbf").lstrip()
            if not start:
                raise DataError(f"{path}: the file is empty; expected records")
            stream.seek(0)
            is_array = start.startswith(b"[")
            what = "a JSON array of records" if is_array else "one JSON record a line"
            return pd.read_json(
                stream, lines=not is_array, orient="records", dtype=False, encoding="utf-8-sig"
            )
        except (*UNPACKING_ERRORS, *_PARSER_ERRORS) as error:
            raise DataError(f"{path}: expected {what}: {_one_line(error)}") from error


def _read_arrow(path: Path, form: str) -> pd.DataFrame:
    from pyarrow import ArrowException

    try:
        if form == "feather":
            _check_feather(path)
        return pd.read_parquet(path) if form == "parquet" else pd.read_feather(path)
    except (ArrowException, OSError, *_PARSER_ERRORS) as error:
        said = f"is not a valid {form.capitalize()} file: {_one_line(error)}"
        raise DataError(f"{path}: {said}") from error


def _check_feather(path: Path) -> None:
    """Refuse a file whose compressed batches unpack to more than fits, reading one at a time."""
    import pyarrow as pa

    limit = min(ratio_limit(path), int(available_bytes() / _FACTORS["feather"]))
    n_bytes = 0
    with pa.memory_map(str(path)) as source:
        try:
            reader = pa.ipc.open_file(source)
        except pa.ArrowInvalid:
            return  # the format before 2020; it has no compression
        for i in range(reader.num_record_batches):
            n_bytes += reader.get_batch(i).nbytes
            if n_bytes > limit:
                raise DataError(
                    f"{path}: unpacks to more than {limit / 1e6:,.0f} MB, the limit here; "
                    "give a sample of its rows"
                )


def _read_excel(path: Path, sheet: str | None) -> pd.DataFrame:
    what = "openpyxl, which reads Excel workbooks,"
    if (missing := missing_module("openpyxl", what, "files")) is not None:
        raise missing
    if not path.stat().st_size:
        raise DataError(f"{path}: the file is empty; expected an Excel workbook")
    check_workbook(path)
    try:
        with pd.ExcelFile(path, engine="openpyxl") as book:
            return _read_sheet(book, sheet, path)
    # SyntaxError: of its XML
    except (*UNPACKING_ERRORS, *_PARSER_ERRORS, SyntaxError) as error:
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


def bytes_needed(path: Path, form: str) -> int:
    """Return an estimate of the memory that reading and cleaning a file of this format takes."""
    size = path.stat().st_size
    if form == "parquet":
        import pyarrow.parquet as pq
        from pyarrow import ArrowException

        try:
            metadata = pq.read_metadata(path)
            groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
            n_bytes = sum(group.total_byte_size for group in groups)
        except (ArrowException, OSError, *_PARSER_ERRORS):
            return size
        return int(max(3 * n_bytes, 16 * metadata.num_rows * metadata.num_columns))
    if path.suffix.lower() in COMPRESSED:
        size = max(int(size * _RATIO), _declared_size(path))
    return int(size * _FACTORS[form])


def _declared_size(path: Path) -> int:
    """Return the decompressed size that a gzip or zip file declares, or 0."""
    with path.open("rb") as stream:
        start = stream.read(4)
        if start[:2] == b"\x1f\x8b" and path.stat().st_size > 18:
            stream.seek(-4, os.SEEK_END)
            return int.from_bytes(stream.read(4), "little")  # modulo 4 GB
    if start == b"PK\x03\x04":
        with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
            return sum(one.file_size for one in archive.infolist())
    return 0


def _refuse_too_large(path: Path, form: str) -> None:
    """Refuse a file that would not fit, with the memory that is needed and available."""
    needed, free = bytes_needed(path, form), available_bytes()
    if needed > free:
        advice = "give a sample of its rows"
        if form in {"text", "json", "excel"}:
            advice += ", or save the columns that matter as Parquet"
        raise DataError(
            f"{path}: needs about {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free; "
            f"{advice}"
        )
