"""Downloads files once, within limits, checks them, and keeps them outside the repository."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.client
import json
import logging
import os
import re
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from io import BufferedRandom, BufferedReader
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

from zoo.errors import DataError

__all__ = ["cache_folder", "download", "fetch_openml_file"]

_log = logging.getLogger("zoo.data")

_OPENML_URL = "https://www.openml.org"
_TIMEOUT_S = 60  # without an answer
_MAX_S = 3600  # for a file, however steadily it comes
_MAX_BYTES = 4_000_000_000
_MAX_DESCRIPTION_BYTES = 10_000_000
_SLOWEST = 1000  # bytes a second, on average
_CHECK_S = 1
_CHUNK = 1 << 16
_LONGEST_NAME = 100  # characters; file systems allow 255 bytes


def cache_folder() -> Path:
    """Return the folder of fetched files: ZOO_CACHE of the environment, or ~/.cache/zoo."""
    folder = Path(os.environ.get("ZOO_CACHE") or "~/.cache/zoo")
    try:
        return folder.expanduser()
    except RuntimeError as error:
        raise DataError(f"no home folder for {folder}; set ZOO_CACHE to a folder") from error


def download(
    url: str,
    *,
    name: str,
    sha256: str | None = None,
    md5: str | None = None,
    max_bytes: int = _MAX_BYTES,
) -> Path:
    """Return the local path of what a URL holds, fetched if it is not in the cache.

    A download may take an hour, at 1 kB a second or more, and hold `max_bytes`.

    Parameters
    ----------
    url : str
    name : str
        Of the data set: its folder in the cache.
    sha256, md5 : str or None
        Hexadecimal digests that the content must have, in the cache too.
    max_bytes : int

    Raises
    ------
    DataError
        If the URL cannot be reached, exceeds a limit, or holds something else than expected; or if
        the cache cannot be written.
    """
    address = _checked_address(url, name)
    expected = {kind: one for kind, one in (("sha256", sha256), ("md5", md5)) if one is not None}
    key = hashlib.sha256(url.encode()).hexdigest()[:8]
    path = cache_folder() / name / f"{key}-{_file_name(address)}"
    with _one_line_error(f"{name}: the cache {path.parent} cannot be used"):
        if path.is_file():
            with path.open("rb") as file:
                _check_digests(file, expected, name, f"{path}; remove it")
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        # a process killed half way leaves no torn file
        handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with _one_line_error(f"{name}: the cache {path.parent} cannot be used"):
            with os.fdopen(handle, "w+b") as file:
                _fetch(address, name, file, max_bytes)
                _check_digests(file, expected, name, f"{url}; if it is right, fix the card")
            Path(temporary).replace(path)
    finally:
        with contextlib.suppress(OSError):
            Path(temporary).unlink(missing_ok=True)
    return path


@contextlib.contextmanager
def _one_line_error(what: str) -> Iterator[None]:
    """Turn an error of the file system into a DataError."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise DataError(
            f"{what} ({error}); set ZOO_CACHE to a folder that can be written"
        ) from error


def _checked_address(url: str, name: str) -> str:
    """Return a URL in ASCII, or raise DataError if it is none."""
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = "" if parts.port is None else f":{parts.port}"
    except (ValueError, UnicodeError) as error:
        raise DataError(f"{name}: {url!r} is not a valid address ({error}); correct it") from error
    if not is_web:
        raise DataError(f"{name}: expected an http or https address, found {url!r}; correct it")
    if parts.username is not None:
        raise DataError(f"{name}: an address with a user name cannot be fetched; remove it")
    host = f"[{host}]" if ":" in host else host
    kept = "%/:;=@&+$,!~*'()?[]"
    query = f"?{quote(parts.query, safe=kept)}" if parts.query else ""
    return f"{parts.scheme}://{host}{port}{quote(parts.path, safe=kept)}{query}"


def _file_name(address: str) -> str:
    """Return the last part of an address as a file name of limited length."""
    return re.sub(r"[^\w.-]", "_", PurePosixPath(urlsplit(address).path).name)[-_LONGEST_NAME:]


