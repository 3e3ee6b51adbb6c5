"""Zip archives whose members are checked by name, size and digest, and read one at a time."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ModelFileError
from zoo.output_file import writing

__all__ = [
    "FORMAT", "HEADER", "SCHEMA", "TABLE", "Json", "Members", "StoredArray", "array_bytes",
    "one_line", "opened", "pack", "parse_json",
]  # fmt: skip

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"

FORMAT, SCHEMA = "zoo model", 2
HEADER = "model.json"
_NETWORK = "network.keras"  # for use outside zoo
TABLE = "table.json"
_MAX_MEMBERS = 10_000
_PARSED = {b"[": 80, b"{": 80, b",": 48, b'"': 40, b" ": 24}  # bytes of memory of what each begins
_CHUNK = 1 << 20
_NAME = re.compile(r"(?!.*\.\.)[\w-][\w.-]*(/[\w.-]+)*")
_ARRAY_KINDS = "biufSUmM"  # those that numpy writes without pickle
_MAX_ITEM = 1 << 20  # bytes of a text in an array
_ARRAY_MAGIC, _ARRAY_START = b"\x93NUMPY\x01\x00", struct.Struct("<8sH")  # with the header's length
_ARRAY_HEADER = re.compile(  # as numpy writes it; its own reader takes any Python literal
    r"\{'descr': '([<>|][biufSUmM][0-9]{1,7}(?:\[[0-9]{0,9}[a-zA-Z]{1,9}\])?)', "
    r"'fortran_order': (True|False), 'shape': \(((?:[0-9]{1,18},? ?){0,8})\), \} *\n"
)
_LAMBDA = re.compile(r'"class_name"\s*:\s*"_*lambda_*"', re.I)


class _ArrayHeader(NamedTuple):
    """What the first bytes of an array in numpy's format say of it."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]


class StoredArray(NamedTuple):
    """An array whose numbers have not been read yet."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], NDArray[Any]]


def one_line(error: BaseException) -> str:
    """Return the type and message of an error in one line."""
    kind = "" if isinstance(error, ModelFileError) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split())[:300]


def pack(path: Path, members: Mapping[str, bytes]) -> None:
    """Write a zip as `writing` does; or raise a ModelFileError."""
    with (
        writing(path, ModelFileError) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, data in members.items():
            archive.writestr(name, data)


class _Hashing:
    """Reads a stream and digests what it read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, n: int) -> bytes:
        data = self._stream.read(n)
        self.digest.update(data)
        return data


