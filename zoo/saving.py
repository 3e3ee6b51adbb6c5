"""Fitted models in files: one zip of plain data, from which loading runs none of a stranger's code.

``model.json`` holds names, parameters, what was learnt and the digest of every other member.
``arrays/`` holds arrays in numpy's own format, ``library/`` what XGBoost (JSON), LightGBM (text)
and skops (for scikit-learn) write. Of a network its weights are kept, and the rest is rebuilt from
class and parameters; ``network.keras`` is there for use outside zoo and is never loaded here.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import io
import json
import math
import os
import re
import sys
import tempfile
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

import zoo
from zoo.errors import DefinitionError, ModelFileError
from zoo.preprocessing import TableEncoder
from zoo.registry import models, spec

__all__ = ["load_model", "save_model"]

_FORMAT, _SCHEMA = "zoo model", 1
_MAX_GIB, _MAX_MEMBERS = 4, 100_000  # of a whole file, unpacked
_NAME = re.compile(r"(?!.*\.\.)[\w-][\w.-]*(/[\w.-]+)*")
_ARRAY_KINDS = "biufSUmM"  # what numpy can write without pickle
_PACKAGES = ("keras", "tensorflow", "xgboost", "lightgbm", "scikit-learn", "numpy", "skops")
_SUFFIXES = {"sklearn": "skops", "xgboost": "json", "lightgbm": "txt"}
_CLASSES = ("XGBClassifier", "XGBRegressor", "LGBMClassifier", "LGBMRegressor")
# What the zoo's models need beyond skops' own list. Trees are not on that because their numbers
# lead into memory: `_check_tree` looks where to.
_BOOSTED = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
_TREES = ["sklearn.tree._tree.Tree", _BOOSTED]
_TRUSTED = [*_TREES, "functools.partial", "sklearn.utils.validation.check_array"]


def save_model(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model of the registry to one file; `load_model` gives it back.

    Parameters
    ----------
    model : estimator
        Its parameters, and its attributes that end in an underscore, are kept.
    path : path-like
        Written beside it first, then renamed: a crash leaves no half file.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    ModelFileError
        If the model is not of the registry, or holds what is not plain data.
    """
    check_is_fitted(model)
    name, task = _registered(type(model))
    members: dict[str, bytes] = {}
    header = {
        "format": _FORMAT,
        "schema": _SCHEMA,
        "model": name,
        "task": task,
        "versions": _versions(),
        "params": {k: _encode(v, k, None) for k, v in model.get_params(deep=False).items()},
        "state": {key: _encode(vars(model)[key], key, members) for key in _learnt(model)},
    }
    if hasattr(model, "to_keras") and hasattr(model, "weights_"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "network.keras")
            model.to_keras().save(file)
            members[file.name] = file.read_bytes()
    header["members"] = {key: hashlib.sha256(data).hexdigest() for key, data in members.items()}
    _pack(Path(path), {"model.json": json.dumps(header, indent=1).encode(), **members})


def load_model(path: str | os.PathLike[str]) -> Any:
    """Return the fitted model that `save` wrote; it predicts the same, bit for bit.

    None of the file's code is run, whoever made it.

    Parameters
    ----------
    path : path-like
        At most 4 GiB unpacked.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is damaged, or is not what `save` would write.
    """
    header, members = _read(Path(path))
    try:
        model = _make(header)
        before, state = set(vars(model)), header["state"]
        vars(model).update({key: _decode(node, members) for key, node in state.items()})
        if before & set(state) or not set(state) <= set(_learnt(model)):
            raise ValueError(f"expected names of what is learnt, got {', '.join(state)}")
        _check(model, header["task"])
    except Exception as error:
        made = header["versions"] if isinstance(header.get("versions"), dict) else {}
        news = [f"{key} {v}" for key, v in _versions().items() if made.get(key) != v]
        raise ModelFileError(
            f"'{path}' is not a model as this zoo would write it ({_one_line(error)}); "
            + (f"here are {', '.join(news)}, which it was not written with: " if news else "")
            + "save the model again, or fetch it again, from someone you trust"
        ) from error
    return model


def _one_line(error: BaseException) -> str:
    kind = "" if isinstance(error, ModelFileError) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split())[:300]


