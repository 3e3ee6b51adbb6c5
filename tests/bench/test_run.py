import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from sklearn.model_selection import learning_curve

import zoo
from tests import misbehaving
from zoo.bench.cell import run_cell
from zoo.bench.plan import make_plan
from zoo.bench.run import run_suite
from zoo.bench.store import read
from zoo.bench.suite import load_suite
from zoo.data.splits import split
from zoo.registry import models

ROOT = Path(__file__).parents[2]

SUITE = """
title = "Small"
protocol = "nested-holdout/1"
datasets = ["breast_cancer"]
models = ["dummy", "logistic", "decision_tree"]
sizes = [20, 100]
replicates = 2
[budget]
seconds = 60
"""


def write_suite(folder, text=SUITE):
    folder.mkdir(exist_ok=True)
    (folder / "small.toml").write_text(textwrap.dedent(text))
    return folder


def without_measurements(folder):
    return [
        {name: cell[name] for name in ("key", "status", "reason", "scores", "model_facts")}
        for cell in read(folder).cells
    ]


def run_small(tmp_path, out="out", **options):
    folders = [write_suite(tmp_path / "suites")]
    suite = load_suite("small", folders)
    plan = make_plan(suite, folders=folders)
    return run_suite(suite, plan, tmp_path / out, folders=folders, **options)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Return a folder with a run of two workers in ``out``, and how many cells it measured."""
    folder = tmp_path_factory.mktemp("measured")
    return folder, run_small(folder, n_workers=2).n_run


def test_a_run_measures_every_cell_once_and_a_second_run_keeps_them(measured):
    folder, n_run = measured
    assert n_run == 12
    cells = read(folder / "out").cells
    assert [cell["status"] for cell in cells] == ["ok"] * 12
    assert [path.name for path in (folder / "out").iterdir()] == ["cells.jsonl"]
    again = run_small(folder)
    assert (again.n_run, again.n_kept) == (0, 12)


def test_a_fresh_run_of_one_worker_sets_the_earlier_cells_aside_and_measures_the_same(
    measured, tmp_path
):
    shutil.copytree(measured[0] / "out", tmp_path / "out")
    assert run_small(tmp_path, is_fresh=True, n_workers=1).n_run == 12
    assert len(read(tmp_path / "out" / "earlier-1").cells) == 12
    assert without_measurements(tmp_path / "out") == without_measurements(measured[0] / "out")


def test_our_logistic_curve_is_that_of_scikit_learn_on_the_same_rows():
    table = zoo.load("breast_cancer")
    rows = split(table.y, task="classification", dataset="breast_cancer", replicate=0)
    sizes = [20, 100, 400]
    _, _, theirs = learning_curve(
        zoo.make("logistic"), table.X, table.y, train_sizes=sizes, cv=[(rows.train, rows.test)]
    )
    for size, (accuracy,) in zip(sizes, theirs, strict=True):
        key = {"dataset": "breast_cancer", "model": "logistic", "params": {}}
        cell = run_cell({**key, "n_train": size, "replicate": 0}, ("accuracy",), threads=1)
        assert cell["scores"]["test"]["accuracy"] == pytest.approx(accuracy)


@pytest.mark.parametrize("replicate", [0, 1])
def test_every_model_sees_the_same_rows_at_a_size(replicate):
    table = zoo.load("breast_cancer")
    first = split(table.y, task="classification", dataset="breast_cancer", replicate=replicate)
    second = split(table.y, task="classification", dataset="breast_cancer", replicate=replicate)
    np.testing.assert_array_equal(first.subset(50), second.subset(400)[:50])
    assert not set(first.test) & set(first.train)


def run_misbehaving(tmp_path, names, seconds):
    package = misbehaving.install(tmp_path / "site", names)
    text = SUITE.replace('"logistic", "decision_tree"', ", ".join(f'"{name}"' for name in names))
    text = text.replace("[20, 100]", "[20]").replace("replicates = 2", "replicates = 1")
    text = text.replace("seconds = 60", f"seconds = {seconds}\nmemory_mb = 1200")
    suites = write_suite(tmp_path / "suites", text)
    done = zoo_command("bench", "small", tmp_path / "out", suites, python_path=package)
    assert done.returncode == 1, done.stderr
    cells = read(tmp_path / "out").cells
    return {c["key"]["model"]: (c["status"], c["reason"]) for c in cells}, done.stderr


@pytest.mark.slow
def test_misbehaving_models_become_failed_cells_with_a_reason_and_the_others_are_measured(tmp_path):
    found, said = run_misbehaving(tmp_path, ["raises", "dies", "eats", "feeds", "nan"], seconds=300)
    assert found["dummy"] == ("ok", None)
    assert found["raises"] == ("failed", "RuntimeError: no way")
    assert found["dies"][0] == "failed"
    assert "exit code 7" in found["dies"][1]
    assert found["eats"] == found["feeds"] == ("out_of_memory", "over the limit of 1200 MB")
    status, reason = found["nan"]
    assert status == "failed"
    assert reason.startswith("not a finite number: ")
    assert "raises: 1 x failed: RuntimeError: no way" in said


@pytest.mark.slow
def test_no_model_can_hold_a_run_up_with_processes_or_files_that_it_leaves(tmp_path):
    left = ["leaves_daemon", "leaves_pool", "leaves_session", "forks", "facts"]
    names = [*left, "closes", "exits", "says_oddly", "says_half", "kills", "kills_once"]
    found, _ = run_misbehaving(tmp_path, names, seconds=60)
    fitted = ["dummy", *left, "kills_once"]
    assert [found.pop(name) for name in fitted] == [("ok", None)] * len(fitted)
    assert {status for status, _ in found.values()} == {"failed"}
    for name, reason in {
        "closes": "the worker process died (exit code 1): OSError: [Errno 9] Bad file descriptor",
        "exits": "SystemExit: done",
        "says_oddly": "Odd (its text cannot be shown: KeyError)",
        "kills": "the worker process died (signal 15, SIGTERM); so did the one before it",
    }.items():
        assert found[name][1] == reason
    assert found["says_half"][1].startswith("RuntimeError: half \\ud800, \\x00, red, long long ")
    assert len(found["says_half"][1]) == 500
    named = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    assert ["sleep", "601"] not in named


@pytest.mark.slow
def test_a_model_that_hangs_with_its_files_closed_and_a_child_left_is_ended(tmp_path):
    found, _ = run_misbehaving(tmp_path, ["hangs_with_child"], seconds=60)
    reason = "the model closed the connection of its worker process"
    assert found["hangs_with_child"] == ("failed", reason)


@pytest.mark.slow
def test_a_model_that_takes_too_long_becomes_a_timeout_and_the_others_are_measured(tmp_path):
    found, _ = run_misbehaving(tmp_path, ["sleeps"], seconds=12)
    assert found == {"dummy": ("ok", None), "sleeps": ("timeout", "over the limit of 12 s")}


@pytest.mark.slow
def test_cells_that_were_with_others_in_a_worker_that_died_are_measured_alone(tmp_path):
    package = misbehaving.install(tmp_path / "site", ["crowd"])
    suites = write_suite(
        tmp_path / "suites", SUITE.replace('"logistic", "decision_tree"', '"crowd"')
    )
    done = zoo_command("bench", "small", tmp_path / "out", suites, python_path=package)
    cells = [cell for cell in read(tmp_path / "out").cells if cell["key"]["model"] == "crowd"]
    found = {
        (c["key"]["n_train"], c["key"]["replicate"]): (c["status"], c["reason"]) for c in cells
    }
    too_few = ("failed", "RuntimeError: too few")
    ok = ("ok", None)
    assert found == {(20, 0): too_few, (20, 1): too_few, (100, 0): ok, (100, 1): ok}, done.stderr


@pytest.mark.slow
def test_networks_measured_in_two_runs_score_as_in_one(tmp_path):
    text = SUITE.replace('"logistic", "decision_tree"', '"perceptron"')
    suites = write_suite(tmp_path / "suites", text)
    for sizes in ("[20]", "[20, 100]"):
        write_suite(suites, text.replace("[20, 100]", sizes))
        suite = load_suite("small", [suites])
        run_suite(suite, make_plan(suite, folders=[suites]), tmp_path / "two", n_workers=1)
    run_suite(suite, make_plan(suite, folders=[suites]), tmp_path / "one", n_workers=1)
    assert without_measurements(tmp_path / "two") == without_measurements(tmp_path / "one")
    assert all(c["timings_s"]["fit"] > 0 for c in read(tmp_path / "one").cells)


@pytest.mark.slow
def test_compiled_programs_are_kept_for_the_next_run(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)  # those that the tests run with
    suites = write_suite(tmp_path / "suites", SUITE.replace('"logistic", "decision_tree"', '"mlp"'))
    compiled = []
    for out in ("first", "second"):
        suite = load_suite("small", [suites])
        run_suite(suite, make_plan(suite, folders=[suites]), tmp_path / out, n_workers=1)
        compiled.append(sorted((tmp_path / "cache" / "programs").rglob("*.pb")))
    assert len(compiled[0]) == 1
    assert compiled[0] == compiled[1]
    assert without_measurements(tmp_path / "first") == without_measurements(tmp_path / "second")


def zoo_command(verb, name, out, suites, *, python_path=None):
    return subprocess.run(
        command(verb, name, out, suites),
        capture_output=True,
        text=True,
        env=environment(python_path),
        check=False,
    )


def command(verb, name, out, suites):
    options = ["--out", str(out), "--definitions", str(suites)]
    return [sys.executable, "-m", "zoo.cli", verb, name, *options]


def environment(extra=None):
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *([str(extra)] if extra else [])]),
    }


def n_stored(folder):
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("cells*.jsonl"))


@pytest.mark.slow
def test_a_run_killed_at_random_moments_resumes_and_ends_like_an_undisturbed_one(tmp_path):
    suites = write_suite(tmp_path / "suites", SUITE.replace("replicates = 2", "replicates = 40"))
    assert zoo_command("bench", "small", tmp_path / "calm", suites).returncode == 0
    rng = random.Random(0)
    out, stored = tmp_path / "killed", [0]
    for _ in range(4):
        process = subprocess.Popen(
            command("bench", "small", out, suites),
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while n_stored(out) < stored[-1] + 2 and process.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.2))
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        stored.append(n_stored(out))
    assert all(later > earlier for earlier, later in itertools.pairwise(stored))
    assert stored[-1] < 240
    assert zoo_command("bench", "small", out, suites).returncode == 0
    assert without_measurements(out) == without_measurements(tmp_path / "calm")
    assert [path.name for path in out.glob("cells*")] == ["cells.jsonl"]


@pytest.mark.slow
def test_workers_end_when_the_run_is_killed(tmp_path):
    suites = write_suite(tmp_path / "suites")
    process = subprocess.Popen(
        command("bench", "small", tmp_path / "out", suites),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    parent = psutil.Process(process.pid)
    deadline = time.monotonic() + 30
    while not (children := parent.children()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert children
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive


def test_a_dry_run_writes_nothing(tmp_path):
    suites = write_suite(tmp_path / "suites")
    arguments = [*command("bench", "small", tmp_path / "out", suites), "--dry-run"]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment(), check=True)
    assert "breast_cancer logistic: 4 cells" in done.stdout
    assert not (tmp_path / "out").exists()


def test_every_quick_model_is_registered():
    assert set(load_suite("quick").models) <= set(models())
