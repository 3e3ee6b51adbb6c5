"""The learnt attributes of estimators: which there may be, of what type, shape and range."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.encoding.encoder import FittedEstimator, TableEncoder
from zoo.saving.archive import Members, StoredArray
from zoo.saving.library_models import give_library
from zoo.saving.rules import array_rule
from zoo.saving.sizes import MAX_CATEGORIES, Sizes, are_within, check_unless, is_finite
from zoo.saving.values import arrays_read, decode

__all__ = ["give_learnt"]

_LARGEST = 1e308  # of a center or quantile
_LARGEST_WEIGHT = 1e15  # of a network, whose sums of products must be finite in 32 bits
_WEIGHTS = (np.float32, np.float64)
_LARGEST_TARGET = 1e151
_MAX_LABELS = 1 << 26  # bytes of all
_WHOLE = ("n_features_in_", "n_inputs_", "n_outputs_", "n_parameters_", "n_epochs_", "best_epoch_")
_NUMBERS = ("target_mean_", "target_scale_", "fit_s_", "compile_s_", "lowest_", "highest_")
_ARRAYS: Mapping[str, tuple[str, str]] = {  # kinds and shape, see `Sizes`; they hold finite numbers
    "coef_": ("f", "kc"),
    "intercept_": ("f", "k"),
    "n_iter_": ("i", "1"),
    "outcome_": ("f", "ro"),
    "weight_": ("f", "r"),
    "embedded_": ("f", "nu"),
    "candidate_targets_": ("if", "n"),
    "candidate_weights_": ("f", "n"),
}
_POSITIVE = {"weight_", "candidate_weights_", "target_scale_"}
_OTHERS = {
    "encoder_", "classes_", "feature_names_in_", "model_", "weights_", "validation_losses_",
}  # fmt: skip
_KNOWN = {*_WHOLE, *_NUMBERS, *_ARRAYS, *_OTHERS}


def give_learnt(model: FittedEstimator, state: Mapping[str, Any], members: Members) -> None:
    """Set the learnt attributes of an estimator with the file's parameters.

    What takes memory is read last, when its shape has been compared with that of the estimator.

    Raises
    ------
    ValueError, TypeError, KeyError
        If an attribute is unknown or missing, or does not fit the others.
    """
    is_own = type(model).__module__.startswith("zoo.")
    if unknown := sorted(state.keys() - _KNOWN) if is_own else []:
        raise ValueError(f"expected names of learnt attributes, got {unknown[0][:60]!r}")
    own = vars(model)
    plain = [name for name in state if name not in {"model_", "weights_", *_ARRAYS}]
    own.update({name: _plain(state[name], members) for name in plain})
    sizes = _check_columns(model, is_classifier="classes_" in state)
    for name in {*_WHOLE, *_NUMBERS, "validation_losses_"} & state.keys():
        _check_plain(name, own[name])
    is_learnt = sizes.n_classes != 1  # of one class there is nothing to learn
    check_unless(
        is_learnt or not {"model_", "weights_"} & state.keys(), "classes and what is learnt"
    )
    if "weights_" in state:
        own["weights_"] = _weights(model, state["weights_"], members, sizes)
    for name in _ARRAYS.keys() & state.keys():
        own[name] = _array(name, state[name], members, sizes)
    if "model_" in state:
        own["model_"] = give_library(model, decode(state["model_"], members), sizes)
        if "weight_" in state:
            check_unless(len(own["model_"]._fit_X) == sizes["r"], "rows and weights")
    _check_candidates(model, sizes)


def _plain(node: Any, members: Members) -> Any:
    """Return a plain value, or the labels of classes."""
    value = decode(node, members)
    if isinstance(value, StoredArray):
        n_bytes = math.prod(value.shape) * value.dtype.itemsize
        check_unless(n_bytes < _MAX_LABELS, "labels and memory")
    return arrays_read(value)


def _check_columns(model: FittedEstimator, *, is_classifier: bool) -> Sizes:
    """Check the encoder, the names of columns and the classes; return what they imply."""
    encoder = model.encoder_
    check_unless(isinstance(encoder, TableEncoder), "encoder and model")
    for name in ("categories", "scale", "max_onehot", "flags"):
        check_unless(getattr(encoder, name) == getattr(model, f"_{name}"), "encoder and model")
    _check_encoder(encoder)
    n_columns = len(encoder.kinds_)
    has_names = "feature_names_in_" in vars(model)
    check_unless(
        n_columns > 0
        and type(model.n_features_in_) is int
        and model.n_features_in_ == n_columns
        and (not has_names or _is_vector(model.feature_names_in_, n_columns)),
        "the encoder is that of another table: columns and names",
    )
    check_unless(is_classifier == model._is_classifier, "classes and task")
    n_classes = 0
    if is_classifier:
        classes = model.classes_
        check_unless(_is_vector(classes, None) and len(classes) > 0, "classes and labels")
        n_classes = len(classes)
        check_unless(len({*classes.tolist()}) == n_classes, "classes that come twice")
    return Sizes(encoder.is_categorical_, n_classes)


def _is_vector(value: Any, n: int | None) -> bool:
    """Whether a value is a list of labels: texts, numbers or times."""
    if not isinstance(value, np.ndarray) or value.ndim != 1 or (n is not None and len(value) != n):
        return False
    if value.dtype != object:
        return True
    return all(isinstance(item, str | int) or is_finite(item) for item in value)


def _check_encoder(encoder: TableEncoder) -> None:
    """Check the numbers of scalings and the number of categories."""
    state = encoder.state()
    for scaling in (state.number_scaling, state.indicator_scaling):
        if scaling is not None:
            center, factor = np.array(scaling.center), np.array(scaling.factor)
            check_unless((np.abs(center) <= _LARGEST).all(), "centers and numbers")
            check_unless(((factor >= 0) & (factor <= _LARGEST)).all(), "factors and numbers")
    if state.quantiles:
        check_unless((np.abs(np.array(state.quantiles)) <= _LARGEST).all(), "quantiles and numbers")
    longest = max(map(len, state.category_names), default=0)
    check_unless(longest < MAX_CATEGORIES, "categories and codes")


def _check_plain(name: str, value: Any) -> None:
    """Check a number, or the losses of training."""
    if name == "validation_losses_":
        check_unless(
            type(value) is list and all(isinstance(loss, float) for loss in value), f"'{name}'"
        )
    elif name in _WHOLE:
        is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        check_unless(is_whole and 0 <= value < 2**53, f"'{name}' and its range")
    else:
        check_unless(is_finite(value) and abs(value) < _LARGEST_TARGET, f"'{name}' and its range")
        check_unless(name not in _POSITIVE or value > 0, f"'{name}' and its range")


def _array(name: str, node: Any, members: Members, sizes: Sizes) -> Any:
    """Return a learnt array, read once its shape has been compared."""
    kinds, letters = _ARRAYS[name]
    low = np.nextafter(0, 1) if name in _POSITIVE else -np.inf
    return array_rule(kinds, letters, low)(decode(node, members), sizes)


def _weights(model: FittedEstimator, nodes: Any, members: Members, sizes: Sizes) -> list[Any]:
    """Return the weights of a network, whose shapes are compared before anything is built."""
    stored = decode(nodes, members)
    is_right = type(stored) is list and all(isinstance(each, StoredArray) for each in stored)
    check_unless(is_right and all(each.dtype in _WEIGHTS for each in stored), "weights and kinds")
    check_unless(model.n_inputs_ == sizes.n_columns, "inputs and columns")
    if hasattr(model, "n_outputs_"):
        check_unless(model.n_outputs_ == sizes["o"], "outputs and classes")
    found = [each.shape for each in stored]
    if hasattr(model, "_weight_shapes"):
        expected = model._weight_shapes(len(found), sum(map(math.prod, found)))
        if found != expected:
            pairs = zip(found, expected, strict=False)
            odd = next(((old, new) for old, new in pairs if old != new), None)
            got = f"{odd[0]} where {odd[1]} fits" if odd else f"{len(found)}, not {len(expected)}"
            raise ValueError(f"expected weights of the network that parameters say, got {got}")
    weights = [each.read() for each in stored]
    check_unless(
        all(are_within(array, -_LARGEST_WEIGHT, _LARGEST_WEIGHT) for array in weights),
        "weights and their range",
    )
    return weights


def _check_candidates(model: FittedEstimator, sizes: Sizes) -> None:
    """Check the training rows of a network of neighbours."""
    own = vars(model)
    if "candidate_targets_" in own and sizes.n_classes:
        codes = own["candidate_targets_"]
        is_code = codes.dtype.kind == "i" and bool(((codes >= 0) & (codes < sizes.n_classes)).all())
        check_unless(is_code, "'candidate_targets_' and classes")
    if "embedded_" in own:
        check_unless(own["embedded_"].shape[1] == model.units, "'embedded_' and units")
