"""Encodes values as plain data: JSON, and arrays in numpy's own format."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np

from zoo.encoding.encoder import EncoderState, TableEncoder
from zoo.errors import ModelFileError
from zoo.saving.archive import Json, Members, StoredArray, array_bytes

__all__ = ["arrays_read", "decode", "encode"]


def encode(value: Any, name: str, members: dict[str, bytes] | None) -> Json:
    """Return the value of an attribute as JSON; arrays and bytes go to `members`.

    `members` holds the content of a file's members by name; it is None for parameters, which must
    be plain values.

    Raises
    ------
    ModelFileError
        If the value is not plain data.
    """
    inner = functools.partial(encode, name=name, members=members)
    if isinstance(value, np.generic) and members is None:
        value = value.item()
    kind = type(value)
    if value is None or kind in {bool, int} or (kind is str and _is_text(value)):
        plain: Json = value
        return plain
    if kind is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if kind in {list, tuple}:
        items = [inner(item) for item in value]
        return items if kind is list else {"tuple": items}
    if kind is dict:
        return {"dict": [[inner(key), inner(item)] for key, item in value.items()]}
    node = None if members is None else _encode_learnt(value, name, members)
    if node is None:
        what = kind.__name__ + (f" of {value.dtype}" if hasattr(value, "dtype") else "")
        raise ModelFileError(
            f"'{name}' of the model holds a {what}, which a file of plain data cannot store; "
            "convert it to numbers, text or lists and fit again"
        )
    return node


def _encode_learnt(value: object, name: str, members: dict[str, bytes]) -> Json:
    """Return an array, bytes or an encoder as JSON; None for any other object."""
    if isinstance(value, TableEncoder):
        return {"encoder": encode(asdict(value.state()), name, members)}
    if isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1:
        return {"objects": encode(value.tolist(), name, members)}
    if isinstance(value, bytes):
        member = f"library/{len(members)}-{name}"
        members[member] = value
        return {"bytes": member}
    if isinstance(value, np.ndarray | np.generic) and (data := array_bytes(value)) is not None:
        member = f"arrays/{len(members)}-{name}.npy"
        members[member] = data
        return {"array" if isinstance(value, np.ndarray) else "scalar": member}
    return None


def decode(node: Json, members: Members | None) -> Any:
    """Return the value that `encode` wrote, with a `StoredArray` in place of each array.

    Raises
    ------
    ValueError, TypeError, KeyError
        If there is no such kind of value, or its content is of another.
    """
    if isinstance(node, list):
        return [decode(item, members) for item in node]
    if not isinstance(node, dict):
        if isinstance(node, float) and not math.isfinite(node):
            raise ValueError("a number in JSON is finite")
        if isinstance(node, str) and not _is_text(node):
            raise ValueError("text without meaning: half a character")
        return node
    ((kind, content),) = node.items()
    if kind in {"array", "scalar", "bytes"}:
        return _decode_member(kind, content, members)
    makers: dict[str, Callable[[Any], Any]] = {
        "float": _special_float,
        "tuple": tuple,
        "dict": dict,
        "encoder": lambda state: TableEncoder.from_state(msgspec.convert(state, EncoderState)),
        "objects": functools.partial(np.fromiter, dtype=object),
    }
    if kind not in makers:
        raise ValueError(f"there is no kind of value {kind[:60]!r}")
    return makers[kind](decode(content, members))


def _decode_member(kind: str, name: object, members: Members | None) -> Any:
    """Return what a member holds: bytes, a number, or an array that is not read yet."""
    if members is None or not isinstance(name, str):
        raise ValueError(f"expected a plain value, got the member {str(name)[:60]!r}")
    if kind == "bytes":
        return members.read(name)
    array = members.array(name)
    if kind == "array":
        return array
    if array.shape:
        raise ValueError(f"expected one number, got an array of shape {array.shape}")
    return array.read()[()]


def arrays_read(value: Any) -> Any:
    """Return a value of lists and dicts with its arrays read."""
    if isinstance(value, StoredArray):
        return value.read()
    if isinstance(value, dict):
        return {key: arrays_read(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(arrays_read(item) for item in value)
    return value


def _is_text(value: str) -> bool:
    """Whether a text can be written in UTF-8."""
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)


def _special_float(text: Any) -> float:
    if text not in {"inf", "-inf", "nan"}:
        raise ValueError(f"expected inf, -inf or nan, got {str(text)[:60]!r}")
    return float(text)
