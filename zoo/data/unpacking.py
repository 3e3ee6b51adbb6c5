"""Compressed files, opened with a limit on what they unpack to."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import psutil

from zoo.errors import DataError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["COMPRESSED", "UNPACKING_ERRORS", "available_bytes", "open_unpacked", "ratio_limit"]

COMPRESSED = {".gz", ".bz2", ".xz", ".zip"}
# What the decompressors of Python raise on a broken file.
UNPACKING_ERRORS = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile)
_COMPRESSIONS = {b"\x1f\x8b": gzip, b"BZh": bz2, b"\xfd7zXZ\x00": lzma}
_LARGEST_RATIO = 1000  # deflate ends at 1032; real tables stay below 100
_ALWAYS_ALLOWED = 100_000_000  # bytes


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


def ratio_limit(path: Path) -> int:
    """Return how many bytes a file may unpack to: 1000 times its size, or 100 MB if larger."""
    return max(_LARGEST_RATIO * path.stat().st_size, _ALWAYS_ALLOWED)


class _Bounded(io.RawIOBase):
    """A stream that raises DataError once more than `limit` bytes were read."""

    def __init__(self, stream: IO[bytes], limit: int, path: Path) -> None:
        self._stream, self._limit, self._path = stream, limit, path

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        content = self._stream.read(len(memoryview(buffer).cast("B")))
        if self._stream.tell() > self._limit:
            raise DataError(
                f"{self._path}: unpacks to more than {self._limit / 1e6:,.0f} MB "
                f"({self._path.stat().st_size:,} bytes are packed), the limit here; "
                "unpack it yourself, or give a sample of its rows"
            )
        memoryview(buffer).cast("B")[: len(content)] = content
        return len(content)

    def seek(self, offset: int, origin: int = io.SEEK_SET, /) -> int:
        return self._stream.seek(offset, origin)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        self._stream.close()
        super().close()


def open_unpacked(path: Path, *, bytes_per_byte: float = 1.0) -> IO[bytes]:
    """Open a file; gzip, bzip2, xz and zip are recognised by their first bytes and unpacked.

    Parameters
    ----------
    path : Path
    bytes_per_byte : float
        Memory that the caller needs for each unpacked byte.

    Returns
    -------
    stream
        Of a packed file, it raises DataError when more is read than `ratio_limit` allows, or than
        fits into memory.

    Raises
    ------
    DataError
        If a zip archive cannot be opened, or does not hold exactly one file.
    """
    with path.open("rb") as stream:
        start = stream.read(6)
    for mark, module in _COMPRESSIONS.items():
        if start.startswith(mark):
            return _bounded(cast("IO[bytes]", module.open(path)), path, bytes_per_byte)
    if start.startswith(b"PK\x03\x04") and path.suffix.lower() == ".zip":
        return _bounded(_open_zip(path), path, bytes_per_byte)
    return path.open("rb")


def _bounded(stream: IO[bytes], path: Path, bytes_per_byte: float) -> IO[bytes]:
    limit = min(ratio_limit(path), int(available_bytes() / bytes_per_byte))
    return io.BufferedReader(_Bounded(stream, limit, path), 1 << 16)


def _open_zip(path: Path) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(path)
        inside = [name for name in archive.namelist() if not name.startswith("__MACOSX")]
        if len(inside) != 1:
            raise DataError(f"{path}: expected one file in the archive, found {len(inside)}")
        return archive.open(inside[0])
    # RuntimeError: it is encrypted; NotImplementedError: an unknown compression
    except (*UNPACKING_ERRORS, RuntimeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise DataError(f"{path}: is not a zip archive that can be opened ({said})") from error
