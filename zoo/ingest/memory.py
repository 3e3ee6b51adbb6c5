"""Whether a file fits into memory, estimated from its size before it is read."""

from __future__ import annotations

import contextlib
import os
import zipfile
from pathlib import Path

import psutil

from zoo.errors import DataError

__all__ = ["PACKED", "available_bytes", "bytes_needed", "refuse_too_large"]

# Bytes of memory per byte of the file while it is read and cleaned.
_FACTORS = {"text": 3.0, "json": 8.0, "excel": 40.0, "feather": 4.0}
_PACKING = 5.0  # bytes of text per packed byte, if the file does not declare its size
PACKED = {".gz", ".bz2", ".xz", ".zip"}


def bytes_needed(path: Path, form: str) -> int:
    """Return an estimate of the memory that reading and cleaning the file takes.

    Parameters
    ----------
    path : Path
    form : {"text", "json", "excel", "parquet", "feather"}
    """
    size = path.stat().st_size
    if form == "parquet":
        import pyarrow.parquet as pq
        from pyarrow import ArrowException

        try:
            metadata = pq.read_metadata(path)
        except (ArrowException, OSError):
            return size
        groups = (metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
        return int(max(3 * sum(groups), 16 * metadata.num_rows * metadata.num_columns))
    if path.suffix.lower() in PACKED:
        size = max(int(size * _PACKING), _declared_size(path))
    return int(size * _FACTORS[form])


def _declared_size(path: Path) -> int:
    """Return the unpacked size that a gzip or zip file declares, or 0."""
    with path.open("rb") as stream:
        start = stream.read(4)
        if start[:2] == b"\x1f\x8b" and path.stat().st_size > 18:
            stream.seek(-4, os.SEEK_END)
            return int.from_bytes(stream.read(4), "little")  # modulo 4 GB
    if start == b"PK\x03\x04":
        with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
            return sum(one.file_size for one in archive.infolist())
    return 0


def available_bytes() -> int:
    """Return the memory that this process can still use."""
    free = int(psutil.virtual_memory().available)
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = int((folder / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return free
    return free if limit == "max" else max(0, min(free, int(limit) - used))


def refuse_too_large(path: Path, form: str) -> None:
    """Refuse a file that would not fit.

    Raises
    ------
    DataError
        With the memory that is needed and available, and what to do.
    """
    needed, free = bytes_needed(path, form), available_bytes()
    if needed > free:
        advice = "give a sample of its rows"
        if form in {"text", "json", "excel"}:
            advice += ", or save the columns that matter as Parquet"
        raise DataError(
            f"{path}: needs about {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free; "
            f"{advice}"
        )
