"""Reads the file formats of data sets, each into one frame."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.data.unpacking import UNPACKING_ERRORS, open_unpacked
from zoo.errors import DataError

__all__ = ["pixel_frame", "read_files"]

# What pandas, NumPy, SciPy and pyarrow raise on a broken file.
_PARSER_ERRORS = (
    ArithmeticError, AttributeError, LookupError, MemoryError, NotImplementedError, TypeError,
    ValueError, pickle.UnpicklingError,
)  # fmt: skip
_CSV_MEMORY = 3.0  # bytes for each byte of text


def read_files(
    paths: Sequence[Path],
    reader: str,
    *,
    target: str,
    header: bool = True,
    names: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return the content of the files, one below the other.

    Parameters
    ----------
    paths : sequence of Path
        For "idx": images, labels, images, labels, ...
    reader : {"csv", "npy", "pickle", "idx", "parquet", "arff"}
        Pickles are read only from installed packages and local files: loading one can run code.
    target : str
        The name of the labels of "idx", and of the last column of a CSV without a header or names.
    header : bool
        False: the first row of a CSV is data.
    names : sequence of str or None
        Column names of a CSV without a header; None: pixels, then the target.

    Raises
    ------
    DataError
        If a file does not have the format of its reader.
    """
    try:
        if reader == "idx":
            pairs = zip(paths[::2], paths[1::2], strict=True)
            parts = [
                pixel_frame(_read_idx(images)).assign(**{target: _read_idx(labels)})
                for images, labels in pairs
            ]
        elif reader == "csv" and not header:
            parts = [_read_bare_csv(path, names, target) for path in paths]
        else:
            parts = [_FRAME_OF[reader](path) for path in paths]
    except (*UNPACKING_ERRORS, *_PARSER_ERRORS) as error:
        said = " ".join(str(error).split())
        where = ", ".join(map(str, paths))
        raise DataError(
            f"expected {reader} in {where}, which cannot be read as such: {said}; "
            f"remove the file and fetch it again"
        ) from error
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def pixel_frame(images: NDArray[Any]) -> pd.DataFrame:
    """Return images (n_samples, height, width) or (n_samples, n_pixels), one column per pixel."""
    flat = images.reshape(len(images), -1)
    return pd.DataFrame(flat, columns=[f"pixel_{i}" for i in range(flat.shape[1])])


def _read_bare_csv(path: Path, names: Sequence[str] | None, target: str) -> pd.DataFrame:
    with open_unpacked(path, bytes_per_byte=_CSV_MEMORY) as stream:
        frame = pd.read_csv(stream, header=None, low_memory=False)
    if names is not None:
        return frame.set_axis(list(names), axis=1)
    pixels = pixel_frame(frame.iloc[:, :-1].to_numpy(np.uint8))
    return pixels.assign(**{target: frame.iloc[:, -1]})


def _read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the array of an IDX file of bytes, gzipped or not (http://yann.lecun.com/exdb/mnist)."""
    with open_unpacked(path) as stream:
        raw = stream.read()
    if raw[:3] != b"\x00\x00\x08":
        raise ValueError("it does not begin as an IDX file of bytes does")
    n_axes = raw[3]
    shape = np.frombuffer(raw, ">i4", count=n_axes, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * n_axes).reshape(tuple(shape))


def _read_arff(path: Path) -> pd.DataFrame:
    from scipy.io import arff

    try:
        data, _ = arff.loadarff(io.StringIO(path.read_text(encoding="utf-8")))
    except NotImplementedError as error:  # SciPy reads no attributes of type string
        raise ValueError(str(error)) from error
    except StopIteration as error:
        raise ValueError("it has no line @data") from error
    frame = pd.DataFrame(data)
    for name in frame.select_dtypes(object).columns:
        text = frame[name].map(lambda value: value.decode("utf-8"))
        frame[name] = text.mask(text.eq("?"))
    return frame


def _read_pickle(path: Path) -> pd.DataFrame:
    frame: pd.DataFrame = pd.read_pickle(
        path, compression="xz" if path.suffix == ".compress" else "infer"
    )
    return frame


def _read_csv(path: Path) -> pd.DataFrame:
    with open_unpacked(path, bytes_per_byte=_CSV_MEMORY) as stream:
        return pd.read_csv(stream)


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa

    try:
        return pd.read_parquet(path)
    except pa.ArrowException as error:  # not all of them are ValueErrors
        raise ValueError(str(error)) from error


_FRAME_OF: Mapping[str, Callable[[Path], pd.DataFrame]] = {
    "csv": _read_csv,
    "npy": lambda path: pixel_frame(np.load(path, allow_pickle=False)),
    "parquet": _read_parquet,
    "arff": _read_arff,
    "pickle": _read_pickle,
}
