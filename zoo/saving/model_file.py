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
from zoo.saving.archive import FORMAT, HEADER, SCHEMA, TABLE, one_line, opened, pack, parse_json
from zoo.saving.learnt import give_learnt
from zoo.saving.library_models import take_library
from zoo.saving.values import decode, encode

__all__ = ["load_model", "load_table", "save_model"]

_PACKAGES = ("keras", "tensorflow", "xgboost", "lightgbm", "scikit-learn", "numpy")
MAX_GIB = 4.0
_PROBES = (0.0, 1.0, -3.0, 3.0)  # of which rows are made that the model must predict


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
    try:
        _decoded_params(model, header["params"])
    except ValueError as error:
        raise ModelFileError(f"the model cannot be saved: {error}; set it and fit again") from error
    learnt = {key: vars(model)[key] for key in _learnt(model)}
    if "model_" in learnt:
        learnt["model_"] = take_library(model, learnt["model_"])
    header["state"] = {key: encode(value, key, members) for key, value in learnt.items()}
    if hasattr(model, "to_keras") and hasattr(model, "weights_"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "network.keras")
            model.to_keras().save(file)
            members[file.name] = file.read_bytes()
    if table is not None:
        members[TABLE] = json.dumps(dict(table), allow_nan=False).encode()
    header["members"] = {key: hashlib.sha256(data).hexdigest() for key, data in members.items()}
    pack(Path(path), {HEADER: json.dumps(header, indent=1).encode(), **members})


def load_model(path: str | os.PathLike[str], *, max_gib: float = MAX_GIB) -> Any:
    """Return the fitted model that `save` wrote; its predictions are the same to the last bit.

    No code from the file is run, and no library is given numbers that were not checked.

    Parameters
    ----------
    path : path-like
    max_gib : float
        How many GiB the content may have, and take when its text is parsed. A file that states
        more is refused before it is unpacked. Arrays are held once.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is damaged, or is not as `save` would write it.
    MissingExtraError
        If the framework that the model is written in is not installed.
    """
    with opened(Path(path), max_gib) as (header, members):
        try:
            described = convert(header, _Header, HEADER)
            model = _make(described)
            give_learnt(model, described.state, members)
            _check_predictions(model, described.task)
            members.verify_rest()
        except MissingExtraError:
            raise
        except Exception as error:
            versions = header.get("versions")
            written_with = versions if isinstance(versions, dict) else {}
            others = [f"{key} {v}" for key, v in _versions().items() if written_with.get(key) != v]
            raise ModelFileError(
                f"'{path}' is not a model as this zoo would write it ({one_line(error)}); "
                + (f"it was written with other versions than {', '.join(others)}: " * bool(others))
                + "save the model again, or get it again from a source you trust"
            ) from error
    return model


def _versions(extra: str | None = None) -> dict[str, str]:
    """Return the versions of packages that any model may need, and of an extra."""
    packages = (*_PACKAGES, *([EXTRAS[extra]] if extra else []))
    return {"zoo": zoo.__version__, **{name: metadata.version(name) for name in packages}}


def load_table(path: str | os.PathLike[str], *, max_gib: float = MAX_GIB) -> dict[str, Any] | None:
    """Return the data about the table that a saved model was fitted on, or None.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is damaged, or its table data is not a JSON object.
    """
    with opened(Path(path), max_gib) as (_, members):
        if TABLE not in members:
            return None
        try:
            return dict(parse_json(members.read(TABLE)).items())
        except Exception as error:
            why = f"'{path}': its {TABLE} is not a JSON object ({one_line(error)}); save again"
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
    model.set_params(**_decoded_params(model, header.params))
    return cast("FittedEstimator", model)


def _decoded_params(model: FittedEstimator, nodes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a header, or raise ValueError if the model does not take them."""
    params = {key: decode(node, None) for key, node in nodes.items()}
    if hasattr(model, "_check_parameters"):
        model._check_parameters(params)
    return params


def _check_predictions(model: FittedEstimator, task: str) -> None:
    """Refuse a model that cannot predict, or does not predict finite numbers."""
    is_categorical = model.encoder_.is_categorical_
    rows = np.repeat(np.array(_PROBES, np.float32)[:, None], len(is_categorical), axis=1)
    rows[:, is_categorical] = 0
    if task == "regression":
        values, expected = model._values(rows) * model.target_scale_ + model.target_mean_, ()
    elif len(model.classes_) > 1:
        values, expected = model._scores(rows), model.classes_.shape
    else:
        return
    if (shape := np.shape(values)) != (len(rows), *expected):
        raise ValueError(f"expected outputs of shape {(len(rows), *expected)}, got {shape}")
    if not np.isfinite(values).all():
        raise ValueError("expected finite predictions")
