import json

import pytest

from zoo.bench.store import CellWriter, pack, read
from zoo.errors import StoreError


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
    return {"key": key, "status": status, "scores": {"test": {"error_rate": score}}}


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


def test_a_broken_line_in_the_middle_is_an_error_that_names_it(tmp_path):
    write(tmp_path, make_cell(replicate=0), make_cell(replicate=1))
    (path,) = tmp_path.glob("cells-*.jsonl")
    path.write_bytes(b"nonsense\n" + path.read_bytes())
    with pytest.raises(StoreError, match="line 1: not a record"):
        read(tmp_path)


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


def test_a_cell_of_an_unknown_metric_is_refused_in_one_line(tmp_path):
    write(tmp_path, {**make_cell(), "facts": {"metric": "roc_acu"}})
    with pytest.raises(StoreError) as error:
        read(tmp_path)
    said = "line 1: [facts] unknown metric 'roc_acu'; did you mean 'roc_auc'?"
    assert str(error.value).endswith(said)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "fine"}, "'status' is 'fine'; expected one of: ok, failed, timeout"),
        ({"key": {"dataset": "d"}}, "the key 'key.dataset_revision' is missing"),
        ({"scores": {"test": {"rmse": "low"}}}, "'scores.test.rmse' is 'low'; expected a number"),
        ({"environment": 3}, "'environment' is 3; expected a table"),
    ],
)
def test_a_wrong_record_is_named_with_its_file_line_and_key(tmp_path, change, message):
    record = {"schema": 1, **make_cell(), **change}
    (tmp_path / "cells.jsonl").write_text(json.dumps(record) + "\n")
    with pytest.raises(StoreError) as error:
        read(tmp_path)
    assert f"cells.jsonl, line 1: the key {message.removeprefix('the key ')}" in str(error.value)
    assert "\n" not in str(error.value)
