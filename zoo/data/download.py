"""Downloads files once, checks them, and keeps them outside the repository."""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from zoo.errors import DataError

__all__ = ["cache_folder", "download", "fetch_openml_file"]

_log = logging.getLogger("zoo.data")

_OPENML_URL = "https://www.openml.org"
_TIMEOUT_S = 60


def cache_folder() -> Path:
    """Return the folder of fetched files: ZOO_CACHE of the environment, or ~/.cache/zoo."""
    return Path(os.environ.get("ZOO_CACHE") or "~/.cache/zoo").expanduser()


def download(url: str, *, name: str, sha256: str | None = None, md5: str | None = None) -> Path:
    """Return the local path of what a URL holds, fetched if it is not in the cache.

    Parameters
    ----------
    url : str
    name : str
        Of the data set: its folder in the cache.
    sha256, md5 : str or None
        Hexadecimal digests that the content must have, in the cache too.

    Raises
    ------
    DataError
        If the URL cannot be reached, or holds something else than expected.
    """
    key = hashlib.sha256(url.encode()).hexdigest()[:8]
    path = cache_folder() / name / f"{key}-{PurePosixPath(urlsplit(url).path).name}"
    is_cached = path.is_file()
    content = path.read_bytes() if is_cached else _get(url, name)
    for kind, expected in (("sha256", sha256), ("md5", md5)):
        found = hashlib.new(kind, content, usedforsecurity=False).hexdigest()
        if expected is not None and found != expected:
            where = f"{path}; remove it" if is_cached else f"{url}; if it is right, fix the card"
            raise DataError(f"{name}: expected {kind} {expected}, found {found} in {where}")
    if not is_cached:
        _write(path, content)
    return path


def _write(path: Path, content: bytes) -> None:
    """Write in one step, so that a process killed half way leaves no torn file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(temporary).replace(path)


def _get(url: str, name: str) -> bytes:
    if urlsplit(url).scheme not in ("http", "https"):
        raise DataError(f"{name}: expected an http or https address, found {url}; correct the card")
    _log.warning("%s: fetching %s from the internet", name, url)
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            return bytes(answer.read())
    # URLError, HTTPError and timeouts are all OSErrors; a download that ends early is not.
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the connection
        raise DataError(
            f"{name}: expected to fetch {url}, which failed ({error}); connect to the internet "
            f"and try again: it is then cached in {cache_folder()}"
        ) from error


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
    description = download(f"{base}/api/v1/json/data/{data_id}", name=name)
    try:
        facts: dict[str, Any] = json.loads(description.read_bytes())["data_set_description"]
        if facts.get("parquet_url"):
            return download(facts["parquet_url"], name=name, sha256=sha256)
        return download(facts["url"], name=name, sha256=sha256, md5=facts.get("md5_checksum"))
    except (ValueError, KeyError, TypeError) as error:
        description.unlink()
        raise DataError(
            f"{name}: expected the description of data set {data_id} from {base}, found something "
            "else; look at that address in a browser, or set ZOO_OPENML_URL"
        ) from error
