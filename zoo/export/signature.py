"""What goes into a file and comes out of it, as plain data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import zoo
from zoo.export.extras import need
from zoo.export.graph import output_name, picture_shape
from zoo.export.recipe import raw_columns

__all__ = ["of_columns", "of_litert"]

_UNITS = {
    "number": "as in the table; a boolean is 0 or 1",
    "duration": "seconds",
    "date": "seconds since 1970-01-01 UTC",
}


def _head(model: Any, to: str, precision: str) -> dict[str, Any]:
    is_class = hasattr(model, "classes_")
    return {
        "format": f"zoo signature of {to}",
        "version": 1,
        "zoo": zoo.__version__,
        "estimator": type(model).__name__,
        "task": "classification" if is_class else "regression",
        "precision": precision,
    }


def _output(model: Any, shape: list[Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"name": output_name(model), "dtype": "float32", "shape": shape}
    if hasattr(model, "classes_"):
        described["classes"] = [_plain(label) for label in model.classes_]
    return described


def _plain(label: Any) -> Any:
    value = label.item() if isinstance(label, np.generic) else label
    is_plain = isinstance(value, bool | int | str) or (
        isinstance(value, float) and math.isfinite(value)
    )
    return value if is_plain else str(value)


def _n_outputs(model: Any) -> int:
    return len(model.classes_) if hasattr(model, "classes_") else 1


def of_columns(model: Any, to: str, shape: list[Any]) -> dict[str, Any]:
    """Return the signature of a file that takes raw columns, or pictures."""
    described = _head(model, to, "float32")
    picture = picture_shape(model)
    if picture is not None:
        inputs = [{"name": "picture", "dtype": "float32", "shape": ["n", *picture]}]
    else:
        inputs = []
        for column in raw_columns(model):
            entry: dict[str, Any] = {"name": column.key, "column": column.name, "shape": shape}
            if column.kind == "category":
                entry |= {
                    "dtype": "string",
                    "levels": list(column.levels),
                    "missing": column.missing,
                }
            else:
                entry |= {"dtype": "float64", "unit": _UNITS[column.kind], "missing": "NaN"}
            inputs.append(entry)
    return described | {"inputs": inputs, "outputs": [_output(model, ["n", _n_outputs(model)])]}


def of_litert(model: Any, content: bytes, precision: str) -> dict[str, Any]:
    """Return the signature of a LiteRT file, from the file itself.

    It has a place for the name of the preprocessing, unless pictures go in.
    """
    interpreter = need("ai_edge_litert.interpreter", "ai-edge-litert").Interpreter(
        model_content=content
    )
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    described = _head(model, "litert", precision)
    picture = picture_shape(model)
    name = "row" if picture is None else "picture"
    outputs = _output(model, made["shape"].tolist()) | _numbers(made)
    described |= {
        "inputs": [{"name": name, "shape": given["shape"].tolist(), **_numbers(given)}],
        "outputs": [outputs],
    }
    return described if picture is not None else described | {"preprocessing": ""}


def _numbers(detail: dict[str, Any]) -> dict[str, Any]:
    """Return the type of a tensor, and scale and zero point where it is of small integers."""
    found: dict[str, Any] = {"dtype": np.dtype(detail["dtype"]).name}
    scale, zero_point = detail["quantization"]
    if scale:
        found |= {"scale": float(scale), "zero_point": int(zero_point)}
    return found
