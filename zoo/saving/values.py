"""Values as plain data: JSON, arrays, and what each library writes of its own models."""

from __future__ import annotations

import functools
import importlib
import io
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.encoding.encoder import TableEncoder
from zoo.errors import ModelFileError
from zoo.saving.archive import unpack
from zoo.saving.boosters import check_lightgbm, check_xgboost
from zoo.saving.fitted import TREES

__all__ = ["decode", "encode"]

_ARRAY_KINDS = "biufSUmM"  # what numpy can write without pickle
_SUFFIXES = {"sklearn": "skops", "xgboost": "json", "lightgbm": "txt"}
_CLASSES = ("XGBClassifier", "XGBRegressor", "LGBMClassifier", "LGBMRegressor")
# What the zoo's models need beyond skops' own list. Trees are not on that because their numbers
# lead into memory: `zoo.saving.fitted` looks where to.
_TRUSTED = [*TREES, "functools.partial", "sklearn.utils.validation.check_array"]


def encode(value: Any, name: str, members: dict[str, bytes] | None) -> Any:
    """Return a value as JSON; what is learnt goes to `members` (None: for parameters)."""
    inner = functools.partial(encode, name=name, members=members)
    if isinstance(value, np.generic) and members is None:
        value = value.item()
    kind = type(value)
    if value is None or kind in {bool, int, str}:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if kind in {list, tuple}:
        items = [inner(item) for item in value]
        return items if kind is list else {"tuple": items}
    if kind is dict:
        return {"dict": [[inner(key), inner(item)] for key, item in value.items()]}
    if members is not None:
        return _encode_learnt(value, name, members)
    raise _not_plain(value, name)


def _not_plain(value: Any, name: str) -> ModelFileError:
    what = type(value).__name__ + (f" of {value.dtype}" if hasattr(value, "dtype") else "")
    return ModelFileError(
        f"'{name}' of the model holds a {what}, which a file of plain data cannot keep; "
        "make numbers, text or lists of it and fit again"
    )


def _encode_learnt(value: Any, name: str, members: dict[str, bytes]) -> Any:
    library = type(value).__module__.partition(".")[0]
    if library in _SUFFIXES:
        return {library: _encode_library(library, value, name, members)}
    if isinstance(value, TableEncoder):
        return {"encoder": encode(value.to_data(), name, members)}
    if isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1:
        return {"objects": encode(value.tolist(), name, members)}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in _ARRAY_KINDS:
        stream = io.BytesIO()
        np.save(stream, value, allow_pickle=False)
        member = f"arrays/{len(members)}-{name}.npy"
        members[member] = stream.getvalue()
        return {"array" if isinstance(value, np.ndarray) else "scalar": member}
    raise _not_plain(value, name)


def decode(node: Any, members: Mapping[str, bytes]) -> Any:
    """Return the value that `encode` wrote."""
    if isinstance(node, list):
        return [decode(item, members) for item in node]
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    if kind in {"array", "scalar"}:
        array = _array(members[content])
        return array if kind == "array" else array[()]
    if kind in _SUFFIXES:
        return _decode_library(kind, content, members)
    makers: dict[str, Callable[[Any], Any]] = {
        "float": float,
        "tuple": tuple,
        "dict": dict,
        "encoder": TableEncoder.from_data,
        "objects": functools.partial(np.fromiter, dtype=object),
    }
    return makers[kind](decode(content, members))


def _array(data: bytes) -> NDArray[Any]:
    stream = io.BytesIO(data)
    np.lib.format.read_magic(stream)  # and what follows is 1.0, or cannot be read
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.kind not in _ARRAY_KINDS:
        raise ValueError(f"expected an array of numbers, text or times, got one of {dtype}")
    flat: NDArray[Any] = np.frombuffer(bytearray(stream.read()), dtype)
    return flat.reshape(shape, order="F" if is_fortran else "C")


def _encode_library(library: str, value: Any, name: str, members: dict[str, bytes]) -> Any:
    """Return how a library's model is kept; the model itself goes to `members`."""
    member = f"library/{len(members)}-{name}.{_SUFFIXES[library]}"
    node = {"class": type(value).__name__, "member": member}
    if library == "sklearn":
        import skops.io  # type: ignore[import-untyped]

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


def _decode_library(library: str, node: Mapping[str, Any], members: Mapping[str, bytes]) -> Any:
    data = members[node["member"]]
    if library == "sklearn":
        import skops.io

        unpack(io.BytesIO(data))  # a zip of its own, held to the same limits
        return skops.io.loads(data, trusted=_TRUSTED)
    if node["class"] not in _CLASSES:
        raise ValueError(f"expected one of {', '.join(_CLASSES)}, got {node['class']!r}")
    make = getattr(importlib.import_module(library), node["class"])
    model = make(**decode(node["params"], {}))
    if library == "xgboost":
        check_xgboost(data)
        model.load_model(bytearray(data))
    else:  # what its `fit` would leave, as it has no way to read a model of its own
        check_lightgbm(data)
        model._Booster = sys.modules["lightgbm"].Booster(model_str=data.decode())
        model._Booster.best_iteration = model._best_iteration = node["best_iteration"]
        model._n_features, model.fitted_ = model._Booster.num_feature(), True
    return model
