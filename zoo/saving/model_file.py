"""Saves a fitted model of the registry to a file, and loads it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
from sklearn.utils.validation import check_is_fitted

import zoo
from zoo.definitions import convert
from zoo.encoding.encoder import FittedEstimator
from zoo.errors import DefinitionError, MissingExtraError, ModelFileError
from zoo.registry import Task, models, spec
from zoo.registry.lookup import estimator_class
from zoo.registry.spec import EXTRAS
from zoo.saving.archive import FORMAT, SCHEMA, one_line, pack, read
from zoo.saving.index_checks import check_parts
from zoo.saving.values import decode, encode

__all__ = ["load_model", "load_table", "save_model"]

_PACKAGES = ("keras", "tensorflow", "xgboost", "lightgbm", "scikit-learn", "numpy", "skops")
_TABLE = "table.json"


class _Header(msgspec.Struct, frozen=True):
    """The entries of ``model.json`` that describe a model."""

    model: str
    task: str
    versions: dict[str, Any]
    params: dict[str, Any]
    state: dict[str, Any]


def save_model(
    model: FittedEstimator, path: str | os.PathLike[str], *, table: Mapping[str, Any] | None = None
) -> None:
    """Write a fitted model of the registry to one file, for `load_model`.

    The file holds the model's parameters and its attributes that end in an underscore, and `table`:
    plain data (JSON) about the table that it was fitted on, for `load_table`. It is written under
    another name first, then renamed: a crash leaves no partial file.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    ModelFileError
        If the model is not in the registry, or holds something that is not plain data.
    """
    check_is_fitted(model)
    name, task = _registered(type(model))
    members: dict[str, bytes] = {}
    header: dict[str, Any] = {"format": FORMAT, "schema": SCHEMA, "model": name, "task": task}
    header["versions"] = _versions(spec(name).extra)
    header["params"] = {k: encode(v, k, None) for k, v in model.get_params(deep=False).items()}
    header["state"] = {key: encode(vars(model)[key], key, members) for key in _learnt(model)}
    if hasattr(model, "to_keras") and hasattr(model, "weights_"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "network.keras")
            model.to_keras().save(file)
            members[file.name] = file.read_bytes()
    if table is not None:
        members[_TABLE] = json.dumps(dict(table), allow_nan=False).encode()
    header["members"] = {key: hashlib.sha256(data).hexdigest() for key, data in members.items()}
    pack(Path(path), {"model.json": json.dumps(header, indent=1).encode(), **members})


def load_model(path: str | os.PathLike[str]) -> Any:
    """Return the fitted model that `save` wrote; its predictions are the same to the last bit.

    No code from the file is run. Its content is at most 4 GiB.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is damaged, or is not as `save` would write it.
    MissingExtraError
        If the framework that the model is written in is not installed.
    """
    header, members = read(Path(path))
    try:
        described = convert(header, _Header, "model.json")
        model, state = _make(described), described.state
        before = set(vars(model))
        vars(model).update({key: decode(node, members) for key, node in state.items()})
        if before & {*state} or {*state} - {*_learnt(model)}:
            raise ValueError(f"expected names of learnt attributes, got {', '.join(state)}")
        _check(model, described.task)
    except MissingExtraError:
        raise
    except Exception as error:
        versions = header.get("versions")
        written_with = versions if isinstance(versions, dict) else {}
        others = [f"{key} {v}" for key, v in _versions().items() if written_with.get(key) != v]
        raise ModelFileError(
            f"'{path}' is not a model as this zoo would write it ({one_line(error)}); "
            + (f"it was written with other versions than {', '.join(others)}: " if others else "")
            + "save the model again, or get it again from a source you trust"
        ) from error
    return model


def _versions(extra: str | None = None) -> dict[str, str]:
    """Return the versions of packages that any model may need, and of an extra."""
    packages = (*_PACKAGES, *([EXTRAS[extra]] if extra else []))
    return {"zoo": zoo.__version__, **{name: metadata.version(name) for name in packages}}


def load_table(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Return the data about the table that a saved model was fitted on, or None.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is damaged, or its table data is not a JSON object.
    """
    _, members = read(Path(path))
    if _TABLE not in members:
        return None
    try:
        return dict(json.loads(members[_TABLE]).items())
    except (ValueError, AttributeError) as error:
        why = f"'{path}': its {_TABLE} is not a JSON object; save the model again"
        raise ModelFileError(why) from error


def _learnt(model: FittedEstimator) -> list[str]:
    """Return the names of learnt attributes: public, ending in an underscore, no parameters."""
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
        f"{model_class.__name__} is not in the registry, and files name models by it; "
        "save a model of zoo.models(), or register yours as an entry point 'zoo.models'"
    )


def _make(header: _Header) -> FittedEstimator:
    """Return the unfitted model that a header describes."""
    try:
        model = estimator_class(spec(header.model), cast("Task", header.task))()
    except DefinitionError as error:
        why = f"{error}; install a newer zoo, or the package that has the model"
        raise ModelFileError(why) from error
    model.set_params(**{key: decode(node, {}) for key, node in header.params.items()})
    return cast("FittedEstimator", model)


def _check(model: FittedEstimator, task: str) -> None:
    """Refuse parts that do not fit each other: check indices and shapes, then predict a row."""
    kinds = model.encoder_.kinds_
    if not model.n_features_in_ == len(kinds) == len(getattr(model, "feature_names_in_", kinds)):
        raise ValueError("the encoder is that of another table")
    row = np.zeros((1, len(model.encoder_.is_categorical_)), np.float32)
    check_parts(vars(model), row.shape[1])
    if hasattr(model, "to_keras") and hasattr(model, "weights_"):
        model.to_keras()  # raises if a weight has another shape
    if task == "regression":
        values, expected = model._values(row) * model.target_scale_ + model.target_mean_, (1,)
    elif len(model.classes_) > 1:
        values, expected = model._scores(row), (1, *model.classes_.shape)
    else:
        return
    if (shape := np.shape(values)) != expected:
        raise ValueError(f"expected outputs of shape {expected} for a row, got {shape}")
