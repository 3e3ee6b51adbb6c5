"""Files of any supported format as one raw table."""

from __future__ import annotations

import contextlib
import json
import os
import zipfile
from collections.abc import Callable, Collection, Iterable
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
from zoo.encoding.plain_columns import EXACT
from zoo.errors import DataError
from zoo.extras import missing_module
from zoo.ingest.clean_table import RawTable
from zoo.ingest.delimited import TEXT_MEMORY, read_delimited
from zoo.ingest.images import list_images
from zoo.ingest.outline import count_footer, find_outline, footer_remark, name_columns
from zoo.ingest.plain import value_text, with_index
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
_FIRST_ROWS = 600  # of a sheet, in which the header is looked for


def read_frame(
    path: Path, *, sheet: str | None = None, wanted: Collection[str] = ()
) -> pd.DataFrame:
    """Return the frame of `read_table`."""
    return read_table(path, sheet=sheet, wanted=wanted).frame


def read_table(
    path: Path,
    *,
    sheet: str | None = None,
    wanted: Collection[str] = (),
    roles: Collection[str] = (),
) -> RawTable:
    """Return the raw content of a file, or of a folder of images.

    Parameters
    ----------
    path : Path
        Delimited text, JSON Lines, a JSON array of records, Parquet, Feather or an Excel workbook;
        text and JSON may be compressed. A folder of images gives one row per image: its path and
        its subfolder.
    sheet : str or None
        Of a workbook; None: the only one that is not empty.
    wanted : collection of str
        Names that the header should hold, so that it is found below a title.
    roles : collection of str
        Columns of which the words that were read as missing numbers are counted.

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
    readers: dict[str, Callable[[], RawTable]] = {
        "text": lambda: read_delimited(path, wanted=wanted, roles=roles),
        "json": lambda: RawTable(_read_json(path), is_typed=True),
        "parquet": lambda: _read_arrow(path, form, wanted),
        "feather": lambda: _read_arrow(path, form, wanted),
        "excel": lambda: _read_excel(path, sheet, wanted),
    }
    try:
        raw = readers[form]()
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


def did_you_mean(
    word: str, name: str, known: Iterable[str], path: object, remark: str = ""
) -> DataError:
    """Return the error for a wrong name of a column or sheet, with all names and the nearest."""
    known = list(map(str, known))
    shown = ", ".join(known[:30]) + (f" and {len(known) - 30} more" if len(known) > 30 else "")
    same = [one for one in known if one.strip().casefold() == name.strip().casefold()]
    near = same[0] if same else near_name(name, known)
    hint = f"; did you mean '{near}'?" if near else ""
    return DataError(f"{path}: there is no {word} '{name}'; {word}s are: {shown}{remark}{hint}")


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
            frame = pd.read_json(
                stream, lines=not is_array, orient="records", dtype=False, encoding="utf-8-sig"
            )
            floats = frame.select_dtypes("float64")
            long = floats.columns[(floats.abs() >= EXACT).any()]
            if len(long):  # they may be integers that were rounded
                stream.seek(0)
                text = stream.read().decode("utf-8-sig")
                lines = [line for line in text.split("\n") if line.strip()]
                rows = json.loads(text if is_array else f"[{','.join(lines)}]")
                for name in long:
                    frame[name] = pd.Series([row.get(name) for row in rows], dtype=object)
            return frame
        except (*UNPACKING_ERRORS, *_PARSER_ERRORS) as error:
            raise DataError(f"{path}: expected {what}: {_one_line(error)}") from error


def _read_arrow(path: Path, form: str, wanted: Collection[str]) -> RawTable:
    from pyarrow import ArrowException

    try:
        if form == "feather":
            _check_feather(path)
        read = pd.read_parquet if form == "parquet" else pd.read_feather
        frame = read(path, dtype_backend="pyarrow")  # whose integers stay so where some miss
    except (ArrowException, OSError, *_PARSER_ERRORS) as error:
        said = f"is not a valid {form.capitalize()} file: {_one_line(error)}"
        raise DataError(f"{path}: {said}") from error
    frame, remarks = with_index(frame, wanted)
    return RawTable(frame, remarks=remarks, is_typed=True)


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


def _read_excel(path: Path, sheet: str | None, wanted: Collection[str]) -> RawTable:
    what = "openpyxl, which reads Excel workbooks,"
    if (missing := missing_module("openpyxl", what, "files")) is not None:
        raise missing
    if not path.stat().st_size:
        raise DataError(f"{path}: the file is empty; expected an Excel workbook")
    check_workbook(path)
    try:
        with pd.ExcelFile(path, engine="openpyxl") as book:
            return _read_sheet(book, sheet, path, wanted)
    # SyntaxError: of its XML
    except (*UNPACKING_ERRORS, *_PARSER_ERRORS, SyntaxError) as error:
        raise DataError(
            f"{path}: is not a valid .xlsx workbook ({_one_line(error)}); open it and save it again"
        ) from error


def _read_sheet(
    book: pd.ExcelFile, sheet: str | None, path: Path, wanted: Collection[str]
) -> RawTable:
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
    first = raw.iloc[:_FIRST_ROWS].astype(object).to_numpy()
    texts = [["" if pd.isna(cell) else value_text(cell) for cell in row] for row in first]
    outline = find_outline(texts, [line + 1 for line in raw.index], wanted)
    header = [""] * raw.shape[1] if outline.header is None else texts[outline.header]
    frame = raw.drop(index=raw.index[[*outline.skipped]]).set_axis(name_columns(header), axis=1)
    remarks = outline.remarks
    if n_last := count_footer(frame.infer_objects()):
        remarks = (*remarks, footer_remark(frame, n_last))
        frame = frame.iloc[:-n_last]
    return RawTable(frame.infer_objects(), remarks=remarks, has_header=outline.header is not None)


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