def _versions() -> dict[str, str]:
    return {"zoo": zoo.__version__, **{name: metadata.version(name) for name in _PACKAGES}}


def _learnt(model: Any) -> list[str]:
    params = model.get_params(deep=False)
    return [key for key in vars(model) if re.fullmatch(r"[^\W_]\w*_", key) and key not in params]


def _registered(model_class: type) -> tuple[str, str]:
    """Return name and task of a class of the registry."""
    for name in models():
        for task in spec(name).tasks:
            module, _, attribute = spec(name).class_path(task).partition(":")
            if getattr(sys.modules.get(module), attribute, None) is model_class:
                return name, task
    raise ModelFileError(
        f"{model_class.__name__} is not in the registry, by whose names files go; "
        "save a model of zoo.models(), or add yours as an entry point 'zoo.models'"
    )


def _make(header: Mapping[str, Any]) -> Any:
    """Return the unfitted model that a header describes."""
    try:
        path = spec(str(header["model"])).class_path(header["task"])
    except DefinitionError as error:
        raise ModelFileError(f"{error}; install a newer zoo, or the package it is in") from error
    module, _, attribute = path.partition(":")
    model = getattr(importlib.import_module(module), attribute)()
    return model.set_params(**{key: _decode(node, {}) for key, node in header["params"].items()})


