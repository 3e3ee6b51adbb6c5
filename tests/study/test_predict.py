"""Transform specs of saved models that are not as `zoo curve` wrote them."""

import copy
import json
import zipfile

import pytest

from tests.fuzz.model_files import make_seeds
from tests.fuzz.mutations import packed, signed
from zoo.errors import ModelFileError
from zoo.saving import load_model, load_table
from zoo.study.predict import check_table, predict_file


@pytest.fixture(scope="module")
def seed(tmp_path_factory):
    (seed,) = make_seeds(tmp_path_factory.mktemp("table"), ["own table"])
    return seed


@pytest.fixture(scope="module")
def model_and_table(seed):
    return load_model(seed.path), load_table(seed.path)


def column(table, kind):
    return next(step for step in table["transform"]["columns"] if step["kind"] == kind)


CHANGES = {
    "no spec": lambda table: table.pop("transform"),
    "no target": lambda table: table.pop("target"),
    "another task": lambda table: table.update(task="regression"),
    "no task": lambda table: table.pop("task"),
    "a target that is a list": lambda table: table.update(target=["label"]),
    "a spec that is text": lambda table: table.update(transform="x"),
    "another version": lambda table: table["transform"].update(version=99),
    "no columns": lambda table: table["transform"].update(columns=[]),
    "a column too few": lambda table: table["transform"]["columns"].pop(),
    "columns in another order": lambda table: table["transform"]["columns"].reverse(),
    "a column that is null": lambda table: table["transform"]["columns"].append(None),
    "another kind of table": lambda table: table["transform"].update(kind="music"),
    "images": lambda table: table["transform"].update(kind="images", image_shape=[10**6] * 3),
    "images that are text": lambda table: table["transform"].update(kind="images", image_shape="x"),
    "an unknown kind": lambda table: column(table, "number").update(kind="no such"),
    "categories that are null": lambda table: column(table, "category").update(categories=None),
    "categories that come twice": lambda table: column(table, "category").update(
        categories=["a", "a"]
    ),
    "words that are lists": lambda table: column(table, "boolean").update(true=[["yes"]]),
    "formats that are a number": lambda table: column(table, "date").update(formats=3),
    "topics that are null": lambda table: column(table, "text").update(topics=None),
    "topics of other words": lambda table: column(table, "text")["topics"].update(idf=[1.0]),
    "topics that are text": lambda table: column(table, "text")["topics"].update(components="x"),
    "topics without end": lambda table: column(table, "text")["topics"].update(
        components=[[1e400] * 1024]
    ),
}


def test_a_spec_as_it_was_saved_is_right(model_and_table):
    check_table(*model_and_table)


@pytest.mark.parametrize("change", CHANGES)
def test_a_spec_that_does_not_make_the_features_of_the_model_is_refused(change, model_and_table):
    model, table = model_and_table
    table = copy.deepcopy(table)
    CHANGES[change](table)
    with pytest.raises(ModelFileError, match=r"transform spec.*; save the model again"):
        check_table(model, table)


def test_predicting_with_a_changed_spec_is_one_line(seed, tmp_path):
    with zipfile.ZipFile(seed.path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    table = json.loads(members["table.json"])
    column(table, "category")["categories"] = None
    members["table.json"] = json.dumps(table).encode()
    path = tmp_path / "m.zoo"
    path.write_bytes(packed(signed(members)))
    with pytest.raises(ModelFileError, match="transform spec"):
        predict_file(path, seed.path.with_name("table.csv"), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