class Members:
    """The members of an open zip that a header lists, with their digests.

    Each is read when it is asked for, and only once is it held.
    """

    def __init__(
        self, archive: zipfile.ZipFile, digests: Mapping[str, str], max_bytes: float
    ) -> None:
        self._archive, self._digests, self._max_bytes = archive, digests, max_bytes
        self._not_read = {*digests}

    def __contains__(self, name: object) -> bool:
        return name in self._digests

    def read(self, name: str) -> bytes:
        """Return the content of a member of text, unless parsing it would take too much memory."""
        with self._open(name) as stream:
            data = b"".join(iter(lambda: stream.read(_CHUNK), b""))
        _check_parsed(data, self._max_bytes)
        return data

    def array(self, name: str) -> StoredArray:
        """Return an array that can be read once its shape and type have been checked."""
        with self._archive.open(self._info(name)) as stream:
            header = _array_header(stream)
        return StoredArray(header.shape, header.dtype, partial(self._array, name))

    def _array(self, name: str) -> NDArray[Any]:
        """Return an array, once its header has been compared with the bytes that there are."""
        n_bytes = self._info(name).file_size
        with self._open(name) as stream:
            counted = _Counting(stream)
            shape, is_fortran, dtype = _array_header(counted)
            n_bytes -= counted.n_read
            n_items = _product(shape)
            if n_items * dtype.itemsize != n_bytes:
                raise ValueError(f"expected {n_items} numbers in '{name}', got {n_bytes} bytes")
            flat: NDArray[Any] = np.empty(n_items, dtype)
            target = flat.view(np.uint8) if n_bytes else np.empty(0, np.uint8)
            for start in range(0, n_bytes, _CHUNK):
                data = stream.read(_CHUNK)
                target[start : start + len(data)] = np.frombuffer(data, np.uint8)
        _check_items(flat)
        return flat.reshape(shape, order="F" if is_fortran else "C")

    def verify_rest(self) -> None:
        """Check the digests of members that a model does not need, and that there are no others."""
        if more := sorted(self._not_read - {_NETWORK, TABLE}):
            raise ModelFileError(f"'{more[0]}' is not a part of the model")
        for name in sorted(self._not_read):
            with self._open(name) as stream:
                while stream.read(_CHUNK):
                    pass
        if _NETWORK in self:
            # never loaded here, but a user may extract it
            with self._archive.open(_NETWORK) as member, zipfile.ZipFile(member) as inner:
                info = inner.getinfo("config.json")
                _check_method(info)
                if info.file_size > 64 * _CHUNK:
                    raise ModelFileError(f"the configuration in its {_NETWORK} is too long")
                config = json.dumps(json.loads(inner.read(info)))
            if _LAMBDA.search(config):
                raise ModelFileError(f"its {_NETWORK} has a lambda, which is code, not data")

    def _info(self, name: str) -> zipfile.ZipInfo:
        if name not in self._digests:
            raise ModelFileError(f"there is no member {name!r}")
        return self._archive.getinfo(name)

    @contextlib.contextmanager
    def _open(self, name: str) -> Iterator[_Hashing]:
        """Yield a stream whose digest is checked when all was read."""
        with self._archive.open(self._info(name)) as stream:
            hashing = _Hashing(stream)
            yield hashing
            if stream.read(1) or hashing.digest.hexdigest() != self._digests[name]:
                raise ModelFileError(f"'{name}' was changed since it was saved")
        self._not_read.discard(name)


class _Counting:
    """Reads a stream and counts the bytes."""

    def __init__(self, stream: _Hashing) -> None:
        self._stream = stream
        self.n_read = 0

    def read(self, n: int) -> bytes:
        data = self._stream.read(n)
        self.n_read += len(data)
        return data


def _check_parsed(data: bytes, max_bytes: float) -> None:
    """Refuse text that would take more memory when parsed."""
    needs = len(data) + sum(size * data.count(mark) for mark, size in _PARSED.items())
    if needs > max_bytes:
        raise ModelFileError(
            f"its text may take {needs / 2**30:.1f} GiB; if you trust it, pass max_gib"
        )


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _array_header(stream: Any) -> _ArrayHeader:
    """Return the header of numpy's format; `numpy.load` would allocate what it states."""
    start = stream.read(_ARRAY_START.size)
    if len(start) < _ARRAY_START.size or start[:8] != _ARRAY_MAGIC:
        raise ValueError("expected an array in numpy's format 1.0")
    text = stream.read(_ARRAY_START.unpack(start)[1]).decode("latin1")
    found = _ARRAY_HEADER.fullmatch(text)
    if found is None:
        raise ValueError(f"expected an array of numbers, text or times, got one of {text:.60}")
    dtype = np.dtype(found[1])
    if dtype.itemsize > _MAX_ITEM:
        raise ValueError(f"expected an array of numbers, text or times, got one of {dtype}")
    shape = tuple(int(size) for size in found[3].split(",") if size.strip())
    return _ArrayHeader(shape, found[2] == "True", dtype)


