"""Fetches the raw frame of a data set from its first source that answers."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import socket
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from zoo.data import cards
from zoo.data.cards import Card
from zoo.data.download import cache_folder, download, fetch_openml_file
from zoo.data.generated import generate
from zoo.data.readers import pixel_frame, read_files
from zoo.errors import DataError, MissingExtraError, ZooError
from zoo.extras import require_distribution, require_keras

__all__ = ["fetch"]

_log = logging.getLogger("zoo.data")
_TIMEOUT_S = 60


def fetch(card: Card) -> pd.DataFrame:
    """Return the raw frame from the first source that answers, those offline first.

    Raises
    ------
    MissingExtraError
        If only a package is missing.
    DataError
        If no source answers: each one's error, and what to do.
    """
    failures: list[ZooError] = []
    for source in sorted(card.sources, key=lambda source: source.needs_network):
        if source.needs_network:
            _log.info("%s: trying %s, which needs the internet unless cached", card.name, source)
        try:
            return _frame(source, card)
        except (DataError, MissingExtraError) as error:
            failures.append(error)
    if len(failures) == 1 or isinstance(failures[0], MissingExtraError):
        raise failures[0]
    raise DataError(f"{card.name}: no source answers: " + "; or ".join(map(str, failures)))


def _frame(source: cards.Source, card: Card) -> pd.DataFrame:  # noqa: PLR0911 (one return per type)
    match source:
        case cards.PackageSource():
            return _from_package(source, card)
        case cards.FileSource():
            return _from_file(source, card)
        case cards.SklearnSource():
            return _from_sklearn(source, card)
        case cards.KerasSource():
            return _from_keras(source, card)
        case cards.OpenmlSource():
            path = fetch_openml_file(source.id, name=card.name, sha256=source.sha256)
            reader = "arff" if path.suffix == ".arff" else "parquet"
            return read_files([path], reader, target=card.target)
        case cards.UrlSource():
            path = download(source.url, name=card.name, sha256=source.sha256)
            return _read([path], source, card)
        case cards.GeneratedSource():
            return generate(source.rows, source.seed)


def _locate(distribution: str, file: str, extra: str) -> Path:
    """Return the path of a file inside an installed distribution, without importing it."""
    found = require_distribution(distribution, extra)
    path = Path(str(found.locate_file(file)))
    if not path.is_file():
        raise DataError(
            f"{distribution} {found.version} holds no file {file}; "
            f"install the pinned version: pip install 'model-zoo-curves[{extra}]'"
        )
    return path


def _from_package(source: cards.PackageSource, card: Card) -> pd.DataFrame:
    distribution, extra = source.distribution, source.extra
    frame = _read([_locate(distribution, file, extra) for file in source.files], source, card)
    if source.join is not None:
        other = pd.read_csv(_locate(distribution, source.join, extra))
        keys = list(source.join_on)
        new = [name for name in other.columns if name in keys or name not in frame.columns]
        frame = frame.merge(other[new], on=keys, how="left", validate="many_to_one")
    return frame


def _from_file(source: cards.FileSource, card: Card) -> pd.DataFrame:
    paths = [card.path.parent / Path(file).expanduser() for file in source.files]
    for path in paths:
        if not path.is_file():
            raise DataError(
                f"{card.name}: expected the file {path}, which is not there; {source.package_hint}"
            )
    return _read(paths, source, card)


def _read(
    paths: list[Path], source: cards.PackageSource | cards.FileSource | cards.UrlSource, card: Card
) -> pd.DataFrame:
    return read_files(
        paths, source.reader, header=source.header, names=source.names, target=card.target
    )


def _from_sklearn(source: cards.SklearnSource, card: Card) -> pd.DataFrame:
    from sklearn import datasets

    function, folder = source.function, cache_folder() / "sklearn"
    fetcher: Callable[..., Any] | None = getattr(datasets, function, None)
    if fetcher is None:
        raise DataError(
            f"{card.name}: scikit-learn has no sklearn.datasets.{function}; correct {card.path}"
        )
    options: dict[str, Any] = {}
    if source.needs_network:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(
                f"{card.name}: the cache {folder} cannot be used ({error}); "
                "set ZOO_CACHE to a folder that can be written"
            ) from error
        options = {"data_home": str(folder), "n_retries": 1}
        if function == "fetch_olivetti_faces":
            options["shuffle"] = False
    try:
        with _limited_wait():
            bunch = _fetch_cached(fetcher, options, card) if options else fetcher()
    except OSError as error:  # urllib's errors and a file that cannot be written
        raise DataError(_unreachable(card, f"sklearn.datasets.{function}", error)) from error
    except (EOFError, LookupError, ValueError, pickle.UnpicklingError, zlib.error) as error:
        said = " ".join(str(error).split())
        raise DataError(
            f"{card.name}: sklearn.datasets.{function} cannot read its cache ({said}); "
            f"remove the folder {folder} and try again: it is then downloaded again"
        ) from error
    if card.kind == "image":
        return pixel_frame(bunch.data).assign(**{card.target: bunch.target})
    frame = pd.DataFrame(bunch.data, columns=list(bunch.feature_names))
    return frame.assign(**{card.target: bunch.target})


def _fetch_cached(fetcher: Callable[..., Any], options: dict[str, Any], card: Card) -> Any:
    """Return what scikit-learn has in its cache, or say that the internet is needed and fetch."""
    try:
        return fetcher(**options, download_if_missing=False)
    except OSError:
        _log.warning("%s: fetching it with scikit-learn from the internet", card.name)
        # one of the fetchers prints, which would spoil the output of a program
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.filterwarnings("ignore", message="Retry downloading", category=UserWarning)
            return fetcher(**options)


def _from_keras(source: cards.KerasSource, card: Card) -> pd.DataFrame:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    require_keras()
    import keras
    import numpy as np

    _log.warning("%s: fetching it with Keras from the internet, unless Keras has it", card.name)
    try:
        with _limited_wait():
            (X_a, y_a), (X_b, y_b) = getattr(keras.datasets, source.module).load_data()
    except Exception as error:  # keras raises Exception itself when offline
        raise DataError(_unreachable(card, f"keras.datasets.{source.module}", error)) from error
    frame = pixel_frame(np.concatenate([X_a, X_b]))
    return frame.assign(**{card.target: np.concatenate([y_a, y_b]).ravel()})


@contextlib.contextmanager
def _limited_wait() -> Iterator[None]:
    """Let no server keep another library's download waiting for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _unreachable(card: Card, what: str, error: Exception) -> str:
    said = " ".join(str(error).split())
    return (
        f"{card.name}: expected to fetch it with {what}, which failed ({said}); "
        f"connect to the internet and try again: it is then cached in {cache_folder()}"
    )
