"""ONNX: raw columns in, levels as text; preprocessing is in the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from zoo.export.encoder_spec import RawColumn, raw_columns
from zoo.export.graph import from_codes, from_pixels, output_name, picture_shape, split
from zoo.export.prediction_graph import grow
from zoo.export.trees import Ensemble, is_of_trees, read_trees
from zoo.extras import require_module

__all__ = ["to_onnx"]

_OPSET, _ML_OPSET = 17, 3


def to_onnx(model: Any) -> bytes:
    """Return the file of a fitted model."""
    onnx = require_module("onnx", "onnx", "export")
    require_module("tf2onnx", "tf2onnx", "export")
    shape = picture_shape(model)
    if shape is not None:
        spec = tf.TensorSpec((None, *shape), tf.float32, name="picture")
        proto = _traced(from_pixels(model), [spec], output_name(model))
    else:
        ensemble = read_trees(model) if is_of_trees(model) else None
        proto = _from_columns(model, ensemble)
    proto.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", _ML_OPSET))
    proto.producer_name, proto.producer_version, proto.doc_string = "zoo", "", ""
    onnx.checker.check_model(proto, full_check=True)
    return bytes(proto.SerializeToString())


def _traced(function: Any, specs: list[Any], name: str) -> Any:
    import tf2onnx

    traced = tf.function(lambda *inputs: {name: function(*inputs)}, input_signature=specs)
    proto, _ = tf2onnx.convert.from_function(traced, input_signature=specs, opset=_OPSET)
    return proto


def _from_columns(model: Any, ensemble: Ensemble | None) -> Any:
    numbers, categories = split(model)
    groups = [("numbers", numbers), ("codes", categories)]
    given = [name for name, columns in groups if columns]
    specs = [
        tf.TensorSpec((None, len(columns)), tf.float64, name=name)
        for name, columns in groups
        if columns
    ]
    inner = from_codes(model, None if ensemble is None else lambda X: grow(ensemble, X))

    def function(*inputs: Any) -> Any:
        values = dict(zip(given, inputs, strict=True))
        nothing = tf.zeros((tf.shape(inputs[0])[0], 0), tf.float64)
        return inner(values.get("numbers", nothing), values.get("codes", nothing))

    name = output_name(model)
    proto = _traced(function, specs, name if ensemble is None else "rows")
    if ensemble is not None:
        _append_trees(proto.graph, model, ensemble, name)
    _prepend_columns(proto.graph, model, given)
    return proto


def _prepend_columns(graph: Any, model: Any, given: list[str]) -> None:
    """Replace the inputs `numbers` and `codes` by one for each column, (n_rows, 1)."""
    from onnx import TensorProto, helper

    inputs, nodes = [], []
    parts: dict[str, list[str]] = {"numbers": [], "codes": []}
    for column in raw_columns(model):
        is_text = column.kind == "category"
        kind = TensorProto.STRING if is_text else TensorProto.DOUBLE
        inputs.append(helper.make_tensor_value_info(column.key, kind, [None, 1]))
        parts["codes" if is_text else "numbers"].append(column.key)
        if is_text:
            parts["codes"][-1] = f"zoo/code/{column.key}"
            nodes += _code_nodes(column, parts["codes"][-1])
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


def _code_nodes(column: RawColumn, output: str) -> list[Any]:
    from onnx import TensorProto, helper

    levels = list(column.levels) or [column.missing]
    codes = list(range(len(column.levels))) or [-1]
    return [
        helper.make_node(
            "LabelEncoder",
            [column.key],
            [f"{output}/int"],
            domain="ai.onnx.ml",
            keys_strings=levels,
            values_int64s=codes,
            default_int64=-1,
        ),
        helper.make_node("Cast", [f"{output}/int"], [output], to=TensorProto.DOUBLE),
    ]


def _append_trees(graph: Any, model: Any, ensemble: Ensemble, name: str) -> None:
    """Put the trees behind the output `rows`, and the link behind them."""
    from onnx import TensorProto, helper, numpy_helper

    rows = graph.output[0].name
    nodes = [_tree_node(ensemble, rows, "zoo/sums")]

    def constant(key: str, values: Any) -> str:
        array = np.asarray(values, np.float32)
        graph.initializer.append(numpy_helper.from_array(array, f"zoo/{key}"))
        return f"zoo/{key}"

    def add(kind: str, inputs: list[str], output: str, **options: Any) -> None:
        nodes.append(helper.make_node(kind, inputs, [output], **options))

    n_outputs = len(model.classes_) if hasattr(model, "classes_") else 1
    is_linked = ensemble.link in {"sigmoid", "softmax"}
    add("Add", ["zoo/sums", constant("base", ensemble.base)], "zoo/all" if is_linked else "zoo/raw")
    if ensemble.link == "softmax":
        add("Softmax", ["zoo/all"], name, axis=1)
    elif ensemble.link == "sigmoid":
        add("Sigmoid", ["zoo/all"], "zoo/share")
        add("Sub", [constant("one", [1.0]), "zoo/share"], "zoo/other")
        add("Concat", ["zoo/other", "zoo/share"], name, axis=1)
    elif ensemble.link == "shares":
        add("Identity", ["zoo/raw"], name)
    else:
        add("Mul", ["zoo/raw", constant("scale", [model.target_scale_])], "zoo/scaled")
        add("Add", ["zoo/scaled", constant("mean", [model.target_mean_])], name)
    graph.node.extend(nodes)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, n_outputs]))


def _tree_node(ensemble: Ensemble, rows: str, output: str) -> Any:
    from onnx import helper

    places = np.arange(len(ensemble.feature))
    starts = np.array(ensemble.roots)
    tree = np.searchsorted(starts, places, side="right") - 1
    number = places - starts[tree]
    is_leaf = np.array(ensemble.left) == places
    value = np.array(ensemble.value)
    leaf, target = np.nonzero((value != 0.0) & is_leaf[:, None])
    return helper.make_node(
        "TreeEnsembleRegressor",
        [rows],
        [output],
        domain="ai.onnx.ml",
        n_targets=ensemble.n_outputs,
        nodes_treeids=tree.tolist(),
        nodes_nodeids=number.tolist(),
        nodes_featureids=[int(feature) for feature in ensemble.feature],
        nodes_values=[float(threshold) for threshold in ensemble.threshold],
        nodes_modes=["LEAF" if leaf else "BRANCH_LEQ" for leaf in is_leaf],
        nodes_truenodeids=np.where(is_leaf, 0, np.array(ensemble.left) - starts[tree]).tolist(),
        nodes_falsenodeids=np.where(is_leaf, 0, np.array(ensemble.right) - starts[tree]).tolist(),
        nodes_missing_value_tracks_true=[int(goes) for goes in ensemble.missing_left],
        target_treeids=tree[leaf].tolist(),
        target_nodeids=number[leaf].tolist(),
        target_ids=target.tolist(),
        target_weights=value[leaf, target].tolist(),
    )
