"""A folder of images with one subfolder per class: their paths, and their pixels in one size."""

from __future__ import annotations

import math
import struct
import warnings
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.errors import DataError
from zoo.prose import count, quoted

__all__ = [
    "CLASS", "IMAGE", "MAX_MEGAPIXELS", "PixelPlan", "list_images", "plan_pixels", "read_pixels",
]  # fmt: skip

IMAGE, CLASS = "image", "class"
# What Pillow raises on a broken file; zlib.error and struct.error are none of Python's own.
_IMAGE_ERRORS = (
    ArithmeticError, AttributeError, LookupError, OSError, SyntaxError, TypeError, ValueError,
    struct.error, zlib.error,
)  # fmt: skip
_SUFFIXES = {".png", ".jpg", ".jpeg"}
_MAX_SIDE, _MIN_SIDE = 32, 4  # the network halves an image twice
MAX_MEGAPIXELS = 50
_LARGE = 16_000_000  # pixels; such an image is reduced as soon as it is decoded, to save memory


@dataclass(frozen=True, slots=True)
class PixelPlan:
    """The size that all images get.

    Attributes
    ----------
    image_shape : tuple of int
        Height, width, channels (1 if all are grey, else 3).
    broken : tuple of str
        Paths of images that cannot be read or have over `MAX_MEGAPIXELS`.
    n_sizes : int
        Number of different sizes in the files.
    """

    image_shape: tuple[int, int, int]
    is_resized: bool
    broken: tuple[str, ...]
    n_sizes: int


def list_images(folder: Path) -> pd.DataFrame:
    """Return one row per image: its path, and its subfolder as its class.

    Raises
    ------
    DataError
        If there is no PNG or JPEG in the folder or its subfolders.
    """
    if folder.is_file():
        return pd.DataFrame({IMAGE: [str(folder)]})
    parts = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    found = [
        (str(path), part.name)
        for part in parts
        for path in sorted(part.rglob("*"))
        if path.suffix.lower() in _SUFFIXES and path.name[0] != "." and path.is_file()
    ]
    if found:
        return pd.DataFrame(found, columns=[IMAGE, CLASS])
    loose = [str(path) for path in sorted(folder.iterdir()) if path.suffix.lower() in _SUFFIXES]
    if not loose:
        names = [f"{one.name}/" if one.is_dir() else one.name for one in sorted(folder.iterdir())]
        raise DataError(
            f"{folder}: there is no table here; expected subfolders, one per class, with PNG or "
            f"JPEG images, or the path of a table's file; found {quoted(names) or 'nothing'}"
        )
    return pd.DataFrame({IMAGE: loose})


def plan_pixels(paths: Sequence[str]) -> PixelPlan:
    """Return the size for all images: their own if all have it, the median otherwise, at most 32.

    Every image is opened and checked.

    Raises
    ------
    DataError
        If none can be read.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    broken: list[str] = []
    is_grey = True
    for path in paths:
        try:
            pixels = _open(path, None, None)
        except _IMAGE_ERRORS:
            broken.append(path)
            continue
        sizes[pixels.shape[:2]] += 1
        is_grey = is_grey and bool((pixels == pixels[:, :, :1]).all())
    if not sizes:
        raise DataError(
            f"{Path(paths[0]).parent}: none of {count(len(paths), 'image')} can be read"
        )

    middle = np.median([*sizes.elements()], axis=0)
    if len(sizes) == 1:
        middle *= min(1.0, _MAX_SIDE / middle.max())
    height, width = np.clip(np.round(middle), _MIN_SIDE, _MAX_SIDE).astype(int).tolist()
    shape = (height, width, 1 if is_grey else 3)
    is_resized = len(sizes) > 1 or (height, width) not in sizes
    return PixelPlan(shape, is_resized, tuple(broken), len(sizes))


def read_pixels(paths: Sequence[str], image_shape: tuple[int, int, int]) -> pd.DataFrame:
    """Return pixels (n_images, height * width * channels), uint8, row by row, channels adjacent.

    Raises
    ------
    DataError
        If an image cannot be read; its path is named.
    """
    height, width, channels = image_shape
    pixels = np.empty((len(paths), height * width * channels), np.uint8)
    for i, path in enumerate(paths):
        try:
            pixels[i] = _open(path, (width, height), channels).reshape(-1)
        except _IMAGE_ERRORS as error:
            said = " ".join(str(error).split())
            raise DataError(
                f"{path}: is not a valid image ({said}); remove or repair it"
            ) from error
    return pd.DataFrame(pixels, columns=[f"pixel_{i}" for i in range(pixels.shape[1])])


def _open(path: str, size: tuple[int, int] | None, channels: int | None) -> NDArray[np.uint8]:
    """Return an image (height, width, channels), turned upright and on a white background."""
    from PIL import Image, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the limit below is narrower than Pillow's
        try:
            with Image.open(path, formats=["PNG", "JPEG"]) as image:
                n_pixels = image.width * image.height
                if n_pixels > MAX_MEGAPIXELS * 1_000_000:
                    raise ValueError(f"over {MAX_MEGAPIXELS} megapixels")
                image.load()
                is_reduced = n_pixels > _LARGE and image.mode in {"L", "RGB", "RGBA"}
                turned = image.reduce(math.isqrt(n_pixels // _LARGE) + 1) if is_reduced else image
                upright = ImageOps.exif_transpose(turned)
        except Image.DecompressionBombError as error:
            raise ValueError(f"over {MAX_MEGAPIXELS} megapixels") from error
    if upright.mode.startswith("I"):  # 16-bit grey
        wide = np.asarray(upright)
        upright = Image.fromarray((wide >> 8 if wide.max() > 255 else wide).astype(np.uint8))
    if upright.has_transparency_data:
        over = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
    upright = upright.convert("L" if channels == 1 else "RGB")
    if size is not None and upright.size != size:
        upright = upright.resize(size, Image.Resampling.BILINEAR)
    array = np.asarray(upright, np.uint8)
    return array[:, :, None] if array.ndim == 2 else array
