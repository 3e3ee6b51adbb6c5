import json
import subprocess
import sys

import pytest


def zoo_command(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "zoo.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )


def test_models_and_data_sets_are_listed_as_json(tmp_path):
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
def test_bad_input_is_one_line_exit_code_2_and_nothing_written(tmp_path, arguments, message):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("dear")
    done = zoo_command(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert message in lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]


def test_check_data_confirms_a_card(tmp_path):
    done = zoo_command("check-data", "breast_cancer", cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, "breast_cancer: as its card says")
