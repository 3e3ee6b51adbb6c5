"""Exports every model of the registry to every format and compares each file with its estimator.

Files are loaded with the format's own runtime. Networks are smaller than their defaults and train
for at most 30 epochs: this measures the accuracy lost by an export, not how good a model can be.
Interrupted runs resume; --fresh starts over, --model M ... measures only those models.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import r2_score, roc_auc_score

import zoo
from zoo.data.splits import split
from zoo.encoding.frames import as_frame
from zoo.errors import ExportError
from zoo.export import FORMATS, export_model
from zoo.export.encoder_spec import raw_values

OUT = Path(__file__).parents[2] / "results" / "frameworks" / "exports.csv"
COLUMNS = (
    "model", "dataset", "format", "precision", "max_abs_diff", "score", "score_lost", "size_kb",
    "latency_ms", "reason",
)  # fmt: skip
DATASETS = ("credit_data", "thyroid", "diamonds", "digits")
N_TRAIN, N_TEST, N_CALLS = 2000, 1000, 200
SMALLER: dict[str, dict[str, Any]] = {
    "tabm": {"k": 8, "units": 64},
    "tabm_ple": {"k": 8, "units": 64},
    "tabm_mini": {"k": 8, "units": 64},
    "realmlp": {"units": 128},
    "ft_transformer": {"units": 32, "n_blocks": 2},
    "dcn_v2": {"units": 128},
}
# rows to inputs, and inputs to predictions
Runtime = tuple[Callable[[Any], Any], Callable[[Any], Any]]


def litert(model: Any, path: Path, signature: dict[str, Any]) -> Runtime:
    """Return a runtime that takes rows one by one."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()

    def prepare(X: Any) -> Any:
        is_image = signature["inputs"][0]["name"] == "image"
        rows = np.asarray(X, np.float32) if is_image else model._encode(X)
        return rows.reshape(-1, *signature["inputs"][0]["shape"])

    def run(rows: Any) -> Any:
        predictions = []
        for row in rows:
            interpreter.set_tensor(given["index"], row)
            interpreter.invoke()
            predictions.append(interpreter.get_tensor(made["index"])[0])
        return np.array(predictions)

    return prepare, run


def inputs_of(model: Any, X: Any, signature: dict[str, Any]) -> dict[str, Any]:
    if signature["inputs"][0]["name"] == "image":
        shape = signature["inputs"][0]["shape"][1:]
        return {"image": np.asarray(X, np.float32).reshape(-1, *shape)}
    return raw_values(model, as_frame(X))


def onnx(model: Any, path: Path, signature: dict[str, Any]) -> Runtime:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def prepare(X: Any) -> Any:
        inputs = inputs_of(model, X, signature)
        return {key: v if v.ndim > 1 else v[:, None] for key, v in inputs.items()}

    return prepare, lambda inputs: session.run(None, inputs)[0]


def savedmodel(model: Any, path: Path, signature: dict[str, Any]) -> Runtime:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))

    def prepare(X: Any) -> Any:
        return {key: tf.constant(v) for key, v in inputs_of(model, X, signature).items()}

    def run(inputs: Any) -> Any:
        (prediction,) = loaded.signatures["serving_default"](**inputs).values()
        return prediction.numpy()

    return prepare, run


RUNTIMES = {"litert": litert, "onnx": onnx, "savedmodel": savedmodel}


def predictions_of(model: Any, X: Any) -> Any:
    """Return the predictions of the estimator, shaped like those of an export."""
    if not hasattr(model, "classes_"):
        return model.predict(X)[:, None]
    if hasattr(model, "predict_proba"):
        return model.predict_proba(X)
    return model._scores(model._encode(X))


def score_of(model: Any, y: Any, predictions: Any) -> float:
    """Return R2, or the mean one-vs-rest area under the ROC curve."""
    if not hasattr(model, "classes_"):
        return float(r2_score(y, predictions[:, 0]))
    if len(model.classes_) == 2:
        return float(roc_auc_score(y == model.classes_[1], predictions[:, 1] - predictions[:, 0]))
    areas = [roc_auc_score(y == label, predictions[:, i]) for i, label in enumerate(model.classes_)]
    return float(np.mean(areas))


