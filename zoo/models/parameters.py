"""Parameters of estimators, each declared once as an annotated field.

An estimator is a dataclass. ``units: Annotated[int, "Units of each hidden layer."] = 128`` is a
parameter with its type, meaning and default. `estimator` turns such fields into ``__init__``, its
signature and the "Parameters" section of the docstring. A subclass that changes only a default
writes ``units: int = 64`` and inherits the meaning.
"""

from __future__ import annotations

import builtins
import math
import sys
import textwrap
import types
import typing
from collections import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from inspect import Parameter, Signature, cleandoc
from types import NoneType, SimpleNamespace, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)  # fmt: skip

import numpy as np

from zoo.models.targets import ClassWeight

__all__ = [
    "BatchSize", "ClassifierParameters", "HiddenDropout", "HiddenLayers", "HiddenUnits",
    "NetworkParameters", "PatientParameters", "RandomState", "check_parameters", "estimator",
]  # fmt: skip

# parameters of several architectures, each with its own default
BatchSize: TypeAlias = Annotated[int, "Rows in a training step."]
HiddenDropout: TypeAlias = Annotated[float, "Fraction of the hidden units dropped at each step."]
HiddenLayers: TypeAlias = Annotated[int, "Number of hidden layers."]
HiddenUnits: TypeAlias = Annotated[int, "Units of each hidden layer."]
RandomState: TypeAlias = Annotated[
    int | np.random.RandomState | None, "Seed of everything random; an int makes fits repeatable."
]

_REFERENCES = "\n\nReferences\n----------\n"
_WIDTH = 92
_T = TypeVar("_T")
_LARGEST = 2**32  # of a whole number from a file, a seed say
_MOST_THREADS, _MOST_ITEMS = 4096, 10_000


@dataclass_transform(kw_only_default=True, eq_default=False)
def estimator(cls: type[_T]) -> type[_T]:
    """Make a dataclass of an estimator and document its parameters.

    The annotated attributes of the class become keyword-only parameters, in addition to those of
    its bases. Its docstring gets a "Parameters" section and, if it has no "References", those of
    its nearest base.

    Raises
    ------
    TypeError
        If neither the class nor a base says what a parameter means.
    """
    made = dataclass(kw_only=True, eq=False, repr=False, match_args=False)(cls)
    declared = _declared(made)
    parameters = [Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)]
    for name, kind, default, _ in declared:
        kwargs = {"default": default, "annotation": kind}
        parameters.append(Parameter(name, Parameter.KEYWORD_ONLY, **kwargs))
    vars(made)["__init__"].__signature__ = Signature(parameters, return_annotation=None)
    made.__doc__ = _docstring(made, declared)
    return made


def check_parameters(cls: type[Any], values: Mapping[str, Any]) -> None:
    """Refuse plain values that are not of the types which an estimator declares, or out of range.

    Raises
    ------
    ValueError
        With the parameter's name, what was expected and what was found.
    """
    kinds = {each.name: each.kind for each in _declared(cls)}
    for name, value in values.items():
        if name not in kinds:
            raise ValueError(f"{cls.__name__} has no parameter {name[:60]!r}")
        highest = _MOST_THREADS if name == "n_jobs" else _LARGEST
        if not _fits(value, kinds[name], highest):
            kind = _type_text(kinds[name])
            raise ValueError(f"expected {kind} within {highest} as '{name}', got {value!r:.60}")


def _fits(value: object, kind: Any, highest: float) -> bool:
    """Whether a plain value is of a declared type, and its whole numbers are not huge."""
    arguments = get_args(kind)
    match get_origin(kind) or kind:
        case typing.Union | types.UnionType:
            found = any(_fits(value, argument, highest) for argument in arguments)
        case typing.Literal:
            found = value in arguments
        case builtins.float:
            found = type(value) in {int, float} and not math.isnan(cast("float", value))
        case builtins.int:
            found = type(value) is int and abs(value) <= highest
        case abc.Mapping:
            found = type(value) is dict and all(_fits(v, float, 0) for v in value.values())
        case abc.Sequence | builtins.tuple:
            is_list = isinstance(value, list | tuple) and len(value) <= _MOST_ITEMS
            found = is_list and all(_fits(v, arguments[0], highest) for v in cast("Any", value))
        case other:
            found = other is Any or (isinstance(other, type) and type(value) is other)
    return found


