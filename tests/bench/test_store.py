import errno
import fcntl
import json
import math
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from zoo.bench.plan import Job
from zoo.bench.run import write_cell
from zoo.bench.store import CellWriter, pack, read, set_aside
from zoo.errors import StoreError

ROOT = Path(__file__).parents[2]


def make_cell(n_train=10, replicate=0, status="ok", score=0.5):
    key = {
        "dataset": "d",
        "dataset_revision": 1,
        "model": "m",
        "model_version": 1,
        "params": {},
        "n_train": n_train,
        "replicate": replicate,
        "protocol": "p/1",
    }
    facts = {"metric": "error_rate", "family": "baseline"}
    return {"key": key, "status": status, "scores": {"test": {"error_rate": score}}, "facts": facts}


def write(folder, *cells):
    writer = CellWriter(folder)
    for cell in cells:
        writer.write(cell)
    writer.close()


def test_the_last_record_of_a_key_wins(tmp_path):
    write(tmp_path, make_cell(score=0.5), make_cell(score=0.25))
    (cell,) = read(tmp_path).cells
    assert cell["scores"]["test"]["error_rate"] == 0.25


def test_a_torn_last_line_is_dropped_and_the_rest_kept(tmp_path):
    write(tmp_path, make_cell(replicate=0), make_cell(replicate=1))
    (path,) = tmp_path.glob("cells-*.jsonl")
    path.write_bytes(path.read_bytes()[:-20])
    assert [cell["key"]["replicate"] for cell in read(tmp_path).cells] == [0]


def test_a_broken_line_in_the_middle_is_named_and_the_rest_is_read_and_packed(tmp_path):
    write(tmp_path, make_cell(replicate=0), make_cell(replicate=1))
    (path,) = tmp_path.glob("cells-*.jsonl")
    path.write_bytes(b"nonsense\n" + path.read_bytes())
    for _ in range(2):
        results = read(tmp_path)
        assert [cell["key"]["replicate"] for cell in results.cells] == [0, 1]
        (warning,) = results.warnings()
        assert re.search(r"line \d: not a record \(not JSON\); this is left out$", warning)
        pack(tmp_path)
    assert b"nonsense" in (tmp_path / "cells.jsonl").read_bytes()