def size_kb(path: Path) -> float:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1024


def latency_ms(run: Callable[[Any], Any], inputs: Any) -> float:
    """Return the median time of a prediction of one row, without its preparation."""
    times = []
    for _ in range(N_CALLS):
        start = time.perf_counter()
        run(inputs)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def measure(model: Any, parts: tuple[Any, Any, Any], to: str, precision: str) -> dict[str, Any]:
    train_X, test_X, test_y = parts
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = export_model(
                model, Path(folder, "m"), to=to, precision=precision, calibration=train_X
            )
        except ExportError as error:
            return {"precision": precision, "reason": str(error)}
        signature = json.loads(made.signature.read_text(encoding="utf-8"))
        prepare, run = RUNTIMES[to](model, made.path, signature)
        expected, predictions = predictions_of(model, test_X), run(prepare(test_X))
        unit = getattr(model, "target_scale_", 1.0)  # values in standard deviations of the target
        score = score_of(model, test_y, predictions)
        lost = round(score_of(model, test_y, expected) - score, 4)
        return {
            "precision": made.precision,
            "max_abs_diff": f"{np.abs(predictions - expected).max() / unit:.2g}",
            "score": f"{score:.4f}",
            "score_lost": f"{lost + 0.0:.4f}",
            "size_kb": f"{size_kb(made.path):.1f}",
            "latency_ms": f"{latency_ms(run, prepare(test_X[:1])):.3f}",
        }


def cases(names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield models with the data sets that they can be fitted on."""
    for dataset in DATASETS:
        card = zoo.load(dataset).card
        for name in names:
            spec = zoo.spec(name)
            if card.task in spec.tasks and (card.kind == "image") == (spec.inputs == "image"):
                yield name, dataset


def fitted(name: str, dataset: str) -> tuple[Any, tuple[Any, Any, Any]]:
    """Return a model fitted on 2,000 rows, with training rows, test rows and their targets."""
    table = zoo.load(dataset)
    found = split(table.y, task=table.card.task, dataset=dataset, replicate=0)
    train, test = found.train[:N_TRAIN], found.test[:N_TEST]
    known = zoo.make(name, task=table.card.task).get_params()
    given = {"random_state": 0, "max_epochs": 30, "n_estimators": 300, **SMALLER.get(name, {})}
    if table.card.kind == "image":
        given["image_shape"] = (8, 8, 1)
    params = {key: value for key, value in given.items() if key in known}
    model = zoo.make(name, task=table.card.task, **params)
    model.fit(table.X.iloc[train], table.y.iloc[train])
    return model, (table.X.iloc[train], table.X.iloc[test], table.y.iloc[test].to_numpy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    own = [name for name in zoo.models() if zoo.spec(name).extra is None]  # others have no graph
    parser.add_argument("--model", nargs="*", default=own)
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="tensorflow|keras|tf2onnx")
    rows: list[dict[str, Any]] = []
    if OUT.exists():
        with OUT.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    if options.fresh:
        rows = [row for row in rows if row["model"] not in options.model]
    done = {(row["model"], row["dataset"]) for row in rows}
    for name, dataset in cases(options.model):
        if (name, dataset) in done:
            continue
        model, parts = fitted(name, dataset)
        for to in FORMATS:
            for precision in ("float32", "int8") if to == "litert" else ("float32",):
                found = measure(model, parts, to, precision)
                rows.append({"model": name, "dataset": dataset, "format": to, **found})
                print(*rows[-1].values(), flush=True)
        write(rows)


def write(rows: list[dict[str, Any]]) -> None:
    order = {name: i for i, name in enumerate(zoo.models())}
    rows.sort(key=lambda row: (DATASETS.index(row["dataset"]), order.get(row["model"], 999)))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    with OUT.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
