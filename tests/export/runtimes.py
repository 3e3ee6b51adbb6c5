"""Runs exported files with the runtimes of their formats."""

import json

import numpy as np

from zoo.encoding.frames import as_frame
from zoo.export.encoder_spec import raw_values


def predictions_of(model, X):
    """Return the predictions of the estimator, shaped like those of an export."""
    if not hasattr(model, "classes_"):
        return model.predict(X)[:, None]
    if hasattr(model, "predict_proba"):
        return model.predict_proba(X)
    return model._scores(model._encode(X))


def run(model, made, X):
    """Return the predictions of an exported file of any format."""
    signature = json.loads(made.signature.read_text(encoding="utf-8"))
    is_image = signature["inputs"][0]["name"] == "image"
    shape = signature["inputs"][0]["shape"][1:]
    pixels = np.asarray(X, np.float32).reshape(-1, *shape) if is_image else None
    if "litert" in signature["format"]:
        return _litert(made.path, model._encode(X) if pixels is None else pixels)
    inputs = raw_values(model, as_frame(X)) if pixels is None else {"image": pixels}
    if "onnx" in signature["format"]:
        return _onnx(made.path, inputs)
    return _savedmodel(made.path, inputs)


def _litert(path, rows):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for row in rows:
        interpreter.set_tensor(given["index"], row[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(made["index"])[0].copy())
    return np.array(found)


def _onnx(path, inputs):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    columns = {key: v if v.ndim > 1 else v[:, None] for key, v in inputs.items()}
    return session.run(None, columns)[0]


def _savedmodel(path, inputs):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    columns = {key: tf.constant(values) for key, values in inputs.items()}
    (found,) = loaded.signatures["serving_default"](**columns).values()
    return found.numpy()