def test_packing_keeps_every_cell_sorted_and_removes_the_parts(tmp_path):
    write(tmp_path, make_cell(n_train=30), make_cell(n_train=10))
    write(tmp_path, make_cell(n_train=20))
    before = read(tmp_path).cells
    pack(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cells.jsonl"]
    assert read(tmp_path).cells == before
    assert [cell["key"]["n_train"] for cell in before] == [10, 20, 30]


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(StoreError, match="is not a results folder"):
        CellWriter(tmp_path)
    with pytest.raises(StoreError, match="is not a results folder"):
        read(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


KEY = make_cell()["key"]
WRONG = [
    ({"facts": {"metric": "roc_acu"}}, "[facts] unknown metric 'roc_acu'; did you mean 'roc_auc'?"),
    ({"status": "fine"}, "the key 'status' is 'fine'; expected one of: ok, failed, timeout"),
    ({"key": {"dataset": "d"}}, "the key 'key.dataset_revision' is missing"),
    ({"key": None}, "the key 'key' is None; expected a table"),
    ({"key": {**KEY, "model": "a/b"}}, "the key 'key.model' is 'a/b'; expected a name"),
    ({"key": {**KEY, "dataset": ".."}}, "the key 'key.dataset' is '..'; expected a name"),
    ({"key": {**KEY, "n_train": 0}}, "the key 'key.n_train' is 0; expected a whole number"),
    ({"key": {**KEY, "replicate": True}}, "the key 'key.replicate' is True; expected a whole"),
    ({"scores": {"test": {"rmse": "low"}}}, "the key 'scores.test.rmse' is 'low'; expected a num"),
    ({"scores": {"test": {"error_rate": 2}}}, "'scores.test.error_rate' is 2; expected a number"),
    ({"scores": None}, "the key 'scores' is None; expected a table"),
    ({"scores": {}}, "the key 'scores.test.error_rate' is missing"),
    ({"scores": {"test": {"error_rate": math.nan}}}, "'scores.test.error_rate' is nan; expected a"),
    ({"timings_s": {"fit": -math.inf}}, "the key 'timings_s.fit' is -inf; expected a finite"),
    ({"timings_s": {"fit": "1 s"}}, "the key 'timings_s.fit' is '1 s'; expected a number"),
    ({"memory_mb": {"peak_rss": 10**400}}, "the key 'memory_mb.peak_rss' is 1000"),
    ({"facts": {}}, "the key 'facts.metric' is missing"),
    ({"reason": "\ud800"}, "the key 'reason' is '\\ud800', which is no text"),
    ({"environment": 3}, "the key 'environment' is 3; expected a table"),
    ({"schema": 7}, "expected a record of schema 1, found 7"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_a_wrong_record_is_left_out_and_named_with_its_file_line_and_key(tmp_path, change, message):
    record = {"schema": 1, **make_cell(), **change}
    lines = [json.dumps({"schema": 1, **make_cell(replicate=3)}), json.dumps(record)]
    (tmp_path / "cells.jsonl").write_text("\n".join(lines) + "\n")
    results = read(tmp_path)
    assert [cell["key"]["replicate"] for cell in results.cells] == [3]
    (warning,) = results.warnings()
    assert "cells.jsonl, line 2: " in warning
    assert message in warning
    assert "\n" not in warning


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "schema 1, found 'list'"),
        (b'{"schema":1,"schema":1}', "schema 1, found two values"),
        (b'{"schema":1,"key":{"model":"a","model":"b"}}', "'key.model' occurs twice"),
        (b'{"schema":' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_a_line_that_is_no_record_is_named(tmp_path, line, message):
    (tmp_path / "cells.jsonl").write_bytes(line + b"\n")
    (warning,) = read(tmp_path).warnings()
    assert message in warning


def test_a_folder_in_place_of_a_file_is_named_and_the_rest_is_read_and_kept(tmp_path):
    write(tmp_path, make_cell())
    for name in ("cells.jsonl", "cells-0.jsonl"):
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / "cells-1.jsonl")
    (tmp_path / "cells-2.jsonl").symlink_to("nowhere")
    pack(tmp_path)
    results = read(tmp_path)
    assert len(results.cells) == 1
    assert len(results.warnings()) == 4
    assert (tmp_path / "cells.jsonl").is_dir()


def test_of_the_records_of_a_cell_the_one_finished_last_counts(tmp_path):
    for score, finished in ((0.25, "2026-01-02T00:00:00Z"), (0.5, "2026-01-01T00:00:00Z")):
        write(tmp_path, {**make_cell(score=score), "run": {"finished": finished}})
    for _ in range(2):
        (cell,) = read(tmp_path).cells
        assert cell["scores"]["test"]["error_rate"] == 0.25
        pack(tmp_path)


def test_text_that_a_model_wrote_is_read_without_what_a_terminal_acts_on(tmp_path):
    write(tmp_path, {**make_cell(status="failed"), "reason": "a\x1b[31mb\x1b]0;t\x07\x00\u202e\nc"})
    (cell,) = read(tmp_path).cells
    assert cell["reason"] == "ab\\x00\\u202e c"


def test_what_cannot_be_stored_becomes_a_failed_cell_with_its_reason(tmp_path):
    cell = make_cell()
    job = Job(key=cell["key"], facts=cell["facts"], metrics=("error_rate",))
    writer = CellWriter(tmp_path)
    answer = {"status": "ok", "scores": {"test": {"error_rate": math.nan}}}
    write_cell(writer, job, answer, {"suite": "s"})
    writer.close()
    (cell,) = read(tmp_path).cells
    assert (cell["status"], cell["scores"]) == ("failed", {})
    assert cell["reason"].endswith("'scores.test.error_rate' is nan; expected a finite number")


def test_a_writer_writes_again_what_somebody_removed(tmp_path):
    writer = CellWriter(tmp_path)
    writer.write_environment({"digest": "e"})
    for replicate in range(2):
        writer.write(make_cell(replicate=replicate))
        next(tmp_path.glob("cells-*.jsonl")).unlink()
    writer.close()
    results = read(tmp_path)
    assert [cell["key"]["replicate"] for cell in results.cells] == [0, 1]
    assert list(results.environments) == ["e"]


def test_a_writer_goes_on_in_the_folder_when_earlier_results_are_moved_aside(tmp_path):
    (tmp_path / "earlier-2").mkdir()
    writer = CellWriter(tmp_path)
    writer.write_environment({"digest": "e"})
    writer.write(make_cell(replicate=0))
    assert set_aside(tmp_path) == tmp_path / "earlier-3"
    writer.write(make_cell(replicate=1))
    writer.close()
    assert [cell["key"]["replicate"] for cell in read(tmp_path).cells] == [1]
    assert list(read(tmp_path).environments) == ["e"]
    assert len(read(tmp_path / "earlier-3").cells) == 2


def test_a_folder_that_goes_while_a_run_writes_to_it_is_an_error_of_one_line(tmp_path):
    writer = CellWriter(tmp_path / "out")
    writer.write(make_cell())
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(StoreError, match=r"out was removed or moved while a run wrote to it$"):
        writer.write(make_cell(replicate=1))
    writer.close()
    with pytest.raises(StoreError, match=r"out: No such file or directory$"):
        pack(tmp_path / "out")


def test_packing_leaves_the_file_of_a_writer_whose_process_lives(tmp_path):
    writer = CellWriter(tmp_path)
    writer.write(make_cell(replicate=0))
    write(tmp_path, make_cell(replicate=1))
    pack(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    writer.write(make_cell(replicate=2))
    writer.close()
    pack(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cells.jsonl"]
    assert len(read(tmp_path).cells) == 3


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_nothing_is_packed(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write(tmp_path, make_cell(replicate=0))
    write(tmp_path, make_cell(replicate=1))
    pack(tmp_path)
    assert len(list(tmp_path.glob("cells-*.jsonl"))) == 2
    assert len(read(tmp_path).cells) == 2


@pytest.mark.parametrize(
    ("kind", "is_packed"), [("nfs4", False), ("fuse.sshfs", False), ("ext4", True)]
)
def test_locks_of_network_file_systems_are_not_trusted(tmp_path, monkeypatch, kind, is_packed):
    mount = SimpleNamespace(mountpoint=str(tmp_path.resolve()), fstype=kind)
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [mount])
    write(tmp_path / "out", make_cell())
    pack(tmp_path / "out")
    assert (tmp_path / "out" / "cells.jsonl").exists() == is_packed


def test_what_a_kill_while_packing_left_is_removed_by_the_next_run(tmp_path):
    leftover = tmp_path / ".cells.jsonl.0123abcd"
    leftover.write_text("{")
    write(tmp_path, make_cell())
    pack(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cells.jsonl"]


def test_files_have_the_mode_of_ordinary_files(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path, make_cell())
        (path,) = tmp_path.iterdir()
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        pack(tmp_path)
        assert stat.S_IMODE((tmp_path / "cells.jsonl").stat().st_mode) == 0o640
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, "the disk is full; free some space"), (errno.EROFS, "system is read-only")],
)
def test_what_the_system_refuses_is_an_error_of_one_line_and_nothing_is_lost(
    tmp_path, monkeypatch, number, message
):
    writer, whole = CellWriter(tmp_path), os.write
    writer.write(make_cell(replicate=0))

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", refuse)
        with pytest.raises(StoreError, match=message):
            writer.write(make_cell(replicate=1))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda file, line: whole(file, line[:10]))
        with pytest.raises(StoreError, match="the disk is full"):
            writer.write(make_cell(replicate=1))
    writer.write(make_cell(replicate=2))
    writer.close()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(StoreError, match=message):
            pack(tmp_path)
    results = read(tmp_path)
    assert [cell["key"]["replicate"] for cell in results.cells] == [0, 2]
    assert not results.warnings()
    assert not list(tmp_path.glob(".cells*"))


@pytest.mark.parametrize("name", ["x" * 300, "file/inside"])
def test_a_folder_that_cannot_be_is_refused_in_one_line(tmp_path, name):
    (tmp_path / "file").write_text("")
    for action in (read, lambda folder: write(folder, make_cell())):
        with pytest.raises(StoreError) as error:
            action(tmp_path / name)
        assert "\n" not in str(error.value)


def test_nothing_is_lost_when_processes_write_pack_and_are_killed():
    run_stress(4)


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["namespaces"]])
def test_nothing_is_lost_in_many_such_trials_nor_between_containers(options):
    run_stress(30, *options)


def run_stress(n_trials, *options):
    if options and subprocess.run(["unshare", "-pf", "true"], check=False).returncode:
        pytest.skip("this user cannot make a PID namespace")
    command = [sys.executable, "-m", "tests.bench.store_stress", str(n_trials), *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r", (\d+) cells written, 0 lost", done.stdout)[1]) > 20 * n_trials
