import subprocess
import time
from contextlib import closing

import psutil
import pytest

from tests.bench.test_run import SUITE, command, environment, write_suite
from zoo.bench import worker
from zoo.bench.pool import Pool
from zoo.bench.suite import Budget

NAMES = ["random", "numpy", "lightgbm", "typer", "secrets", "tomllib"]


def write_modules(folder, *, names=NAMES):
    """Write files that take the places of packages, and note when they are run."""
    for name in names:
        (folder / f"{name}.py").write_text(f"open({str(folder / 'ran')!r}, 'a').write({name!r})")


def test_a_worker_imports_nothing_from_the_current_folder_and_is_killed_with_what_it_started(
    tmp_path, monkeypatch
):
    write_modules(tmp_path)
    (tmp_path / "zoo").mkdir()
    write_modules(tmp_path / "zoo", names=["__init__"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", ":.:")
    with closing(Pool(1, Budget(), [], 1, imports=["random"])) as pool:
        first = pool.workers[0]
        arguments = {"args": ["sleep", "602"], "start_new_session": True}
        deadline = time.monotonic() + 120
        answer = pool.call(first, "subprocess:Popen", arguments, deadline=deadline)
        assert answer["status"] == "ok", answer
        assert pool.workers[0] is not first
        named = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
        assert ["sleep", "602"] not in named
    assert not list(tmp_path.rglob("ran"))


@pytest.mark.slow
def test_a_command_imports_nothing_from_the_current_folder(tmp_path):
    text = SUITE.replace('"logistic", "decision_tree"', '"lightgbm"').replace("[20, 100]", "[50]")
    suites = write_suite(tmp_path / "suites", text)
    write_modules(tmp_path)
    variables = environment(":.")
    done = subprocess.run(
        command("bench", "small", "out", suites.relative_to(tmp_path)),
        cwd=tmp_path, env=variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.slow
def test_a_call_whose_worker_is_killed_is_made_once_more():
    with closing(Pool(1, Budget(), [], 1)) as pool:
        deadline = time.monotonic() + 120
        answer = pool.call(pool.workers[0], "os:abort", {}, deadline=deadline)
    assert answer["status"] == "failed"
    assert answer["reason"].endswith("so did the one before it")
    assert "SIGABRT" in answer["reason"]


class Odd(type):
    @property
    def __name__(cls):
        raise KeyError


class Strange(Exception, metaclass=Odd):
    def __str__(self):
        raise SystemExit


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("no\nway"), "RuntimeError: no way"),
        (RuntimeError("\ud800\x1b[2J\x00"), r"RuntimeError: \ud800\x00"),
        (type("A\nb", (Exception,), {})("c"), "A b: c"),
        (Strange(), "Strange (its text cannot be shown: SystemExit)"),
        (KeyError(), "KeyError"),
        (ValueError("x" * 10**6), f"ValueError: {'x' * 485}..."),
    ],
)
def test_whatever_an_exception_says_there_is_a_reason_of_one_line(error, reason):
    answer = worker._failure(error)
    assert answer["reason"] == reason
    answer["reason"].encode()
