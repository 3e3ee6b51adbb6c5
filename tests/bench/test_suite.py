import sys

import pytest

from zoo.bench.plan import make_plan
from zoo.bench.suite import load_suite
from zoo.errors import DataError, DefinitionError, MissingExtraError

GOOD = """
title = "t"
protocol = "nested-holdout/1"
datasets = ["breast_cancer"]
models = ["dummy"]
sizes = [10, 50]
replicates = 2
"""


def write(folder, text):
    (folder / "mine.toml").write_text(text)
    return [folder]


def test_a_suite_is_every_dataset_times_model_times_size_times_replicate(tmp_path):
    suite = load_suite("mine", write(tmp_path, GOOD))
    assert len(make_plan(suite).jobs) == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("replicates", "replicate", "unknown key 'replicate'; did you mean 'replicates'"),
        (
            "nested-holdout/1",
            "nested/1",
            "'protocol' is 'nested/1'; expected one of: nested",
        ),
        ("[10, 50]", "[0]", "'sizes\\[0\\]' is 0; expected a whole number from 1"),
        ('["dummy"]', '"dummy"', "'models' is 'dummy'; expected a list of names"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_file(tmp_path, old, new, message):
    folders = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(DefinitionError, match=message) as caught:
        load_suite("mine", folders)
    assert "mine.toml" in str(caught.value)


def test_sizes_larger_than_the_data_are_refused_with_what_there_is(tmp_path):
    suite = load_suite("mine", write(tmp_path, GOOD.replace("[10, 50]", "[1000]")))
    with pytest.raises(DataError, match=r"from 2 to 427 rows are possible, but .* asks for 1000"):
        make_plan(suite)


def test_a_size_too_large_for_one_data_set_is_left_out_with_a_note(tmp_path):
    suite = load_suite("mine", write(tmp_path, GOOD.replace("50]", "5000]")))
    plan = make_plan(suite)
    assert {job.key["n_train"] for job in plan.jobs} == {10}
    assert "left out: 5000" in plan.left_out[0]


def test_a_model_that_cannot_take_the_data_is_skipped_with_its_reason(tmp_path):
    suite = load_suite("mine", write(tmp_path, GOOD))
    (reason,) = {job.skip for job in make_plan(suite, models=["cnn"]).jobs}
    assert reason == "cnn takes images only"


def test_unknown_models_and_data_sets_are_answered_with_the_nearest():
    suite = load_suite("quick")
    with pytest.raises(DefinitionError, match="did you mean 'lightgbm'"):
        make_plan(suite, models=["lightgb"])
    with pytest.raises(DefinitionError, match="did you mean 'thyroid'"):
        make_plan(suite, datasets=["tyroid"])
    with pytest.raises(DefinitionError, match="did you mean 'quick'"):
        load_suite("quik")


def test_a_model_of_a_suite_that_lacks_its_extra_is_left_out_with_a_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    text = GOOD.replace('["dummy"]', '["dummy", "torch_mlp"]')
    suite = load_suite("mine", write(tmp_path, text))
    plan = make_plan(suite)
    assert {job.key["model"] for job in plan.jobs} == {"dummy"}
    (line,) = plan.missing
    assert "torch_mlp" in line
    assert "pip install 'model-zoo-curves[torch]'" in line


def test_a_model_that_is_asked_for_by_name_or_alone_must_have_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    suite = load_suite("mine", write(tmp_path, GOOD.replace('"dummy"', '"torch_mlp"')))
    for models in ([], ["torch_mlp"], ["dummy", "torch_mlp"]):
        with pytest.raises(MissingExtraError, match=r"model-zoo-curves\[torch\]"):
            make_plan(suite, models=models)