def _check_items(flat: NDArray[Any]) -> None:
    """Refuse bytes that are no value of their type, which numpy does not expect."""
    if flat.dtype.kind == "b" and (flat.view(np.uint8) > 1).any():
        raise ValueError("expected true or false in an array")
    if flat.dtype.kind == "U" and flat.size and flat.dtype.itemsize:
        points = flat.view(flat.dtype.str[0] + "u4")
        if (points > 0x10FFFF).any() or ((points >= 0xD800) & (points < 0xE000)).any():
            raise ValueError("expected text in an array")


def _check_method(info: zipfile.ZipInfo) -> None:
    """Refuse methods of packing that `pack` does not use: some need any amount of memory."""
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} or info.flag_bits & 1:
        raise ModelFileError(f"{info.filename!r} is packed in another way than save() would")


def _check_infos(infos: list[zipfile.ZipInfo], max_gib: float) -> None:
    """Refuse names that lead out of the file, and more bytes than memory should hold."""
    names = {info.filename for info in infos}
    outside = sorted(name for name in names if not _NAME.fullmatch(name))
    if outside or len(names) < len(infos):
        why = f"is called {outside[0]!r}, which leads out of it" if outside else "comes twice"
        raise ModelFileError(f"a member {why}")
    for info in infos:
        _check_method(info)
    needs = sum(info.file_size for info in infos)
    n_arrays = sum(info.file_size for info in infos if info.filename.endswith(".npy"))
    if any(i.filename == _NETWORK and i.file_size > 4 * n_arrays + 64 * _CHUNK for i in infos):
        raise ModelFileError(f"its {_NETWORK} is larger than its weights")
    if len(infos) > _MAX_MEMBERS or needs > max_gib * 2**30:
        raise ModelFileError(
            f"expected at most {_MAX_MEMBERS} members of {max_gib:g} GiB, got {len(infos)} of "
            f"{needs / 2**30:.1f} GiB; if you trust it, pass max_gib"
        )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a dict; of two equal names, readers might take different ones."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice")
    return found


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def parse_json(data: bytes) -> Any:
    """Return plain data; refuse names that come twice, NaN and Infinity."""
    return json.loads(data, object_pairs_hook=_once, parse_constant=_no_constant)


@contextlib.contextmanager
def opened(path: Path, max_gib: float) -> Iterator[tuple[dict[str, Json], Members]]:
    """Yield the header and the members that it lists.

    Raises
    ------
    ModelFileError
        If there is no such file, or it is damaged or not a zoo model.
    """
    if not path.is_file():
        raise ModelFileError(
            f"there is no file '{path}'; name one that save() or zoo curve --save-model wrote"
        )
    with contextlib.ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
            infos = archive.infolist()
            _check_infos(infos, max_gib)
            held = {info.filename for info in infos}
            text = archive.read(HEADER) if HEADER in held else b"null"
            _check_parsed(text, max_gib * 2**30)
            header = parse_json(text)
            if not isinstance(header, dict) or header.get("format") != FORMAT:
                raise ModelFileError("it has no model.json of a zoo model")
            if (found := header.get("schema")) != SCHEMA or type(found) is not int:
                raise ModelFileError(f"expected schema {SCHEMA}, got {str(found)[:60]}; update zoo")
            listed = header.get("members")
            listed = listed if isinstance(listed, dict) else {}
            wrong = sorted({*listed} ^ (held - {HEADER}))
            if wrong:
                raise ModelFileError(f"'{wrong[0]}' is missing, or was added since it was saved")
        except Exception as error:
            raise ModelFileError(
                f"'{path}' is not a whole file of a zoo model ({one_line(error)}); "
                "name a file that save() wrote, or get it again from a source you trust"
            ) from error
        digests = {key: str(digest) for key, digest in listed.items()}
        yield header, Members(archive, digests, max_gib * 2**30)


def array_bytes(values: NDArray[Any] | np.generic) -> bytes | None:
    """Return an array in numpy's format; None if it holds objects."""
    if values.dtype.kind not in _ARRAY_KINDS:
        return None
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(values), version=(1, 0), allow_pickle=False)
    return stream.getvalue()
