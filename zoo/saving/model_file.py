"""A fitted model of the registry to a file and back."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

import zoo
from zoo.errors import DefinitionError, MissingExtraError, ModelFileError
from zoo.registry import missing_extra, models, spec
from zoo.registry.spec import EXTRAS
from zoo.saving.archive import FORMAT, SCHEMA, one_line, pack, read
from zoo.saving.fitted import check_parts
from zoo.saving.values import decode, encode

__all__ = ["load_model", "load_table", "save_model"]

_PACKAGES = ("keras", "tensorflow", "xgboost", "lightgbm", "scikit-learn", "numpy", "skops")


_TABLE = "table.json"


def save_model(
    model: Any, path: str | os.PathLike[str], *, table: Mapping[str, Any] | None = None
) -> None:
    """Write a fitted model of the registry to one file; `load_model` gives it back.

    Parameters
    ----------
    model : estimator
        Its parameters, and its attributes that end in an underscore, are kept.
    path : path-like
        Written beside it first, then renamed: a crash leaves no half file.
    table : mapping or None
        Plain data (JSON) on the table that it was fitted on, for `load_table`.

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
        "format": FORMAT,
        "schema": SCHEMA,
        "model": name,
        "task": task,
        "versions": _versions(spec(name).extra),
        "params": {k: encode(v, k, None) for k, v in model.get_params(deep=False).items()},
        "state": {key: encode(vars(model)[key], key, members) for key in _learnt(model)},
    }
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
    MissingExtraError
        If the framework that the model is written in is not installed.
    """
    header, members = read(Path(path))
    try:
        model = _make(header)
        before, state = set(vars(model)), header["state"]
        vars(model).update({key: decode(node, members) for key, node in state.items()})
        if before & set(state) or not set(state) <= set(_learnt(model)):
            raise ValueError(f"expected names of what is learnt, got {', '.join(state)}")
        _check(model, header["task"])
    except MissingExtraError:
        raise
    except Exception as error:
        made = header["versions"] if isinstance(header.get("versions"), dict) else {}
        news = [f"{key} {v}" for key, v in _versions().items() if made.get(key) != v]
        raise ModelFileError(
            f"'{path}' is not a model as this zoo would write it ({one_line(error)}); "
            + (f"here are {', '.join(news)}, which it was not written with: " if news else "")
            + "save the model again, or fetch it again, from someone you trust"
        ) from error
    return model


def _versions(extra: str | None = None) -> dict[str, str]:
    """Return the versions of what every model may need, and of the extra that one needs."""
    packages = (*_PACKAGES, *([EXTRAS[extra]] if extra else []))
    return {"zoo": zoo.__version__, **{name: metadata.version(name) for name in packages}}


def load_table(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Return what a model's file says of the table that it was fitted on; None if it does not.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is damaged, or holds something else there.
    """
    _, members = read(Path(path))
    if _TABLE not in members:
        return None
    try:
        found = json.loads(members[_TABLE])
    except ValueError as error:
        raise ModelFileError(f"'{path}': its {_TABLE} is not JSON; save the model again") from error
    if not isinstance(found, dict):
        raise ModelFileError(f"'{path}': its {_TABLE} is not what save writes; save it again")
    return found


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
        entry = spec(str(header["model"]))
        path = entry.class_path(header["task"])
    except DefinitionError as error:
        raise ModelFileError(f"{error}; install a newer zoo, or the package it is in") from error
    if (missing := missing_extra(entry)) is not None:
        raise missing
    module, _, attribute = path.partition(":")
    model = getattr(importlib.import_module(module), attribute)()
    return model.set_params(**{key: decode(node, {}) for key, node in header["params"].items()})


def _check(model: Any, task: str) -> None:
    """Refuse parts that do not fit each other: first what leads into memory, then by a row."""
    kinds = model.encoder_.kinds_
    if not model.n_features_in_ == len(kinds) == len(getattr(model, "feature_names_in_", kinds)):
        raise ValueError("the preprocessing is that of another table")
    row = np.zeros((1, len(model.encoder_.is_categorical_)), np.float32)
    check_parts(vars(model), row.shape[1])
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