def _pack(path: Path, members: Mapping[str, bytes]) -> None:
    """Write a zip beside `path`, then put it in its place."""
    _check_size(len(members), sum(map(len, members.values())))
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, data in members.items():
                    archive.writestr(name, data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        why = f"'{path}' cannot be written ({error.strerror}); name a file in a folder that exists"
        raise ModelFileError(why) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _check_size(n_members: int, n_bytes: int) -> None:
    if n_members > _MAX_MEMBERS or n_bytes > _MAX_GIB * 2**30:
        raise ModelFileError(
            f"expected at most {_MAX_GIB} GiB in {_MAX_MEMBERS} members, got "
            f"{n_bytes / 2**30:.1f} GiB in {n_members}; fit a smaller model"
        )


def _unpack(source: Any) -> dict[str, bytes]:
    """Return a zip's members; what it declares is checked before anything is unpacked."""
    with zipfile.ZipFile(source) as archive:
        infos = archive.infolist()
        names = {info.filename for info in infos}
        odd = sorted(name for name in names if not _NAME.fullmatch(name))
        if odd or len(names) < len(infos):
            why = f"is called {odd[0]!r}, which leads out of it" if odd else "comes twice"
            raise ModelFileError(f"a member {why}")
        _check_size(len(infos), sum(info.file_size for info in infos))
        return {info.filename: archive.read(info) for info in infos}


def _read(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the header and the members that it lists."""
    try:
        members = _unpack(path)
        header = json.loads(members.pop("model.json", b"null"))
        if not isinstance(header, dict) or header.get("format") != _FORMAT:
            raise ModelFileError("it has no model.json of a zoo model")
        if header.get("schema") != _SCHEMA:
            raise ModelFileError(
                f"expected schema {_SCHEMA}, got {header.get('schema')}, of another zoo: update it"
            )
        listed = dict(header.get("members") or {})
        found = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
        wrong = sorted(key for key in {*listed, *found} if listed.get(key) != found.get(key))
        if wrong:
            raise ModelFileError(f"'{wrong[0]}' is missing, added or changed since it was saved")
        if "network.keras" in members:
            # never loaded here, but someone may take it out
            config = _unpack(io.BytesIO(members["network.keras"]))["config.json"]
            if re.search(r'"class_name"\s*:\s*"_*lambda_*"', json.dumps(json.loads(config)), re.I):
                raise ModelFileError("its network.keras has a lambda, which is code and not data")
    except Exception as error:
        raise ModelFileError(
            f"'{path}' is not a whole file of a zoo model ({_one_line(error)}); "
            "name a file that save() wrote, or fetch it again, from someone you trust"
        ) from error
    return header, members


def _encode(value: Any, name: str, members: dict[str, bytes] | None) -> Any:
    """Return a value as JSON; what is learnt goes to `members` (None: for parameters)."""
    encode = functools.partial(_encode, name=name, members=members)
    if isinstance(value, np.generic) and members is None:
        value = value.item()
    kind = type(value)
    if value is None or kind in {bool, int, str}:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if kind in {list, tuple}:
        items = [encode(item) for item in value]
        return items if kind is list else {"tuple": items}
    if kind is dict:
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
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
        return {"encoder": _encode(value.to_data(), name, members)}
    if isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1:
        return {"objects": _encode(value.tolist(), name, members)}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in _ARRAY_KINDS:
        stream = io.BytesIO()
        np.save(stream, value, allow_pickle=False)
        member = f"arrays/{len(members)}-{name}.npy"
        members[member] = stream.getvalue()
        return {"array" if isinstance(value, np.ndarray) else "scalar": member}
    raise _not_plain(value, name)


def _decode(node: Any, members: Mapping[str, bytes]) -> Any:
    """Return the value that `_encode` wrote."""
    if isinstance(node, list):
        return [_decode(item, members) for item in node]
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
    return makers[kind](_decode(content, members))


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
        node["params"] = _encode(value.get_params(), name, None)
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

        _unpack(io.BytesIO(data))  # a zip of its own, held to the same limits
        return skops.io.loads(data, trusted=_TRUSTED)
    if node["class"] not in _CLASSES:
        raise ValueError(f"expected one of {', '.join(_CLASSES)}, got {node['class']!r}")
    make = getattr(importlib.import_module(library), node["class"])
    model = make(**_decode(node["params"], {}))
    if library == "xgboost":
        model.load_model(bytearray(data))
    else:  # what its `fit` would leave, as it has no way to read a model of its own
        model._Booster = sys.modules["lightgbm"].Booster(model_str=data.decode())
        model._Booster.best_iteration = model._best_iteration = node["best_iteration"]
        model._n_features, model.fitted_ = model._Booster.num_feature(), True
    return model


def _check(model: Any, task: str) -> None:
    """Refuse parts that do not fit each other: first what leads into memory, then by a row."""
    kinds = model.encoder_.kinds_
    if not model.n_features_in_ == len(kinds) == len(getattr(model, "feature_names_in_", kinds)):
        raise ValueError("the preprocessing is that of another table")
    row = np.zeros((1, len(model.encoder_.is_categorical_)), np.float32)
    for tree in _trees(vars(model)):
        _check_tree(tree, row.shape[1])
    if hasattr(model, "to_keras") and hasattr(model, "weights_"):
        model.to_keras()  # wants each weight in its shape
    if task == "regression":
        values, expected = model._values(row) * model.target_scale_ + model.target_mean_, (1,)
    elif len(model.classes_) > 1:
        values, expected = model._scores(row), (1, *model.classes_.shape)
    else:
        return
    if (shape := np.shape(values)) != expected:
        raise ValueError(f"expected outputs of shape {expected} for a row, got {shape}")


def _trees(value: Any) -> Iterator[Any]:
    """Yield scikit-learn's trees, wherever they are."""
    if f"{type(value).__module__}.{type(value).__name__}" in _TREES:
        yield value
    elif isinstance(value, dict | list | tuple | set | np.ndarray):
        if not isinstance(value, np.ndarray) or value.dtype == object:
            for item in value.values() if isinstance(value, dict) else value:
                yield from _trees(item)
    elif hasattr(value, "__dict__"):
        yield from _trees(vars(value))


def _check_tree(tree: Any, n_columns: int) -> None:
    """Refuse a tree that points out of itself, or back: the library would follow it."""
    if hasattr(tree, "nodes"):
        inner = np.flatnonzero(tree.nodes["is_leaf"] == 0)
        children = np.stack([tree.nodes["left"], tree.nodes["right"]]).astype(np.int64)
        features, n_nodes = tree.nodes["feature_idx"], len(tree.nodes)
        sets = tree.nodes["bitset_idx"][tree.nodes["is_categorical"] != 0]
        is_sound = bool((sets < len(tree.raw_left_cat_bitsets)).all())
    else:
        children = np.stack([tree.children_left, tree.children_right])
        inner = np.flatnonzero(children[0] != -1)
        features, n_nodes, is_sound = tree.feature, tree.node_count, True
    children, features = children[:, inner], features[inner]
    is_sound &= bool((children > inner).all() and (children < n_nodes).all())
    if not (is_sound and n_nodes and (features >= 0).all() and (features < n_columns).all()):
        raise ValueError("a tree's branches or columns lead out of it")
