import json
import os
import subprocess
import sys

import pytest


def zoo_command(*arguments, cwd, **variables):
    return subprocess.run(
        [sys.executable, "-m", "zoo.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **variables},
        check=False,
    )


def test_models_data_sets_and_suites_are_listed_as_json(tmp_path):
    for what, name in [("models", "mlp"), ("datasets", "thyroid"), ("suites", "quick")]:
        done = zoo_command("list", what, "--json", cwd=tmp_path)
        assert done.returncode == 0
        assert name in {row["name"] for row in json.loads(done.stdout)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bench", "quik"], "unknown suite 'quik'; did you mean 'quick'?"),
        (["bench", "quick", "--model", "mpl"], "unknown model 'mpl'; did you mean 'mlp'?"),
        (["bench", "quick", "--dataset", "thyroyd"], "did you mean 'thyroid'?"),
        (["bench", "quick", "--out", "letters"], "letters is not a results folder"),
        (["report", "letters"], "letters is not a results folder"),
        (["report", "nowhere"], "no results folder at nowhere"),
        (["list", "modles"], "did you mean 'models'?"),
        (["show", "lightgb"], "did you mean 'lightgbm'?"),
        (["bench", "quick", "--definitions", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_bad_input_prints_one_line_exits_with_2_and_writes_nothing(tmp_path, arguments, message):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("dear")
    done = zoo_command(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert message in lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]


def own_folder(path, source, *, sizes="[2]"):
    from tests.data.test_sources import CARD

    path.mkdir()
    (path / "d.csv").write_text("a,class\n1,x\n2,y\n3,x\n")
    (path / "small.toml").write_text(CARD.format(source=source))
    (path / "mine.toml").write_text(
        f"""
title = "t"
protocol = "nested-holdout/1"
datasets = ["small"]
models = ["dummy"]
sizes = {sizes}
replicates = 1
"""
    )
    return path


@pytest.mark.parametrize(
    ("source", "sizes", "message"),
    [
        ('type = "file"\nfiles = ["d.csv"]\nreader = "csv"', "[2]", "expected 4 rows, found 3"),
        ('type = "file"\nfiles = ["d.csv"]\nreader = "csv"', "[99]", "asks for 99"),
        (
            'type = "package"\ndistribution = "no-such"\nfiles = ["d"]\nreader = "csv"\n'
            'extra = "data"',
            "[2]",
            "no-such is not installed; it comes with the extra 'data'",
        ),
    ],
)
def test_unusable_data_stop_a_run_before_it_writes(tmp_path, source, sizes, message):
    folder = own_folder(tmp_path / "mine", source, sizes=sizes)
    done = zoo_command("bench", "mine", "--out", "out", "--definitions", folder, cwd=tmp_path)
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_failed_download_fails_its_cells_and_the_others_run(tmp_path):
    folder = own_folder(tmp_path / "mine", 'type = "openml"\nid = 7')
    suite = folder / "mine.toml"
    suite.write_text(suite.read_text().replace('["small"]', '["small", "breast_cancer"]'))
    done = zoo_command(
        "bench", "mine", "--out", "out", "--definitions", folder, cwd=tmp_path,
        ZOO_OPENML_URL="http://127.0.0.1:9", ZOO_CACHE=str(tmp_path / "cache"),
    )  # fmt: skip
    assert done.returncode == 1
    assert "connect to the internet and try again" in done.stderr
    rows = (tmp_path / "out" / "tables" / "cells.csv").read_text().splitlines()
    assert [row.split(",")[5] for row in rows[1:]] == ["ok", "failed"]


def test_check_data_confirms_a_correct_card(tmp_path):
    done = zoo_command("check-data", "breast_cancer", cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, "breast_cancer: matches its card")
