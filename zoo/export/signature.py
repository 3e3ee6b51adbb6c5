"""The signature of an export: the inputs and outputs of its file, as plain data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from zoo.encoding.encoder import FittedEstimator
from zoo.export.encoder_spec import raw_columns
from zoo.export.prediction_graph import image_shape, output_name
from zoo.extras import require_module

__all__ = ["signature_of_columns", "signature_of_litert"]

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import TensorT

Shape = list[int | str]
_UNITS = {
    "number": "as in the table; a boolean is 0 or 1",
    "duration": "seconds",
    "date": "seconds since 1970-01-01 UTC",
}


def _head(model: FittedEstimator, to: str, precision: str) -> dict[str, Any]:
    is_class = hasattr(model, "classes_")
    return {
        "format": f"zoo signature of {to}",
        "version": 1,
        "zoo": zoo.__version__,
        "estimator": type(model).__name__,
        "task": "classification" if is_class else "regression",
        "precision": precision,
    }


def _output(model: FittedEstimator, shape: Shape) -> dict[str, Any]:
    described: dict[str, Any] = {"name": output_name(model), "dtype": "float32", "shape": shape}
    if hasattr(model, "classes_"):
        described["classes"] = [_plain(label) for label in model.classes_]
    return described


def _plain(label: object) -> bool | int | float | str:
    value = label.item() if isinstance(label, np.generic) else label
    if isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)


def signature_of_columns(model: FittedEstimator, to: str, shape: Shape) -> dict[str, Any]:
    """Return the signature of a file that takes raw columns, or images."""
    described = _head(model, to, "float32")
    image = image_shape(model)
    if image is not None:
        inputs = [{"name": "image", "dtype": "float32", "shape": ["n", *image]}]
    else:
        inputs = []
        for column in raw_columns(model):
            entry: dict[str, Any] = {"name": column.key, "column": column.name, "shape": shape}
            if column.kind == "category":
                names = list(column.categories)
                entry |= {"dtype": "string", "categories": names, "missing": column.missing}
            else:
                entry |= {"dtype": "float64", "unit": _UNITS[column.kind], "missing": "NaN"}
            inputs.append(entry)
    n_outputs = len(model.classes_) if hasattr(model, "classes_") else 1
    return described | {"inputs": inputs, "outputs": [_output(model, ["n", n_outputs])]}


def signature_of_litert(model: FittedEstimator, content: bytes, precision: str) -> dict[str, Any]:
    """Return the signature of a LiteRT file, read from its content."""
    runtime = require_module("ai_edge_litert.interpreter", "ai-edge-litert", "export")
    interpreter = runtime.Interpreter(model_content=content)
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    described = _head(model, "litert", precision)
    of_input, of_output = _quantization(content)
    row: dict[str, Any] = {"name": "row" if image_shape(model) is None else "image"}
    row |= {"dtype": _name(given), "shape": given["shape"].tolist()} | of_input
    output = _output(model, made["shape"].tolist()) | {"dtype": _name(made)} | of_output
    return described | {"inputs": [row], "outputs": [output]}


def _name(detail: dict[str, Any]) -> str:
    return str(np.dtype(detail["dtype"]).name)


def _quantization(content: bytes) -> list[dict[str, Any]]:
    """Return the quantization of input and output, as a key `quantization`, if they have one.

    A file whose graph is in int8 begins and ends with an operation that converts.
    """
    schema = require_module("ai_edge_litert.schema_py_generated", "ai-edge-litert", "export")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (graph,) = model.subgraphs
    found: list[dict[str, Any]] = [{}, {}]
    for node in graph.operators:
        code = model.operatorCodes[node.opcodeIndex].builtinCode
        if code == schema.BuiltinOperator.QUANTIZE and node.inputs[0] == graph.inputs[0]:
            found[0] = _int8(graph.tensors[node.outputs[0]])
        if code == schema.BuiltinOperator.DEQUANTIZE and node.outputs[0] == graph.outputs[0]:
            found[1] = _int8(graph.tensors[node.inputs[0]])
    return found


def _int8(tensor: TensorT) -> dict[str, Any]:
    scale, zero_point = tensor.quantization.scale[0], tensor.quantization.zeroPoint[0]
    found = {"dtype": "int8", "scale": float(scale), "zero_point": int(zero_point)}
    return {"quantization": found}