def _check_digests(
    file: BufferedRandom | BufferedReader, expected: dict[str, str], name: str, where: str
) -> None:
    """Raise DataError if a file has another digest than expected."""
    for kind, digest in expected.items():
        file.seek(0)
        new = functools.partial(hashlib.new, kind, usedforsecurity=False)
        found = hashlib.file_digest(file, new).hexdigest()
        if found != digest.lower():
            raise DataError(f"{name}: expected {kind} {digest}, found {found} in {where}")


@dataclass(slots=True)
class _Progress:
    """How far a download has come; the thread that waits for it may stop it."""

    n_bytes: int = 0
    is_stopped: bool = False


def _fetch(url: str, name: str, file: BufferedRandom, max_bytes: int) -> None:
    """Write what a URL holds to a file; a thread does it, so that no server can hold it up."""
    _log.warning("%s: fetching %s from the internet", name, url)
    done: Future[None] = Future()
    progress = _Progress()

    def work() -> None:
        try:
            _copy(url, file, max_bytes, progress)
            done.set_result(None)
        except BaseException as error:  # noqa: BLE001 (raised below, in the thread that waits)
            done.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        _wait(done, progress)
    # URLError, HTTPError and timeouts are all OSErrors; a download that ends early is not.
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the connection
        said = " ".join(str(error).split())
        raise DataError(
            f"{name}: expected to fetch {url}, which failed ({said}); connect to the internet "
            f"and try again: it is then cached in {cache_folder()}"
        ) from error
    finally:
        progress.is_stopped = True


def _wait(done: Future[None], progress: _Progress) -> None:
    """Wait for a download, and raise TimeoutError if it takes too long or is too slow."""
    began = time.monotonic()
    while not wait([done], _CHECK_S).done:
        passed_s = time.monotonic() - began
        if passed_s > _MAX_S:
            raise TimeoutError(f"not done after {_MAX_S} s")
        if passed_s > _TIMEOUT_S and progress.n_bytes < _SLOWEST * passed_s:
            raise TimeoutError(f"{progress.n_bytes} bytes came in {passed_s:.0f} s")
    done.result()


def _copy(url: str, file: BufferedRandom, max_bytes: int, progress: _Progress) -> None:
    too_large = f"it holds more than the limit of {max_bytes / 1e6:,.0f} MB"
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
        if (answer.length or 0) > max_bytes:
            raise OSError(too_large)
        while not progress.is_stopped and (part := answer.read1(_CHUNK)):
            progress.n_bytes += len(part)
            if progress.n_bytes > max_bytes:
                raise OSError(too_large)
            file.write(part)
        if answer.length:
            raise http.client.IncompleteRead(b"", answer.length)
        file.flush()  # a full disk is noticed here


def fetch_openml_file(data_id: int, *, name: str, sha256: str | None = None) -> Path:
    """Return the local path of an OpenML data set, as Parquet where OpenML has it, else as ARFF.

    The address of OpenML can be replaced with ZOO_OPENML_URL in the environment. An ARFF file is
    checked against the MD5 sum that OpenML gives; a Parquet file has none there.

    Raises
    ------
    DataError
        If OpenML cannot be reached, or answers something unexpected.
    """
    base = os.environ.get("ZOO_OPENML_URL", _OPENML_URL).rstrip("/")
    url = f"{base}/api/v1/json/data/{data_id}"
    description = download(url, name=name, max_bytes=_MAX_DESCRIPTION_BYTES)
    try:
        facts: Any = json.loads(description.read_bytes())["data_set_description"]
        parquet, arff, md5 = (facts.get(key) for key in ("parquet_url", "url", "md5_checksum"))
        if not (isinstance(parquet or arff, str) and isinstance(md5, str | None)):
            raise TypeError("an address or digest is not text")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        description.unlink(missing_ok=True)
        raise DataError(
            f"{name}: expected the description of data set {data_id} from {base}, found something "
            "else; look at that address in a browser, or set ZOO_OPENML_URL"
        ) from error
    if parquet:
        return download(parquet, name=name, sha256=sha256)
    return download(arff, name=name, sha256=sha256, md5=md5 or None)