class _Declared(NamedTuple):
    """A parameter of an estimator."""

    name: str
    kind: object
    default: object
    meaning: str


def _declared(cls: type[Any]) -> list[_Declared]:
    """Return the parameters of a class; those that its bases brought in come last."""
    defaults = {field.name: field.default for field in fields(cls)}
    found: dict[str, _Declared] = {}
    depths: dict[str, int] = {}
    for depth, base in reversed([*enumerate(cls.__mro__)]):
        written = vars(base).get("__annotations__", {})
        own = SimpleNamespace(__annotations__={n: t for n, t in written.items() if n in defaults})
        hints = get_type_hints(own, vars(sys.modules[base.__module__]), include_extras=True)
        for name, hint in hints.items():
            kind, *meaning = get_args(hint) if get_origin(hint) is Annotated else (hint,)
            if not meaning and name not in found:
                raise TypeError(f"{base.__name__}.{name} has no meaning; annotate it with one")
            text = meaning[0] if meaning else found[name].meaning
            found[name] = _Declared(name, kind, defaults[name], text)
            depths.setdefault(name, depth)
    return sorted(found.values(), key=lambda each: depths[each.name])


def _docstring(cls: type, declared: Sequence[_Declared]) -> str:
    """Return the docstring with parameters before references, which may be those of a base."""
    docs = [cleandoc(base.__doc__ or "") for base in cls.__mro__[:-1]]
    references = next((doc for doc in docs if _REFERENCES in doc), "").partition(_REFERENCES)
    parts = [docs[0].partition(_REFERENCES)[0]]
    if declared:
        parts.append("\n\nParameters\n----------")
    for name, kind, default, meaning in declared:
        shown = f'"{default}"' if isinstance(default, str) else repr(default)
        parts.append(f"\n{name} : {_type_text(kind)}, default={shown}\n")
        parts.append(textwrap.indent(textwrap.fill(meaning, _WIDTH), "    "))
    return "".join([*parts, *references[1:]])


def _type_text(kind: object) -> str:
    """Return a type in numpydoc's words: ``sequence of int``, ``float or None``."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        *first, last = map(_type_text, arguments)
        return f"{', '.join(first)} or {last}"
    if origin is Literal:
        return " or ".join(f'"{value}"' for value in arguments)
    if origin is not None:
        inner = [argument for argument in arguments if argument is not Ellipsis]
        return f"{origin.__name__.lower()} of {_type_text(inner[-1])}"
    return "None" if kind is NoneType else getattr(kind, "__name__", str(kind))


@estimator
class ClassifierParameters:
    """The parameter of all classifiers."""

    class_weight: Annotated[
        ClassWeight,
        "Factor for the weights of each class's rows. 'balanced': the rows of each class have the "
        "same total weight; None: 1.",
    ] = None


@estimator
class NetworkParameters:
    """The parameters of all networks."""

    max_epochs: Annotated[
        int,
        "Maximum number of evaluation intervals. An interval is one epoch, or as many as make 32 "
        "steps on small data.",
    ] = 150
    validation_fraction: Annotated[
        float, "Fraction of the training rows that are validation rows, for early stopping."
    ] = 0.2
    random_state: RandomState = None


@estimator
class PatientParameters(NetworkParameters):
    """The parameters of networks that stop when the validation loss has not fallen for a while."""

    learning_rate: Annotated[float, "Step size of AdamW."] = 0.001
    weight_decay: Annotated[float, "Decoupled decay of the kernels, not of the biases."] = 0.01
    patience: Annotated[
        int, "Evaluation intervals without a lower validation loss before training stops."
    ] = 12
