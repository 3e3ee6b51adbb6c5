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

Entry = dict[str, Any]  # of JSON
Shape = list[int | str]
_UNITS = {
    "number": "as in the table; a boolean is 0 or 1",
    "duration": "seconds",
    "date": "seconds since 1970-01-01 UTC",
}


def _signature(
    model: FittedEstimator, to: str, precision: str, inputs: list[Entry], output: Entry
) -> Entry:
    """Return a signature; `output` has all entries that do not follow from the model."""
    is_class = hasattr(model, "classes_")
    named: Entry = {"name": output_name(model), "dtype": "float32"}
    labels: Entry = {"classes": [_plain(label) for label in model.classes_]} if is_class else {}
    return {
        "format": f"zoo signature of {to}",
        "version": 1,
        "zoo": zoo.__version__,
        "estimator": type(model).__name__,
        "task": "classification" if is_class else "regression",
        "precision": precision,
        "inputs": inputs,
        "outputs": [named | output | labels],
    }


def _plain(label: object) -> bool | int | float | str:
    """Return a class as JSON; a date, say, as text."""
    value = label.item() if isinstance(label, np.generic) else label
    if isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)


def signature_of_columns(model: FittedEstimator, to: str, shape: Shape) -> Entry:
    """Return the signature of a file that takes raw columns, or images."""
    inputs: list[Entry] = []
    if (image := image_shape(model)) is not None:
        inputs = [{"name": "image", "dtype": "float32", "shape": ["n", *image]}]
    for column in raw_columns(model) if image is None else ():
        entry: Entry = {"name": column.key, "column": column.name, "shape": shape}
        if column.kind == "category":
            names = list(column.categories)
            entry |= {"dtype": "string", "categories": names, "missing": column.missing}
        else:
            entry |= {"dtype": "float64", "unit": _UNITS[column.kind], "missing": "NaN"}
        inputs.append(entry)
    n_outputs = len(model.classes_) if hasattr(model, "classes_") else 1
    return _signature(model, to, "float32", inputs, {"shape": ["n", n_outputs]})


def signature_of_litert(model: FittedEstimator, content: bytes, precision: str) -> Entry:
    """Return the signature of a LiteRT file, read from its content."""
    runtime = require_module("ai_edge_litert.interpreter", "ai-edge-litert", "export")
    interpreter = runtime.Interpreter(model_content=content)
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    row, output = (
        {"dtype": np.dtype(end["dtype"]).name, "shape": end["shape"].tolist()} | quantization
        for end, quantization in zip((given, made), _quantization(content), strict=True)
    )
    name = "row" if image_shape(model) is None else "image"
    return _signature(model, "litert", precision, [{"name": name} | row], output)


def _quantization(content: bytes) -> list[Entry]:
    """Return the quantization of input and output, as a key `quantization`, if they have one.

    A file whose graph is in int8 begins and ends with an operation that converts.
    """
    schema = require_module("ai_edge_litert.schema_py_generated", "ai-edge-litert", "export")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (graph,) = model.subgraphs
    found: list[Entry] = [{}, {}]
    for node in graph.operators:
        code = model.operatorCodes[node.opcodeIndex].builtinCode
        if code == schema.BuiltinOperator.QUANTIZE and node.inputs[0] == graph.inputs[0]:
            found[0] = _int8(graph.tensors[node.outputs[0]])
        if code == schema.BuiltinOperator.DEQUANTIZE and node.outputs[0] == graph.outputs[0]:
            found[1] = _int8(graph.tensors[node.inputs[0]])
    return found


def _int8(tensor: TensorT) -> Entry:
    scale, zero_point = float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])
    return {"quantization": {"dtype": "int8", "scale": scale, "zero_point": zero_point}}
