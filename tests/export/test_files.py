import builtins
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import zoo
from tests.export.messy import fitted, make, messy_table, task_of
from zoo.errors import ExportError, MissingExtraError
from zoo.export import Refusal, export_model, why_not


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a model, training rows, and unsuitable files."""
    path = tmp_path_factory.mktemp("files")
    fitted("logistic").save(path / "m.zoo")
    messy_table()[0].to_csv(path / "rows.csv", index=False)
    (path / "letter.txt").write_text("dear")
    (path / "there.onnx").write_text("mine")
    (path / "none.csv").write_text("")
    (path / "letters").mkdir()
    return path


def zoo_export(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "zoo.cli", "export", *arguments],
        capture_output=True, text=True, cwd=cwd, env=os.environ, check=False,
    )  # fmt: skip


BAD = [
    ("letter.txt --to onnx -o x.onnx", "is not a whole file of a zoo model"),
    ("nowhere.zoo --to onnx -o x.onnx", "nowhere.zoo"),
    ("m.zoo --to onx -o x.onnx", "unknown format 'onx'; did you mean 'onnx'?"),
    ("m.zoo --to onnx -o nowhere/x.onnx", "'nowhere' is not a folder"),
    ("m.zoo --to onnx -o there.onnx", "is there already"),
    ("m.zoo --to onnx -o letters --force", "is a folder of something else"),
    ("m.zoo --to savedmodel -o there.onnx --force", "is a folder, and 'there.onnx' is a file"),
    ("m.zoo --to onnx -o x.onnx --calibrate rows.csv", "--calibrate is for --int8"),
    ("m.zoo --to onnx -o x.onnx --int8 --calibrate rows.csv", "int8 is for litert only"),
    ("m.zoo --to litert -o x --int8 --calibrate letter.txt", "expected rows in a .csv or .parquet"),
    ("m.zoo --to litert -o x --int8 --calibrate none.csv", "cannot be read as a table of rows"),
]


def test_a_bad_export_is_refused_in_one_line_and_nothing_is_written(folder, capfd, monkeypatch):
    from zoo.cli import main

    monkeypatch.chdir(folder)
    before = sorted(path.name for path in folder.rglob("*"))
    for arguments, message in BAD:
        monkeypatch.setattr(sys, "argv", ["zoo", "export", *arguments.split()])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 2
        error = capfd.readouterr().err
        assert error.count("\n") == 1, error
        line = error
        assert message in line
    assert sorted(path.name for path in folder.rglob("*")) == before
    assert (folder / "there.onnx").read_text() == "mine"


@pytest.mark.slow
def test_the_command_writes_a_file_and_its_signature(folder):
    pytest.importorskip("tf2onnx", reason="it comes with the extra 'export'")
    done = zoo_export("m.zoo", "--to", "onnx", "-o", "made.onnx", cwd=folder)
    assert done.returncode == 0
    assert "LogisticClassifier to onnx, float32: made.onnx" in done.stdout
    signature = json.loads((folder / "made.onnx.signature.json").read_text())
    assert [given["column"] for given in signature["inputs"]] == [
        str(name) for name in messy_table()[0].columns
    ]
    assert signature["outputs"][0]["classes"] == ["no", "perhaps", "yes"]


def test_a_missing_package_is_refused_with_the_command_that_installs_it(tmp_path, monkeypatch):
    there = builtins.__import__

    def not_there(name, *arguments, **options):
        if name.startswith("onnx"):
            raise ImportError(name)
        return there(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", not_there)
    for name in [name for name in sys.modules if name.split(".")[0] == "onnx"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'model-zoo-curves\[export\]'"):
        export_model(fitted("logistic"), tmp_path / "m.onnx", to="onnx")
    assert not list(tmp_path.iterdir())


def test_an_unfitted_model_is_refused(tmp_path):
    with pytest.raises(NotFittedError):
        export_model(zoo.make("logistic"), tmp_path / "m", to="onnx")


def test_int8_needs_rows_of_the_models_own_table(tmp_path):
    model, (X, _) = fitted("mlp"), task_of("mlp", "classification")
    with pytest.raises(ExportError, match="needs some training rows"):
        export_model(model, tmp_path / "m", to="litert", precision="int8")
    with pytest.raises(ExportError, match="X lacks columns"):
        export_model(model, tmp_path / "m", to="litert", precision="int8", calibration=X[["flag"]])
    assert why_not(fitted("logistic"), "litert", "int8") is Refusal.INT8_MODEL
    assert not list(tmp_path.iterdir())


def test_an_unknown_kind_of_model_is_refused_with_the_reason(tmp_path):
    model = make("logistic").fit(*task_of("logistic", "classification"))
    model.model_ = object()
    with pytest.raises(ExportError, match=r"no graph for what it computes \(a fitted object\)"):
        export_model(model, tmp_path / "m", to="onnx")


def test_a_savedmodel_is_replaced_only_on_request(tmp_path):
    model = fitted("logistic")
    export_model(model, tmp_path / "m", to="savedmodel")
    with pytest.raises(ExportError, match="is there already"):
        export_model(model, tmp_path / "m", to="savedmodel")
    export_model(model, tmp_path / "m", to="savedmodel", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "m.signature.json"]


def test_the_signature_of_a_litert_file_agrees_with_its_runtime(tmp_path):
    runtime = pytest.importorskip("ai_edge_litert.interpreter", reason="extra 'export'")
    model, (X, _) = fitted("mlp"), task_of("mlp", "classification")
    made = export_model(model, tmp_path / "m.tflite", to="litert", precision="int8", calibration=X)
    signature = json.loads(made.signature.read_text())
    interpreter = runtime.Interpreter(model_path=str(made.path))
    (given,), (answer,) = signature["inputs"], signature["outputs"]
    assert given["shape"] == interpreter.get_input_details()[0]["shape"].tolist()
    assert answer["shape"] == [1, 3]
    assert np.dtype(given["dtype"]) == interpreter.get_input_details()[0]["dtype"]
    assert signature["preprocessing"] == "m.tflite.preprocessing.json"
    spec = json.loads((tmp_path / "m.tflite.preprocessing.json").read_text())
    assert len(spec["matrix"]) == given["shape"][1]
    runner = interpreter.get_signature_runner("serving_default")
    assert [*runner.get_input_details()] == [given["name"]]
    assert [*runner.get_output_details()] == [answer["name"]]
    # the range of the quantization ends at the largest number of the rows, up to a step
    int8, largest = given["quantization"], np.abs(model._encode(X)).max()
    end = int8["scale"] * max(127 - int8["zero_point"], 128 + int8["zero_point"])
    assert abs(end - largest) <= 2 * int8["scale"]
    assert answer["quantization"] == {"dtype": "int8", "scale": 1 / 256, "zero_point": -128}


def test_parquet_rows_calibrate_too(folder):
    from zoo.cli.export_file import read_rows

    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]})
    frame.to_parquet(folder / "rows.parquet")
    pd.testing.assert_frame_equal(read_rows(folder / "rows.parquet"), frame)
