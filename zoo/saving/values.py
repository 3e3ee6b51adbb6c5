"""Encodes values as plain data: JSON, arrays, and models in each library's own format."""

from __future__ import annotations

import functools
import importlib
import io
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from zoo.encoding.encoder import EncoderState, TableEncoder
from zoo.errors import ModelFileError
from zoo.saving.archive import Json, unpack
from zoo.saving.index_checks import TREES, check_lightgbm, check_xgboost

__all__ = ["decode", "encode"]

_ARRAY_KINDS = "biufSUmM"  # those that numpy writes without pickle
_SUFFIXES = {"sklearn": "skops", "xgboost": "json", "lightgbm": "txt"}
_CLASSES = ("XGBClassifier", "XGBRegressor", "LGBMClassifier", "LGBMRegressor")
# Types beyond skops' own list. That has no trees, because their nodes are indices that native code
# does not check: `zoo.saving.index_checks` does.
_TRUSTED = [*TREES, "functools.partial", "sklearn.utils.validation.check_array"]


def encode(value: Any, name: str, members: dict[str, bytes] | None) -> Json:
    """Return the value of an attribute as JSON; arrays and models of libraries go to `members`.

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
    if value is None or kind in {bool, int, str}:
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
    """Return an array, an encoder or a library's model as JSON; None for any other object."""
    library = type(value).__module__.partition(".")[0]
    if library in _SUFFIXES:
        return {library: _encode_library(library, value, name, members)}
    if isinstance(value, TableEncoder):
        return {"encoder": encode(asdict(value.state()), name, members)}
    if isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1:
        return {"objects": encode(value.tolist(), name, members)}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in _ARRAY_KINDS:
        stream = io.BytesIO()
        np.save(stream, value, allow_pickle=False)
        member = f"arrays/{len(members)}-{name}.npy"
        members[member] = stream.getvalue()
        return {"array" if isinstance(value, np.ndarray) else "scalar": member}
    return None


def decode(node: Json, members: Mapping[str, bytes]) -> Any:
    """Return the value that `encode` wrote."""
    if isinstance(node, list):
        return [decode(item, members) for item in node]
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    if kind in {"array", "scalar"}:
        array = _array(members[str(content)])
        return array if kind == "array" else array[()]
    if kind in _SUFFIXES:
        return _decode_library(kind, content, members)
    makers: dict[str, Callable[[Any], Any]] = {
        "float": float,
        "tuple": tuple,
        "dict": dict,
        "encoder": lambda state: TableEncoder.from_state(msgspec.convert(state, EncoderState)),
        "objects": functools.partial(np.fromiter, dtype=object),
    }
    return makers[kind](decode(content, members))


def _array(data: bytes) -> NDArray[Any]:
    """Return an array from numpy's format; `numpy.load` would allocate whatever size it states."""
    stream = io.BytesIO(data)
    np.lib.format.read_magic(stream)  # a header of another version than 1.0 cannot be read below
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.kind not in _ARRAY_KINDS:
        raise ValueError(f"expected an array of numbers, text or times, got one of {dtype}")
    flat: NDArray[Any] = np.frombuffer(bytearray(stream.read()), dtype)
    return flat.reshape(shape, order="F" if is_fortran else "C")


def _encode_library(library: str, value: Any, name: str, members: dict[str, bytes]) -> Json:
    """Return class and parameters of a library's model; the model itself goes to `members`."""
    member = f"library/{len(members)}-{name}.{_SUFFIXES[library]}"
    node: dict[str, Json] = {"class": type(value).__name__, "member": member}
    if library == "sklearn":
        import skops.io

        data = skops.io.dumps(value)
        foreign = sorted({*skops.io.get_untrusted_types(data=data)} - {*_TRUSTED})
        if foreign:
            raise ModelFileError(f"'{name}' of the model holds a {foreign[0]}; it cannot be saved")
    else:
        node["params"] = encode(value.get_params(), name, None)
        if library == "xgboost":
            data = bytes(value.get_booster().save_raw("json"))
        else:
            data = value.booster_.model_to_string(num_iteration=-1).encode()
            node["best_iteration"] = value.booster_.best_iteration
    members[member] = data
    return node


def _decode_library(library: str, node: Any, members: Mapping[str, bytes]) -> Any:
    """Return the model that `_encode_library` wrote, once its numbers have been checked."""
    data = members[node["member"]]
    if library == "sklearn":
        import skops.io

        unpack(io.BytesIO(data))  # a zip too, within the same limits
        return skops.io.loads(data, trusted=_TRUSTED)
    if node["class"] not in _CLASSES:
        raise ValueError(f"expected one of {', '.join(_CLASSES)}, got {node['class']!r}")
    make = getattr(importlib.import_module(library), node["class"])
    model = make(**decode(node["params"], {}))
    if library == "xgboost":
        check_xgboost(data)
        model.load_model(bytearray(data))
    else:  # set what its `fit` would: LightGBM's estimators cannot load a model
        check_lightgbm(data)
        model._Booster = sys.modules["lightgbm"].Booster(model_str=data.decode())
        model._Booster.best_iteration = model._best_iteration = node["best_iteration"]
        model._n_features = model._n_features_in = model._Booster.num_feature()
        model.fitted_ = True
    return model
