"""Writes ONNX files: raw columns in, categories as text; preprocessing is in the graph."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from zoo.encoding.encoder import FittedEstimator
from zoo.export.encoder_graph import encode
from zoo.export.encoder_spec import raw_columns
from zoo.export.prediction_graph import (
    from_pixels,
    image_shape,
    output_name,
    prediction_function,
    with_category_splits,
)
from zoo.export.trees import Ensemble, has_trees, read_trees
from zoo.extras import require_module

if TYPE_CHECKING:
    import onnx

__all__ = ["to_onnx"]

_OPSET, _ML_OPSET = 17, 3


def to_onnx(model: FittedEstimator) -> bytes:
    """Return the content of a file."""
    package = require_module("onnx", "onnx", "export")
    require_module("tf2onnx", "tf2onnx", "export")
    shape = image_shape(model)
    if shape is not None:
        spec = tf.TensorSpec((None, *shape), tf.float32, name="image")
        proto = _traced(from_pixels(model), [spec], output_name(model))
    else:
        proto = _from_columns(model)
    proto.opset_import.append(package.helper.make_opsetid("ai.onnx.ml", _ML_OPSET))
    proto.producer_name, proto.producer_version, proto.doc_string = "zoo", "", ""
    package.checker.check_model(proto, full_check=True)
    return bytes(proto.SerializeToString())


def _traced(
    function: Callable[..., tf.Tensor], specs: list[tf.TensorSpec], name: str
) -> onnx.ModelProto:
    """Convert a TensorFlow function whose output is called `name`."""
    import tf2onnx

    traced = tf.function(lambda *inputs: {name: function(*inputs)}, input_signature=specs)
    proto, _ = tf2onnx.convert.from_function(traced, input_signature=specs, opset=_OPSET)
    return proto


def _from_columns(model: FittedEstimator) -> onnx.ModelProto:
    """Return the graph of a table's columns; trees become a node of their own kind."""
    ensemble = read_trees(model) if has_trees(model) else None
    is_text = [column.kind == "category" for column in raw_columns(model)]
    sizes = {"numbers": is_text.count(False), "codes": is_text.count(True)}
    given = [name for name, size in sizes.items() if size]
    specs = [tf.TensorSpec((None, sizes[name]), tf.float64, name=name) for name in given]
    if ensemble is None:
        name, of_matrix = output_name(model), prediction_function(model)
    else:
        name, of_matrix = "rows", partial(with_category_splits, ensemble)

    def function(*inputs: tf.Tensor) -> tf.Tensor:
        nothing = tf.zeros((tf.shape(inputs[0])[0], 0), tf.float64)
        values = {"numbers": nothing, "codes": nothing} | dict(zip(given, inputs, strict=True))
        return of_matrix(encode(model.encoder_, **values))

    proto = _traced(function, specs, name)
    if ensemble is not None:
        _append_trees(proto.graph, model, ensemble, output_name(model))
    _prepend_columns(proto.graph, model, given)
    return proto


def _prepend_columns(graph: onnx.GraphProto, model: FittedEstimator, given: list[str]) -> None:
    """Replace the inputs `numbers` and `codes` by one per column, (n_rows, 1)."""
    from onnx import TensorProto, helper

    inputs, nodes = [], []
    parts: dict[str, list[str]] = {"numbers": [], "codes": []}
    for column in raw_columns(model):
        is_text = column.kind == "category"
        kind = TensorProto.STRING if is_text else TensorProto.DOUBLE
        inputs.append(helper.make_tensor_value_info(column.key, kind, [None, 1]))
        if not is_text:
            parts["numbers"].append(column.key)
            continue
        code = f"zoo/code/{column.key}"
        parts["codes"].append(code)
        table = {  # with an entry that no text has, where no category is known
            "keys_strings": list(column.categories) or [str(column.missing)],
            "values_int64s": list(range(len(column.categories))) or [-1],
            "default_int64": -1,
        }
        encoder = ("LabelEncoder", [column.key], [f"{code}/int"])
        nodes.append(helper.make_node(*encoder, domain="ai.onnx.ml", **table))
        nodes.append(helper.make_node("Cast", [f"{code}/int"], [code], to=TensorProto.DOUBLE))
    for name in given:
        nodes.append(helper.make_node("Concat", parts[name], [f"zoo/{name}"], axis=1))
    taken = {name: f"zoo/{name}" for name in given}
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = taken.get(name, name)
    del graph.input[:]
    graph.input.extend(inputs)
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *rest])


def _append_trees(
    graph: onnx.GraphProto, model: FittedEstimator, ensemble: Ensemble, name: str
) -> None:
    """Append the trees to the output `rows`, and the link to them."""
    from onnx import TensorProto, helper, numpy_helper

    rows = graph.output[0].name
    nodes = [_tree_node(ensemble, rows, "zoo/sums")]

    def constant(key: str, values: ArrayLike) -> str:
        array = np.asarray(values, np.float32)
        graph.initializer.append(numpy_helper.from_array(array, f"zoo/{key}"))
        return f"zoo/{key}"

    def add(kind: str, inputs: list[str], output: str, **options: Any) -> None:
        nodes.append(helper.make_node(kind, inputs, [output], **options))

    n_outputs = len(model.classes_) if hasattr(model, "classes_") else 1
    is_output = ensemble.link == "probabilities"
    add("Add", ["zoo/sums", constant("base", ensemble.base)], name if is_output else "zoo/raw")
    if ensemble.link == "softmax":
        add("Softmax", ["zoo/raw"], name, axis=1)
    elif ensemble.link == "sigmoid":
        add("Sigmoid", ["zoo/raw"], "zoo/probability")
        add("Sub", [constant("one", [1.0]), "zoo/probability"], "zoo/other")
        add("Concat", ["zoo/other", "zoo/probability"], name, axis=1)
    elif ensemble.link == "identity":
        add("Mul", ["zoo/raw", constant("scale", [model.target_scale_])], "zoo/scaled")
        add("Add", ["zoo/scaled", constant("mean", [model.target_mean_])], name)
    graph.node.extend(nodes)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, n_outputs]))


def _tree_node(ensemble: Ensemble, rows: str, output: str) -> onnx.NodeProto:
    from onnx import helper

    nodes = np.arange(len(ensemble.feature))
    starts = np.array(ensemble.roots)
    tree = np.searchsorted(starts, nodes, side="right") - 1
    number, left, right = (part - starts[tree] for part in (nodes, ensemble.left, ensemble.right))
    is_leaf, value = left == number, np.array(ensemble.value)
    leaf, target = np.nonzero((value != 0.0) & is_leaf[:, None])
    return helper.make_node(
        "TreeEnsembleRegressor",
        [rows],
        [output],
        domain="ai.onnx.ml",
        n_targets=ensemble.n_outputs,
        nodes_treeids=tree.tolist(),
        nodes_nodeids=number.tolist(),
        nodes_featureids=ensemble.feature,
        nodes_values=ensemble.threshold,
        nodes_modes=["LEAF" if leaf else "BRANCH_LEQ" for leaf in is_leaf],
        nodes_truenodeids=np.where(is_leaf, 0, left).tolist(),
        nodes_falsenodeids=np.where(is_leaf, 0, right).tolist(),
        nodes_missing_value_tracks_true=[int(goes_left) for goes_left in ensemble.missing_left],
        target_treeids=tree[leaf].tolist(),
        target_nodeids=number[leaf].tolist(),
        target_ids=target.tolist(),
        target_weights=value[leaf, target].tolist(),
    )
