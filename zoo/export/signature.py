"""What goes into a file and comes out of it, as plain data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import zoo
from zoo.export.encoder_spec import raw_columns
from zoo.export.graph import output_name, picture_shape
from zoo.extras import require_module

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
    interpreter = require_module(
        "ai_edge_litert.interpreter", "ai-edge-litert", "export"
    ).Interpreter(model_content=content)
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    described = _head(model, "litert", precision)
    picture = picture_shape(model)
    inner = _inner_steps(content)
    row: dict[str, Any] = {"name": "row" if picture is None else "picture"}
    row |= {"dtype": _name(given), "shape": given["shape"].tolist()} | inner[0]
    output = _output(model, made["shape"].tolist()) | {"dtype": _name(made)} | inner[1]
    described |= {"inputs": [row], "outputs": [output]}
    return described if picture is not None else described | {"preprocessing": ""}


def _name(detail: dict[str, Any]) -> str:
    return str(np.dtype(detail["dtype"]).name)


def _inner_steps(content: bytes) -> list[dict[str, Any]]:
    """Return what small integers input and output are inside, as `inner`, if they are any.

    A file whose graph is in 8 bits begins and ends with an operation that converts.
    """
    schema = require_module("ai_edge_litert.schema_py_generated", "ai-edge-litert", "export")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (graph,) = model.subgraphs
    found: list[dict[str, Any]] = [{}, {}]
    for node in graph.operators:
        code = model.operatorCodes[node.opcodeIndex].builtinCode
        if code == schema.BuiltinOperator.QUANTIZE and node.inputs[0] == graph.inputs[0]:
            found[0] = _steps(graph.tensors[node.outputs[0]])
        if code == schema.BuiltinOperator.DEQUANTIZE and node.outputs[0] == graph.outputs[0]:
            found[1] = _steps(graph.tensors[node.inputs[0]])
    return found


def _steps(tensor: Any) -> dict[str, Any]:
    steps = tensor.quantization
    kind = {"dtype": "int8", "scale": float(steps.scale[0]), "zero_point": int(steps.zeroPoint[0])}
    return {"inner": kind}
